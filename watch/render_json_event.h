/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Events as JSON, as watch/render_json.h has it for the model. */
#include "bpf/stream/event_shared.h"
#include "flow/model.h"

/* unix_offset_ns: what to add to the event's CLOCK_MONOTONIC for CLOCK_REALTIME. */
char *stoq_json_command(const struct stoq_event_command *event, const struct stoq_identity *queue,
	uint64_t unix_offset_ns);
char *stoq_json_pdu(const struct stoq_event_pdu *event, uint64_t unix_offset_ns);

struct stoq_event_happening;
char *stoq_json_happening(const struct stoq_event_happening *event,
	const struct stoq_identity *queue, uint64_t unix_offset_ns);
