/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The stages of commands (stages_shared.h), in objects where STOQ_STAGED is 1.
 *
 * A command has a course from its first R2T or data on. For a read only the controller's side
 * touches it, so that no cache line travels for it. It is not kept in the command's slot: the slots
 * are small so that neighbours share a line, and commands without data need no course at all.
 *
 * Both sides write the course of a write: the controller's at an R2T and at the end, the host's at
 * the data. One follows from the other, so they meet only where a controller sends an R2T while data
 * of an earlier one of the same command are under way; a stretch of time may then be counted in the
 * neighbouring stage. The sum is right in any case (stoq_course_end()).
 */
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

/* A course that has stood still for so long is that of a command that will not end: hosts abort
 * commands after 30 s unless configured otherwise. */
#define STOQ_COURSE_STALE_NS 120000000000ull

/* As many as there are shared slots. What can be mapped begins at a page: a course is in one cache line. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stoq_course);
} stoq_courses SEC(".maps");

/* Never NULL, which the verifier cannot derive. */
static __always_inline struct stoq_course *stoq_course_at(__u64 owner)
{
	__u32 at = stoq_course_index(owner >> 16, owner & 0xffff, stoq_command_mask);

	return bpf_map_lookup_elem(&stoq_courses, &at);
}

static __always_inline void stoq_course_take(
	struct stoq_course *course, struct stoq_cpu *cpu, __u64 owner)
{
	if (course->owner && course->owner != owner &&
		cpu->now_ns - course->mark_ns < STOQ_COURSE_STALE_NS)
		stoq_count(cpu, STOQ_COUNT_COURSES_FULL, 1);
	stoq_course_begin(course, cpu->now_ns);
	course->owner = owner;
}

/*
 * The course of the command of a PDU: the controller's side makes it if need be. Its slot is not
 * asked: the cache line would travel.
 */
static __always_inline struct stoq_course *stoq_course_of(
	struct stoq_flow *flow, struct stoq_cpu *cpu, __u16 cid, int make)
{
	__u64 owner = stoq_course_owner(flow->uid, cid);
	struct stoq_course *course = stoq_course_at(owner);

	if (!course || course->owner == owner)
		return course;
	if (cpu->side == NVME_TCP_FROM_HOST || !make)
		return 0;
	stoq_course_take(course, cpu, owner);
	return course;
}

/* What is known of a command's course is of no use: it will not be seen to end, or began unseen. */
__noinline int stoq_stage_forget(struct stoq_flow *flow, __u32 cid)
{
	struct stoq_course *course;
	__u64 owner;

	if (!flow)
		return 0;
	owner = stoq_course_owner(flow->uid, cid);
	course = stoq_course_at(owner);
	if (course && course->owner == owner)
		course->owner = 0;
	return 0;
}

/*
 * R2T, C2HData or H2CData, which ends before payload position `end`. What the others have is where
 * an R2T has its length. Data that complete their command at once need no course; if it has one,
 * they end its last stage.
 */
__noinline int stoq_stage_pdu(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_data_pdu *pdu, __u32 end)
{
	struct stoq_course *course;
	struct stoq_cursor *cursor;
	__u16 cid;
	int completes;

	if (!flow || !cpu || !pdu ||
		(pdu->hdr.type != NVME_TCP_R2T && pdu->hdr.type != NVME_TCP_C2H_DATA &&
			pdu->hdr.type != NVME_TCP_H2C_DATA))
		return 0;
	cid = nvme_le16(pdu->command_id);
	completes = pdu->hdr.type == NVME_TCP_C2H_DATA && (pdu->hdr.flags & NVME_TCP_FLAG_SUCCESS);
	course = stoq_course_of(flow, cpu, cid, !completes || end > cpu->payload_bytes);
	if (!course)
		return 0;
	if (pdu->hdr.type == NVME_TCP_R2T) {
		stoq_course_r2t(course, nvme_le32(pdu->data_length), cpu->now_ns);
		return 0;
	}
	stoq_course_data(course, nvme_le32(pdu->data_length), cpu->now_ns);
	if (completes)
		return 0;
	if (end <= cpu->payload_bytes) {
		stoq_course_data_end(course, cpu->now_ns);
		return 0;
	}
	cursor = &stoq_side(flow, cpu)->cursor;
	cursor->pending = STOQ_PENDING_DATA_END;
	cursor->pending_cid = cid;
	return 0;
}

/* The last byte of a PDU's data has passed, later than its header. */
__noinline int stoq_stage_data_end(struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 cid)
{
	struct stoq_course *course;
	__u64 owner;

	if (!flow || !cpu)
		return 0;
	owner = stoq_course_owner(flow->uid, cid);
	course = stoq_course_at(owner);
	if (course && course->owner == owner)
		stoq_course_data_end(course, cpu->now_ns);
	return 0;
}

static __always_inline void stoq_stage_count(struct stoq_stage_series *stage, __u64 ns)
{
	__u32 bucket;

	if (!ns)
		return;
	stage->commands++;
	stage->sum_ns += ns;
	if (ns > stage->max_ns)
		stage->max_ns = ns;
	bucket = stoq_latency_bucket(ns) >> STOQ_STAGE_BUCKET_SHIFT;
	/* As in stoq_series_time(). */
	asm volatile("" : "+r"(bucket));
	if (bucket < STOQ_STAGE_BUCKETS)
		stage->buckets[bucket]++;
}

/* A command has ended: counts its stages, and leaves them in cpu->stages. */
__noinline int stoq_stages_end(
	struct stoq_cpu *cpu, struct stoq_series_staged *series, __u64 owner, __u64 latency_ns)
{
	struct stoq_course *course = stoq_course_at(owner);
	__u64 start_ns;

	if (!cpu || !series || !course)
		return 0;
	start_ns = cpu->now_ns - latency_ns;
	if (course->owner == owner && (__s64)(course->first_ns - start_ns) >= 0)
		stoq_course_end(course, start_ns, latency_ns, &cpu->stages);
	else
		cpu->stages = (struct stoq_stages){{[STOQ_STAGE_ANSWER] = latency_ns}};
	if (course->owner == owner)
		course->owner = 0;
	for (__u32 i = 0; i < STOQ_STAGES; i++)
		stoq_stage_count(&series->stages[i], cpu->stages.ns[i]);
	return 0;
}
