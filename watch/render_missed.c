// SPDX-License-Identifier: BSD-2-Clause
#include "watch/render_missed.h"

#include <stdio.h>
#include <string.h>

#include "flow/text.h"

/* Room for the number and the longest of the words below. */
#define ITEM_SIZE 96

struct missed {
	uint64_t count;
	const char *noun, *words; /* "packet", " with too many PDUs" */
};

static void put_item(char out[static ITEM_SIZE], const struct missed *missed)
{
	char number[STOQ_TEXT_NUMBER];

	snprintf(out, ITEM_SIZE, "%s %s%s%s", stoq_text_count(number, missed->count), missed->noun,
		missed->count == 1 ? "" : "s", missed->words);
}

/* What there was of each, behind a heading, in as many rows as it takes; returns how many. */
static unsigned int draw_list(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const char *heading, const struct missed *all, size_t count)
{
	unsigned int used = 0, column = 0;

	for (size_t i = 0; i < count; i++) {
		char item[ITEM_SIZE];

		if (!all[i].count)
			continue;
		put_item(item, &all[i]);
		if (!used || column + 2 + strlen(item) > screen->width) {
			if (used == rows)
				break;
			column = stoq_screen_text(
				screen, row + used, 0, STOQ_WARN, used ? "        " : heading);
			used++;
		} else {
			column = stoq_screen_text(screen, row + used - 1, column, STOQ_WARN, "; ");
		}
		column = stoq_screen_text(screen, row + used - 1, column, STOQ_WARN, item);
	}
	return used;
}

static uint64_t violations(const struct stoq_model *model)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < STOQ_VIOLATIONS; i++)
		sum += model->violations[i];
	return sum;
}

unsigned int stoq_draw_missed(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_model *model)
{
	const uint64_t *counters = model->counters;
	const struct missed wrong[] = {
		{violations(model), "violation", " of the protocol"},
		{model->overlaps.found, "pair", " of overlapping writes"},
	};
	const struct missed failed[] = {
		{counters[STOQ_COUNT_NEGOTIATIONS_FAILED], "negotiation", " (ICReq, no command)"},
		{counters[STOQ_COUNT_HANDSHAKES_FAILED], "TLS handshake", ""},
	};
	const struct missed missed[] = {
		{model->unsynced_bytes, "byte", " not understood"},
		{model->unmatched, "completion", " of commands begun unseen"},
		{model->unended, "command", " not seen to end"},
		{model->untracked, "command", " untracked: raise --max-commands"},
		{counters[STOQ_COUNT_EARLY_FULL], "early segment", " not kept: raise --max-early"},
		{counters[STOQ_COUNT_FLOWS_FULL], "flow", " not followed: raise --max-flows"},
		{counters[STOQ_COUNT_SERIES_FULL], "command", " not grouped: raise --max-series"},
		{counters[STOQ_COUNT_COURSES_FULL], "command",
			" without stages: raise --max-commands"},
		{counters[STOQ_COUNT_CHECKS_FULL], "command", " not checked: raise --max-commands"},
		{model->header_digests.unchecked, "header digest", " not checked"},
		{model->data_digests.unchecked, "data digest", " not checked"},
		{model->overlaps.unnamed, "write", " not compared, subsystem not known"},
		{model->overlaps.full + model->overlaps.lost, "write",
			" not compared with all others"},
		{counters[STOQ_COUNT_CONTENDED], "packet", " passed over, two CPUs at one flow"},
		{counters[STOQ_COUNT_MALFORMED], "malformed packet", ""},
		{counters[STOQ_COUNT_PDU_LIMIT], "packet", " with too many PDUs"},
		{counters[STOQ_COUNT_FRAGMENTS], "IP fragment", " not looked at"},
		{counters[STOQ_COUNT_EVENTS_LOST], "event", " lost"},
	};
	unsigned int used =
		draw_list(screen, row, rows, "Wrong:  ", wrong, sizeof(wrong) / sizeof(wrong[0]));

	used += draw_list(screen, row + used, rows - used, "Failed: ", failed,
		sizeof(failed) / sizeof(failed[0]));
	return used + draw_list(screen, row + used, rows - used, "Missed: ", missed,
			      sizeof(missed) / sizeof(missed[0]));
}
