/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * How a guard marks a command that it refuses, for programs that see it behind the guard: the
 * opcode (or the type of a Fabrics command) becomes a reserved one, which targets answer with
 * Invalid Opcode whatever the other dwords hold, and dword 15 gets the one that the host sent.
 */
#include "nvme/nvme.h"

#define STOQ_REFUSED_OPCODE	 0x70
#define STOQ_REFUSED_OPCODE_DATA 0x71	     /* with data in the capsule */
#define STOQ_REFUSED_AT_NOTE	 60	     /* dword 15, in the submission entry */
#define STOQ_REFUSED_NOTE	 0x51545300u /* "STQ" behind the lowest byte, which is the code */

static inline __attribute__((always_inline)) int stoq_refused_is_code(__u8 code)
{
	return (code & 0xfe) == STOQ_REFUSED_OPCODE;
}

/* Notes the code that the host sent. */
static inline __attribute__((always_inline)) void stoq_refused_note(__u8 *sqe, __u8 code)
{
	sqe[STOQ_REFUSED_AT_NOTE] = code;
	sqe[STOQ_REFUSED_AT_NOTE + 1] = STOQ_REFUSED_NOTE >> 8 & 0xff;
	sqe[STOQ_REFUSED_AT_NOTE + 2] = STOQ_REFUSED_NOTE >> 16 & 0xff;
	sqe[STOQ_REFUSED_AT_NOTE + 3] = STOQ_REFUSED_NOTE >> 24 & 0xff;
}

/* The code that the host sent; `code` itself if no guard has changed it. */
static inline __attribute__((always_inline)) __u8 stoq_refused_original(
	const struct nvme_sqe *sqe, __u8 code)
{
	__u32 note = nvme_le32(sqe->cdw15);

	return stoq_refused_is_code(code) && (note & 0xffffff00u) == STOQ_REFUSED_NOTE ? note & 0xff
										       : code;
}
