/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a viewer shows: the counters of the tc program, grouped the way the user asked, for
 * the last interval and since the start. watch/ fills it (watch.h), the renderers in this
 * folder and nobody else turn it into text. Plain data: tests make one by hand.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "bpf/stream/check_shared.h"
#include "bpf/stream/counter_shared.h"
#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/stages_shared.h"
#include "bpf/stream/tcp_shared.h"
#include "flow/overlap.h"
#include "nvme/nvme.h"
#include "nvme/nvme_tcp_constants.h"

enum stoq_axis {
	STOQ_BY_HOST,
	STOQ_BY_SUBSYSTEM,
	STOQ_BY_NAMESPACE,  /* subsystem and namespace id */
	STOQ_BY_QUEUE,	    /* host, subsystem, controller and queue id */
	STOQ_BY_CONNECTION, /* the same, shown by its addresses */
	STOQ_BY_PATH,	    /* the host's address, the controller's address and port */
	STOQ_BY_OPCODE,
	STOQ_BY_SIZE,		     /* of the data, in powers of two; where sizes are counted */
	STOQ_AXES,		     /* those that a viewer has */
	STOQ_BY_COMMAND = STOQ_AXES, /* host, subsystem, namespace and opcode: for metrics */
};

/* Two axes at once are a value of the same type. */
#define STOQ_AXIS_SECOND_SHIFT 8

static inline enum stoq_axis stoq_axis_pair(enum stoq_axis first, enum stoq_axis second)
{
	return (enum stoq_axis)(
		(unsigned int)first | ((unsigned int)second + 1) << STOQ_AXIS_SECOND_SHIFT);
}

static inline enum stoq_axis stoq_axis_first(enum stoq_axis axis)
{
	return (enum stoq_axis)((unsigned int)axis & ((1u << STOQ_AXIS_SECOND_SHIFT) - 1));
}

/* STOQ_AXES: there is none. */
static inline enum stoq_axis stoq_axis_second(enum stoq_axis axis)
{
	unsigned int second = (unsigned int)axis >> STOQ_AXIS_SECOND_SHIFT;

	return second ? (enum stoq_axis)(second - 1) : STOQ_AXES;
}

static inline bool stoq_axis_has(enum stoq_axis axis, enum stoq_axis part)
{
	return stoq_axis_first(axis) == part || stoq_axis_second(axis) == part;
}

/* What groups are ordered by, most first. */
enum stoq_order {
	STOQ_ORDER_IOPS,
	STOQ_ORDER_BYTES,
	STOQ_ORDER_P99,
	STOQ_ORDER_ERRORS,
	STOQ_ORDER_RETRANSMISSIONS, /* by connection, where stages are counted */
	STOQ_ORDERS,
};

struct stoq_statistics {
	uint64_t commands; /* completed, with any status */
	uint64_t errors;
	uint64_t bytes; /* of those that succeeded */
	struct stoq_histogram latency;
	struct stoq_stage_series stages[STOQ_STAGES]; /* their sums add up to the latency's */
};

/* Who a group is. What the axis does not tell apart is left at its "not known" value. */
struct stoq_identity {
	char host_nqn[NVME_NQN_LENGTH];	     /* "": not known, or not of this axis */
	char subsystem_nqn[NVME_NQN_LENGTH]; /* likewise */
	char host_address[64]; /* "192.0.2.1:40000", "[2001:db8::1]:40000"; "": as above */
	char controller_address[64];
	int32_t cntlid;		   /* -1: as above */
	int32_t qid;		   /* -1 */
	int64_t nsid;		   /* -1 */
	int32_t opcode;		   /* -1 */
	int32_t fctype;		   /* of a Fabrics command, else -1 */
	int32_t size;		   /* stoq_size_class(); -1 */
	enum nvme_queue_kind kind; /* which table opcode is of */
};

struct stoq_group {
	struct stoq_identity identity;
	uint64_t outstanding; /* commands begun and not ended */
	struct stoq_statistics interval;
	struct stoq_statistics total;
	struct stoq_tcp tcp;	    /* by connection, where stages are counted; uid 0: not known */
	uint64_t rank, second_rank; /* what it was sorted by */
};

struct stoq_status_line {
	uint16_t status; /* NVME_STATUS() */
	uint8_t opcode;
	enum nvme_queue_kind kind;
	uint64_t interval;
	uint64_t total;
};

/* One TCP connection, for the list of flows and for flows that are not attributed yet. */
struct stoq_flow_line {
	uint32_t uid;
	enum stoq_flow_state state;
	struct stoq_identity identity; /* host, subsystem, addresses, cntlid, qid */
	int from_start;		       /* seen since its ICReq */
	int header_digest, data_digest;
	uint64_t outstanding;
	uint64_t pdus;
	uint64_t resyncs;
	uint64_t gaps;	      /* PDU headers that never came by */
	uint64_t bad_headers; /* not a PDU where one had to be */
	uint64_t unmatched;   /* completions of commands that began unseen */
};

/* What happens to connections. */
enum stoq_happening {
	STOQ_HAPPENED_CONNECT,		  /* a controller has accepted a Connect */
	STOQ_HAPPENED_DISCONNECT,	  /* both ends have closed it */
	STOQ_HAPPENED_RESET,		  /* an end has sent a RST */
	STOQ_HAPPENED_TERMINATION,	  /* an end has sent a TermReq */
	STOQ_HAPPENED_NEGOTIATION_FAILED, /* it ended after an ICReq and before a command */
	STOQ_HAPPENED_TLS_FAILED,	  /* it ended within a TLS handshake */
	STOQ_HAPPENED_KEEP_ALIVE_MISSING, /* nothing came from a host for longer than it promised */
	STOQ_HAPPENED_HOST_NQN_SHARED,	  /* two addresses use one host NQN */
	STOQ_HAPPENED_VIOLATION,	  /* an end has sent what the protocol forbids */
	STOQ_HAPPENED_OVERLAP, /* two connections had writes to the same blocks outstanding */
	STOQ_HAPPENINGS,
};

/* Statuses that are told apart: a target may send each of some thousands, for each opcode. */
#define STOQ_MODEL_STATUSES_MAX 1000

/* Digests that were computed and compared, and those of which bytes were missing. */
struct stoq_digest_figures {
	uint64_t checked, unchecked;
};

struct stoq_filter;	/* watch/filter.h */
struct stoq_thresholds; /* watch/threshold.h */

struct stoq_model {
	enum stoq_axis axis;
	const struct stoq_filter *filter; /* what the groups and flows are of; NULL: everything */
	const struct stoq_thresholds *thresholds; /* NULL: none */
	uint64_t interval_ns;			  /* length of the last interval */
	uint64_t elapsed_ns;			  /* since the start */
	bool staged;				  /* stages are counted; else they are 0 */
	bool sized;				  /* sizes are counted */

	/* Groups, in the order that was asked for; those that never had any command are left out. */
	struct stoq_group *groups;
	size_t group_count;
	enum stoq_order order;
	uint32_t top; /* so many groups at most, the rest in `others`; 0: all */
	bool whole;   /* ordered by what was since the start, not in the interval */
	struct stoq_group others;
	size_t other_count;	   /* groups in others */
	struct stoq_group overall; /* the sum; its outstanding counts all flows */

	struct stoq_status_line *statuses; /* most frequent in total first */
	size_t status_count;		   /* STOQ_MODEL_STATUSES_MAX at most */
	uint64_t other_statuses; /* errors in total that are in none of them; never falls */

	struct stoq_flow_line *flows; /* open ones; busiest first is not promised */
	size_t flow_count;
	uint64_t flow_states[STOQ_FLOW_STATES]; /* open flows now; CLOSED: since the start */

	uint64_t happenings[STOQ_HAPPENINGS]; /* since the start */
	bool checked; /* the protocol is checked, and writes that overlap are looked for; else 0: */
	struct stoq_overlap_counts overlaps;
	uint64_t violations[STOQ_VIOLATIONS]; /* since the start, whether they were events or not */
	bool digested; /* digests are computed: checked, and of a file; else 0: */
	struct stoq_digest_figures header_digests, data_digests; /* since the start */

	uint64_t pdus; /* since the start, all types */
	uint64_t pdu_types[NVME_TCP_PDU_TYPES];
	uint64_t counters[STOQ_COUNTERS]; /* since the start */
	uint64_t unsynced_bytes;	  /* payload of NVMe/TCP flows that was not understood */
	uint64_t unmatched;		  /* completions of commands that began unseen */
	uint64_t untracked;		  /* commands for which there was no room */
	uint64_t unended;		  /* commands whose completion was not seen */
	uint64_t early_bytes;		  /* room taken now by payload that came early */

	const char *attachment; /* how the program is attached: "tcx link", "clsact filter" */
	const char (*interfaces)[IF_NAMESIZE]; /* as they are called now */
	const bool *gone;		       /* of each: is no more; NULL: all are there */
	size_t interface_count;
};

/* How many of the interfaces are no more. */
static inline size_t stoq_model_gone(const struct stoq_model *model)
{
	size_t gone = 0;

	for (size_t i = 0; model->gone && i < model->interface_count; i++)
		gone += model->gone[i];
	return gone;
}

void stoq_model_free(struct stoq_model *model);
