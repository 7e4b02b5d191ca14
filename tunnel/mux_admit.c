// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a host end sends may go on to a target only if the target finds the same PDUs in it as we do: else a Connect
 * could hide in what we take for data or padding.
 */
#include "nvme/nvme_tcp_taken.h"
#include "tunnel/mux_private.h"

/* Command Sequence Error (Base specification 2.0c, figure 94): not at this moment. */
#define COMMAND_SEQUENCE_ERROR NVME_STATUS(0, 0x0c)
#define INVALID_FIELD	       NVME_STATUS(0, 0x02)

/* Targets go by what ICResp agreed on, not by the flags. */
static bool digests_agree(const struct stoq_mux *mux, const struct nvme_tcp_hdr *hdr)
{
	bool header = hdr->flags & NVME_TCP_FLAG_HDGST, data = hdr->flags & NVME_TCP_FLAG_DDGST;

	return header == mux->agreed.header_digest &&
	       (!nvme_tcp_data_length(hdr) || data == mux->agreed.data_digest);
}

static bool starts_well(const struct stoq_mux *mux, const struct nvme_tcp_hdr *hdr)
{
	return !nvme_tcp_data_length(hdr) || nvme_tcp_starts_well(hdr, mux->agreed.cpda);
}

/* Do all targets step over it as we do? */
static bool is_plain(const struct stoq_mux *mux, const union stoq_pdu_header *header)
{
	const struct nvme_tcp_hdr *hdr = &header->hdr;

	switch (hdr->type) {
	case NVME_TCP_CAPSULE_CMD:
		return digests_agree(mux, hdr) && starts_well(mux, hdr) &&
		       nvme_tcp_capsule_is_taken(&header->cmd);
	case NVME_TCP_H2C_DATA:
		return digests_agree(mux, hdr) && starts_well(mux, hdr) &&
		       nvme_tcp_data_length(hdr) == nvme_le32(header->data.data_length);
	default:
		return true;
	}
}

bool stoq_mux_admits(struct stoq_mux *mux, const union stoq_pdu_header *header)
{
	const char *fault = NULL;

	if (mux->config.end != STOQ_TUNNEL_TARGET_END)
		return true;
	if (header->hdr.type != NVME_TCP_ICREQ &&
		!mux->agreed.first_passed[NVME_TCP_FROM_CONTROLLER])
		fault = "comes before the target has answered ICReq";
	else if (header->hdr.type == NVME_TCP_H2C_DATA && !mux->agreed.answered)
		/* A Connect has its data in the capsule. */
		fault = "comes before a Connect has succeeded";
	else if (!is_plain(mux, header))
		fault = "has data, digests or padding that targets take in different ways";
	if (!fault)
		return true;
	stoq_mux_fail(
		mux, STOQ_LANE_PROTOCOL, "host: a PDU of type %02xh %s", header->hdr.type, fault);
	return false;
}

uint16_t stoq_mux_judge_order(const struct stoq_mux *mux, const union stoq_pdu_header *header)
{
	bool connect = stoq_mux_is_connect(header);

	/* Fabrics commands have no FUSE. As the first of a pair, a Connect would bring its second to the target. */
	if (connect && (header->cmd.sqe.flags & NVME_SQE_FUSE_MASK))
		return INVALID_FIELD;
	/* One Connect at a time, nothing before it has succeeded, no other after that. */
	return (connect ? mux->agreed.connecting : !mux->agreed.answered) ||
			       (connect && mux->agreed.answered)
		       ? COMMAND_SEQUENCE_ERROR
		       : 0;
}
