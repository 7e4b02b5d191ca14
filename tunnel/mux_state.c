// SPDX-License-Identifier: BSD-2-Clause
/* What all parts of a mux ask, and how each of them fails. */
#include <stdarg.h>
#include <stdio.h>

#include "nvme/nvme_tcp_check.h"
#include "tunnel/mux_private.h"

void stoq_mux_fail(struct stoq_mux *mux, enum stoq_lane_code code, const char *format, ...)
{
	va_list arguments;

	if (stoq_mux_failed(mux))
		return;
	mux->code = code;
	va_start(arguments, format);
	vsnprintf(mux->reason, sizeof(mux->reason), format, arguments);
	va_end(arguments);
}

bool stoq_mux_is_connect(const union stoq_pdu_header *header)
{
	const struct nvme_fabrics_sqe *sqe = (const void *)&header->cmd.sqe;

	return header->hdr.type == NVME_TCP_CAPSULE_CMD && sqe->opcode == NVME_OPCODE_FABRICS &&
	       sqe->fctype == NVME_FABRICS_CONNECT;
}

bool stoq_mux_lists_ranges(const union stoq_pdu_header *header)
{
	uint8_t opcode = header->cmd.sqe.opcode;

	return header->hdr.type == NVME_TCP_CAPSULE_CMD && nvme_tcp_data_length(&header->hdr) &&
	       (opcode == NVME_NVM_DATASET_MANAGEMENT || opcode == NVME_NVM_COPY);
}
