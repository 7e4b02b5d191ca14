// SPDX-License-Identifier: BSD-2-Clause
#include "file.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "require.h"

static char top[] = "/dev/shm/stoq-fuzz-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

static void remove_all(void)
{
	nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *file_path(const char *name)
{
	static char paths[16][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 16];

	if (!next || next == 1) {
		require(mkdtemp(top));
		atexit(remove_all);
	}
	snprintf(path, PATH_MAX, "%s/%s", top, name);
	return path;
}

const char *file_folder(const char *name)
{
	const char *path = file_path(name);

	require(!mkdir(path, 0700));
	return path;
}

void file_write(const char *name, const uint8_t *bytes, size_t size)
{
	const int fd = open(file_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}
