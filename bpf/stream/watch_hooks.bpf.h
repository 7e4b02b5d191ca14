/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The watch's hooks, beside those of no_hooks.bpf.h. */
#include "bpf/stream/filter_shared.h"
#include "bpf/stream/hooks.bpf.h"

/* What --address, --port, --namespace and --opcode ask for. Where nothing is given, the verifier sees that and
 * leaves the checks out. */
STOQ_SETTING struct stoq_wanted_ends stoq_wanted_ends;
STOQ_SETTING struct stoq_wanted_commands stoq_wanted_commands;

static __always_inline int stoq_hook_is_behind_guard(void)
{
	return 1;
}

static __always_inline int stoq_hook_sees_hosts(void)
{
	return 0;
}

static __always_inline int stoq_hook_sees_r2ts(void)
{
	return 0;
}

static __always_inline void stoq_hook_ended(struct stoq_flow *flow, __u32 cid)
{
}

static __always_inline int stoq_hook_sees_all(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu)
{
	return 0;
}

/* Global, so that the verifier follows it once. */
__noinline int stoq_command_is_wanted(__u32 nsid, __u32 bit)
{
	return stoq_wanted_has_nsid(&stoq_wanted_commands, nsid) &&
	       stoq_wanted_has_opcode(&stoq_wanted_commands, bit);
}

static __always_inline int stoq_hook_is_wanted(const struct stoq_command *command)
{
	return (!stoq_wanted_commands.nsids_given && !stoq_wanted_commands.opcodes_given) ||
	       stoq_command_is_wanted(command->nsid,
		       stoq_wanted_bit(command->opcode, command->kind, command->fctype));
}

static __always_inline int stoq_hook_believes_connect(const struct stoq_flow *flow)
{
	return 1;
}
