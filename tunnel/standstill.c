// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/standstill.h"

static bool is_watched(const struct stoq_standstill_view *view)
{
	if (!view->unread_bytes || view->cause == STOQ_STANDSTILL_LIMITS)
		return false;
	return view->cause == STOQ_STANDSTILL_TCP || !view->suspect;
}

uint64_t stoq_standstill_look(
	struct stoq_standstill *still, const struct stoq_standstill_view *view)
{
	uint64_t written_bytes = view->written_bytes - still->written_bytes;

	if (!is_watched(view)) {
		still->since_ns = 0;
		return 0;
	}
	if (!still->since_ns || written_bytes >= view->unread_bytes / 3 + 1) {
		still->since_ns = view->now_ns;
		still->written_bytes = view->written_bytes;
	}
	return view->now_ns - still->since_ns;
}

bool stoq_standstill_over(uint64_t still_ns, uint64_t unread_bytes, uint64_t most_bytes)
{
	return still_ns >= STOQ_STANDSTILL_NS && unread_bytes >= most_bytes / 2;
}

const char *stoq_standstill_text(enum stoq_standstill_cause cause)
{
	switch (cause) {
	case STOQ_STANDSTILL_TCP:
		return "memory is full, and its TCP connection has taken less than a third of what the queue holds in 10 s";
	case STOQ_STANDSTILL_FUSED:
		return "memory is full, and the second command of a fused pair has not come for 10 s";
	case STOQ_STANDSTILL_PDU:
		return "memory is full, and the rest of a PDU has not come for 10 s";
	default:
		return "memory is full, and the queue has not gone on for 10 s";
	}
}
