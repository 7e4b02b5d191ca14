/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Counters by labels, for metrics: a bounded list of rows, which stay until the end, so that no counter falls. The first ones have
 * rows of their own, all later ones share that of "others". Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/hash_table.h"

#define STOQ_ROW_LABELS	     4
#define STOQ_ROW_LABEL_BYTES 256 /* a longer label is cut */
#define STOQ_ROW_VALUES	     8

struct stoq_row {
	uint64_t values[STOQ_ROW_VALUES];
	char labels[STOQ_ROW_LABELS][STOQ_ROW_LABEL_BYTES]; /* the rest of each is 0 */
	UT_hash_handle hh; /* hh.next: in the order in which they came */
};

struct stoq_rows {
	struct stoq_row *first;
	unsigned int count, max; /* max: of rows of their own */
};

/* The row with these labels, which stays where it is. NULL: no memory. */
struct stoq_row *stoq_row_of(struct stoq_rows *rows, const char *const labels[STOQ_ROW_LABELS]);
/* Adds all rows to those of another list. False: no memory. */
bool stoq_rows_add(struct stoq_rows *into, const struct stoq_rows *from);
bool stoq_rows_add_values(
	struct stoq_rows *into, const struct stoq_row *row, const uint64_t values[STOQ_ROW_VALUES]);
void stoq_rows_free(struct stoq_rows *rows);
