// SPDX-License-Identifier: BSD-2-Clause
/*
 * Capsules that wait for their time, by limits. They stay in their lane: what is behind them waits, too, and QUIC's flow control
 * carries that back to the host end.
 */
#include "tunnel/mux_private.h"

/* What is due so soon goes now: rates are kept by accounts, not by single waits, and each wait is a timer. */
#define SOON_NS 50000

static bool is_limited(const struct stoq_mux *mux, const struct stoq_pdu_piece *piece,
	const union stoq_pdu_header *header)
{
	return piece->begins && mux->config.end == STOQ_TUNNEL_TARGET_END &&
	       mux->config.io->admit && mux->agreed.answered &&
	       header->hdr.type == NVME_TCP_CAPSULE_CMD;
}

/*
 * For the second of a fused pair all other lanes would wait: it goes, and those behind it pay. One that says that it is a first
 * again is no second, else a host that says so each time would never wait.
 */
static bool is_second(
	const struct stoq_mux *mux, unsigned int lane, const union stoq_pdu_header *header)
{
	return mux->merge.fused_lane == (int)lane &&
	       (header->cmd.sqe.flags & NVME_SQE_FUSE_MASK) != NVME_SQE_FUSE_FIRST;
}

bool stoq_mux_has_to_wait(struct stoq_mux *mux, unsigned int lane, size_t at,
	const struct stoq_pdu_piece *piece, uint64_t now_ns)
{
	struct stoq_mux_lane *from = mux->lanes[lane];
	const union stoq_pdu_header *header = &from->reader.header;

	if (!is_limited(mux, piece, header))
		return false;
	if (!from->admitted)
		from->due_ns = mux->config.io->admit(
			mux->config.context, lane, at, &header->cmd, piece->bytes, piece->size);
	from->waits = from->due_ns > now_ns + SOON_NS && !is_second(mux, lane, header);
	from->admitted = from->waits;
	return from->waits;
}

/* If it cannot be written to TCP now, it pauses again until it can. */
static void go_on(struct stoq_mux *mux, unsigned int lane)
{
	mux->lanes[lane]->waits = false;
	mux->lanes[lane]->paused = false;
	mux->config.io->resume(mux->config.context, lane);
}

uint64_t stoq_mux_look_at_waiting(struct stoq_mux *mux, uint64_t now_ns)
{
	uint64_t next_ns = 0;

	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++) {
		struct stoq_mux_lane *lane = mux->lanes[i];

		if (!lane || !lane->waits)
			continue;
		if (lane->due_ns > now_ns + SOON_NS) {
			if (!next_ns || lane->due_ns < next_ns)
				next_ns = lane->due_ns;
			continue;
		}
		go_on(mux, i);
	}
	return next_ns;
}

void stoq_mux_ask_again(struct stoq_mux *mux)
{
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++) {
		struct stoq_mux_lane *lane = mux->lanes[i];

		if (!lane || !lane->admitted)
			continue;
		lane->admitted = false;
		go_on(mux, i);
	}
}
