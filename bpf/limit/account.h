/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Which limits hold for a command, and when it may leave by the account of one of them: the same for the program in
 * the kernel and for the tunnel. Pure, without locks: accounts are shared by CPUs or threads, and are touched by
 * atomic operations only. doc/design/guard-limits.md.
 */
#include "bpf/guard/engine.h"
#include "bpf/limit/limit_shared.h"

#define STOQ_LIMIT_INLINE static inline __attribute__((always_inline))

/* a is later than b. */
STOQ_LIMIT_INLINE int stoq_limit_after(__u64 a, __u64 b)
{
	return (__s64)(a - b) > 0;
}

/* Bit N: limit N holds for connections of these classes. */
STOQ_LIMIT_INLINE __u64 stoq_limit_matching(
	const struct stoq_limit_installed *installed, __u32 host_class, __u32 subsystem_class)
{
	STOQ_GUARD_OPAQUE(host_class);
	STOQ_GUARD_OPAQUE(subsystem_class);
	if (host_class >= STOQ_GUARD_CLASSES || subsystem_class >= STOQ_GUARD_CLASSES)
		return 0;
	return installed->match.hosts.sets[host_class].words[0] &
	       installed->match.subsystems.sets[subsystem_class].words[0];
}

/* Of these limits those that hold for the command. */
STOQ_LIMIT_INLINE __u64 stoq_limit_for(
	const struct stoq_limit_installed *installed, __u64 limits, __u32 opcode, __u32 nsid)
{
	__u32 space = stoq_guard_space(&installed->match, nsid);

	STOQ_GUARD_OPAQUE(space);
	if (space >= STOQ_GUARD_SPACES)
		return 0;
	return limits & installed->match.spaces[space].words[0] &
	       installed->match.commands[STOQ_GUARD_IO][opcode & 0xff].words[0];
}

/* Of whichever SGL: nvmet looks at the length alone, unless the data are in the capsule. */
STOQ_LIMIT_INLINE __u32 stoq_limit_bytes(const struct nvme_sqe *sqe)
{
	/* Bits 1:0 of the opcode: transfer direction (Base specification 2.0c, figure 87). */
	return sqe->opcode & 3 ? nvme_le32(sqe->sgl1.length) : 0;
}

/* A command, as accounts see it. */
struct stoq_limit_charge {
	__u64 now_ns;
	__u64 latest_ns; /* no command waits longer */
	__u32 bytes;
	__u32 audit; /* nothing waits: what exceeds the limit is counted and not charged */
};

/*
 * Advances a clock by the cost of a command; when that may leave, 0: now. Without a loop: the clock of an account that has
 * rested is brought up first, by one CPU; what others add meanwhile counts. So a command can be due somewhat after latest_ns.
 */
STOQ_LIMIT_INLINE __u64 stoq_limit_advance(__u64 *clock, __u64 cost_ns, __u64 burst_ns,
	const struct stoq_limit_charge *charge, __u32 *capped)
{
	__u64 now_ns = charge->now_ns, floor, before, due;

	if (!cost_ns)
		return 0;
	floor = now_ns - (burst_ns > cost_ns ? burst_ns : cost_ns);
	before = *(volatile __u64 *)clock;
	if (stoq_limit_after(floor, before)) {
		__sync_val_compare_and_swap(clock, before, floor);
		before = *(volatile __u64 *)clock;
	}
	/*
	 * What waits no longer is not owed either; audit: what passes before its turn. Looked at before the clock is
	 * advanced: other hosts of a group must not see it, not even for a moment.
	 */
	due = before + cost_ns;
	if (stoq_limit_after(due, charge->latest_ns)) {
		*capped = 1;
		return charge->latest_ns;
	}
	if (charge->audit && stoq_limit_after(due, now_ns))
		return due;
	due = __sync_fetch_and_add(clock, cost_ns) + cost_ns;
	return stoq_limit_after(due, now_ns) ? due : 0;
}

/* Other rates hold at once: what was owed by the old ones is not. */
STOQ_LIMIT_INLINE void stoq_limit_renew(
	struct stoq_limit_bucket *bucket, __u64 generation, __u64 now_ns)
{
	__u64 before = *(volatile __u64 *)&bucket->generation;

	if (before == generation ||
		__sync_val_compare_and_swap(&bucket->generation, before, generation) != before)
		return;
	if (stoq_limit_after(bucket->commands_ns, now_ns))
		*(volatile __u64 *)&bucket->commands_ns = now_ns;
	if (stoq_limit_after(bucket->bytes_ns, now_ns))
		*(volatile __u64 *)&bucket->bytes_ns = now_ns;
}

STOQ_LIMIT_INLINE void stoq_limit_bucket_count(struct stoq_limit_bucket *bucket,
	const struct stoq_limit_charge *charge, __u64 due_ns, __u32 capped)
{
	__sync_fetch_and_add(&bucket->commands, 1);
	__sync_fetch_and_add(&bucket->bytes, charge->bytes);
	*(volatile __u64 *)&bucket->last_ns = charge->now_ns;
	if (!due_ns)
		return;
	__sync_fetch_and_add(&bucket->delayed, 1);
	if (stoq_limit_after(due_ns, charge->now_ns))
		__sync_fetch_and_add(&bucket->delay_ns, due_ns - charge->now_ns);
	if (capped)
		__sync_fetch_and_add(&bucket->capped, 1);
}

/* Charges a command to one account of a limit. When it may leave by it, 0: now. */
STOQ_LIMIT_INLINE __u64 stoq_limit_bucket_charge(struct stoq_limit_bucket *bucket,
	const struct stoq_limit_entry *entry, __u64 generation,
	const struct stoq_limit_charge *charge)
{
	__u64 due, by_bytes, cost = 0;
	__u32 capped = 0;

	stoq_limit_renew(bucket, generation, charge->now_ns);
	due = stoq_limit_advance(
		&bucket->commands_ns, entry->command_ns, entry->burst_ns, charge, &capped);
	if (entry->bytes_a_second)
		cost = charge->bytes * 1000000000ull / entry->bytes_a_second;
	by_bytes = stoq_limit_advance(&bucket->bytes_ns, cost, entry->burst_ns, charge, &capped);
	if (by_bytes > due)
		due = by_bytes;
	stoq_limit_bucket_count(bucket, charge, due, capped);
	return due;
}
