// SPDX-License-Identifier: BSD-2-Clause
/*
 * nvmet's configuration on an ordinary folder. Making a folder there also makes the attribute
 * files that configfs would, and removing it removes them.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
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

#include "target/nvmet.h"

#define NQN  "nqn.2014-08.org.nvmexpress:stoq-default"
#define HOST "nqn.2014-08.org.nvmexpress:host"

/* After so many folders, making one fails. */
static int folders_left;

struct fixture {
	char folder[64], root[96], dev[96], state_path[96];
	struct stoq_configfs configfs;
	struct stoq_target_config config;
	struct stoq_target_state state;
	struct stoq_error error;
};

static void make_file(const char *folder, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_child(const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void fill_in(const char *path)
{
	if (strstr(path, "/nullb/")) {
		const char *const names[] = {"size", "blocksize", "memory_backed", "irqmode",
			"completion_nsec", "power"};

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			make_file(path, names[i], "");
		make_file(path, "index", "5\n");
	} else if (strstr(path, "/namespaces/")) {
		make_file(path, "device_path", "");
		make_file(path, "enable", "0\n");
	} else if (strstr(path, "/ports/")) {
		make_file(path, "addr_trtype", "");
		make_file(path, "addr_adrfam", "");
		make_file(path, "addr_traddr", "");
		make_file(path, "addr_trsvcid", "");
		make_child(path, "subsystems");
	} else if (strstr(path, "/subsystems/")) {
		make_file(path, "attr_allow_any_host", "0\n");
		make_child(path, "namespaces");
		make_child(path, "allowed_hosts");
	}
}

static int make_folder(const char *path)
{
	if (folders_left-- == 0) {
		errno = ENOMEM;
		return -1;
	}
	if (mkdir(path, 0755))
		return -1;
	fill_in(path);
	return 0;
}

/* As configfs: attributes and default folders go along, what users made does not. */
static int remove_folder(const char *path)
{
	char child[768];
	struct dirent *entry;
	DIR *entries = opendir(path);

	if (!entries)
		return -1;
	while ((entry = readdir(entries))) {
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_REG)
			unlink(child);
		else if (entry->d_name[0] != '.')
			rmdir(child);
	}
	closedir(entries);
	return rmdir(path);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *const children[] = {"config", "config/nvmet", "config/nvmet/subsystems",
		"config/nvmet/ports", "config/nvmet/hosts", "config/nullb", "dev"};

	folders_left = 1000;
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/stoq-nvmet-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
		make_child(fixture->folder, children[i]);
	snprintf(fixture->root, sizeof(fixture->root), "%s/config", fixture->folder);
	snprintf(fixture->dev, sizeof(fixture->dev), "%s/dev", fixture->folder);
	snprintf(
		fixture->state_path, sizeof(fixture->state_path), "%s/state.json", fixture->folder);
	make_file(fixture->dev, "nullb5", "");
	make_file(fixture->dev, "disk", "");
	fixture->configfs =
		(struct stoq_configfs){fixture->root, fixture->dev, make_folder, remove_folder};
	stoq_target_config_init(&fixture->config);
	fixture->config.kind = STOQ_TARGET_KERNEL;
	assert_int_equal(stoq_target_config_finish(&fixture->config, NULL), 0);
	*state = fixture;
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	stoq_target_state_free(&fixture->state);
	nftw(fixture->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(fixture);
	return 0;
}

static int start(struct fixture *fixture)
{
	stoq_target_state_init(&fixture->state, &fixture->config);
	return stoq_nvmet_start(&fixture->configfs, &fixture->config, fixture->state_path,
		&fixture->state, &fixture->error);
}

/* From the state file, as another process would. */
static int stop(struct fixture *fixture)
{
	stoq_target_state_free(&fixture->state);
	assert_int_equal(
		stoq_target_state_load(&fixture->state, fixture->state_path, &fixture->error), 0);
	return stoq_nvmet_stop(
		&fixture->configfs, fixture->state_path, &fixture->state, &fixture->error);
}

static void assert_holds(struct fixture *fixture, const char *name, const char *text)
{
	char path[768], content[128] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", fixture->root, name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_true(fgets(content, sizeof(content), file) != NULL);
	fclose(file);
	assert_string_equal(content, text);
}

static bool exists(struct fixture *fixture, const char *name)
{
	struct stat status;
	char path[768];

	snprintf(path, sizeof(path), "%s/%s", fixture->root, name);
	return lstat(path, &status) == 0;
}

static int entries_in(struct fixture *fixture, const char *name)
{
	struct dirent **entries;
	char path[768];
	int count;

	snprintf(path, sizeof(path), "%s/%s", fixture->root, name);
	count = scandir(path, &entries, NULL, NULL);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return count - 2;
}

static void assert_clean(struct fixture *fixture)
{
	assert_int_equal(entries_in(fixture, "nvmet/subsystems"), 0);
	assert_int_equal(entries_in(fixture, "nvmet/ports"), 0);
	assert_int_equal(entries_in(fixture, "nvmet/hosts"), 0);
	assert_int_equal(entries_in(fixture, "nullb"), 0);
}

static void a_target_comes_and_goes(void **state)
{
	struct fixture *fixture = *state;
	char device[128];

	snprintf(device, sizeof(device), "%s/nullb5", fixture->dev);
	assert_int_equal(start(fixture), 0);
	assert_true(stoq_nvmet_is_there(&fixture->state));
	assert_holds(fixture, "nullb/stoq0/size", "64");
	assert_holds(fixture, "nullb/stoq0/blocksize", "512");
	assert_holds(fixture, "nullb/stoq0/memory_backed", "1");
	assert_holds(fixture, "nullb/stoq0/power", "1");
	assert_holds(fixture, "nvmet/subsystems/" NQN "/attr_allow_any_host", "1\n");
	assert_holds(fixture, "nvmet/subsystems/" NQN "/namespaces/1/device_path", device);
	assert_holds(fixture, "nvmet/subsystems/" NQN "/namespaces/1/enable", "1\n");
	assert_holds(fixture, "nvmet/ports/1/addr_trtype", "tcp");
	assert_holds(fixture, "nvmet/ports/1/addr_adrfam", "ipv4");
	assert_holds(fixture, "nvmet/ports/1/addr_traddr", "127.0.0.1");
	assert_holds(fixture, "nvmet/ports/1/addr_trsvcid", "4420");
	assert_true(exists(fixture, "nvmet/ports/1/subsystems/" NQN));
	assert_int_equal(stop(fixture), 0);
	assert_clean(fixture);
	assert_false(stoq_nvmet_is_there(&fixture->state));
}

static void named_hosts_and_delays(void **state)
{
	struct fixture *fixture = *state;

	fixture->config.any_host = false;
	fixture->config.hosts[fixture->config.host_count++] = HOST;
	fixture->config.hosts[fixture->config.host_count++] = HOST;
	fixture->config.address = "::1";
	assert_int_equal(stoq_target_parse_delay(&fixture->config, "250us", NULL), 0);
	assert_int_equal(start(fixture), 0);
	assert_holds(fixture, "nvmet/subsystems/" NQN "/attr_allow_any_host", "0\n");
	assert_true(exists(fixture, "nvmet/subsystems/" NQN "/allowed_hosts/" HOST));
	assert_holds(fixture, "nullb/stoq0/irqmode", "2");
	assert_holds(fixture, "nullb/stoq0/completion_nsec", "250000");
	assert_holds(fixture, "nvmet/ports/1/addr_adrfam", "ipv6");
	assert_int_equal(stop(fixture), 0);
	assert_clean(fixture);
}

/* Everything of the same kind that someone else made stays, and is worked around. */
static void what_is_not_ours_stays(void **state)
{
	struct fixture *fixture = *state;
	char path[512];

	make_child(fixture->root, "nvmet/ports/1");
	make_child(fixture->root, "nvmet/hosts/" HOST);
	snprintf(path, sizeof(path), "%s/nullb/stoq0", fixture->root);
	assert_int_equal(mkdir(path, 0755), 0);
	fixture->config.any_host = false;
	fixture->config.hosts[fixture->config.host_count++] = HOST;
	assert_int_equal(start(fixture), 0);
	assert_true(exists(fixture, "nullb/stoq1/size"));
	assert_true(exists(fixture, "nvmet/ports/2/subsystems/" NQN));
	assert_int_equal(stop(fixture), 0);
	assert_true(exists(fixture, "nvmet/ports/1"));
	assert_true(exists(fixture, "nvmet/hosts/" HOST));
	assert_true(exists(fixture, "nullb/stoq0"));
	assert_false(exists(fixture, "nullb/stoq1"));
	assert_false(exists(fixture, "nvmet/ports/2"));
}

static void a_foreign_subsystem_is_not_taken_over(void **state)
{
	struct fixture *fixture = *state;

	make_child(fixture->root, "nvmet/subsystems/" NQN);
	assert_int_equal(start(fixture), -EEXIST);
	assert_non_null(strstr(fixture->error.text, "--nqn"));
	assert_int_equal(fixture->state.made_count, 0);
	assert_true(exists(fixture, "nvmet/subsystems/" NQN));
}

/* Wherever the way to a target breaks off, stop takes back what there is. */
static void every_broken_start_is_taken_back(void **state)
{
	struct fixture *fixture = *state;
	int steps = 0;

	fixture->config.any_host = false;
	fixture->config.hosts[fixture->config.host_count++] = HOST;
	for (;; steps++) {
		folders_left = steps;
		if (start(fixture) == 0)
			break;
		assert_int_equal(fixture->error.code, -ENOMEM);
		assert_int_equal(stop(fixture), 0);
		assert_clean(fixture);
	}
	assert_int_equal(steps, 5); /* subsystem, null_blk, namespace, host, port */
	folders_left = 1000;
	assert_int_equal(stop(fixture), 0);
	assert_clean(fixture);
}

static void a_disk_must_be_there(void **state)
{
	struct fixture *fixture = *state;
	struct stoq_target_namespace *namespace = &fixture->config.namespaces[0];

	namespace->medium = STOQ_MEDIUM_PATH;
	snprintf(namespace->location, sizeof(namespace->location), "%s/none", fixture->dev);
	assert_int_equal(start(fixture), -ENOENT);
	assert_non_null(strstr(fixture->error.text, namespace->location));
	assert_int_equal(stop(fixture), 0);
	snprintf(namespace->location, sizeof(namespace->location), "%s/disk", fixture->dev);
	assert_int_equal(start(fixture), 0);
	assert_holds(
		fixture, "nvmet/subsystems/" NQN "/namespaces/1/device_path", namespace->location);
	assert_int_equal(entries_in(fixture, "nullb"), 0);
	assert_int_equal(stop(fixture), 0);
	assert_clean(fixture);
}

static void what_is_gone_already_is_fine(void **state)
{
	struct fixture *fixture = *state;
	char path[768];

	assert_int_equal(start(fixture), 0);
	snprintf(path, sizeof(path), "%s/nvmet/ports/1/subsystems/" NQN, fixture->root);
	assert_int_equal(unlink(path), 0);
	assert_false(stoq_nvmet_is_there(&fixture->state));
	assert_int_equal(stop(fixture), 0);
	assert_clean(fixture);
}

/* A journal is a file; one that names other places must not remove anything there. */
static void a_journal_cannot_reach_elsewhere(void **state)
{
	const char *const wrong[] = {"/nvmet/../../victim", "/other/victim", "victim"};
	struct fixture *fixture = *state;
	char path[256];

	make_child(fixture->folder, "victim");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(start(fixture), 0);
		snprintf(path, sizeof(path), "%s%s", fixture->root, wrong[i]);
		assert_int_equal(stoq_target_state_add_made(&fixture->state, path), 0);
		assert_int_equal(
			stoq_target_state_save(&fixture->state, fixture->state_path, NULL), 0);
		assert_int_equal(stop(fixture), -EPERM);
		stoq_target_state_drop_made(&fixture->state);
		assert_int_equal(
			stoq_target_state_save(&fixture->state, fixture->state_path, NULL), 0);
		assert_int_equal(stop(fixture), 0);
	}
	snprintf(path, sizeof(path), "%s/victim", fixture->folder);
	assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_target_comes_and_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(named_hosts_and_delays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_ours_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_foreign_subsystem_is_not_taken_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			every_broken_start_is_taken_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_disk_must_be_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_gone_already_is_fine, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_journal_cannot_reach_elsewhere, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
