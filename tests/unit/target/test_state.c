// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/state.h"

struct fixture {
	char folder[64], path[96];
	struct stoq_target_state state, loaded;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct stoq_target_config config;

	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/stoq-state-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/state.json", fixture->folder);
	stoq_target_config_init(&config);
	config.address = "::1";
	config.port = 65535;
	stoq_target_parse_namespace(&config.namespaces[config.namespace_count++], "/a \"b\"", NULL);
	stoq_target_config_finish(&config, NULL);
	stoq_target_state_init(&fixture->state, &config);
	fixture->state.process = (struct stoq_process){1234, UINT64_MAX};
	snprintf(fixture->state.software, sizeof(fixture->state.software), "SPDK \"x\"");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	stoq_target_state_free(&fixture->state);
	unlink(fixture->path);
	rmdir(fixture->folder);
	free(fixture);
	return 0;
}

static void what_is_saved_is_loaded(void **state)
{
	struct fixture *fixture = *state;
	struct stoq_target_state *loaded = &fixture->loaded;

	fixture->state.phase = STOQ_TARGET_RUNNING;
	assert_int_equal(stoq_target_state_add_made(&fixture->state, "/first"), 0);
	assert_int_equal(stoq_target_state_add_made(&fixture->state, "/second"), 0);
	assert_int_equal(stoq_target_state_save(&fixture->state, fixture->path, NULL), 0);
	assert_int_equal(stoq_target_state_load(loaded, fixture->path, NULL), 0);
	assert_int_equal(loaded->phase, STOQ_TARGET_RUNNING);
	assert_int_equal(loaded->kind, STOQ_TARGET_SPDK);
	assert_string_equal(loaded->nqn, fixture->state.nqn);
	assert_string_equal(loaded->address, "::1");
	assert_int_equal(loaded->port, 65535);
	assert_string_equal(loaded->software, "SPDK \"x\"");
	assert_int_equal(loaded->process.pid, 1234);
	assert_true(loaded->process.start_time == UINT64_MAX);
	assert_int_equal(loaded->namespace_count, 1);
	assert_string_equal(loaded->namespaces[0].location, "/a \"b\"");
	assert_int_equal(loaded->made_count, 2);
	assert_string_equal(loaded->made[1], "/second");
	assert_true(stoq_target_state_is_of_this_boot(loaded));
	loaded->boot_id[0] ^= 1;
	assert_false(stoq_target_state_is_of_this_boot(loaded));
	stoq_target_state_free(loaded);
}

static void it_is_for_its_owner_only(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	assert_int_equal(stoq_target_state_save(&fixture->state, fixture->path, NULL), 0);
	assert_int_equal(stat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void the_journal_is_bounded(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < STOQ_TARGET_MADE_MAX; i++)
		assert_int_equal(stoq_target_state_add_made(&fixture->state, "/x"), 0);
	assert_int_equal(stoq_target_state_add_made(&fixture->state, "/x"), -ENOSPC);
}

static void write_text(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "we");

	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

/* A file cut off anywhere must never be believed. */
static void no_part_of_a_file_is_believed(void **state)
{
	struct fixture *fixture = *state;
	char text[4096];
	size_t length;
	FILE *file;

	assert_int_equal(stoq_target_state_add_made(&fixture->state, "/first"), 0);
	assert_int_equal(stoq_target_state_save(&fixture->state, fixture->path, NULL), 0);
	file = fopen(fixture->path, "re");
	length = fread(text, 1, sizeof(text), file);
	fclose(file);
	for (size_t i = 0; i < length; i++) {
		write_text(fixture->path, text, i);
		assert_int_equal(
			stoq_target_state_load(&fixture->loaded, fixture->path, NULL), -EPROTO);
	}
}

static void strange_files_are_refused(void **state)
{
	struct fixture *fixture = *state;
	const char *const wrong[] = {
		"", "[]", "null", "7", "{}", "{\"kind\":\"spdk\"}", "{\"kind\":7,\"phase\":null}"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		write_text(fixture->path, wrong[i], strlen(wrong[i]));
		assert_int_equal(
			stoq_target_state_load(&fixture->loaded, fixture->path, NULL), -EPROTO);
	}
	unlink(fixture->path);
	assert_int_equal(stoq_target_state_load(&fixture->loaded, fixture->path, NULL), -ENOENT);
}

static void long_folders_are_refused(void **state)
{
	struct stoq_target_paths paths;

	assert_int_equal(stoq_target_paths_set(&paths, "/run/stoq", "a", NULL), 0);
	assert_string_equal(paths.socket, "/run/stoq/target-a/rpc.sock");
	assert_int_equal(stoq_target_paths_set(&paths, "run", "a", NULL), -EINVAL);
	assert_int_equal(
		stoq_target_paths_set(&paths,
			"/run/a-folder-so-long-that-the-path-of-a-socket-in-it-does-not-fit"
			"/into-the-108-bytes-of-it",
			"a", NULL),
		-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_saved_is_loaded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_is_for_its_owner_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_journal_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_part_of_a_file_is_believed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(strange_files_are_refused, set_up, tear_down),
		cmocka_unit_test(long_folders_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
