/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * A command is charged to every limit that holds for it, and gets the latest of their times: a virtual clock for
 * each limit and host, on all CPUs the same. doc/design/guard-limits.md.
 */
#include "bpf/limit/limit.bpf.h"
#include "bpf/stream/refused_shared.h"
#include "nvme/nvme_tcp_check.h"

static __always_inline struct stoq_limit_bucket *stoq_limit_bucket(struct stoq_limit_cpu *limit)
{
	struct stoq_limit_bucket *bucket = bpf_map_lookup_elem(&stoq_limit_buckets, &limit->key);
	struct stoq_limit_bucket fresh = {0};

	if (bucket)
		return bucket;
	bpf_map_update_elem(&stoq_limit_buckets, &limit->key, &fresh, BPF_NOEXIST);
	bucket = bpf_map_lookup_elem(&stoq_limit_buckets, &limit->key);
	if (bucket)
		return bucket;
	/* No room: the account that user space has made for such hosts. */
	STOQ_LIMIT_COUNT(buckets_full, 1);
	limit->key.host = STOQ_LIMIT_HOST_OTHERS;
	return bpf_map_lookup_elem(&stoq_limit_buckets, &limit->key);
}

/* Charges the command at hand to one limit. Global: called in a loop, and verified once. */
__noinline int stoq_limit_charge(
	struct stoq_limit_installed *installed, __u32 index, __u32 host, __u64 now_ns)
{
	struct stoq_limit_cpu *limit = stoq_first(&stoq_limit_cpus);
	const struct stoq_limit_entry *entry;
	struct stoq_limit_bucket *bucket;
	struct stoq_limit_charge charge = {.now_ns = now_ns,
		.latest_ns = now_ns + STOQ_LIMIT_DELAY_MAX_NS,
		.audit = stoq_limit_audit};
	__u64 due;

	if (!installed || !limit)
		return 0;
	charge.bytes = limit->bytes;
	entry = &installed->limits[STOQ_BOUND(index, STOQ_LIMITS_MAX)];
	limit->key.limit = entry->id;
	limit->key.host = entry->group ? STOQ_LIMIT_HOST_GROUP : host;
	limit->key.pad = 0;
	bucket = stoq_limit_bucket(limit);
	if (!bucket)
		return 0;
	due = stoq_limit_bucket_charge(bucket, entry, installed->generation, &charge);
	if (due > limit->due_ns)
		limit->due_ns = due;
	return 0;
}

static __always_inline struct stoq_limit_due *stoq_limit_due_of(__u32 uid, __u16 cid)
{
	__u32 at = stoq_course_index(uid, cid, STOQ_LIMIT_DUE_ENTRIES - 1);

	return bpf_map_lookup_elem(&stoq_limit_due, &at);
}

/* Its answers are looked up by connection and CID: stoq_limit_answer(), also for what has no place. */
static __always_inline void stoq_limit_keep(
	struct stoq_flow *flow, __u16 cid, __u64 due_ns, __u64 now_ns)
{
	__u64 owner = stoq_course_owner(flow->uid, cid);
	struct stoq_limit_due *due = stoq_limit_due_of(flow->uid, cid);

	if (!due)
		return;
	if (due->owner == owner) {
		/* A host may use a CID again before the answer: the later time holds. */
		if (due->due_ns < due_ns)
			due->due_ns = due_ns;
		return;
	}
	if (stoq_limit_after(due->due_ns, now_ns)) {
		STOQ_LIMIT_COUNT(due_lost, 1);
		if (!due_ns)
			return;
	}
	due->owner = owner;
	due->due_ns = due_ns;
}

/* Which limits hold for the command: those of its connection, by opcode and namespace. Global, for its loop. */
__noinline int stoq_limit_find(
	struct stoq_flow *flow, struct stoq_limit_installed *installed, __u32 opcode, __u32 nsid)
{
	struct stoq_limit_cpu *limit = stoq_first(&stoq_limit_cpus);

	if (!flow || !installed || !limit)
		return 0;
	limit->limits = stoq_limit_for(installed, flow->limit.limits, opcode, nsid);
	return 0;
}

static __always_inline void stoq_limit_charge_all(struct stoq_flow *flow,
	struct stoq_limit_installed *installed, struct stoq_limit_cpu *limit, __u64 now_ns)
{
	limit->due_ns = 0;
	for (__u32 i = 0; i < STOQ_LIMITS_MAX; i++) {
		__u64 left = *(volatile __u64 *)&limit->limits >> i;

		if (!left)
			break;
		if (left & 1)
			stoq_limit_charge(installed, i, flow->limit.host, now_ns);
	}
}

static __always_inline void stoq_limit_command_count(
	const struct stoq_limit_cpu *limit, __u64 now_ns)
{
	STOQ_LIMIT_COUNT(commands, 1);
	if (!limit->due_ns)
		return;
	STOQ_LIMIT_COUNT(delayed, 1);
	if (limit->due_ns - now_ns >= STOQ_LIMIT_DELAY_MAX_NS)
		STOQ_LIMIT_COUNT(capped, 1);
}

/* Whether limits hold for a command of this connection. */
static __always_inline int stoq_limit_holds(struct stoq_flow *flow,
	struct stoq_limit_installed *installed, const struct nvme_tcp_cmd_pdu *pdu)
{
	if (pdu->sqe.opcode == NVME_OPCODE_FABRICS || stoq_refused_is_code(pdu->sqe.opcode))
		return 0;
	if (flow->limit.generation != installed->generation)
		stoq_limit_classify(flow, installed);
	return flow->limit.io && flow->limit.limits;
}

/* A command. Commands of admin queues, Fabrics commands and those that a guard has refused are free. */
__noinline int stoq_limit_command(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_cmd_pdu *pdu)
{
	struct stoq_limit_installed *installed = stoq_limit_policy();
	struct stoq_limit_cpu *limit = stoq_first(&stoq_limit_cpus);
	int holds;

	if (!flow || !cpu || !pdu || !installed || !limit)
		return 0;
	limit->due_ns = 0;
	holds = stoq_limit_holds(flow, installed, pdu);
	if (holds) {
		stoq_limit_find(flow, installed, pdu->sqe.opcode, nvme_le32(pdu->sqe.nsid));
		limit->bytes = stoq_limit_bytes(&pdu->sqe);
		stoq_limit_charge_all(flow, installed, limit, cpu->now_ns);
		if (limit->limits)
			stoq_limit_command_count(limit, cpu->now_ns);
	}
	if (stoq_limit_audit || (!holds && !flow->limit.delayed))
		return 0;
	if (limit->due_ns)
		flow->limit.delayed = 1;
	stoq_limit_keep(flow, nvme_le16(pdu->sqe.command_id), limit->due_ns, cpu->now_ns);
	if (limit->due_ns > flow->limit.due_ns[NVME_TCP_FROM_HOST])
		flow->limit.due_ns[NVME_TCP_FROM_HOST] = limit->due_ns;
	return 0;
}
