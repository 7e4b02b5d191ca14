/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Counting completed commands. A series belongs to one flow and is written only by the CPU
 * that holds that flow's controller side; an overflow series belongs to a CPU. So none of
 * the additions needs to be atomic.
 */
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"

static __always_inline struct stoq_series *stoq_series_find(const struct stoq_series_key *key)
{
	struct stoq_series *series = bpf_map_lookup_elem(&stoq_series, key);
	void *empty;

	if (series)
		return series;
	empty = stoq_first(&stoq_new_series);
	if (!empty)
		return 0;
	bpf_map_update_elem(&stoq_series, key, empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&stoq_series, key);
}

static __always_inline struct stoq_series_key stoq_series_key_of(
	__u32 uid, const struct stoq_command *command)
{
	return (struct stoq_series_key){
		.uid = uid,
		.nsid = command->nsid,
		.opcode = command->opcode,
		.kind = command->kind,
		.fctype = command->fctype,
	};
}

static __noinline struct stoq_series *stoq_series_get(
	struct stoq_cpu *cpu, __u32 uid, const struct stoq_command *command)
{
	struct stoq_series_key key = stoq_series_key_of(uid, command);
	struct stoq_series *series = stoq_series_find(&key);

	if (series)
		return series;
	/* User space makes room for these when it loads the program, one per CPU and opcode. */
	stoq_count(cpu, STOQ_COUNT_SERIES_FULL, 1);
	key.uid = STOQ_SERIES_OVERFLOW | (bpf_get_smp_processor_id() & 0xffff);
	key.nsid = 0;
	series = stoq_series_find(&key);
	if (series)
		return series;
	key.opcode = 0;
	key.kind = 0;
	key.fctype = 0;
	return stoq_series_find(&key);
}

static __always_inline void stoq_count_status(
	__u32 uid, const struct stoq_command *command, __u16 status)
{
	struct stoq_status_key key = {
		.uid = uid,
		.status = status,
		.opcode = command->opcode,
		.kind = command->kind,
	};
	__u64 *count = bpf_map_lookup_elem(&stoq_statuses, &key), one = 1;

	if (!count && bpf_map_update_elem(&stoq_statuses, &key, &one, BPF_NOEXIST) == 0)
		return;
	if (!count)
		count = bpf_map_lookup_elem(&stoq_statuses, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline void stoq_series_time(struct stoq_series *series, __u64 latency_ns)
{
	__u32 bucket;

	series->latency_sum_ns += latency_ns;
	if (latency_ns > series->latency_max_ns)
		series->latency_max_ns = latency_ns;
	bucket = stoq_latency_bucket(latency_ns);
	/* The compiler derives the bound and would leave the check out; the verifier does not. */
	asm volatile("" : "+r"(bucket));
	if (bucket < STOQ_LATENCY_BUCKETS)
		series->buckets[bucket]++;
}

static __always_inline void stoq_series_add(struct stoq_series *series,
	const struct stoq_command *command, __u64 latency_ns, __u16 status)
{
	series->commands++;
	if (status)
		series->errors++;
	else
		series->bytes += command->bytes;
	if (!command->untimed)
		stoq_series_time(series, latency_ns);
}

static __always_inline void stoq_report_command(struct stoq_cpu *cpu, __u32 uid, __u16 cid,
	const struct stoq_command *command, __u64 latency_ns, __u16 cqe_status)
{
	struct stoq_event_command *event = bpf_ringbuf_reserve(&stoq_events,
		STOQ_STAGED ? sizeof(struct stoq_event_staged) : sizeof(struct stoq_event_command),
		0);

	if (!event) {
		stoq_count(cpu, STOQ_COUNT_EVENTS_LOST, 1);
		return;
	}
	*event = (struct stoq_event_command){
		.type = STOQ_EVENT_COMMAND,
		.uid = uid,
		.start_ns = cpu->now_ns - latency_ns,
		.latency_ns = latency_ns,
		.slba = command->slba,
		.nsid = command->nsid,
		.bytes = command->bytes,
		.blocks = command->blocks,
		.sequence = command->sequence,
		.cid = cid,
		.status = nvme_status_code(cqe_status),
		.opcode = command->opcode,
		.kind = command->kind,
		.fctype = command->opcode == NVME_OPCODE_FABRICS ? command->fctype : 0,
		.dnr = cqe_status & NVME_CQE_STATUS_DNR ? 1 : 0,
		.staged = STOQ_STAGED,
	};
	if (STOQ_STAGED)
		((struct stoq_event_staged *)event)->stages = cpu->stages;
	bpf_ringbuf_submit(event, 0);
}

/* A command of flow uid has ended now, with this status field of its CQE (0: success). */
static __always_inline void stoq_command_count(struct stoq_cpu *cpu, __u32 uid, __u16 cid,
	const struct stoq_command *command, __u16 cqe_status)
{
	__u64 latency_ns = (cpu->now_ns - command->start_ns) & (STOQ_SLOT_TIME - 1);
	struct stoq_series *series = stoq_series_get(cpu, uid, command);
	__u16 status = nvme_status_code(cqe_status);

	if (series)
		stoq_series_add(series, command, latency_ns, status);
	if (STOQ_STAGED && series && !command->untimed)
		stoq_stages_end(cpu, (struct stoq_series_staged *)series,
			stoq_course_owner(uid, cid), latency_ns);
	if (!stoq_hook_is_wanted(command))
		return;
	if (status)
		stoq_count_status(uid, command, status);
	if ((status && stoq_report_errors) || (latency_ns >= stoq_slow_ns && !command->untimed))
		stoq_report_command(cpu, uid, cid, command, latency_ns, cqe_status);
}
