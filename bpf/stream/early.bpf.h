/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Early bytes: payload that comes before what it follows in the stream. Only what may hold PDU
 * headers is kept, so nothing is while segments inside a known PDU change places. Once the gap
 * before them is filled they are walked as if they had come in order.
 *
 * The cells they are kept in are an array that all flows share; a cell is found by hashing what it
 * holds. A cell in use is marked as busy in its tag, so that its owner and another flow that finds
 * it left alone never meet in it.
 */
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"

#define STOQ_CELL_WAYS	       8
#define STOQ_CELL_NONE	       0xffffffffu
#define STOQ_CELL_BUSY	       (1ull << 63)
/* NVMe hosts give up a connection that stands still for 30 s, unless configured otherwise. */
#define STOQ_EARLY_PATIENCE_NS 60000000000ull
/* A cell this old is not needed: see stoq_early_is_late(). */
#define STOQ_CELL_STALE_NS     (2 * STOQ_EARLY_PATIENCE_NS + 1000000000ull)
#define STOQ_CELL_NUMBERS      (1u << (32 - STOQ_CELL_SHIFT))
/* Of the largest super-packet, BIG TCP's 512 KiB. */
#define STOQ_EARLY_CELLS       132

/*
 * Number `number` of the stream's cells. `run` distinguishes what is kept now from what may have been left
 * 4 GiB of the stream ago.
 */
static __always_inline __u64 stoq_cell_tag(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu, __u32 run, __u32 number)
{
	return (__u64)(run & 0xff) << 52 | (__u64)flow->uid << 21 | (cpu->side & 1) << 20 |
	       (number & (STOQ_CELL_NUMBERS - 1));
}

static __always_inline __u32 stoq_cell_hash(__u64 tag)
{
	return (tag * 0x9e3779b97f4a7c15ull) >> 32;
}

static __always_inline struct stoq_early_cell *stoq_cell_at(__u32 hash, __u32 way)
{
	__u32 at = (hash + way) & stoq_cell_mask;

	return bpf_map_lookup_elem(&stoq_cells, &at);
}

/* Marks the cell as busy, if it still has this tag. */
static __always_inline int stoq_cell_mark(struct stoq_early_cell *cell, __u64 before, __u64 tag)
{
	return __sync_val_compare_and_swap(&cell->tag, before, tag | STOQ_CELL_BUSY) == before;
}

/* Makes a cell that is free, or was left alone for too long, the one of this tag. Its index. */
__noinline __u32 stoq_cell_make(struct stoq_cpu *cpu, __u64 tag)
{
	__u32 hash = stoq_cell_hash(tag);

	if (!cpu)
		return STOQ_CELL_NONE;
	for (__u32 way = 0; way < STOQ_CELL_WAYS; way++) {
		struct stoq_early_cell *cell = stoq_cell_at(hash, way);
		__u64 before;

		if (!cell)
			continue;
		before = *(volatile __u64 *)&cell->tag;
		if (before && ((before & STOQ_CELL_BUSY) ||
				      cpu->now_ns - cell->used_ns < STOQ_CELL_STALE_NS))
			continue;
		if (!stoq_cell_mark(cell, before, tag))
			continue;
		__builtin_memset(cell->here, 0, sizeof(cell->here));
		cell->used_ns = cpu->now_ns;
		if (!before)
			__sync_fetch_and_add(&stoq_globals[STOQ_GLOBAL_CELLS_USED], 1);
		return (hash + way) & stoq_cell_mask;
	}
	return STOQ_CELL_NONE;
}

/* The cell of this tag, marked as busy, until stoq_cell_leave(). Its index, or STOQ_CELL_NONE. */
static __always_inline __u32 stoq_cell_take(__u64 tag)
{
	__u32 hash = stoq_cell_hash(tag);

	for (__u32 way = 0; way < STOQ_CELL_WAYS; way++) {
		struct stoq_early_cell *cell = stoq_cell_at(hash, way);

		if (cell && *(volatile __u64 *)&cell->tag == tag && stoq_cell_mark(cell, tag, tag))
			return (hash + way) & stoq_cell_mask;
	}
	return STOQ_CELL_NONE;
}

static __always_inline void stoq_cell_leave(struct stoq_early_cell *cell, __u64 tag)
{
	__sync_lock_test_and_set(&cell->tag, tag);
}

/* ---- keeping ---- */

/* A bit of each of 8 becomes a byte of 0 or FFh. */
static __always_inline __u64 stoq_bytes_of_bits(__u64 bits)
{
	__u64 spread = ((bits & 0xff) * 0x0101010101010101ull) & 0x8040201008040201ull;

	return ((spread + 0x7f7f7f7f7f7f7f7full) >> 7 & 0x0101010101010101ull) * 0xff;
}

/*
 * Puts what the piece has for this block of the cell into it, by piece->mode. 1: other bytes are
 * kept there.
 */
__noinline int stoq_early_block(struct stoq_early_cell *cell, struct stoq_piece *piece, __u32 block)
{
	__u64 mask, old, different = 0, keep, write;
	__u32 from, to, base = block * STOQ_CELL_BLOCK;
	__u64 *there, *come;

	asm volatile("" : "+r"(block));
	if (!cell || !piece || block >= STOQ_CELL_BLOCKS)
		return 0;
	from = piece->from > base ? piece->from - base : 0;
	to = piece->to - base < STOQ_CELL_BLOCK ? piece->to - base : STOQ_CELL_BLOCK;
	if (from >= to)
		return 0;
	mask = ~0ull >> ((STOQ_CELL_BLOCK - (to - from)) & 63) << (from & 63);
	old = cell->here[block];
	there = (__u64 *)&cell->bytes[block * STOQ_CELL_BLOCK];
	come = (__u64 *)&piece->bytes[STOQ_BOUND(
		base - (piece->from & ~(STOQ_CELL_BLOCK - 1)), STOQ_PIECE_ROOM)];
	keep = piece->mode == STOQ_EARLY_RENEW ? 0 : ~0ull;
	write = piece->mode == STOQ_EARLY_COMPARE ? 0 : ~0ull;
	for (__u32 i = 0; i < STOQ_CELL_BLOCK / 8; i++) {
		__u64 fresh = stoq_bytes_of_bits(mask >> 8 * i);
		__u64 kept = stoq_bytes_of_bits(old >> 8 * i) & keep;

		different |= (there[i] ^ come[i]) & fresh & kept;
		fresh &= ~kept & write;
		there[i] = (there[i] & ~fresh) | (come[i] & fresh);
	}
	cell->here[block] = old | (mask & write);
	return different != 0;
}

/* All blocks of the cell that the piece has bytes for; enum stoq_early. */
__noinline int stoq_early_merge(struct stoq_early_cell *cell, struct stoq_piece *piece)
{
	int different = 0;
	__u32 block;

	if (!cell || !piece)
		return STOQ_EARLY_FULL;
	block = piece->from / STOQ_CELL_BLOCK;
	for (__u32 i = 0; i < STOQ_CELL_BLOCKS; i++) {
		if ((block + i) * STOQ_CELL_BLOCK >= piece->to)
			break;
		different |= stoq_early_block(cell, piece, block + i);
	}
	return different ? STOQ_EARLY_OTHER : STOQ_EARLY_KEPT;
}

/* Loads what the packet has for the cell that piece->from and piece->to are about. */
static __always_inline int stoq_piece_load(
	struct __sk_buff *skb, struct stoq_cpu *cpu, struct stoq_piece *piece, __u32 at)
{
	__u64 place = STOQ_BOUND(piece->from, STOQ_CELL_BLOCK);

	return bpf_skb_load_bytes(skb, cpu->payload_offset + at, &piece->bytes[place],
		STOQ_BOUND(piece->to - piece->from - 1, STOQ_PIECE_ROOM) + 1);
}

/* What the packet has from sequence piece->begin on for cell `number`; enum stoq_early. */
__noinline int stoq_early_piece(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 number)
{
	__u32 first = number << STOQ_CELL_SHIFT, at, begin, end, index;
	struct stoq_piece *piece = stoq_first(&stoq_pieces);
	struct stoq_flow_side *side;
	struct stoq_early_cell *cell;
	int result;
	__u64 tag;

	if (!flow || !cpu || !piece)
		return STOQ_EARLY_FULL;
	side = stoq_side(flow, cpu);
	begin = stoq_after(piece->begin, first) ? piece->begin : first;
	end = cpu->sequence + cpu->payload_bytes;
	if (stoq_after(end, first + STOQ_CELL_ROOM))
		end = first + STOQ_CELL_ROOM;
	if (!stoq_after(end, begin))
		return STOQ_EARLY_KEPT;
	piece->from = begin - first;
	piece->to = end - first;
	at = begin - cpu->sequence;
	tag = stoq_cell_tag(flow, cpu, side->early_run, number);
	index = stoq_cell_take(tag);
	if (index == STOQ_CELL_NONE && piece->mode == STOQ_EARLY_COMPARE)
		return STOQ_EARLY_KEPT;
	if (index == STOQ_CELL_NONE) {
		index = stoq_cell_make(cpu, tag);
		if (index == STOQ_CELL_NONE)
			return STOQ_EARLY_FULL;
		side->early_cells++;
	}
	cell = bpf_map_lookup_elem(&stoq_cells, &index);
	if (!cell)
		return STOQ_EARLY_FULL;
	result = stoq_piece_load(skb, cpu, piece, at) ? STOQ_EARLY_FULL
						      : stoq_early_merge(cell, piece);
	cell->used_ns = cpu->now_ns;
	stoq_cell_leave(cell, tag);
	return result;
}

/* Of the cells: the first one that has a byte at this sequence number. */
static __always_inline __u32 stoq_cell_number(__u32 sequence)
{
	return (sequence - NVME_TCP_HEADER_MAX) >> STOQ_CELL_SHIFT;
}

/* The packet's bytes from sequence number `begin` on; enum stoq_early. */
__noinline int stoq_early_bytes(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu,
	__u32 begin, __u32 mode)
{
	struct stoq_piece *piece = stoq_first(&stoq_pieces);
	__u32 number = stoq_cell_number(begin), end;

	if (!flow || !cpu || !piece)
		return STOQ_EARLY_FULL;
	piece->begin = begin;
	piece->mode = mode;
	end = cpu->sequence + cpu->payload_bytes;
	for (int i = 0; i < STOQ_EARLY_CELLS; i++) {
		int result;

		if (!stoq_after(end, (number + i) << STOQ_CELL_SHIFT))
			return STOQ_EARLY_KEPT;
		result = stoq_early_piece(skb, flow, cpu, number + i);
		if (result != STOQ_EARLY_KEPT)
			return result;
	}
	return STOQ_EARLY_FULL;
}

/* Keeps a segment that is early, within `reach` of what is wanted; enum stoq_early. */
static __always_inline int stoq_early_keep(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 mode)
{
	__u32 end = cpu->sequence + cpu->payload_bytes;

	if (!side->early) {
		side->early = 1;
		side->early_run++;
		side->early_cells = 0;
		side->early_first = cpu->sequence;
		side->early_end = end;
		side->early_mark = end;
		side->early_mark_ns = cpu->now_ns;
		side->gaps++;
	}
	if (stoq_after(side->early_first, cpu->sequence))
		side->early_first = cpu->sequence;
	if (stoq_after(end, side->early_end))
		side->early_end = end;
	return stoq_early_bytes(skb, flow, cpu, cpu->sequence, mode);
}

/*
 * The gap stays for too long, and cells may be someone else's soon. Cells that were there when the
 * mark was set lie before it: as it is set again only when following has come by it, none is
 * older than two marks.
 */
static __always_inline int stoq_early_is_late(
	const struct stoq_flow_side *side, const struct stoq_cpu *cpu)
{
	return cpu->now_ns - side->early_mark_ns > STOQ_EARLY_PATIENCE_NS;
}

/* ---- reading ---- */

/* The 64 bits from bit `at` of a cell on, or, with `more`, those behind them. */
static __always_inline __u64 stoq_early_bits(
	const struct stoq_early_cell *cell, __u32 at, const __u32 more)
{
	__u64 word = STOQ_BOUND(at / STOQ_CELL_BLOCK, STOQ_CELL_BYTES / STOQ_CELL_BLOCK);
	__u32 shift = at & (STOQ_CELL_BLOCK - 1);

	/* Two shifts: one by 64 would be none. */
	return cell->here[word + more] >> shift | cell->here[word + more + 1] << 1 << (63 - shift);
}

/* How many bits in a row are set, from `at` on: 0 to 128. at is less than STOQ_CELL_BYTES. */
static __always_inline __u32 stoq_early_run(const struct stoq_early_cell *cell, __u32 at)
{
	__u64 low = stoq_early_bits(cell, at, 0), high = stoq_early_bits(cell, at, 1), gaps;

	gaps = ~low & (low + 1);
	if (gaps)
		return (__u32)gaps ? stoq_latency_exponent((__u32)gaps)
				   : 32 + stoq_latency_exponent(gaps >> 32);
	gaps = ~high & (high + 1);
	if (!gaps)
		return NVME_TCP_HEADER_MAX;
	return (__u32)gaps ? 64 + stoq_latency_exponent((__u32)gaps)
			   : 96 + stoq_latency_exponent(gaps >> 32);
}

/*
 * Copies early bytes from payload position `at` on, as many as a header may have. How many of them
 * have come: what is behind these in *to means nothing.
 */
static __always_inline __u32 stoq_early_read(
	struct stoq_cpu *cpu, __u32 at, struct stoq_header_room *to)
{
	struct stoq_early_cell *cell;
	__u32 index, bytes;
	__u64 tag;

	at += cpu->sequence;
	tag = cpu->early_tag | at >> STOQ_CELL_SHIFT;
	index = stoq_cell_take(tag);
	if (index == STOQ_CELL_NONE)
		return 0;
	cell = bpf_map_lookup_elem(&stoq_cells, &index);
	if (!cell)
		return 0;
	__builtin_memcpy(
		to, &cell->bytes[STOQ_BOUND(at, STOQ_CELL_BYTES)], sizeof(struct stoq_header_room));
	bytes = stoq_early_run(cell, at & (STOQ_CELL_BYTES - 1));
	stoq_cell_leave(cell, tag);
	return bytes;
}

/* The same as a function of its own, for where there is room on the stack for one. */
__noinline __u32 stoq_early_load(struct stoq_cpu *cpu, __u32 at, struct stoq_header_room *to)
{
	return cpu && to ? stoq_early_read(cpu, at, to) : 0;
}

/* Whether any of these bytes has come early: 1 to 128 of them, from a sequence number on. */
__noinline int stoq_early_any(
	struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 sequence, __u32 bytes)
{
	__u32 index, at = sequence & (STOQ_CELL_BYTES - 1);
	struct stoq_early_cell *cell;
	struct stoq_flow_side *side;
	__u64 tag, low, high;

	if (!flow || !cpu || !bytes)
		return 0;
	side = stoq_side(flow, cpu);
	if (!side->early)
		return 0;
	tag = stoq_cell_tag(flow, cpu, side->early_run, sequence >> STOQ_CELL_SHIFT);
	index = stoq_cell_take(tag);
	if (index == STOQ_CELL_NONE)
		return 0;
	cell = bpf_map_lookup_elem(&stoq_cells, &index);
	if (!cell)
		return 0;
	low = stoq_early_bits(cell, at, 0);
	high = bytes > 64 ? stoq_early_bits(cell, at, 1) << ((128 - bytes) & 63) : 0;
	if (bytes < 64)
		low <<= (64 - bytes) & 63;
	stoq_cell_leave(cell, tag);
	return (low | high) != 0;
}

/* ---- letting go ---- */

#define STOQ_RELEASE_SOME 128
#define STOQ_RELEASE_ALL  256

__noinline int stoq_cell_free(struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 number)
{
	struct stoq_flow_side *side;
	struct stoq_early_cell *cell;
	__u32 index;

	if (!flow || !cpu)
		return 0;
	side = stoq_side(flow, cpu);
	index = stoq_cell_take(stoq_cell_tag(flow, cpu, side->early_run, number));
	if (index == STOQ_CELL_NONE)
		return 0;
	cell = bpf_map_lookup_elem(&stoq_cells, &index);
	if (!cell)
		return 0;
	stoq_cell_leave(cell, 0);
	__sync_fetch_and_add(&stoq_globals[STOQ_GLOBAL_CELLS_USED], -1);
	side->early_cells--;
	return 0;
}

/* Frees cells from early_first on, up to the one that has `until`. 1: there may be more. */
__noinline int stoq_early_release_some(struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 until)
{
	struct stoq_flow_side *side;

	if (!flow || !cpu)
		return 0;
	side = stoq_side(flow, cpu);
	for (int i = 0; i < STOQ_RELEASE_SOME; i++) {
		__u32 number = stoq_cell_number(side->early_first);

		if (!side->early_cells || stoq_after((number + 1) << STOQ_CELL_SHIFT, until))
			return 0;
		stoq_cell_free(flow, cpu, number);
		side->early_first = ((number + 1) << STOQ_CELL_SHIFT) + NVME_TCP_HEADER_MAX;
	}
	return 1;
}

__noinline int stoq_early_release(struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 until)
{
	if (!flow || !cpu)
		return 0;
	for (int i = 0; i < STOQ_RELEASE_ALL; i++)
		if (!stoq_early_release_some(flow, cpu, until))
			break;
	return 0;
}

/* Following has come up to `wanted`: what lies before it is done with. */
static __always_inline void stoq_early_advance(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 wanted)
{
	stoq_early_release(flow, cpu, wanted);
	if (!stoq_after(side->early_mark, wanted)) {
		side->early_mark = side->early_end;
		side->early_mark_ns = cpu->now_ns;
	}
}

/* Nothing early is needed any more. */
static __always_inline void stoq_early_forget(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	if (side->early_cells)
		stoq_early_release(flow, cpu, side->early_end + STOQ_CELL_BYTES);
	side->early_cells = 0;
	side->early = 0;
}
