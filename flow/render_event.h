/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Events as lines of text in columns, printable ASCII without a newline. Times are
 * local, by RFC 3339. */
#include <stdbool.h>

#include "bpf/stream/event_shared.h"
#include "flow/model.h"

#define STOQ_EVENT_LINE 3072 /* room for every line, with two hostile NQNs */

/* The columns' names. */
const char *stoq_event_command_heading(void);
const char *stoq_event_pdu_heading(void);

/* "    of 21.0ms: 100us to the R2T, ..."; false: the stages were not counted, or there is only one. */
bool stoq_event_stages_line(
	char line[static STOQ_EVENT_LINE], const struct stoq_event_command *event);

/* unix_offset_ns: what to add to the event's CLOCK_MONOTONIC for CLOCK_REALTIME. */
void stoq_event_command_line(char line[static STOQ_EVENT_LINE],
	const struct stoq_event_command *event, const struct stoq_identity *queue,
	uint64_t unix_offset_ns);
void stoq_event_pdu_line(char line[static STOQ_EVENT_LINE], const struct stoq_event_pdu *event,
	uint64_t unix_offset_ns);
