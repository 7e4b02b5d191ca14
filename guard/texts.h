/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The texts of a policy: that of its file, and those of the files that it includes, in the order in which they are read. They
 * are kept with a policy in force, so that it can be read again as it was.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

#define STOQ_GUARD_FILE_MAX                                                                        \
	(2u << 20) /* bytes of a policy, in all of its files; of a file of cases */
#define STOQ_GUARD_FILES_MAX	   64 /* of a policy */
#define STOQ_GUARD_FILE_PATH_BYTES 4096

struct stoq_guard_text {
	char *text;
	size_t size;
	bool regular; /* a file that has these: */
	dev_t device;
	ino_t inode;
};

struct stoq_guard_texts {
	struct stoq_guard_text items[STOQ_GUARD_FILES_MAX];
	size_t count;
	size_t bytes;
};

/*
 * Reads a file that errors call what ("the policy"), and adds it. The first one may be a pipe, others have to be files,
 * and no file is there twice. 0, -EINVAL, -ENOMEM, or an error of open(2) or read(2).
 */
int stoq_guard_texts_read(struct stoq_guard_texts *texts, const char *what, const char *path,
	struct stoq_error *error);
/* Adds a copy of bytes that were kept. 0, -EINVAL: too many, or too large; -ENOMEM. */
int stoq_guard_texts_add(struct stoq_guard_texts *texts, const char *text, size_t size);
void stoq_guard_texts_free(struct stoq_guard_texts *texts);

bool stoq_guard_texts_equal(const struct stoq_guard_texts *a, const struct stoq_guard_texts *b);
