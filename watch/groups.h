/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A growing set of groups, found by identity. */
#include "flow/model.h"

struct stoq_groups {
	struct stoq_group *items;
	size_t count;
	size_t capacity;
	uint32_t *index;   /* open addressing; item + 1, 0: free */
	size_t index_size; /* a power of two, at least twice the count */
};

void stoq_groups_free(struct stoq_groups *groups);

/* Empties it, keeps the memory. */
void stoq_groups_clear(struct stoq_groups *groups);

/*
 * The group of commands of this identity, as far as the axis tells identities apart: made if needed, valid until the
 * next call. NULL: no memory.
 */
struct stoq_group *stoq_groups_of(
	struct stoq_groups *groups, const struct stoq_identity *identity, enum stoq_axis axis);

/*
 * By what the order is about, most first, in the interval (whole: in total), then by the other of the
 * two. Lookups by identity end with this.
 */
void stoq_groups_sort(struct stoq_groups *groups, enum stoq_order order, bool whole);

/* Sums up all but the first `top` groups in *others; returns how many there are. Statistics and outstanding. */
size_t stoq_groups_fold(struct stoq_groups *groups, size_t top, struct stoq_group *others);

/* Adds what other holds. */
void stoq_statistics_add(struct stoq_statistics *statistics, const struct stoq_statistics *other);
