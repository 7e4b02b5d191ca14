// SPDX-License-Identifier: BSD-2-Clause
#include "tool/elsewhere.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/message.h"

#define PROGRAM "stoq-quic"

/* Beside this program, as in a build tree. -errno where that cannot be known. */
static int path_beside(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size);
	char *slash;

	if (length < 0)
		return -errno;
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + sizeof(PROGRAM) > size)
		return -ENAMETOOLONG;
	strcpy(slash + 1, PROGRAM);
	return 0;
}

static int failed(const char *path, int code)
{
	if (code == ENOENT)
		tool_notice("this verb is in a program of its own, %s, which is not installed; in "
			    "Debian it is in the package stoq-tunnel",
			path);
	else
		tool_notice("cannot run %s: %s", path, strerror(code));
	return EXIT_FAILURE;
}

/* The installed one counts only where none lies beside: a build tree must not run what was installed before. */
static int execute(char **argv)
{
	char path[PATH_MAX];

	if (path_beside(path, sizeof(path)) == 0) {
		execv(path, argv);
		if (errno != ENOENT)
			return failed(path, errno);
	}
	execv(STOQ_LIBEXEC "/" PROGRAM, argv);
	return failed(STOQ_LIBEXEC "/" PROGRAM, errno);
}

int verb_elsewhere(int argc, char **argv)
{
	char **arguments = calloc(argc + 2, sizeof(*arguments));
	char stoq[] = "stoq";
	int status;

	if (!arguments) {
		tool_notice("out of memory");
		return EXIT_FAILURE;
	}
	arguments[0] = stoq;
	/* argv[0] is "stoq NAME". */
	arguments[1] = argv[0] + strlen("stoq ");
	memcpy(arguments + 2, argv + 1, (argc - 1) * sizeof(*arguments));
	status = execute(arguments);
	free(arguments);
	return status;
}
