/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A queue's end in the real world: a mux, its TCP socket and its QUIC streams. A link is made when
 * a host connects (host end) or when lane 0 comes (target end), and is gone when both directions
 * have ended, or when either side fails: then the other one is reset.
 */
#include "base/list.h"
#include "tunnel/arrivals.h"
#include "tunnel/mux.h"
#include "tunnel/policy.h"
#include "tunnel/rates.h"
#include "tunnel/rows.h"
#include "tunnel/standstill.h"
#include "tunnel/tunnel_private.h"

struct stoq_tunnel_link;
struct stoq_tunnel_totals;

/* What the user of a lane's stream is: the stream outlives the link. */
struct stoq_lane {
	struct stoq_tunnel_link *link; /* NULL: it is over, or not known yet */
	struct stoq_stream *stream;
	unsigned int index;
	struct stoq_arrivals arrivals; /* target end */
	/* Target end: of the lanes of its host end; since when it has no queue, 0: it has one. */
	struct stoq_share *share;
	uint64_t stray_since_ns;
	struct stoq_list stray;
	/* Target end: the header as far as it has come. */
	uint8_t header_bytes;
	bool known; /* it is whole */
	uint8_t header[STOQ_LANE_HEADER_MAX];
};

/* Target end: a connection's part of the worker's memory; for as long as one of its queues is there. */
struct stoq_part {
	struct stoq_block_pool pool;
	unsigned int users;
};

/* A QUIC connection and its queues: the user of a struct stoq_connection. */
struct stoq_carrier {
	struct stoq_carrier *next, **slot; /* in the worker's list */
	struct stoq_tunnel_worker *worker;
	struct stoq_connection *connection;
	struct stoq_tunnel_link *links;
	unsigned int link_count;
	uint64_t migrations;	      /* host end */
	char peer[STOQ_ADDRESS_TEXT]; /* its address */
	/* Target end: the names in the peer's certificate. */
	struct stoq_peer_name *names;
	unsigned int name_count;
	struct stoq_share *share; /* target end: of the host end's connections */
	struct stoq_part *part;	  /* target end */
	/* Target end: its lanes that have no queue, the oldest first. */
	struct stoq_list strays;
	uint64_t short_ns; /* it was short of credit the last time, 0: it is not */
	uint64_t identity_refusals, policy_refusals;
};

/* Target end: what its host end is counted under. */
static inline const char *stoq_carrier_name(const struct stoq_carrier *carrier)
{
	return carrier->name_count ? carrier->names[0].text : carrier->peer;
}

struct stoq_tunnel_link {
	struct stoq_tunnel_worker *worker;
	struct stoq_tunnel_watch watch; /* the TCP socket */
	struct stoq_mux mux;
	struct stoq_carrier *carrier;	   /* NULL: none yet (host end) */
	struct stoq_tunnel_totals *totals; /* of the worker; NULL: as the carrier */
	struct stoq_row *row;		   /* of the worker; NULL: no Connect has succeeded */
	struct stoq_row *refused;	   /* the last that the policy refused it under */
	struct stoq_tunnel_link *next_carried, **carried_slot;
	struct stoq_lane *lanes[STOQ_LANES_MAX];
	uint64_t queue;
	uint64_t since_ns;	/* it was made */
	uint64_t half_since_ns; /* one direction has ended; 0: none, or both */
	struct stoq_standstill standstill;
	struct stoq_address peer; /* of the TCP connection */
	char target[STOQ_LANE_TARGET_MAX + 1];
	struct stoq_share *share;	    /* target end: of the host end's queues */
	struct stoq_controller *controller; /* target end: of an admin queue that is connected */
	struct stoq_part *part;		    /* target end: of the carrier's */
	/* Of the last Connect. */
	char host_nqn[NVME_NQN_LENGTH], subsystem_nqn[NVME_NQN_LENGTH];
	struct stoq_policy_subject subject;
	uint64_t report_due_ns, reports_held; /* of commands that the policy reports */
	/* Target end: its accounts, and when the next capsule that waits may go. */
	struct stoq_rates_queue rates;
	struct stoq_alarm *alarm;
	uint64_t alarm_ns;

	bool connecting; /* target end: TCP is not connected yet */
	bool tcp_ended;	 /* nothing more comes */
	bool shut;	 /* nothing more is sent */
	bool closed;
	/* Bytes of TCP that the mux did not take. */
	uint8_t *kept;
	size_t kept_first, kept_end;
	char *targets;		/* host end: as the target end listed them */
	uint64_t wait_until_ns; /* host end: for a QUIC connection */

	struct stoq_tunnel_link *next, **slot; /* in the worker's list */
	struct stoq_tunnel_link *next_dirty;
	bool dirty;
	struct stoq_tunnel_link *next_waiting; /* uplink.c */
};

/* NULL: no memory, or a limit; fd is the caller's then. The socket is non-blocking. */
struct stoq_tunnel_link *stoq_link_new(
	struct stoq_tunnel_worker *worker, int fd, const struct stoq_address *peer);

/* One user less. NULL is fine. */
void stoq_part_release(struct stoq_part *part);

/* The queue goes over this QUIC connection. */
void stoq_link_carry(struct stoq_tunnel_link *link, struct stoq_carrier *carrier);
/* Target end: a lane came. 0 or what stoq_mux_add_lane() returns. */
int stoq_link_add_lane(struct stoq_tunnel_link *link, struct stoq_lane *lane, unsigned int index);

/* Its QUIC connection is gone: ends, unless only bytes that came whole have to go to TCP. */
void stoq_link_lose_carrier(struct stoq_tunnel_link *link);

/* Ends both sides at once; logs why unless reason is NULL. */
void stoq_link_reset(struct stoq_tunnel_link *link, enum stoq_lane_code code, const char *reason);

/* To be looked at in this turn: output, the end. */
void stoq_link_touch(struct stoq_tunnel_link *link);
/* Writes what there is to TCP, ends what is over. */
void stoq_link_work(struct stoq_tunnel_link *link, uint64_t now_ns);
/* Gives the mux what it did not take before, and goes on reading. */
void stoq_link_go_on(struct stoq_tunnel_link *link, uint64_t now_ns);
void stoq_link_free(struct stoq_tunnel_link *link);
