// SPDX-License-Identifier: BSD-2-Clause
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int stoq_file_read_all(int fd, char *text, size_t most, size_t *size)
{
	*size = 0;
	while (*size <= most) {
		ssize_t got = read(fd, text + *size, most + 1 - *size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		*size += (size_t)got;
	}
	return -EFBIG;
}

static int fail_reading(
	int code, size_t most, const char *what, const char *path, struct stoq_error *error)
{
	if (code == -EFBIG)
		return stoq_error_set(error, -EINVAL,
			"%s %.200s: more than %zu KiB, which are never needed: is it the right file?",
			what, path, most >> 10);
	return stoq_error_set(
		error, code, "cannot read %s %.200s: %s", what, path, strerror(-code));
}

int stoq_file_read_text(char **text, size_t *size, size_t most, const char *what, const char *path,
	struct stoq_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return stoq_error_set(
			error, -errno, "cannot open %s %.200s: %s", what, path, strerror(errno));
	*text = malloc(most + 2);
	ret = *text ? stoq_file_read_all(fd, *text, most, size) : -ENOMEM;
	close(fd);
	if (!ret)
		return 0;
	free(*text);
	*text = NULL;
	return fail_reading(ret, most, what, path, error);
}

struct stoq_file_stamp stoq_file_stamp(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return (struct stoq_file_stamp){0};
	return (struct stoq_file_stamp){
		.device = status.st_dev,
		.inode = status.st_ino,
		.size = status.st_size,
		.modified = status.st_mtim,
		.changed = status.st_ctim,
	};
}

static bool same_time(const struct timespec *one, const struct timespec *other)
{
	return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

bool stoq_file_stamp_equal(const struct stoq_file_stamp *one, const struct stoq_file_stamp *other)
{
	return one->device == other->device && one->inode == other->inode &&
	       one->size == other->size && same_time(&one->modified, &other->modified) &&
	       same_time(&one->changed, &other->changed);
}
