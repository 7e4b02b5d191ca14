/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Walking the PDUs of one segment. A PDU may begin and end anywhere, and a super-packet may
 * hold thousands. The walk is two loops. The inner one is in a global function, which the
 * verifier checks once, not once for each turn; the outer one is inlined, as the guard's frames
 * have no room for another.
 */
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_WALK_SOME 256
#define STOQ_WALK_ALL  128

/* How many header bytes are wanted, given those that are there. */
static __always_inline __u32 stoq_header_wanted(const struct stoq_cursor *cursor)
{
	__u32 length;

	if (cursor->carry_bytes < sizeof(struct nvme_tcp_hdr))
		return sizeof(struct nvme_tcp_hdr);
	length = nvme_tcp_header_length(cursor->carry[0]);
	return length ? length : sizeof(struct nvme_tcp_hdr);
}

/* Puts early bytes into the window, from payload position `at` on. */
static __always_inline void stoq_load_early(struct stoq_cpu *cpu, __u32 at)
{
	cpu->window_at = at;
	cpu->window_bytes = stoq_early_load(cpu, at, (void *)cpu->window);
}

/* One byte of the payload. 0, or not: it is not there. */
static __always_inline int stoq_load_byte(
	struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at, __u8 *to)
{
	if (!cpu->early)
		return bpf_skb_load_bytes(skb, cpu->payload_offset + at, to, 1) != 0;
	stoq_load_early(cpu, at);
	*to = cpu->window[0];
	return !cpu->window_bytes;
}

/*
 * Adds the header's bytes one by one to those of earlier segments; used when a header is cut.
 * 1: the header is whole (or cannot be one), at the start of cpu->window.
 */
__noinline int stoq_gather_header(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_flow_side *side;
	struct stoq_cursor *cursor;
	__u32 at;

	if (!flow || !cpu)
		return 0;
	side = stoq_side(flow, cpu);
	cursor = &side->cursor;
	at = cursor->next_header + cursor->carry_bytes - cpu->sequence;
	for (int i = 0; i < NVME_TCP_HEADER_MAX; i++) {
		__u32 place = cursor->carry_bytes;

		if (place >= NVME_TCP_HEADER_MAX || place >= stoq_header_wanted(cursor))
			break;
		if (at >= cpu->payload_bytes ||
			stoq_load_byte(skb, cpu, at,
				&cursor->carry[STOQ_BOUND(place, NVME_TCP_HEADER_MAX)]))
			return 0;
		cursor->carry_bytes = place + 1;
		at++;
	}
	cpu->window_bytes = 0;
	__builtin_memcpy(cpu->window, cursor->carry, sizeof(cursor->carry));
	return 1;
}

/* The whole header at payload position `at`; NULL: it is not all there yet. */
static __always_inline const struct nvme_tcp_hdr *stoq_load_header(struct __sk_buff *skb,
	struct stoq_flow *flow, struct stoq_cpu *cpu, const struct stoq_cursor *cursor, __u32 at)
{
	if (cursor->carry_bytes == 0) {
		if (!stoq_in_window(cpu, at) && cpu->early)
			stoq_load_early(cpu, at);
		else if (!stoq_in_window(cpu, at))
			stoq_load_window(skb, cpu, at);
		if (stoq_in_window(cpu, at))
			return stoq_window_header(cpu, at);
	}
	return stoq_gather_header(skb, flow, cpu) ? (const void *)cpu->window : 0;
}

/* The common header is good: the fast walk need not check one like it again. */
static __always_inline void stoq_know_header(struct stoq_cpu *cpu, const struct nvme_tcp_hdr *hdr)
{
	struct stoq_known *known = &cpu->known[STOQ_BOUND(hdr->type, STOQ_TYPES_ROOM)];

	known->header = *(const __u64 *)hdr;
	known->data_length = nvme_tcp_data_length(hdr);
}

static __always_inline int stoq_header_is_good(struct stoq_cpu *cpu, const struct nvme_tcp_hdr *hdr)
{
	if (!nvme_tcp_check_common(hdr) || nvme_tcp_sender(hdr->type) != cpu->side)
		return 0;
	stoq_know_header(cpu, hdr);
	return nvme_tcp_check_header(hdr);
}

/* Bytes have come up to `end`: they may be the last data of a command, which these may complete. */
static __always_inline void stoq_settle_pending(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cursor *cursor, struct stoq_cpu *cpu, __u32 end)
{
	__u32 pending = cursor->pending;

	if (!pending || stoq_after(cursor->next_header, end))
		return;
	cursor->pending = 0;
	stoq_settle(flow, side, cpu, pending);
}

/* The packet will not arrive: what it has of the header at hand was never seen. */
static __always_inline int stoq_hold(struct stoq_cursor *cursor, const struct stoq_cpu *cpu)
{
	cursor->carry_bytes = cpu->header_out;
	return STOQ_WALK_HELD;
}

/* Takes the next PDU of the segment; enum stoq_walk. */
__noinline int stoq_walk_one(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	struct stoq_flow_side *side;
	const struct nvme_tcp_hdr *hdr;
	struct stoq_cursor *cursor;
	__u32 sequence, at;

	if (!flow || !cpu)
		return STOQ_WALK_DONE;
	side = stoq_side(flow, cpu);
	cursor = &side->cursor;
	sequence = cursor->next_header;
	at = sequence + cursor->carry_bytes - cpu->sequence;
	if (at >= cpu->payload_bytes)
		return STOQ_WALK_DONE;
	cpu->header_out = cursor->carry_bytes;
	hdr = stoq_load_header(skb, flow, cpu, cursor, at);
	if (!hdr && stoq_hook_cut(skb, flow, cpu))
		return stoq_hold(cursor, cpu);
	if (!hdr)
		return STOQ_WALK_DONE;
	if (STOQ_CHECKED)
		cpu->violation.sequence = sequence;
	if (!stoq_header_is_good(cpu, hdr)) {
		cpu->bad_header = *(const __u64 *)hdr;
		if (STOQ_CHECKED)
			stoq_check_malformed(flow, cpu, (void *)hdr);
		return stoq_hook_bad(flow, cpu) ? stoq_hold(cursor, cpu) : STOQ_WALK_BAD;
	}
	if (stoq_hook_pdu(skb, flow, cpu, (void *)hdr, sequence))
		return stoq_hold(cursor, cpu);
	if (STOQ_CHECKED && !stoq_digest_pdu(skb, flow, cpu, (void *)hdr, sequence))
		stoq_check_pdu(flow, cpu, (void *)hdr);
	cursor->carry_bytes = 0;
	cursor->next_header = sequence + nvme_le32(hdr->plen);
	stoq_on_pdu(flow, side, cursor, cpu, hdr, sequence);
	if (STOQ_CHECKED && hdr->type == NVME_TCP_CAPSULE_CMD)
		stoq_write_ranges(skb, flow, cpu, (void *)hdr, sequence);
	stoq_settle_pending(flow, side, cursor, cpu, cpu->sequence + cpu->payload_bytes);
	return STOQ_WALK_MORE;
}

__noinline int stoq_walk_some(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	if (!flow || !cpu)
		return STOQ_WALK_DONE;
	for (int i = 0; i < STOQ_WALK_SOME; i++) {
		int result = stoq_walk_fast(skb, flow, cpu);

		if (result == STOQ_WALK_SLOW)
			result = stoq_walk_one(skb, flow, cpu);
		if (result != STOQ_WALK_MORE)
			return result;
	}
	return STOQ_WALK_MORE;
}

/* All PDUs of the segment that the cursor has not taken yet; MORE: too many. */
static __always_inline int stoq_walk_all(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	if (!flow || !cpu)
		return STOQ_WALK_DONE;
	for (int i = 0; i < STOQ_WALK_ALL; i++) {
		int result = stoq_walk_some(skb, flow, cpu);

		if (result != STOQ_WALK_MORE)
			return result;
	}
	stoq_count(cpu, STOQ_COUNT_PDU_LIMIT, 1);
	return STOQ_WALK_MORE;
}
