/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A record of the guard's log as a line of text, or of JSON. Pure. */
#include <json-c/json.h>

#include "bpf/guard/state_shared.h"
#include "flow/model.h"
#include "guard/policy.h"

#define STOQ_GUARD_EVENT_LINE 2048

struct stoq_guard_event {
	const struct stoq_guard_record *record;
	const struct stoq_identity *identity; /* of the connection */
	/* Of a clone: the host identifiers of this connection and of the other one; NULL: not known. */
	const uint8_t *host_id, *other_host_id;
	const struct stoq_guard_policy
		*policy;	 /* that decided, or NULL: it is not in force any more */
	uint64_t unix_offset_ns; /* what to add to CLOCK_MONOTONIC for CLOCK_REALTIME */
};

const char *stoq_guard_event_heading(void);
void stoq_guard_event_line(
	char line[static STOQ_GUARD_EVENT_LINE], const struct stoq_guard_event *event);

/* One object; doc/guard.md describes it. NULL: no memory. */
struct json_object *stoq_guard_event_object(const struct stoq_guard_event *event);
/* The same as a line. The caller's to free(); NULL: no memory. */
char *stoq_guard_event_json(const struct stoq_guard_event *event);

/* Why packets are dropped, and other totals: a name for programs, a text for people. */
const char *stoq_guard_total_name(enum stoq_guard_total total);
const char *stoq_guard_total_text(enum stoq_guard_total total);
