// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole verb over a made-up watch/: its own process each time, as it blocks signals;
 * what it prints goes to a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "../fake_verb.h"
#include "../fake_watch.h"
#include "tool/message.h"
#include "tool/watch/verb_watch.h"

/* What the child tells: shared memory. */
struct outcome {
	struct fake_watch fake;
	char message[1024];
};

struct run {
	struct outcome *outcome;
	pid_t pid;
	int output;
	char text[65536];
	int status;
};

static int start(void **state)
{
	struct run *run = calloc(1, sizeof(*run));
	char path[] = "/tmp/test-verb-watch-XXXXXX";

	run->outcome = mmap(NULL, sizeof(*run->outcome), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	run->output = mkstemp(path);
	unlink(path);
	memset(&fake_watch, 0, sizeof(fake_watch));
	fake_watch.step = 7;
	*state = run;
	return run->outcome == MAP_FAILED || run->output < 0 ? -1 : 0;
}

static int end(void **state)
{
	struct run *run = *state;

	munmap(run->outcome, sizeof(*run->outcome));
	close(run->output);
	free(run);
	return 0;
}

static void child(struct run *run, const char *line)
{
	char copy[512], *argv[32] = {(char *)"stoq watch"}, *save = NULL;
	int argc = 1, status;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	dup2(run->output, STDOUT_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fake_verb_reset();
	status = verb_watch(argc, argv);
	run->outcome->fake = fake_watch;
	memcpy(run->outcome->message, fake_verb_message, sizeof(fake_verb_message));
	_exit(status);
}

static void launch(struct run *run, const char *line)
{
	fflush(NULL);
	run->pid = fork();
	assert_true(run->pid >= 0);
	if (!run->pid)
		child(run, line);
}

static void finish(struct run *run)
{
	ssize_t length;

	assert_int_equal(waitpid(run->pid, &run->status, 0), run->pid);
	assert_true(WIFEXITED(run->status));
	length = pread(run->output, run->text, sizeof(run->text) - 1, 0);
	assert_true(length >= 0);
	run->text[length] = '\0';
}

/* Waits, for two seconds at most, until the output contains text. */
static void await(struct run *run, const char *text)
{
	for (int i = 0; i < 200; i++) {
		ssize_t length = pread(run->output, run->text, sizeof(run->text) - 1, 0);

		run->text[length > 0 ? length : 0] = '\0';
		if (strstr(run->text, text))
			return;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	fail_msg("no %s in the output", text);
}

static uint64_t commands_of(struct json_object *object)
{
	struct json_object *overall = json_object_object_get(object, "overall");

	return json_object_get_uint64(json_object_object_get(overall, "commands"));
}

/* Lines of this type; *commands: their sum. */
static int count_lines(const char *text, const char *type, uint64_t *commands)
{
	char *copy = strdup(text), *save = NULL;
	int found = 0;

	*commands = 0;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct json_object *object = json_tokener_parse(line);

		assert_non_null(object);
		if (strcmp(json_object_get_string(json_object_object_get(object, "type")), type) ==
			0) {
			found++;
			*commands += commands_of(object);
		}
		json_object_put(object);
	}
	free(copy);
	return found;
}

static void test_intervals_add_up(void **state)
{
	struct run *run = *state;
	uint64_t parts, whole;
	int intervals;

	launch(run, "-i lo --json --interval 50ms --duration 220ms");
	finish(run);
	assert_int_equal(WEXITSTATUS(run->status), EXIT_SUCCESS);
	intervals = count_lines(run->text, "interval", &parts);
	assert_in_range(intervals, 1, 5);
	assert_int_equal(count_lines(run->text, "summary", &whole), 1);
	assert_int_equal(parts, whole);
	assert_int_equal(whole, 7 * intervals);
	assert_non_null(strstr(run->text, "\"summary\""));
	assert_int_equal(run->outcome->fake.dropped, 1);
	assert_int_equal(run->outcome->fake.closed, 1);
	assert_string_equal(run->outcome->fake.first_interface, "lo");
}

static void test_signals_end_with_totals(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct run *run = *state;
		uint64_t parts, whole;

		assert_int_equal(ftruncate(run->output, 0), 0);
		assert_int_equal(lseek(run->output, 0, SEEK_SET), 0);
		launch(run, "-i lo --json --interval 20ms");
		await(run, "\"interval\"");
		kill(run->pid, signals[i]);
		finish(run);
		assert_int_equal(WEXITSTATUS(run->status), EXIT_SUCCESS);
		count_lines(run->text, "interval", &parts);
		assert_int_equal(count_lines(run->text, "summary", &whole), 1);
		assert_int_equal(parts, whole);
		assert_int_equal(run->outcome->fake.closed, 1);
	}
}

static void test_text_when_there_is_no_terminal(void **state)
{
	struct run *run = *state;

	launch(run, "-i lo --interval 100ms --duration 100ms");
	finish(run);
	assert_int_equal(WEXITSTATUS(run->status), EXIT_SUCCESS);
	assert_ptr_equal(strstr(run->text, "stoq watch  lo (fake)"), run->text);
	assert_non_null(strstr(run->text, "since the start"));
	assert_null(strchr(run->text, 0x1b));
}

/* The last interval is judged, if it is as long as the others. */
static void test_the_last_interval_is_judged(void **state)
{
	struct run *run = *state;

	launch(run, "-i lo --json --interval 100ms --duration 100ms --threshold iops>0");
	finish(run);
	assert_int_equal(WEXITSTATUS(run->status), 3);
	assert_non_null(strstr(run->text, "\"threshold\""));
}

static void test_a_cut_interval_is_not_judged(void **state)
{
	struct run *run = *state;

	launch(run, "-i lo --json --interval 1h --duration 50ms --threshold iops>0");
	finish(run);
	assert_int_equal(WEXITSTATUS(run->status), EXIT_SUCCESS);
}

static void test_events(void **state)
{
	struct run *run = *state;
	uint64_t ignored;

	fake_watch.events = 3;
	launch(run, "-i lo --json --slow 0 --duration 50ms");
	finish(run);
	assert_int_equal(count_lines(run->text, "command", &ignored), 3);
	assert_int_equal(run->outcome->fake.config.slow_ns, 0);
}

static void test_events_as_text(void **state)
{
	struct run *run = *state;

	fake_watch.events = 1;
	launch(run, "-i lo --errors --duration 50ms");
	finish(run);
	assert_ptr_equal(strstr(run->text, "STARTED "), run->text);
	assert_non_null(strstr(run->text, " Read "));
}

static void test_interfaces_by_default(void **state)
{
	struct run *run = *state;

	launch(run, "--json --duration 10ms");
	finish(run);
	/* Where no interface is up, there is a message instead. */
	if (WEXITSTATUS(run->status) == EXIT_SUCCESS)
		assert_true(run->outcome->fake.config.interface_count >= 1);
	else
		assert_non_null(strstr(run->outcome->message, "-i"));
}

static void test_without_rights(void **state)
{
	struct run *run = *state;

	fake_watch.open_error = -EPERM;
	launch(run, "-i lo");
	finish(run);
	assert_int_equal(WEXITSTATUS(run->status), EXIT_FAILURE);
	assert_string_equal(run->outcome->message, "CAP_BPF is missing");
	assert_string_equal(run->text, "");
	assert_int_equal(run->outcome->fake.closed, 0);
}

static void test_reading_fails(void **state)
{
	struct run *run = *state;

	fake_watch.update_error = -EIO;
	launch(run, "-i lo --interval 10ms");
	finish(run);
	assert_int_equal(WEXITSTATUS(run->status), EXIT_FAILURE);
	assert_string_equal(run->outcome->message, "the maps are gone");
	assert_int_equal(run->outcome->fake.closed, 1);
}

static void test_reader_that_leaves(void **state)
{
	struct run *run = *state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], run->output);
	close(ends[1]);
	close(ends[0]);
	launch(run, "-i lo --json --interval 10ms");
	close(run->output);
	assert_int_equal(waitpid(run->pid, &run->status, 0), run->pid);
	assert_true(WIFEXITED(run->status));
	assert_int_equal(WEXITSTATUS(run->status), EXIT_SUCCESS);
	assert_string_equal(run->outcome->message, "");
	run->output = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void test_help(void **state)
{
	struct run *run = *state;

	launch(run, "--help");
	finish(run);
	assert_int_equal(WEXITSTATUS(run->status), EXIT_SUCCESS);
	assert_non_null(strstr(run->outcome->message, "SYNOPSIS"));
	assert_int_equal(run->outcome->fake.opened, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_intervals_add_up, start, end),
		cmocka_unit_test_setup_teardown(test_signals_end_with_totals, start, end),
		cmocka_unit_test_setup_teardown(test_text_when_there_is_no_terminal, start, end),
		cmocka_unit_test_setup_teardown(test_the_last_interval_is_judged, start, end),
		cmocka_unit_test_setup_teardown(test_a_cut_interval_is_not_judged, start, end),
		cmocka_unit_test_setup_teardown(test_events, start, end),
		cmocka_unit_test_setup_teardown(test_events_as_text, start, end),
		cmocka_unit_test_setup_teardown(test_interfaces_by_default, start, end),
		cmocka_unit_test_setup_teardown(test_without_rights, start, end),
		cmocka_unit_test_setup_teardown(test_reading_fails, start, end),
		cmocka_unit_test_setup_teardown(test_reader_that_leaves, start, end),
		cmocka_unit_test_setup_teardown(test_help, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
