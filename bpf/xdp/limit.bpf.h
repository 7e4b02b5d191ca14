/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Who may, and how often. A bucket is one number: the time at which the next event would be due
 * at the steady rate (GCRA, the "virtual scheduling" form of a token bucket). It may run ahead of
 * the clock by the tolerance, which is the burst. The clock is the kernel's coarse one, which costs
 * a tenth of the exact one and moves every few milliseconds: bursts are longer than that.
 */
#include <bpf/bpf_endian.h>

#include "bpf/xdp/maps.bpf.h"

#define STOQ_XDP_BUCKET_TRIES  4
/* Two CPUs may read the clock so far apart. */
#define STOQ_XDP_CLOCK_SKEW_NS 1000000000ull

/*
 * A bucket that is further ahead than this limit can have put it was filled by a slower one, which was changed
 * since: it counts as empty. Otherwise the change would take effect only after the old burst's time.
 */
static __always_inline __u64 stoq_xdp_bucket_due(
	__u64 due_ns, const struct stoq_xdp_rate *rate, __u64 now_ns)
{
	return due_ns > now_ns + rate->tolerance_ns + rate->interval_ns + STOQ_XDP_CLOCK_SKEW_NS
		       ? 0
		       : due_ns;
}

static __always_inline int stoq_xdp_bucket_has_room(
	__u64 due_ns, const struct stoq_xdp_rate *rate, __u64 now_ns)
{
	return stoq_xdp_bucket_due(due_ns, rate, now_ns) <= now_ns + rate->tolerance_ns;
}

/*
 * 1: taken. A full bucket is only read, so that a flood on many CPUs does not pass its cache line
 * around; one that changes all the time under our hands counts as full.
 */
static __always_inline int stoq_xdp_bucket_take(
	__u64 *bucket, const struct stoq_xdp_rate *rate, __u64 now_ns)
{
	if (!rate->interval_ns)
		return 1;
	for (int i = 0; i < STOQ_XDP_BUCKET_TRIES; i++) {
		__u64 kept_ns = *(volatile __u64 *)bucket;
		__u64 due_ns = stoq_xdp_bucket_due(kept_ns, rate, now_ns);
		__u64 from_ns = due_ns > now_ns ? due_ns : now_ns;

		if (due_ns > now_ns + rate->tolerance_ns)
			return 0;
		if (__sync_val_compare_and_swap(bucket, kept_ns, from_ns + rate->interval_ns) ==
			kept_ns)
			return 1;
	}
	return 0;
}

/* IPv6: the /64. IPv4: a value that no global address begins with. */
static __always_inline __u64 stoq_xdp_source_key(const struct stoq_xdp_tuple *tuple)
{
	const __u32 *words = (const __u32 *)tuple->remote;

	if (words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff))
		return (__u64)words[3] << 32 | bpf_htonl(0xffff);
	return (__u64)words[1] << 32 | words[0];
}

static __always_inline int stoq_xdp_source_take(
	const struct stoq_xdp_tuple *tuple, const struct stoq_xdp_rate *rate, __u64 now_ns)
{
	__u64 key = stoq_xdp_source_key(tuple), due_ns = now_ns + rate->interval_ns, *bucket;

	if (!rate->interval_ns)
		return 1;
	bucket = bpf_map_lookup_elem(&stoq_xdp_source, &key);
	if (bucket)
		return stoq_xdp_bucket_take(bucket, rate, now_ns);
	bpf_map_update_elem(&stoq_xdp_source, &key, &due_ns, BPF_NOEXIST);
	return 1;
}

/*
 * A handshake that nothing proves yet: STOQ_XDP_PASS_INITIAL or the verdict. The limit for all
 * comes first, but only to look: under a flood from made-up sources no entry is made for each. It
 * is charged last: one noisy source, stopped by its own limit, leaves it to the others.
 */
static __always_inline int stoq_xdp_admit(
	const struct stoq_xdp_config *config, const struct stoq_xdp_tuple *tuple, __u64 now_ns)
{
	struct stoq_xdp_buckets *buckets = stoq_xdp_first(&stoq_xdp_bucket);

	if (!buckets)
		return STOQ_XDP_DROP_TOTAL_RATE;
	if (config->total.interval_ns &&
		!stoq_xdp_bucket_has_room(
			*(volatile __u64 *)&buckets->total_ns, &config->total, now_ns))
		return STOQ_XDP_DROP_TOTAL_RATE;
	if (!stoq_xdp_source_take(tuple, &config->source, now_ns))
		return STOQ_XDP_DROP_SOURCE_RATE;
	return stoq_xdp_bucket_take(&buckets->total_ns, &config->total, now_ns)
		       ? STOQ_XDP_PASS_INITIAL
		       : STOQ_XDP_DROP_TOTAL_RATE;
}

/* A packet of no connection that is known: it may be worth an answer, such as a stateless reset. */
static __always_inline int stoq_xdp_admit_unproven(
	const struct stoq_xdp_config *config, __u64 now_ns)
{
	struct stoq_xdp_buckets *buckets = stoq_xdp_first(&stoq_xdp_bucket);

	return buckets && stoq_xdp_bucket_take(&buckets->unproven_ns, &config->unproven, now_ns)
		       ? STOQ_XDP_PASS_UNPROVEN
		       : STOQ_XDP_DROP_UNPROVEN;
}

/* By prefixes: STOQ_XDP_PASS_OTHER means that nothing speaks against this source. */
static __noinline int stoq_xdp_check_source(
	const struct stoq_xdp_config *config, const struct stoq_xdp_tuple *tuple)
{
	struct stoq_xdp_prefix key = {.bits = 128};
	struct stoq_xdp_rule *rule;

	__builtin_memcpy(key.address, tuple->remote, sizeof(key.address));
	if (config->deny_prefixes) {
		rule = bpf_map_lookup_elem(&stoq_xdp_deny, &key);
		if (rule) {
			__sync_fetch_and_add(&rule->packets, 1);
			return STOQ_XDP_DROP_DENIED;
		}
	}
	if (config->allow_prefixes && !bpf_map_lookup_elem(&stoq_xdp_allow, &key))
		return STOQ_XDP_DROP_NOT_ALLOWED;
	return STOQ_XDP_PASS_OTHER;
}
