/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What test_guard_engine.c hands to guard_engine.bpf.c as a packet, and gets back in it. */
#include "bpf/guard/policy_shared.h"
#include "nvme/nvme.h"

struct guard_engine_trial {
	struct nvme_sqe sqe;
	__u32 kind;
	__u32 known;	 /* host and subsystem are */
	__u32 list_seen; /* of a command with several ranges: lba_first to lba_last */
	__u32 pad;
	__u64 lba_first;
	__u64 lba_last;
	char host[NVME_NQN_LENGTH];
	char subsystem[NVME_NQN_LENGTH];
	struct stoq_guard_decision decision; /* the answer */
};
