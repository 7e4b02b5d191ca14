// SPDX-License-Identifier: BSD-2-Clause
#include "tool/quic.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/message.h"

#define PROGRAM	 "stoq-quic"
#define CHILD_FD 3

extern char **environ;

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

static int explain(const char *path, int code, struct stoq_error *error)
{
	if (code == ENOENT)
		return stoq_error_set(error, -code,
			"this needs a program of its own, %s, which is not installed; in Debian it "
			"is in the package stoq-tunnel",
			path);
	return stoq_error_set(error, -code, "cannot run %s: %s", path, strerror(code));
}

/* The installed one counts only where none lies beside: a build tree must not run what was installed before. */
int tool_quic_execute(char **argv)
{
	struct stoq_error error;
	char path[PATH_MAX];

	if (path_beside(path, sizeof(path)) == 0) {
		execv(path, argv);
		if (errno != ENOENT) {
			explain(path, errno, &error);
			return tool_fail(&error);
		}
	}
	execv(STOQ_LIBEXEC "/" PROGRAM, argv);
	explain(STOQ_LIBEXEC "/" PROGRAM, errno, &error);
	return tool_fail(&error);
}

static int spawn_path(const char *path, char **argv, int fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int result;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
	/* Onto itself too: that is what clears close-on-exec (POSIX.1-2024). */
	posix_spawn_file_actions_adddup2(&actions, fd, CHILD_FD);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	result = posix_spawn(pid, path, &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return result;
}

int tool_quic_spawn(char **argv, int fd, pid_t *pid, struct stoq_error *error)
{
	char path[PATH_MAX];
	int result = path_beside(path, sizeof(path)) ? ENOENT : spawn_path(path, argv, fd, pid);

	if (result == ENOENT) {
		snprintf(path, sizeof(path), "%s", STOQ_LIBEXEC "/" PROGRAM);
		result = spawn_path(path, argv, fd, pid);
	}
	return result ? explain(path, result, error) : 0;
}
