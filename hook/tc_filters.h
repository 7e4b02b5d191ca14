/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The BPF filters of an interface's clsact qdisc, asked of the kernel (rtnetlink). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STOQ_TC_FILTERS_MAX 64

struct stoq_tc_filter {
	uint32_t program_id; /* 0: not a BPF filter */
	uint32_t handle;
	uint32_t priority;
};

/*
 * Filters on one side of the interface's clsact. *count becomes their number; more than
 * STOQ_TC_FILTERS_MAX are counted, not stored. 0 or a negative errno; no clsact: 0 filters.
 */
int stoq_tc_filters_list(int ifindex, bool ingress,
	struct stoq_tc_filter filters[static STOQ_TC_FILTERS_MAX], size_t *count);

/* Calls seen with each stored filter of both sides. 0, or the errno of a side that cannot be read.
 */
int stoq_tc_filters_each(int ifindex,
	void (*seen)(void *context, bool ingress, const struct stoq_tc_filter *filter),
	void *context);
