// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any file is a target's state, or an error that names it; and what was read is what is read again
 * after it has been written.
 */
#include <string.h>

#include "file.h"
#include "require.h"
#include "target/state.h"

static void expect_same(const struct stoq_target_state *one, const struct stoq_target_state *other)
{
	require(one->kind == other->kind && one->phase == other->phase && one->port == other->port);
	require(!strcmp(one->name, other->name) && !strcmp(one->nqn, other->nqn));
	require(!strcmp(one->address, other->address) && !strcmp(one->boot_id, other->boot_id));
	require(!strcmp(one->software, other->software));
	require(one->process.pid == other->process.pid &&
		one->process.start_time == other->process.start_time);
	require(one->namespace_count == other->namespace_count);
	require(!memcmp(one->namespaces, other->namespaces, sizeof(one->namespaces)));
	require(one->made_count == other->made_count);
	for (size_t i = 0; i < one->made_count; i++)
		require(!strcmp(one->made[i], other->made[i]));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const char *path = file_path("state.json");
	struct stoq_target_state state, again;
	struct stoq_error error = {0};

	file_write("state.json", data, size);
	if (stoq_target_state_load(&state, path, &error)) {
		require(error.code && strstr(error.text, path));
		return 0;
	}
	require(!stoq_target_state_save(&state, path, &error));
	require(!stoq_target_state_load(&again, path, &error));
	expect_same(&state, &again);
	stoq_target_state_free(&state);
	stoq_target_state_free(&again);
	return 0;
}
