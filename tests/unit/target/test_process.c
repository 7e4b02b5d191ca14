// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/log.h"
#include "target/process.h"

struct fixture {
	char folder[64], log[96];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/stoq-process-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->log, sizeof(fixture->log), "%s/log", fixture->folder);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->log);
	rmdir(fixture->folder);
	free(fixture);
	return 0;
}

static struct stoq_process run(const struct fixture *fixture, const char *script)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct stoq_error error = {0};
	struct stoq_spawn spawn;

	assert_int_equal(stoq_spawn_prepare(&spawn, argv, fixture->log, &error), 0);
	assert_int_equal(stoq_spawn_release(&spawn, argv[0], &error), 0);
	return spawn.process;
}

/* valgrind does not know pidfd_open, without which stop refuses to work. */
static void skip_without_pidfd(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (pidfd < 0) {
		print_message("skipped: no pidfd_open here\n");
		skip();
	}
	close(pidfd);
}

static void we_are_alive(void **state)
{
	struct stoq_process self;

	assert_int_equal(stoq_process_identify(getpid(), &self), 0);
	assert_int_not_equal(self.start_time, 0);
	assert_true(stoq_process_is_alive(&self));
	self.start_time++;
	assert_false(stoq_process_is_alive(&self));
}

static void a_zombie_is_not_alive(void **state)
{
	struct stoq_process child;
	siginfo_t info;

	skip_without_pidfd();
	child = run(*state, "exit 0");
	assert_int_equal(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
	assert_false(stoq_process_is_alive(&child));
	assert_int_equal(stoq_process_stop(&child, 1000, NULL), 0);
	assert_int_equal(waitpid(child.pid, NULL, WNOHANG), -1); /* stop has reaped it */
}

static void a_process_ends_when_asked(void **state)
{
	struct stoq_process child;

	skip_without_pidfd();
	child = run(*state, "exec sleep 1000");
	assert_true(stoq_process_is_alive(&child));
	assert_int_equal(stoq_process_stop(&child, 5000, NULL), 0);
	assert_false(stoq_process_is_alive(&child));
}

static void a_stubborn_process_is_killed(void **state)
{
	struct stoq_process child;

	skip_without_pidfd();
	child = run(*state, "trap '' TERM; while :; do sleep 1; done");
	usleep(200000); /* the trap must be set */
	assert_int_equal(stoq_process_stop(&child, 100, NULL), 0);
	assert_false(stoq_process_is_alive(&child));
}

/* What a reused process id looks like. */
static void another_process_is_left_alone(void **state)
{
	struct stoq_process child, other;

	skip_without_pidfd();
	child = run(*state, "exec sleep 1000");
	other = child;
	other.start_time--;
	assert_int_equal(stoq_process_stop(&other, 1000, NULL), 0);
	assert_true(stoq_process_is_alive(&child));
	assert_int_equal(stoq_process_stop(&child, 1000, NULL), 0);
}

static void nothing_runs_before_the_release(void **state)
{
	struct fixture *fixture = *state;
	const char *const argv[] = {"/bin/sh", "-c", "echo ran", NULL};
	struct stoq_spawn spawn;
	int status;

	assert_int_equal(stoq_spawn_prepare(&spawn, argv, fixture->log, NULL), 0);
	assert_true(stoq_process_is_alive(&spawn.process));
	close(spawn.gate); /* as if we had died */
	assert_int_equal(waitpid(spawn.process.pid, &status, 0), spawn.process.pid);
	assert_int_equal(access(fixture->log, F_OK), -1);
}

static void a_missing_program_is_reported(void **state)
{
	struct fixture *fixture = *state;
	const char *const argv[] = {"/nonexistent/nvmf_tgt", NULL};
	struct stoq_error error;
	struct stoq_spawn spawn;

	assert_int_equal(stoq_spawn_prepare(&spawn, argv, fixture->log, &error), 0);
	assert_int_equal(stoq_spawn_release(&spawn, argv[0], &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/nvmf_tgt"));
	waitpid(spawn.process.pid, NULL, 0);
}

static void nothing_is_inherited(void **state)
{
	struct fixture *fixture = *state;
	int leak = dup2(STDERR_FILENO, 77); /* not close-on-exec */
	struct stoq_process child = run(fixture, "ls /proc/self/fd | tr '\\n' ' '");
	char text[64] = "";

	waitpid(child.pid, NULL, 0);
	close(leak);
	stoq_log_quote(fixture->log, 0, text, sizeof(text));
	assert_string_equal(text, "0 1 2 3 "); /* 3 is the folder that ls reads */
}

static void the_log_is_quoted_from_a_position(void **state)
{
	struct fixture *fixture = *state;
	char quote[64];
	uint64_t position;
	FILE *log = fopen(fixture->log, "we");

	fputs("[2026-01-31 10:11:12.123456] first error\n", log);
	fflush(log);
	position = stoq_log_position(fixture->log);
	fputs("[2026-01-31 10:11:12.123456] bind() failed, errno 98\nall is well\n\n", log);
	fclose(log);
	stoq_log_quote(fixture->log, position, quote, sizeof(quote));
	assert_string_equal(quote, "bind() failed, errno 98");
	stoq_log_quote(fixture->log, 0, quote, sizeof(quote));
	assert_string_equal(quote, "first error; bind() failed, errno 98");
	stoq_log_quote(fixture->log, 0, quote, 8);
	assert_string_equal(quote, "first e");
	stoq_log_quote("/nonexistent", 0, quote, sizeof(quote));
	assert_string_equal(quote, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(we_are_alive),
		cmocka_unit_test_setup_teardown(a_zombie_is_not_alive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_process_ends_when_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stubborn_process_is_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_process_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_runs_before_the_release, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_missing_program_is_reported, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_inherited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_log_is_quoted_from_a_position, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
