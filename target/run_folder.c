// SPDX-License-Identifier: BSD-2-Clause
#include "target/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"

static int check_owner(int fd, const char *path, struct stoq_error *error)
{
	struct stat status;

	if (fstat(fd, &status))
		return stoq_error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (status.st_uid != geteuid() || status.st_mode & (S_IWGRP | S_IWOTH))
		return stoq_error_set(error, -EPERM,
			"%s belongs to another user or is writable by others: choose a folder of "
			"your own with --run-dir",
			path);
	return 0;
}

int stoq_run_base_lock(const char *path, bool create, int *lock, struct stoq_error *error)
{
	int fd, ret;

	/* Whoever may open it may lock it. */
	if (create && mkdir(path, 0700) && errno != EEXIST)
		return stoq_error_set(error, -errno, "cannot make %s: %s%s", path, strerror(errno),
			errno == EACCES ? ". Run as root, or choose a folder with --run-dir" : "");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return stoq_error_set(error, -errno, "cannot open %s: %s", path, strerror(errno));
	ret = check_owner(fd, path, error);
	if (!ret) {
		ret = stoq_lock_take(fd);
		if (ret)
			stoq_error_set(error, ret, "cannot lock %s: %s", path, strerror(-ret));
	}
	if (ret)
		close(fd);
	else
		*lock = fd;
	return ret;
}

bool stoq_run_base_is_locked(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool locked = fd >= 0 && stoq_lock_is_taken(fd);

	if (fd >= 0)
		close(fd);
	return locked;
}

int stoq_run_folder_make(const char *path, struct stoq_error *error)
{
	if (mkdir(path, 0700))
		return stoq_error_set(error, -errno, "cannot make %s: %s", path, strerror(errno));
	return 0;
}

int stoq_run_folder_remove(const char *path, struct stoq_error *error)
{
	DIR *entries = opendir(path);
	struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		unlinkat(dirfd(entries), entry->d_name, 0);
	if (entries)
		closedir(entries);
	if (rmdir(path) && errno != ENOENT)
		return stoq_error_set(error, -errno, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}
