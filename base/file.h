/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Reading a file that a person wrote, and seeing that it changed. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"

/*
 * Reads all that fd has, at most `most` bytes, into text, which has room for one more. *size: how many. 0, -EFBIG:
 * there is more; or what read() fails with.
 */
int stoq_file_read_all(int fd, char *text, size_t most, size_t *size);

/*
 * Reads all of a file of at most `most` bytes. *text is the caller's: free(). what: the file in
 * errors, such as "the policy". -EINVAL: it has more; what open() and read() fail with; -ENOMEM.
 */
int stoq_file_read_text(char **text, size_t *size, size_t most, const char *what, const char *path,
	struct stoq_error *error);

/* Which file a path leads to, and its state; all 0: none. */
struct stoq_file_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

/* Take it before the file is read: a change meanwhile is seen then. */
struct stoq_file_stamp stoq_file_stamp(const char *path);
bool stoq_file_stamp_equal(const struct stoq_file_stamp *one, const struct stoq_file_stamp *other);
