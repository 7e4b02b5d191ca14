// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two records, joined, with little memory: whatever is in them, every command is accounted for once, and
 * the parts are the whole. The first two input bytes divide the rest between the two.
 */
#include <stdlib.h>
#include <string.h>

#include "join/join.h"
#include "join/render.h"
#include "join/render_json.h"
#include "mend.h"
#include "require.h"

static uint64_t alone(const struct stoq_join_alone *counts)
{
	return counts->connection + counts->nameless + counts->outside + counts->missing +
	       counts->ambiguous + counts->different + counts->longer;
}

static void check(const struct stoq_join *join)
{
	struct stoq_join_names names = {{"a", "b"}, {"c", "d"}, {{0}, {0}}};
	const struct stoq_join_group *all = &join->overall;
	char *text = stoq_join_render_json(join, &names);

	for (int side = 0; side < STOQ_JOIN_SIDES; side++)
		require(stoq_join_matched(join) + alone(&join->alone[side]) ==
			join->commands[side]);
	require(all->total.sum_ns == all->target.sum_ns + all->between.sum_ns);
	require(text);
	free(text);
}

static struct stoq_record_reader *open_part(uint8_t *bytes, size_t size)
{
	struct stoq_record_reader *reader;
	struct stoq_error error;
	FILE *file = size ? fmemopen(bytes, size, "rb") : NULL;

	if (!file || stoq_record_open_stream(&reader, file, "input", &error))
		return NULL;
	return reader;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct stoq_record_reader *readers[STOQ_JOIN_SIDES];
	struct stoq_join_maps maps = {0};
	struct stoq_join join;
	struct stoq_error error;
	uint8_t *copies[STOQ_JOIN_SIDES];
	size_t sizes[STOQ_JOIN_SIDES];

	if (size < 4)
		return 0;
	sizes[0] = (size_t)(bytes[0] << 8 | bytes[1]) % (size - 2);
	sizes[1] = size - 2 - sizes[0];
	for (int side = 0; side < STOQ_JOIN_SIDES; side++) {
		copies[side] = malloc(sizes[side] + 1);
		require(copies[side]);
		memcpy(copies[side], bytes + 2 + (side ? sizes[0] : 0), sizes[side]);
		mend_record(copies[side], sizes[side]);
		readers[side] = open_part(copies[side], sizes[side]);
	}
	if (readers[0] && readers[1]) {
		if (stoq_join_run(&join, readers, &maps, 8, &error) == 0)
			check(&join);
		stoq_join_free(&join);
	}
	for (int side = 0; side < STOQ_JOIN_SIDES; side++) {
		stoq_record_close(readers[side]);
		free(copies[side]);
	}
	return 0;
}
