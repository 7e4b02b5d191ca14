/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* How much data a command moves, by its submission queue entry. */
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

static __always_inline int stoq_moves_data(const struct nvme_sqe *sqe, __u8 fctype)
{
	/* Bits 1:0 of the opcode, or of the Fabrics command type: transfer direction (Base 5, 6).
	 */
	return ((sqe->opcode == NVME_OPCODE_FABRICS ? fctype : sqe->opcode) & 3) != 0;
}

static __always_inline __u32 stoq_transfer_bytes(const struct nvme_sqe *sqe, __u8 fctype)
{
	__u8 type = sqe->sgl1.type;

	if (!stoq_moves_data(sqe, fctype))
		return 0;
	if (type != NVME_SGL_DATA_BLOCK_OFFSET && type != NVME_SGL_TRANSPORT_DATA_BLOCK)
		return 0;
	return nvme_le32(sqe->sgl1.length);
}
