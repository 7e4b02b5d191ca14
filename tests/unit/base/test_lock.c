// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/lock.h"

#define AT_ONCE_NS 0
#define LONG_NS	   60000000000ull

static char path[] = "/tmp/stoq-lock-XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

/* A descriptor of its own each time: a lock is the descriptor's, not the process's. */
static int open_file(void)
{
	FILE *file = fopen(path, "re");
	int fd;

	assert_non_null(file);
	fd = dup(fileno(file));
	fclose(file);
	assert_true(fd >= 0);
	return fd;
}

static void test_one_at_a_time(void **state)
{
	int first = open_file(), second = open_file();
	struct stoq_error error;

	(void)state;
	assert_int_equal(stoq_lock_wait(first, path, AT_ONCE_NS, &error), 0);
	assert_int_equal(stoq_lock_wait(second, path, AT_ONCE_NS, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, path));
	close(first);
	assert_int_equal(stoq_lock_wait(second, path, AT_ONCE_NS, &error), 0);
	close(second);
}

/* A process that takes the lock, says so, and never lets go of it. */
static pid_t start_holder(void)
{
	int told[2];
	char word;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (stoq_lock_wait(open_file(), path, AT_ONCE_NS, NULL) == 0 &&
			write(told[1], "!", 1) == 1)
			pause();
		_exit(1);
	}
	close(told[1]);
	assert_int_equal(read(told[0], &word, 1), 1);
	close(told[0]);
	return pid;
}

static void test_killed_holder(void **state)
{
	pid_t holder = start_holder();
	int fd = open_file();

	(void)state;
	assert_int_equal(stoq_lock_wait(fd, path, AT_ONCE_NS, NULL), -ETIMEDOUT);
	kill(holder, SIGKILL);
	assert_int_equal(stoq_lock_wait(fd, path, LONG_NS, NULL), 0);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
	close(fd);
}

static void test_no_file(void **state)
{
	struct stoq_error error;

	(void)state;
	assert_int_equal(stoq_lock_wait(-1, path, LONG_NS, &error), -EBADF);
	assert_non_null(strstr(error.text, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_killed_holder),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
