/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The mistakes of a file and of those that it includes: all of them, in the files' order, so that one reading is
 * enough to mend it. The first STOQ_GUARD_MISTAKES_MAX are kept, the rest are counted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

#define STOQ_GUARD_MISTAKES_MAX 100
#define STOQ_GUARD_MISTAKE_TEXT 512

/* Lines and columns begin with 1. 0: the mistake is about all of the file. */
struct stoq_guard_place {
	unsigned int line, column;
};

struct stoq_guard_mistake {
	size_t order; /* of its file, among those that are read */
	char *file;
	struct stoq_guard_place place;
	char text[STOQ_GUARD_MISTAKE_TEXT]; /* what is wrong, on what */
	char hint[STOQ_GUARD_MISTAKE_TEXT]; /* what to do; may be empty */
};

struct stoq_guard_mistakes {
	struct stoq_guard_mistake *items; /* sorted once stoq_guard_mistakes_end() was called */
	size_t count, capacity;
	size_t total; /* those that are not kept included */
	bool no_memory;
	bool unread; /* a file was not read to its end: names that it has are not known */
};

/* Adds one. hint: NULL for none. */
void stoq_guard_mistakes_add(struct stoq_guard_mistakes *mistakes, size_t order, const char *file,
	struct stoq_guard_place place, const char *hint, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/*
 * Sorts them. 0: there are none; -EINVAL, and the first one in error; -ENOMEM. ask: error also has how to see the others.
 */
int stoq_guard_mistakes_end(
	struct stoq_guard_mistakes *mistakes, const char *file, bool ask, struct stoq_error *error);
void stoq_guard_mistakes_free(struct stoq_guard_mistakes *mistakes);

/* "FILE:LINE: TEXT; HINT", a line each, and how many are not shown. */
void stoq_guard_mistakes_print(FILE *file, const struct stoq_guard_mistakes *mistakes);
