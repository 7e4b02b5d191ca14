// SPDX-License-Identifier: BSD-2-Clause
/* Answers in the target's place: a CapsuleResp for a command that the target never sees. */
#include <string.h>

#include "nvme/nvme_tcp_encode.h"
#include "tunnel/mux_private.h"

bool stoq_mux_can_refuse(const struct stoq_mux *mux)
{
	return mux->refusal_count < STOQ_MUX_REFUSALS;
}

/* Is the target's part of this lane inside a PDU? */
static bool lane_busy(const struct stoq_mux *mux, unsigned int lane)
{
	return mux->split.lane == lane && (mux->split.reader.rest || mux->split.pending_bytes);
}

static size_t encode(const struct stoq_mux *mux, const struct stoq_mux_refusal *refusal,
	uint8_t out[static NVME_TCP_FRONT_MAX])
{
	struct nvme_tcp_format format = {.header_digest = mux->agreed.header_digest};
	struct nvme_cqe cqe = nvme_encode_cqe(refusal->cid, mux->agreed.sqhd, refusal->status);

	cqe.status |= nvme_to_le16(NVME_CQE_STATUS_DNR);
	return nvme_tcp_encode_capsule_resp(out, &format, &cqe);
}

void stoq_mux_write_refusals(struct stoq_mux *mux)
{
	while (mux->refusal_count && !mux->split.blocked) {
		struct stoq_mux_refusal *refusal = &mux->refusals[0];
		uint8_t pdu[NVME_TCP_FRONT_MAX];
		size_t size;

		if (!refusal->done && lane_busy(mux, refusal->lane))
			return;
		size = encode(mux, refusal, pdu);
		refusal->done += (uint8_t)stoq_mux_write_lane(
			mux, refusal->lane, pdu + refusal->done, size - refusal->done);
		if (refusal->done < size)
			return;
		mux->refusal_count--;
		memmove(&mux->refusals[0], &mux->refusals[1],
			mux->refusal_count * sizeof(mux->refusals[0]));
	}
}

void stoq_mux_refuse(struct stoq_mux *mux, unsigned int lane, uint16_t cid, uint16_t status)
{
	mux->figures.refused++;
	mux->refusals[mux->refusal_count++] =
		(struct stoq_mux_refusal){.lane = (uint8_t)lane, .cid = cid, .status = status};
	stoq_mux_write_refusals(mux);
}
