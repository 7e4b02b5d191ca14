// SPDX-License-Identifier: BSD-2-Clause
#include "target/target.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/clock.h"
#include "target/modules.h"
#include "target/nvmet.h"
#include "target/ready.h"
#include "target/run_folder.h"
#include "target/spdk.h"

#define STATUS_GREET_MS 1000

const char *stoq_target_condition_name(enum stoq_target_condition condition)
{
	static const char *const names[] = {
		[STOQ_TARGET_ANSWERS] = "running",
		[STOQ_TARGET_SILENT] = "not answering",
		[STOQ_TARGET_DIED] = "died",
		[STOQ_TARGET_HALF_MADE] = "half made",
		[STOQ_TARGET_IN_WORK] = "in work",
	};

	return names[condition];
}

static bool is_there(const struct stoq_target_state *state)
{
	if (!stoq_target_state_is_of_this_boot(state))
		return false;
	return state->kind == STOQ_TARGET_SPDK ? stoq_process_is_alive(&state->process)
					       : stoq_nvmet_is_there(state);
}

static enum stoq_target_condition examine(const struct stoq_target_state *state)
{
	if (state->phase != STOQ_TARGET_RUNNING)
		return STOQ_TARGET_HALF_MADE;
	if (!is_there(state))
		return STOQ_TARGET_DIED;
	if (stoq_target_greet(state->address, state->port, STATUS_GREET_MS, NULL))
		return STOQ_TARGET_SILENT;
	return STOQ_TARGET_ANSWERS;
}

/* Removes what the state says is ours, then its folder. */
static int unmake(const struct stoq_target_paths *paths, struct stoq_target_state *state,
	struct stoq_error *error)
{
	int ret = 0;

	/* After a reboot nothing of it exists, and what has its names is someone else's. */
	if (stoq_target_state_is_of_this_boot(state))
		ret = state->kind == STOQ_TARGET_SPDK
			      ? stoq_spdk_stop(state, error)
			      : stoq_nvmet_stop(&stoq_configfs_kernel, paths->state, state, error);
	return ret ? ret : stoq_run_folder_remove(paths->folder, error);
}

static int already_runs(const struct stoq_target_state *state, struct stoq_error *error)
{
	return stoq_error_set(error, -EEXIST,
		"a target named '%s' already runs (%s, %s port %u); stop it with `stoq target stop "
		"--name %s` or start another with --name",
		state->name, state->software, state->address, state->port, state->name);
}

/* Makes room for a new target of that name, unless one runs. */
static int clear_leftovers(
	const struct stoq_target_paths *paths, bool *cleaned, struct stoq_error *error)
{
	struct stoq_target_state state;
	struct stat status;
	int ret;

	*cleaned = false;
	if (lstat(paths->folder, &status))
		return 0;
	*cleaned = true;
	ret = stoq_target_state_load(&state, paths->state, error);
	/* The state is written before anything is made: without it there is nothing else. */
	if (ret == -ENOENT)
		return stoq_run_folder_remove(paths->folder, error);
	if (ret)
		return ret;
	if (is_there(&state) && state.phase == STOQ_TARGET_RUNNING)
		ret = already_runs(&state, error);
	else
		ret = unmake(paths, &state, error);
	stoq_target_state_free(&state);
	return ret;
}

static int wait_until_it_answers(const struct stoq_target_config *config,
	const struct stoq_target_state *state, struct stoq_error *error)
{
	uint64_t deadline_ns = stoq_clock_deadline_ns(config->timeout_ms);
	int ret;

	for (;;) {
		ret = stoq_target_greet(config->address, config->port, STATUS_GREET_MS, error);
		if (!ret || !is_there(state) || !stoq_clock_left_ms(deadline_ns))
			return ret;
		stoq_clock_sleep_ms(50);
	}
}

static int make(const struct stoq_target_config *config, const struct stoq_target_paths *paths,
	struct stoq_target_state *state, struct stoq_error *error)
{
	int ret = stoq_target_state_save(state, paths->state, error);

	if (!ret)
		ret = config->kind == STOQ_TARGET_SPDK
			      ? stoq_spdk_start(config, paths, state, error)
			      : stoq_nvmet_start(
					&stoq_configfs_kernel, config, paths->state, state, error);
	if (!ret)
		ret = wait_until_it_answers(config, state, error);
	if (ret)
		return ret;
	state->phase = STOQ_TARGET_RUNNING;
	return stoq_target_state_save(state, paths->state, error);
}

/* make(), or nothing: a failure's reason survives the clearing up. */
static int make_or_unmake(const struct stoq_target_config *config,
	const struct stoq_target_paths *paths, struct stoq_target_state *state,
	struct stoq_error *error)
{
	int ret = make(config, paths, state, error);
	struct stoq_error reason = *error, second;

	if (!ret)
		return 0;
	if (unmake(paths, state, &second))
		stoq_error_set(error, ret, "%.380s. Cleaning up failed too: %.300s", reason.text,
			second.text);
	stoq_target_state_free(state);
	return ret;
}

static int start_locked(const struct stoq_target_config *config, struct stoq_target_state *state,
	bool *cleaned, struct stoq_error *error)
{
	struct stoq_target_paths paths;
	int ret = stoq_target_paths_set(&paths, config->run_base, config->name, error);

	if (!ret)
		ret = clear_leftovers(&paths, cleaned, error);
	if (!ret)
		ret = stoq_target_check_port(config->address, config->port, error);
	if (!ret && config->kind == STOQ_TARGET_KERNEL)
		ret = stoq_nvmet_prepare(config, error);
	if (!ret)
		ret = stoq_run_folder_make(paths.folder, error);
	if (ret)
		return ret;
	stoq_target_state_init(state, config);
	return make_or_unmake(config, &paths, state, error);
}

int stoq_target_start(const struct stoq_target_config *config, struct stoq_target_state *state,
	bool *cleaned, struct stoq_error *error)
{
	bool ignored;
	int lock, ret = stoq_run_base_lock(config->run_base, true, &lock, error);

	if (ret)
		return ret;
	ret = start_locked(config, state, cleaned ? cleaned : &ignored, error);
	close(lock);
	return ret;
}

static int no_such_target(const char *run_base, const char *name, struct stoq_error *error)
{
	return stoq_error_set(error, -ENOENT,
		"no target named '%s' was started here (looked in %s)", name, run_base);
}

static int load(const char *run_base, const char *name, struct stoq_target_paths *paths,
	struct stoq_target_state *state, struct stoq_error *error)
{
	struct stat status;
	int ret = stoq_target_check_name(name, error);

	if (!ret)
		ret = stoq_target_paths_set(paths, run_base, name, error);
	if (!ret && lstat(paths->folder, &status))
		ret = no_such_target(run_base, name, error);
	if (ret)
		return ret;
	ret = stoq_target_state_load(state, paths->state, error);
	if (ret != -ENOENT)
		return ret;
	/* A start that got no further than its folder. */
	*state = (struct stoq_target_state){0};
	snprintf(state->name, sizeof(state->name), "%s", name);
	return 0;
}

static int stop_locked(const char *run_base, const char *name,
	enum stoq_target_condition *condition, struct stoq_error *error)
{
	struct stoq_target_paths paths;
	struct stoq_target_state state;
	int ret = load(run_base, name, &paths, &state, error);

	if (ret)
		return ret;
	*condition = examine(&state);
	ret = unmake(&paths, &state, error);
	stoq_target_state_free(&state);
	return ret;
}

int stoq_target_stop(const char *run_base, const char *name, enum stoq_target_condition *condition,
	struct stoq_error *error)
{
	enum stoq_target_condition ignored;
	int lock, ret = stoq_run_base_lock(run_base, false, &lock, error);

	if (ret == -ENOENT)
		return no_such_target(run_base, name, error);
	if (ret)
		return ret;
	ret = stop_locked(run_base, name, condition ? condition : &ignored, error);
	close(lock);
	return ret;
}

int stoq_target_status(const char *run_base, const char *name, struct stoq_target_state *state,
	enum stoq_target_condition *condition, struct stoq_error *error)
{
	struct stoq_target_paths paths;
	int ret = load(run_base, name, &paths, state, error);

	if (ret)
		return ret;
	*condition = examine(state);
	if (*condition == STOQ_TARGET_HALF_MADE && stoq_run_base_is_locked(run_base))
		*condition = STOQ_TARGET_IN_WORK;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int stoq_target_list(
	const char *run_base, struct stoq_target_names *names, struct stoq_error *error)
{
	static const char prefix[] = "target-";
	struct dirent *entry;
	DIR *entries = opendir(run_base);

	names->count = 0;
	if (!entries && errno != ENOENT)
		return stoq_error_set(
			error, -errno, "cannot read %s: %s", run_base, strerror(errno));
	while (entries && names->count < STOQ_TARGETS_MAX && (entry = readdir(entries))) {
		const char *name = entry->d_name + sizeof(prefix) - 1;

		if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) == 0 &&
			stoq_target_check_name(name, NULL) == 0)
			memcpy(names->names[names->count++], name, strlen(name) + 1);
	}
	if (entries)
		closedir(entries);
	qsort(names->names, names->count, sizeof(names->names[0]), compare_names);
	return 0;
}
