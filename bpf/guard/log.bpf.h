/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The guard's log: records in an array that is written round and round, whether it is read or not. */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"

#define STOQ_GUARD_DROP_LOG_NS 250000000 /* one record of a reason in this time, on each CPU */

/* The next record, marked as being written; *sequence is its number. */
static __always_inline struct stoq_guard_record *stoq_guard_log_begin(
	struct stoq_guard_cpu *guard, const struct stoq_flow *flow, __u64 *sequence)
{
	struct stoq_guard_state *state = stoq_first(&stoq_guard_state);
	struct stoq_guard_record *record;
	__u32 place;

	if (!state)
		return 0;
	*sequence = __sync_fetch_and_add(&state->log_last, 1) + 1;
	place = *sequence % STOQ_GUARD_LOG_RECORDS;
	record = bpf_map_lookup_elem(&stoq_guard_log, &place);
	if (!record)
		return 0;
	__sync_lock_test_and_set(&record->sequence, 0);
	record->time_ns = bpf_ktime_get_ns();
	record->flow = guard->segment.key;
	record->uid = flow ? flow->uid : 0;
	record->qid = flow && flow->connected ? flow->qid : STOQ_GUARD_QID_UNKNOWN;
	record->host_is_a = flow ? flow->host_is_a : 0;
	record->known = flow ? flow->guard.named : 0;
	record->audit = stoq_guard_audit;
	return record;
}

static __always_inline void stoq_guard_log_end(struct stoq_guard_record *record, __u64 sequence)
{
	__sync_lock_test_and_set(&record->sequence, sequence);
}

/* Where commands as guard->by_host describes them are counted; NULL: with those of others. */
static __always_inline __u64 *stoq_guard_host_count(struct stoq_guard_cpu *guard)
{
	__u64 *count = bpf_map_lookup_elem(&stoq_guard_by_hosts, &guard->by_host);

	if (count)
		return count;
	/* The value is 0, and not on the stack. */
	bpf_map_update_elem(&stoq_guard_by_hosts, &guard->by_host, &guard->no_host, BPF_NOEXIST);
	return bpf_map_lookup_elem(&stoq_guard_by_hosts, &guard->by_host);
}

/* Counts a command of this connection; kind: DENIED, with a status, or LOGGED. */
__noinline int stoq_guard_count_host(struct stoq_flow *flow, __u32 kind, __u32 status)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct nvme_connect_data *data = 0;
	__u64 *count;

	if (!flow || !guard)
		return 0;
	__builtin_memset(&guard->by_host, 0, sizeof(guard->by_host));
	guard->by_host.kind = kind;
	guard->by_host.status = status;
	if (flow->guard.named)
		data = stoq_guard_names_of(flow->uid);
	if (data) {
		stoq_guard_nqn_load(&guard->counted, data->hostnqn);
		__builtin_memcpy(
			guard->by_host.words, guard->counted.words, sizeof(guard->by_host.words));
	}
	count = stoq_guard_host_count(guard);
	if (!count) {
		__builtin_memset(guard->by_host.words, 0, sizeof(guard->by_host.words));
		guard->by_host.status = 0;
		guard->by_host.others = 1;
		count = bpf_map_lookup_elem(&stoq_guard_by_hosts, &guard->by_host);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

/* The command that guard->request and guard->decision are about; kind: DENIED or LOGGED. */
__noinline int stoq_guard_log_command(struct stoq_flow *flow,
	struct stoq_guard_installed *installed, const struct nvme_sqe *sqe, __u32 kind)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_record *record;
	int denied = kind == STOQ_GUARD_RECORD_DENIED;
	__u64 sequence;

	if (!flow || !installed || !sqe || !guard)
		return 0;
	record = stoq_guard_log_begin(guard, flow, &sequence);
	if (!record)
		return 0;
	record->policy_hash = installed->policy.hash;
	record->nsid = guard->request.nsid;
	record->slba = 0;
	record->blocks = 0;
	if (guard->touches == STOQ_GUARD_TOUCHES_RANGE) {
		record->slba = nvme_sqe_slba(sqe);
		record->blocks = nvme_sqe_block_count(sqe);
	}
	record->rule = denied ? guard->decision.rule : guard->decision.log_rule;
	record->cid = nvme_le16(sqe->command_id);
	record->status = denied ? guard->decision.status : 0;
	record->kind = kind;
	record->reason = 0;
	record->table = guard->request.table;
	record->code = guard->request.code;
	stoq_guard_log_end(record, sequence);
	return 0;
}

/* Counts a packet that is dropped, and logs that once in a while. flow may be NULL. */
__noinline int stoq_guard_log_drop(struct stoq_flow *flow, __u32 reason)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_totals *totals = stoq_first(&stoq_guard_totals);
	struct stoq_guard_installed *installed = stoq_guard_policy();
	struct stoq_guard_record *record;
	__u64 sequence, now = bpf_ktime_get_ns();

	STOQ_GUARD_OPAQUE(reason);
	if (!guard || !totals || reason >= STOQ_GUARD_TOTALS)
		return 0;
	totals->values[reason]++;
	if (guard->dropped_ns[reason] && now - guard->dropped_ns[reason] < STOQ_GUARD_DROP_LOG_NS)
		return 0;
	guard->dropped_ns[reason] = now;
	record = stoq_guard_log_begin(guard, flow, &sequence);
	if (!record)
		return 0;
	record->policy_hash = installed ? installed->policy.hash : 0;
	record->nsid = 0;
	record->slba = 0;
	record->blocks = 0;
	record->rule = STOQ_GUARD_NO_RULE;
	record->cid = 0;
	record->status = 0;
	record->kind = STOQ_GUARD_RECORD_DROPPED;
	record->reason = reason;
	record->table = 0;
	record->code = 0;
	stoq_guard_log_end(record, sequence);
	return 0;
}

/* A Connect of a host whose NQN another machine has; status: it is refused with that, or 0. */
static __always_inline void stoq_guard_log_clone(struct stoq_flow *flow,
	struct stoq_guard_installed *installed, struct stoq_guard_cpu *guard,
	const struct stoq_guard_owner *other, __u16 status)
{
	struct stoq_guard_record *record;
	__u64 sequence;

	stoq_guard_total(STOQ_GUARD_CLONES);
	record = stoq_guard_log_begin(guard, flow, &sequence);
	if (!record)
		return;
	record->policy_hash = installed->policy.hash;
	record->nsid = 0;
	record->slba = 0;
	record->blocks = 0;
	record->rule = STOQ_GUARD_NO_RULE;
	record->cid = 0;
	record->qid = 0;
	record->status = status;
	record->kind = STOQ_GUARD_RECORD_CLONE;
	record->reason = 0;
	record->table = STOQ_GUARD_FABRICS;
	record->code = NVME_FABRICS_CONNECT;
	record->other_uid = other->uid;
	__builtin_memcpy(record->other_address, other->address, sizeof(record->other_address));
	record->other_port = other->port;
	stoq_guard_log_end(record, sequence);
}
