// SPDX-License-Identifier: BSD-2-Clause
#include "target/spdk.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/clock.h"
#include "target/jsonrpc.h"
#include "target/log.h"
#include "target/spdk_configure.h"

#define MEMORY_MIB_SPDK_ITSELF 512
#define STOP_GRACE_MS	       10000
#define ARGUMENTS_MAX	       (24 + 2 * STOQ_TARGET_NAMESPACES_MAX)

/* ---- where nvmf_tgt is ---- */

static int find_in_tree(const char *tree, const char *option, char *path, size_t path_size,
	struct stoq_error *error)
{
	snprintf(path, path_size, "%s/build/bin/nvmf_tgt", tree);
	if (access(path, X_OK) == 0)
		return 0;
	return stoq_error_set(error, -ENOENT,
		"%s is %.200s, but there is no program %.200s/build/bin/nvmf_tgt; give the folder "
		"of "
		"a built SPDK",
		option, tree, tree);
}

static int find_in_path(char *path, size_t path_size, struct stoq_error *error)
{
	const char *list = getenv("PATH");

	while (list && *list) {
		size_t length = strcspn(list, ":");

		snprintf(path, path_size, "%.*s/nvmf_tgt", (int)length, list);
		if (length && access(path, X_OK) == 0)
			return 0;
		list += length + (list[length] == ':');
	}
	return stoq_error_set(error, -ENOENT,
		"SPDK's nvmf_tgt was not found: give --spdk-dir or set SPDK_DIR to a built SPDK "
		"tree, "
		"or put nvmf_tgt into PATH. Without SPDK, try --kernel");
}

/*
 * Where nvmf_tgt is: spdk_dir (may be NULL), then SPDK_DIR (a built tree:
 * $SPDK_DIR/build/bin/nvmf_tgt), then PATH. -ENOENT.
 */
static int find_program(
	const char *spdk_dir, char *path, size_t path_size, struct stoq_error *error)
{
	const char *tree = getenv("SPDK_DIR");

	if (spdk_dir)
		return find_in_tree(spdk_dir, "--spdk-dir", path, path_size, error);
	if (tree && *tree)
		return find_in_tree(tree, "SPDK_DIR", path, path_size, error);
	return find_in_path(path, path_size, error);
}

/* ---- how it is called ---- */

/* argv with the texts it needs made on the spot. */
struct command_line {
	const char *argv[ARGUMENTS_MAX];
	size_t count;
	char memory[24];
	char core[24];
};

static void add_argument(struct command_line *line, const char *argument)
{
	line->argv[line->count++] = argument;
}

static uint64_t memory_mib(const struct stoq_target_config *config)
{
	uint64_t mib = MEMORY_MIB_SPDK_ITSELF;

	if (config->memory_mib)
		return config->memory_mib;
	for (size_t i = 0; i < config->namespace_count; i++) {
		if (config->namespaces[i].medium == STOQ_MEDIUM_MALLOC)
			mib += config->namespaces[i].size_bytes >> 20;
	}
	return mib;
}

/* "KEY:   NUMBER kB" */
static void read_entry(const char *line, const char *key, uint64_t *value)
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) == 0)
		*value = strtoull(line + length, NULL, 10);
}

/* True if a hugetlbfs is mounted and has that much free. */
static bool has_huge_pages(uint64_t mib)
{
	uint64_t free_pages = 0, page_kib = 0;
	bool mounted = false;
	char text[512];
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(text, sizeof(text), file)) {
		read_entry(text, "HugePages_Free:", &free_pages);
		read_entry(text, "Hugepagesize:", &page_kib);
	}
	if (file)
		fclose(file);
	file = fopen("/proc/mounts", "re");
	while (file && fgets(text, sizeof(text), file))
		mounted |= strstr(text, " hugetlbfs ") != NULL;
	if (file)
		fclose(file);
	return mounted && free_pages * page_kib / 1024 >= mib;
}

static bool uses_pci(const struct stoq_target_config *config)
{
	for (size_t i = 0; i < config->namespace_count; i++) {
		if (config->namespaces[i].medium == STOQ_MEDIUM_NVME)
			return true;
	}
	return false;
}

static int add_memory(struct command_line *line, const struct stoq_target_config *config,
	struct stoq_error *error)
{
	uint64_t mib = memory_mib(config);
	bool wanted = strcmp(config->huge_pages, "no") != 0, there = has_huge_pages(mib);

	if (wanted && !there && (uses_pci(config) || strcmp(config->huge_pages, "yes") == 0))
		return stoq_error_set(error, -ENOMEM,
			"there are no %" PRIu64 " MiB of free huge pages: as root, "
			"`sysctl vm.nr_hugepages=%" PRIu64
			"` and `mkdir -p /dev/hugepages && mount "
			"-t hugetlbfs none /dev/hugepages`",
			mib, mib / 2);
	snprintf(line->memory, sizeof(line->memory), "%" PRIu64, mib);
	add_argument(line, "-s");
	add_argument(line, line->memory);
	/* Unlinked huge page files vanish with the process, however it ends. */
	add_argument(line, wanted && there ? "--huge-unlink" : "--no-huge");
	return 0;
}

/* The user's mask; else the first CPU we may use, without insisting to have it alone. */
static void add_cores(struct command_line *line, const struct stoq_target_config *config)
{
	cpu_set_t cpus;
	int cpu = 0;

	add_argument(line, "-m");
	if (config->core_mask) {
		add_argument(line, config->core_mask);
		return;
	}
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0) {
		while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &cpus))
			cpu++;
	}
	snprintf(line->core, sizeof(line->core), "[%d]", cpu);
	add_argument(line, line->core);
	add_argument(line, "--disable-cpumask-locks");
}

static void add_devices(struct command_line *line, const struct stoq_target_config *config)
{
	if (!uses_pci(config))
		add_argument(line, "--no-pci");
	for (size_t i = 0; i < config->namespace_count; i++) {
		if (config->namespaces[i].medium == STOQ_MEDIUM_NVME) {
			add_argument(line, "--pci-allowed");
			add_argument(line, config->namespaces[i].location);
		}
	}
}

static int make_command_line(struct command_line *line, const char *program,
	const struct stoq_target_config *config, const struct stoq_target_paths *paths,
	struct stoq_error *error)
{
	*line = (struct command_line){.count = 0};
	add_argument(line, program);
	add_argument(line, "-r");
	add_argument(line, paths->socket);
	/* No trace file in /dev/shm, which would outlive a killed process. */
	add_argument(line, "--num-trace-entries");
	add_argument(line, "0");
	add_cores(line, config);
	add_devices(line, config);
	return add_memory(line, config, error);
}

/* ---- start and stop ---- */

/* The socket appears when nvmf_tgt has its memory; until then, see that it lives. */
static int wait_for_rpc(struct stoq_jsonrpc **rpc, const struct stoq_target_paths *paths,
	const struct stoq_target_state *state, uint64_t deadline_ns, struct stoq_error *error)
{
	char quote[400];

	for (;;) {
		int ret = stoq_jsonrpc_open(
			rpc, paths->socket, (unsigned int)stoq_clock_left_ms(deadline_ns), error);

		if (ret != -ENOENT && ret != -ECONNREFUSED)
			return ret;
		stoq_log_quote(paths->log, 0, quote, sizeof(quote));
		if (!stoq_process_is_alive(&state->process))
			return stoq_error_set(error, -ECHILD,
				"nvmf_tgt ended while starting. Its log: %s", quote);
		if (!stoq_clock_left_ms(deadline_ns))
			return stoq_error_set(error, -ETIMEDOUT,
				"nvmf_tgt did not open its RPC socket in time. Its log: %s", quote);
		stoq_clock_sleep_ms(20);
	}
}

static int spawn(const struct stoq_target_config *config, const struct stoq_target_paths *paths,
	struct stoq_target_state *state, struct stoq_error *error)
{
	char program[1024];
	struct command_line line;
	struct stoq_spawn child;
	int ret = find_program(config->spdk_dir, program, sizeof(program), error);

	if (!ret)
		ret = make_command_line(&line, program, config, paths, error);
	if (!ret)
		ret = stoq_spawn_prepare(&child, line.argv, paths->log, error);
	if (ret)
		return ret;
	state->process = child.process;
	ret = stoq_target_state_save(state, paths->state, error);
	if (ret) {
		close(child.gate); /* the child sees it and ends */
		return ret;
	}
	return stoq_spawn_release(&child, program, error);
}

int stoq_spdk_start(const struct stoq_target_config *config, const struct stoq_target_paths *paths,
	struct stoq_target_state *state, struct stoq_error *error)
{
	uint64_t deadline_ns = stoq_clock_deadline_ns(config->timeout_ms);
	struct stoq_jsonrpc *rpc = NULL;
	int ret = spawn(config, paths, state, error);

	if (!ret)
		ret = wait_for_rpc(&rpc, paths, state, deadline_ns, error);
	if (!ret)
		ret = stoq_spdk_configure(rpc, config, paths, deadline_ns, state, error);
	stoq_jsonrpc_close(rpc);
	return ret;
}

/* DPDK keeps a folder for each process and leaves it there. */
static void remove_dpdk_folder(pid_t pid)
{
	char folder[64], path[64 + 256 + 2];
	struct dirent *entry;
	DIR *entries;

	snprintf(folder, sizeof(folder), "/run/dpdk/spdk_pid%d", (int)pid);
	entries = opendir(folder);
	if (!entries)
		return;
	while ((entry = readdir(entries))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	closedir(entries);
	rmdir(folder);
}

int stoq_spdk_stop(const struct stoq_target_state *state, struct stoq_error *error)
{
	int ret;

	if (state->process.pid <= 0)
		return 0;
	ret = stoq_process_stop(&state->process, STOP_GRACE_MS, error);
	if (!ret)
		remove_dpdk_folder(state->process.pid);
	return ret;
}
