/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What finding differences (diff.c, diff_axes.c) and reporting them (diff_report.c) share. */
#include "guard/diff.h"
#include "guard/explain.h"

#define STOQ_DIFF_LABEL 256

/* Hosts, or subsystems, that both policies treat alike. */
struct stoq_diff_name {
	char label[STOQ_DIFF_LABEL]; /* an NQN, "nqn.x:db*", "any other", "not known" */
	uint16_t class[2];	     /* before and after */
	size_t listed;		     /* of lists: how many names are alike; 0: not a list */
};

/* Commands that the same rules of each policy have. */
struct stoq_diff_command {
	uint8_t table, code; /* one of them */
	uint8_t touches;
	uint64_t codes[STOQ_GUARD_TABLES][4]; /* all of them */
};

struct stoq_diff_axes {
	struct stoq_diff_name *hosts, *subsystems;
	size_t host_count, subsystem_count;
	struct stoq_diff_command commands[STOQ_GUARD_TABLES * 256];
	size_t command_count;
	uint32_t *nsids; /* that rules name, ascending; then 0 for any other, then all */
	size_t nsid_count;
	uint64_t *blocks; /* where something else begins, ascending; the first is 0 */
	size_t block_count;
};

/* What decides before, and what after; and for which commands. Bits of words, by index of axes. */
struct stoq_diff_change {
	struct stoq_guard_decision decision[2];
	uint64_t *hosts, *subsystems, *nsids, *blocks;
	uint64_t codes[STOQ_GUARD_TABLES][4];
	bool has_blocks; /* some of the commands have a range */
	bool spanning;	 /* it is commands that touch several of the ranges at once */
};

struct stoq_guard_diff {
	const struct stoq_guard_source *side[2];
	struct stoq_diff_axes axes;
	struct stoq_diff_change *changes;
	size_t count, capacity;
	uint64_t compared, most;
};

static inline size_t stoq_diff_words(size_t bits)
{
	return (bits + 63) / 64;
}

static inline bool stoq_diff_has(const uint64_t *words, size_t bit)
{
	return words[bit / 64] >> (bit % 64) & 1;
}

static inline void stoq_diff_set(uint64_t *words, size_t bit)
{
	words[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* 0 or -ENOMEM; free the axes in either case. */
int stoq_diff_axes_fill(
	struct stoq_diff_axes *axes, const struct stoq_guard_source *const side[static 2]);
void stoq_diff_axes_free(struct stoq_diff_axes *axes);
