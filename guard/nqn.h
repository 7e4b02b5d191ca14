/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * NVMe Qualified Names as policies and command lines write them, by the NVMe Base Specification,
 * "NVMe Qualified Names": nqn.YYYY-MM.REVERSE-DOMAIN:NAME, or
 * nqn.2014-08.org.nvmexpress:uuid:UUID; at most 223 bytes, compared byte by byte.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/guard/policy_shared.h"
#include "nvme/nvme.h"

#define STOQ_GUARD_NQN_DISCOVERY "nqn.2014-08.org.nvmexpress.discovery"

/*
 * Why this text, of length bytes, is no NQN, to stand behind it in a sentence; NULL: it is one.
 * prefix: whether it is what an NQN may begin with.
 */
const char *stoq_guard_nqn_flaw(const char *text, size_t length, bool prefix);

/*
 * A whole NQN without the colon and name that the specification wants behind the domain. Kernels
 * accept such names, so it is no flaw. The discovery NQN has none either, and is not meant.
 */
bool stoq_guard_nqn_lacks_name(const char *text, size_t length);

/* The name in words whose first byte is on top: struct stoq_guard_nqn. */
void stoq_guard_nqn_text(
	const __u64 words[static STOQ_GUARD_NQN_WORDS], char name[static NVME_NQN_LENGTH]);
