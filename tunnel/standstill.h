/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Which queues are reset when those of a QUIC connection have used up its flow-control credit. Each queue that leaves bytes unread has a
 * clock, which starts again when the queue's TCP connection has taken a third of what the queue holds. Pure: times are arguments.
 */
#include <stdbool.h>
#include <stdint.h>

/* Less than a host waits for a command: 30 s (Linux, nvme_core.io_timeout). */
#define STOQ_STANDSTILL_NS  10000000000ull
/* A queue whose TCP connection was slow for so long may be the reason that other queues get nothing. */
#define STOQ_SUSPECT_NS	    2000000000ull
/* Credit that a slow queue gives back is used at once: the connection is short of it until it has had some for so long. */
#define STOQ_CREDIT_CALM_NS 3000000000ull

/* Why a queue leaves bytes unread. */
enum stoq_standstill_cause {
	STOQ_STANDSTILL_LIMITS, /* of the policy: that is no fault */
	STOQ_STANDSTILL_TCP,
	STOQ_STANDSTILL_FUSED, /* the second command of a pair has not come */
	STOQ_STANDSTILL_PDU,   /* the rest of a PDU has not come */
	STOQ_STANDSTILL_OTHER,
};

struct stoq_standstill {
	uint64_t since_ns;	/* 0: it does not stand still */
	uint64_t written_bytes; /* at that time */
};

struct stoq_standstill_view {
	uint64_t now_ns;
	enum stoq_standstill_cause cause;
	uint64_t unread_bytes;	/* of its lanes */
	uint64_t written_bytes; /* that its TCP connection has taken since the queue began */
	/* A queue of the connection is suspect: others may lack what they wait for because of it. */
	bool suspect;
};

/* How long the queue has taken less than a third of what it holds. */
uint64_t stoq_standstill_look(
	struct stoq_standstill *still, const struct stoq_standstill_view *view);

/* Is a queue that has stood still for that long to be reset? most_bytes: what the fullest of those that have holds. */
bool stoq_standstill_over(uint64_t still_ns, uint64_t unread_bytes, uint64_t most_bytes);

/* For the log. */
const char *stoq_standstill_text(enum stoq_standstill_cause cause);
