// SPDX-License-Identifier: BSD-2-Clause
/* What an end adds of its own: answers in the target's place, records. */
#include <string.h>

#include "nvme/nvme_tcp_encode.h"
#include "tunnel/mux_private.h"

/* So that each second has a report. */
#define TIMES_EVERY_NS 500000000ull

#define OWN_BYTES_MAX STOQ_LANE_RECORD_MAX
_Static_assert(OWN_BYTES_MAX >= NVME_TCP_FRONT_MAX, "an answer fits, too");

/* Records leave room for answers. */
static bool has_room_for_record(const struct stoq_mux *mux)
{
	return mux->own_count + mux->spoilt < STOQ_MUX_OWN_MAX / 2;
}

bool stoq_mux_has_room_for_own(const struct stoq_mux *mux)
{
	return mux->own_count + mux->spoilt < STOQ_MUX_OWN_MAX;
}

/* Is the target's part of this lane inside a PDU? */
static bool lane_busy(const struct stoq_mux *mux, unsigned int lane)
{
	return mux->split.lane == lane && (mux->split.reader.rest || mux->split.pending_bytes);
}

static size_t encode_response(
	const struct stoq_mux *mux, const struct stoq_mux_own *own, uint8_t *out)
{
	struct nvme_tcp_format format = {.header_digest = mux->agreed.header_digest};
	struct nvme_cqe cqe = nvme_encode_cqe(own->cid, mux->agreed.sqhd, own->status);

	cqe.status |= nvme_to_le16(NVME_CQE_STATUS_DNR);
	return nvme_tcp_encode_capsule_resp(out, &format, &cqe);
}

static size_t encode(const struct stoq_mux *mux, const struct stoq_mux_own *own,
	uint8_t out[static OWN_BYTES_MAX])
{
	switch (own->kind) {
	case STOQ_MUX_TIMES:
		return stoq_lane_record_encode_times(out, &own->times);
	case STOQ_MUX_TARGETS:
		return stoq_lane_record_encode_targets(
			out, mux->config.targets, strlen(mux->config.targets));
	default:
		return encode_response(mux, own, out);
	}
}

static void write_own(struct stoq_mux *mux)
{
	while (mux->own_count && !mux->split.blocked) {
		struct stoq_mux_own *own = &mux->own[0];
		uint8_t pdu[OWN_BYTES_MAX];
		size_t size;

		if (!own->done && lane_busy(mux, own->lane))
			return;
		size = encode(mux, own, pdu);
		own->done += (uint16_t)stoq_mux_write_lane(
			mux, own->lane, pdu + own->done, size - own->done);
		if (own->done < size)
			return;
		mux->own_count--;
		memmove(&mux->own[0], &mux->own[1], mux->own_count * sizeof(mux->own[0]));
	}
}

void stoq_mux_write_own(struct stoq_mux *mux, uint64_t now_ns)
{
	bool was_full = !stoq_mux_has_room_for_own(mux);

	write_own(mux);
	if (was_full && stoq_mux_has_room_for_own(mux))
		stoq_mux_wake_lanes(mux, now_ns);
}

static void add(struct stoq_mux *mux, const struct stoq_mux_own *own)
{
	mux->own[mux->own_count++] = *own;
	write_own(mux);
}

void stoq_mux_refuse(struct stoq_mux *mux, unsigned int lane, uint16_t cid, uint16_t status)
{
	mux->figures.refused++;
	add(mux, &(struct stoq_mux_own){.kind = STOQ_MUX_RESPONSE,
			 .lane = (uint8_t)lane,
			 .cid = cid,
			 .status = status});
}

void stoq_mux_tell_targets(struct stoq_mux *mux, unsigned int lane)
{
	if (mux->config.targets && has_room_for_record(mux))
		add(mux, &(struct stoq_mux_own){.kind = STOQ_MUX_TARGETS, .lane = (uint8_t)lane});
}

void stoq_mux_tell_times(struct stoq_mux *mux, uint64_t now_ns)
{
	struct stoq_mux_own own = {.kind = STOQ_MUX_TIMES,
		.times = {mux->figures.latency.count, mux->figures.latency.sum_ns}};

	if (mux->config.end != STOQ_TUNNEL_TARGET_END || stoq_mux_failed(mux) || mux->bytes ||
		mux->split.finished || own.times.commands == mux->times_told ||
		!has_room_for_record(mux) || now_ns < mux->times_due_ns)
		return;
	mux->times_due_ns = now_ns + TIMES_EVERY_NS;
	mux->times_told = own.times.commands;
	add(mux, &own);
}
