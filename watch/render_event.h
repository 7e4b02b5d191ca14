/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What happened to a connection, as a line of text. */
#include "flow/render_event.h"
#include "watch/watch.h"

const char *stoq_event_happening_heading(void);
void stoq_event_happening_line(char line[static STOQ_EVENT_LINE],
	const struct stoq_event_happening *event, const struct stoq_identity *queue,
	uint64_t unix_offset_ns);
