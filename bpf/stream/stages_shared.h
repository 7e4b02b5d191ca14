/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Where a command's time goes, as its PDUs show it at one place of the wire. At each moment a
 * command is in one stage; each of its PDUs ends a stretch of time, which belongs to one stage. So
 * the stages of a command add up to its latency, whatever PDUs it has, in whatever order.
 *
 * For C and BPF alike: a program that follows a capture has the same stages as the tc program.
 */
#include <linux/types.h>

#include "base/latency_bucket.h"
#include "nvme/nvme_types.h"

enum stoq_stage {
	/* From the command, or from the last data that was asked for, to the controller's next word:
	 * R2T, the first data of a read, or the completion of a command that had neither. */
	STOQ_STAGE_ANSWER = 0,
	STOQ_STAGE_HOST = 1, /* from the R2T to the header of the host's data */
	STOQ_STAGE_DATA = 2, /* from the first header of data to the last byte of data */
	STOQ_STAGE_END = 3,  /* from there to the completion */
	STOQ_STAGES = 4,
};

/* The stages of a command that has ended; their sum is its latency. */
struct stoq_stages {
	__u64 ns[STOQ_STAGES];
};
NVME_ASSERT_SIZE(struct stoq_stages, 32);

/*
 * How far a command has come. There is one from its first R2T or data on; a command that has
 * neither is in its first stage all the time. As large as a cache line.
 */
struct stoq_course {
	__u64 owner;	/* the keeper's: whose it is; 0: free */
	__u64 first_ns; /* when it began: the command's time before belongs to its first stage */
	__u64 mark_ns;	/* up to here the time is in ns */
	struct stoq_stages stages;
	__u32 wanted; /* bytes that R2Ts asked for and that have not come */
	__u32 stage;  /* enum stoq_stage: what the time from mark_ns on belongs to */
};
NVME_ASSERT_SIZE(struct stoq_course, 64);

/* Time up to now belonged to this stage. */
static inline __attribute__((always_inline)) void stoq_course_mark(
	struct stoq_course *course, __u32 stage, __u64 now_ns)
{
	course->stages.ns[stage & (STOQ_STAGES - 1)] += now_ns - course->mark_ns;
	course->mark_ns = now_ns;
}

/* A course begins, with the first R2T or data. */
static inline __attribute__((always_inline)) void stoq_course_begin(
	struct stoq_course *course, __u64 now_ns)
{
	course->first_ns = now_ns;
	course->mark_ns = now_ns;
	course->stages = (struct stoq_stages){{0}};
	course->wanted = 0;
	course->stage = STOQ_STAGE_ANSWER;
}

/* An R2T for so many bytes. While data of an earlier one flows, that goes on. */
static inline __attribute__((always_inline)) void stoq_course_r2t(
	struct stoq_course *course, __u32 bytes, __u64 now_ns)
{
	stoq_course_mark(course,
		course->stage == STOQ_STAGE_END ? STOQ_STAGE_ANSWER : course->stage, now_ns);
	course->wanted += bytes;
	if (course->stage != STOQ_STAGE_DATA)
		course->stage = STOQ_STAGE_HOST;
}

/* The header of a PDU with so many bytes of data. What lies between two of them is the stage of
 * data, too. */
static inline __attribute__((always_inline)) void stoq_course_data(
	struct stoq_course *course, __u32 bytes, __u64 now_ns)
{
	stoq_course_mark(
		course, course->stage == STOQ_STAGE_END ? STOQ_STAGE_DATA : course->stage, now_ns);
	course->wanted -= bytes < course->wanted ? bytes : course->wanted;
	course->stage = STOQ_STAGE_DATA;
}

/* The last byte of a PDU with data. More may be wanted. */
static inline __attribute__((always_inline)) void stoq_course_data_end(
	struct stoq_course *course, __u64 now_ns)
{
	stoq_course_mark(course, course->stage, now_ns);
	course->stage = course->wanted ? STOQ_STAGE_DATA : STOQ_STAGE_END;
}

/*
 * The command has ended: it began at start_ns, and took latency_ns. The stage that it was in has what
 * the others leave of that: two CPUs may have written at once, and the sum is right all the same.
 */
static inline __attribute__((always_inline)) void stoq_course_end(const struct stoq_course *course,
	__u64 start_ns, __u64 latency_ns, struct stoq_stages *stages)
{
	__u32 last = course->stage & (STOQ_STAGES - 1);
	__u64 left = latency_ns;

	*stages = course->stages;
	stages->ns[STOQ_STAGE_ANSWER] += course->first_ns - start_ns;
	stages->ns[last] = 0;
	for (__u32 i = 0; i < STOQ_STAGES; i++) {
		if (stages->ns[i] > left)
			stages->ns[i] = left;
		left -= stages->ns[i];
	}
	stages->ns[last] = left;
}

/*
 * Courses of commands, in a table that all flows share. A flow's queue of 128 commands has a page
 * of its own there, as long as no flow is 1,024 connections older; deeper queues have more pages,
 * which they may share. The later command has the place: the earlier one's time is in its first
 * stage then, and that is counted.
 */
#define STOQ_COURSE_PAGE_SHIFT 7

static inline __u32 stoq_course_index(__u32 uid, __u16 cid, __u32 mask)
{
	__u32 page = uid ^ (__u32)(cid >> STOQ_COURSE_PAGE_SHIFT) * 0x9e3779b1u >> 7;

	return (page << STOQ_COURSE_PAGE_SHIFT | (cid & ((1u << STOQ_COURSE_PAGE_SHIFT) - 1))) &
	       mask;
}

static inline __u64 stoq_course_owner(__u32 uid, __u16 cid)
{
	return (__u64)uid << 16 | cid;
}

/* ---- what is counted per series ---- */

/* Buckets of base/latency_bucket.h, four to one: at most 1/4 as wide as their value. */
#define STOQ_STAGE_BUCKET_SHIFT 2
#define STOQ_STAGE_BUCKETS	((STOQ_LATENCY_OVERFLOW >> STOQ_STAGE_BUCKET_SHIFT) + 1)

struct stoq_stage_series {
	__u64 commands; /* that had time in this stage */
	__u64 sum_ns;
	__u64 max_ns;
	__u64 buckets[STOQ_STAGE_BUCKETS];
};
