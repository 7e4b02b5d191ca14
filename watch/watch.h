/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The tc program's user side: loads it, attaches it to interfaces, reads it, and takes it
 * away. One struct stoq_watch is one loaded program with its maps; not thread safe.
 */
#include <stdbool.h>

#include "base/error.h"
#include "bpf/stream/event_shared.h"
#include "flow/identities.h"
#include "flow/model.h"
#include "flow/tables.h"
#include "watch/filter.h"
#include "watch/totals.h"

struct stoq_overlap; /* watch/overlaps.h */
struct stoq_watch;

#define STOQ_WATCH_FLOWS_MAX	(1u << 20)
#define STOQ_WATCH_COMMANDS_MAX (1u << 24)
#define STOQ_WATCH_SERIES_MAX	(1u << 18)
#define STOQ_WATCH_EARLY_MAX	4096 /* MiB */

struct stoq_watch_config {
	const char *const *interfaces; /* names; at least one */
	size_t interface_count;
	enum stoq_axis axis;
	uint32_t max_flows;    /* 0: 4096. TCP connections followed at once */
	uint32_t max_commands; /* 0: 131072; at least 65536. Commands outstanding, all flows
				  together */
	uint32_t max_series;   /* 0: 4096. Queue x namespace x opcode combinations */
	uint32_t max_early; /* 0: by the machine's memory. MiB of payload that came early, kept */
	uint64_t slow_ns;   /* commands at least this slow become events; UINT64_MAX: none */
	bool report_errors; /* commands with a status other than success become events */
	bool report_pdus;   /* every PDU becomes an event: for tests and traces */
	enum stoq_order order;
	uint32_t top; /* so many groups at most, and the sum of the others; 0: all */
	bool sizes;   /* count sizes; set if the axis is by size. Not of shared tables */
	bool stages;  /* count where the time of commands goes; not of shared tables */
	bool check; /* check the protocol, and look for writes that overlap; not of shared tables */
	bool record;			  /* every command is handed to the handler that records */
	const struct stoq_filter *filter; /* NULL: everything. Has to live as long as the watch */
	const struct stoq_thresholds *thresholds; /* for the model; NULL: none */
	bool force_clsact; /* do not use a tcx link, even where the kernel has it */
	/*
	 * Not NULL: read these tables in place of loading a program; there are no events then, and
	 * figures since the start leave out what was counted before. The descriptors are taken over
	 * when the result is 0.
	 */
	const struct stoq_tables *shared;
	const char *shared_name; /* whose program it is, for the header */
};

/* Defaults: no interface, by opcode, no events. */
void stoq_watch_config_init(struct stoq_watch_config *config);

/*
 * Loads and attaches. Errors: -EPERM (the text names the missing capability), -ENODEV (no
 * such interface), -EOPNOTSUPP (the kernel lacks something; the text says what), -EINVAL,
 * -ENOMEM. On failure nothing stays behind.
 */
int stoq_watch_open(struct stoq_watch **result_out, const struct stoq_watch_config *config,
	struct stoq_error *error);

/* Detaches and frees; NULL is fine. */
void stoq_watch_close(struct stoq_watch *watch);

/*
 * Drops every capability of the process but those that reading (and, without tcx, detaching)
 * still needs. 0 or a negative errno.
 */
int stoq_watch_drop_privileges(struct stoq_watch *watch, struct stoq_error *error);

/*
 * Whose connections are that began before the program saw them, as others know it: their names are
 * taken from here where no Connect was seen. Takes what identities holds, and leaves it empty.
 */
void stoq_watch_set_identities(struct stoq_watch *watch, struct stoq_flow_identities *identities);

/*
 * Counts for a scraper from here on, at each update. The caller keeps the totals; they outlive the watch. Before the first
 * update.
 */
void stoq_watch_use_totals(struct stoq_watch *watch, struct stoq_totals *totals);

/*
 * Reads the kernel's counters and starts a new interval. The model is the inspector's: valid
 * until the next call and until close.
 */
int stoq_watch_update(
	struct stoq_watch *watch, const struct stoq_model **model, struct stoq_error *error);

/*
 * Groups by another axis from here on. The model that the last update gave, if any, is grouped
 * again in place and stays valid; the interval does not end. 0 or -ENOMEM.
 */
int stoq_watch_set_axis(struct stoq_watch *watch, enum stoq_axis axis);

/* Orders groups by what was since the start, or in the last interval. As above. */
int stoq_watch_set_whole(struct stoq_watch *watch, bool whole);

/*
 * Events. A callback that is NULL drops its kind. The identity is of the command's queue; what
 * is not known of it is left so, but it is never NULL.
 */
#define STOQ_HAPPENING_REASON 320
struct stoq_event_happening {
	enum stoq_happening what;
	uint32_t uid;
	uint64_t time_ns; /* when it happened; a missing keep alive: when that was noticed */
	uint64_t
		duration_ns; /* since the connection was first seen; without a keep alive: since the last sign */
	char reason
		[STOQ_HAPPENING_REASON]; /* "by the host", "the controller did not answer"; "": there is no more to it */
	const struct stoq_event_violation *violation; /* of VIOLATION, else NULL */
	const struct stoq_overlap *overlap;	      /* of OVERLAP, else NULL ... */
	const struct stoq_identity *first, *second;   /* ... and whose its writes are */
};
struct stoq_ledger_flow;
struct stoq_event_handlers {
	void (*command)(void *context, const struct stoq_event_command *event,
		const struct stoq_identity *queue);
	void (*pdu)(void *context, const struct stoq_event_pdu *event);
	/* What happened to a connection; found when the counters are read. */
	void (*happening)(void *context, const struct stoq_event_happening *event,
		const struct stoq_identity *queue);
	void *context;
	/* If config.record: a command that ended. flow: its connection (watch/ledger.h); NULL: it is gone. */
	void (*record)(void *context, const struct stoq_event_command *event,
		const struct stoq_ledger_flow *flow);
	/* Likewise: a connection that is not open any more. */
	void (*record_closed)(void *context, const struct stoq_ledger_flow *flow);
	/* Likewise: a violation or writes that overlap; other: the connection of the first write. */
	void (*record_found)(void *context, const struct stoq_event_happening *event,
		const struct stoq_ledger_flow *flow, const struct stoq_ledger_flow *other);
	void *record_context;
};

/* File descriptor that polls readable when there are events. */
int stoq_watch_event_fd(const struct stoq_watch *watch);

/* Delivers the events that wait, some thousand at most. Number delivered, or a negative errno. */
int stoq_watch_dispatch(struct stoq_watch *watch, const struct stoq_event_handlers *handlers);
