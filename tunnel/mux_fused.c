// SPDX-License-Identifier: BSD-2-Clause
/*
 * A fused pair of which the policy refuses the second: the target has got the first, and SPDK keeps that one until another command
 * comes (nvmf_ctrlr_process_io_fused_cmd()), so a queue with depth 1 would stand still.
 */
#include <string.h>

#include "bpf/stream/refused_shared.h"
#include "nvme/nvme_digest.h"
#include "nvme/nvme_tcp_check.h"
#include "tunnel/mux_private.h"

bool stoq_mux_is_second(const union stoq_pdu_header *header)
{
	return header->hdr.type == NVME_TCP_CAPSULE_CMD &&
	       (header->cmd.sqe.flags & NVME_SQE_FUSE_MASK) == NVME_SQE_FUSE_SECOND;
}

size_t stoq_mux_spoil(
	uint8_t out[static STOQ_MUX_FRONT_BYTES], const struct nvme_tcp_cmd_pdu *command)
{
	struct nvme_tcp_cmd_pdu spoilt = *command;

	spoilt.sqe.opcode = nvme_tcp_data_length(&command->hdr) ? STOQ_REFUSED_OPCODE_DATA
								: STOQ_REFUSED_OPCODE;
	memcpy(out, &spoilt, sizeof(spoilt));
	if (!(command->hdr.flags & NVME_TCP_FLAG_HDGST))
		return sizeof(spoilt);
	nvme_digest_store(out + sizeof(spoilt), nvme_crc32c(out, sizeof(spoilt)));
	return sizeof(spoilt) + NVME_TCP_DIGEST_LENGTH;
}

bool stoq_mux_replaces(struct stoq_mux *mux, const union stoq_pdu_header *header)
{
	const struct stoq_command *command;

	if (header->hdr.type != NVME_TCP_CAPSULE_RESP)
		return false;
	command = stoq_command_table_find(&mux->commands, nvme_le16(header->rsp.cqe.command_id));
	return command && command->refuse_with;
}
