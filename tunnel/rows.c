// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef char row_key[STOQ_ROW_LABELS][STOQ_ROW_LABEL_BYTES];

static const row_key others = {"others", "others", "others", "others"};

static struct stoq_row *find(struct stoq_rows *rows, const void *key)
{
	struct stoq_row *row;

	HASH_FIND(hh, rows->first, key, sizeof(row->labels), row);
	return row;
}

/* NULL: no memory. */
static struct stoq_row *find_or_add(struct stoq_rows *rows, const void *key)
{
	struct stoq_row *row = find(rows, key);

	if (!row && rows->count >= rows->max) {
		key = others;
		row = find(rows, key);
	}
	if (row)
		return row;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	rows->count++;
	memcpy(row->labels, key, sizeof(row->labels));
	HASH_ADD(hh, rows->first, labels, sizeof(row->labels), row);
	return row;
}

struct stoq_row *stoq_row_of(struct stoq_rows *rows, const char *const labels[STOQ_ROW_LABELS])
{
	row_key key = {{0}};

	for (unsigned int i = 0; i < STOQ_ROW_LABELS; i++)
		snprintf(key[i], STOQ_ROW_LABEL_BYTES, "%s", labels[i]);
	return find_or_add(rows, key);
}

bool stoq_rows_add_values(
	struct stoq_rows *into, const struct stoq_row *row, const uint64_t values[STOQ_ROW_VALUES])
{
	struct stoq_row *sum = find_or_add(into, row->labels);

	for (unsigned int i = 0; sum && i < STOQ_ROW_VALUES; i++)
		sum->values[i] += values[i];
	return sum;
}

bool stoq_rows_add(struct stoq_rows *into, const struct stoq_rows *from)
{
	bool all = true;

	for (const struct stoq_row *row = from->first; row; row = row->hh.next)
		all &= stoq_rows_add_values(into, row, row->values);
	return all;
}

void stoq_rows_free(struct stoq_rows *rows)
{
	struct stoq_row *row = rows->first, *next;

	HASH_CLEAR(hh, rows->first);
	for (; row; row = next) {
		next = row->hh.next;
		free(row);
	}
}
