// SPDX-License-Identifier: BSD-2-Clause
#include "target/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/nvmet.h"

#define CONFIGFS_MAGIC 0x62656570 /* in linux/magic.h only since 5.19 */

/*
 * Quietly, and its outcome does not matter: what a module provides is looked for afterwards.
 * A driver that is built in needs no modprobe, nor does the program have to exist then.
 */
static void load_module(const char *name, const char *parameter)
{
	char program[] = "modprobe", quiet[] = "-q", module[32], assignment[32];
	char *const argv[] = {program, quiet, module, parameter ? assignment : NULL, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	snprintf(module, sizeof(module), "%s", name);
	snprintf(assignment, sizeof(assignment), "%s", parameter ? parameter : "");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, "/sbin/modprobe", &actions, NULL, argv, environ) == 0)
		waitpid(pid, NULL, 0);
	posix_spawn_file_actions_destroy(&actions);
}

static bool is_configfs(const char *path)
{
	struct statfs status;

	return statfs(path, &status) == 0 && status.f_type == CONFIGFS_MAGIC;
}

static int mount_configfs(struct stoq_error *error)
{
	const char *root = stoq_configfs_kernel.root;

	if (is_configfs(root))
		return 0;
	load_module("configfs", NULL);
	if (is_configfs(root))
		return 0;
	if (access(root, F_OK))
		return stoq_error_set(error, -EOPNOTSUPP,
			"this kernel has no configfs (CONFIG_CONFIGFS_FS), so no nvmet either; "
			"--spdk needs neither");
	if (mount("none", root, "configfs", 0, NULL))
		return stoq_error_set(
			error, -errno, "cannot mount configfs on %s: %s", root, strerror(errno));
	return 0;
}

static int need_folder(
	const char *name, const char *module, const char *option, struct stoq_error *error)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", stoq_configfs_kernel.root, name);
	if (access(path, F_OK) == 0)
		return 0;
	return stoq_error_set(error, -EOPNOTSUPP,
		"this kernel has no %s module (%s). Install the kernel's modules, boot a kernel "
		"that "
		"has it, or use --spdk",
		module, option);
}

static bool needs_null_blk(const struct stoq_target_config *config)
{
	for (size_t i = 0; i < config->namespace_count; i++) {
		if (config->namespaces[i].medium != STOQ_MEDIUM_PATH)
			return true;
	}
	return false;
}

int stoq_nvmet_prepare(const struct stoq_target_config *config, struct stoq_error *error)
{
	int ret;

	if (geteuid() != 0)
		return stoq_error_set(
			error, -EPERM, "--kernel needs root: it configures the kernel");
	ret = mount_configfs(error);
	if (ret)
		return ret;
	load_module("nvmet", NULL);
	load_module("nvmet-tcp", NULL);
	ret = need_folder("nvmet", "nvmet", "CONFIG_NVME_TARGET", error);
	if (ret || !needs_null_blk(config))
		return ret;
	/* Without its parameter null_blk would make a device that was not asked for. */
	load_module("null_blk", "nr_devices=0");
	return need_folder("nullb", "null_blk", "CONFIG_BLK_DEV_NULL_BLK", error);
}
