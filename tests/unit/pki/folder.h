/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A folder for a test, under /tmp; cmocka's setup and teardown. */
static char test_folder[64];

static inline int remove_entry(
	const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

static inline int make_test_folder(void **state)
{
	snprintf(test_folder, sizeof(test_folder), "/tmp/stoq-pki-test-XXXXXX");
	return mkdtemp(test_folder) ? 0 : -1;
}

static inline int remove_test_folder(void **state)
{
	return nftw(test_folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Below it; overwritten by the next call but seven. */
static inline const char *in_folder(const char *name)
{
	static char paths[8][256];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", test_folder, name);
	return path;
}

static inline mode_t mode_of(const char *path)
{
	struct stat status;

	return stat(path, &status) ? 0 : status.st_mode & 0777;
}
