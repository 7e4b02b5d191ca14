// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const others[STOQ_ROW_LABELS] = {"others", "others", "others", "others"};

static bool has_labels(const struct stoq_row *row, const char *const labels[STOQ_ROW_LABELS])
{
	for (unsigned int i = 0; i < STOQ_ROW_LABELS; i++)
		if (strncmp(row->labels[i], labels[i], STOQ_ROW_LABEL_BYTES - 1) != 0)
			return false;
	return true;
}

struct stoq_row *stoq_row_of(struct stoq_rows *rows, const char *const labels[STOQ_ROW_LABELS])
{
	struct stoq_row **place = &rows->first;

	for (; *place; place = &(*place)->next)
		if (has_labels(*place, labels))
			return *place;
	if (rows->count >= rows->max && labels != others)
		return stoq_row_of(rows, others);
	*place = calloc(1, sizeof(**place));
	if (!*place)
		return NULL;
	rows->count++;
	for (unsigned int i = 0; i < STOQ_ROW_LABELS; i++)
		snprintf((*place)->labels[i], STOQ_ROW_LABEL_BYTES, "%s", labels[i]);
	return *place;
}

bool stoq_rows_add_values(
	struct stoq_rows *into, const struct stoq_row *row, const uint64_t values[STOQ_ROW_VALUES])
{
	const char *labels[STOQ_ROW_LABELS];
	struct stoq_row *sum;

	for (unsigned int i = 0; i < STOQ_ROW_LABELS; i++)
		labels[i] = row->labels[i];
	sum = stoq_row_of(into, labels);
	for (unsigned int i = 0; sum && i < STOQ_ROW_VALUES; i++)
		sum->values[i] += values[i];
	return sum;
}

bool stoq_rows_add(struct stoq_rows *into, const struct stoq_rows *from)
{
	bool all = true;

	for (const struct stoq_row *row = from->first; row; row = row->next)
		all &= stoq_rows_add_values(into, row, row->values);
	return all;
}

void stoq_rows_free(struct stoq_rows *rows)
{
	while (rows->first) {
		struct stoq_row *row = rows->first;

		rows->first = row->next;
		free(row);
	}
}
