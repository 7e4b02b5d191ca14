/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * TCP options: where those of Multipath TCP are (RFC 8684, 3: kind 30). They are found as Linux
 * finds them (mptcp_get_options() in net/mptcp/options.c): it stops at the end of the list and at
 * an option whose length cannot be.
 */
#include <linux/tcp.h>

#include "bpf/stream/stream.bpf.h"

#define STOQ_OPTION_END	  0
#define STOQ_OPTION_NOP	  1
#define STOQ_OPTION_MPTCP 30

/* How long the option is that begins at byte `at` of the window; 0: the list ends there. */
static __always_inline __u32 stoq_option_length(const struct stoq_cpu *cpu, __u32 at, __u32 bytes)
{
	__u32 length;

	if (cpu->window[STOQ_BOUND(at, 64)] == STOQ_OPTION_NOP)
		return 1;
	length = cpu->window[STOQ_BOUND(at + 1, 64)];
	if (cpu->window[STOQ_BOUND(at, 64)] == STOQ_OPTION_END || at + 1 >= bytes || length < 2 ||
		at + length > bytes)
		return 0;
	return length;
}

/*
 * Loads the options of a segment to the start of cpu->window, and to STOQ_OPTIONS_CHANGED with a
 * no-operation in place of every byte of Multipath TCP's. How many bytes those are, or 0.
 */
__noinline __u32 stoq_find_multipath(
	struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 tcp_offset, __u32 bytes)
{
	if (!cpu || bytes - 1 >= STOQ_OPTIONS_BYTES)
		return 0;
	cpu->window_bytes = 0; /* used for this from here on */
	__builtin_memset(cpu->window, 0, STOQ_OPTIONS_CHANGED);
	if (bpf_skb_load_bytes(skb, tcp_offset + sizeof(struct tcphdr), cpu->window,
		    STOQ_BOUND(bytes - 1, 64) + 1))
		return 0;
	__builtin_memcpy(&cpu->window[STOQ_OPTIONS_CHANGED], cpu->window, STOQ_OPTIONS_CHANGED);
	cpu->chain_next = 0; /* where the next option begins ... */
	cpu->chain_pdus = 0; /* ... and whether this one is to go */
	cpu->learn_from = 0; /* how many bytes were found */
	for (__u32 i = 0; i < STOQ_OPTIONS_BYTES; i++) {
		if (i >= bytes)
			break;
		if (i == *(volatile __u32 *)&cpu->chain_next) {
			__u32 length = stoq_option_length(cpu, i, bytes);

			if (!length)
				break;
			cpu->chain_next = i + length;
			cpu->chain_pdus = cpu->window[i] == STOQ_OPTION_MPTCP;
		}
		if (*(volatile __u32 *)&cpu->chain_pdus) {
			cpu->window[STOQ_OPTIONS_CHANGED + i] = STOQ_OPTION_NOP;
			cpu->learn_from++;
		}
	}
	return cpu->learn_from;
}
