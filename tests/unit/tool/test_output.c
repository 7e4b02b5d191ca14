// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool/output.h"

#define LINES 20000 /* far more than a pipe and the buffer hold */

struct reader {
	int fd;
	int right; /* lines that were the ones expected */
};

static void *read_all(void *context)
{
	struct reader *reader = context;
	FILE *file = fdopen(reader->fd, "r");
	char line[64], expected[64];

	while (fgets(line, sizeof(line), file)) {
		snprintf(expected, sizeof(expected), "line %d\n", reader->right);
		if (strcmp(line, expected) != 0)
			break;
		reader->right++;
	}
	fclose(file);
	return NULL;
}

static void test_everything_arrives(void **state)
{
	struct tool_output output;
	struct reader reader = {0};
	pthread_t thread;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	reader.fd = ends[0];
	assert_int_equal(tool_output_init(&output, ends[1], -1), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
	for (int i = 0; i < LINES; i++) {
		char line[64];

		snprintf(line, sizeof(line), "line %d", i);
		tool_output_add(&output, line, true);
	}
	tool_output_end(&output, 1000);
	assert_false(output.closed);
	close(ends[1]);
	pthread_join(thread, NULL);
	assert_int_equal(reader.right, LINES);
}

static void fill(struct tool_output *output)
{
	for (int i = 0; i < LINES && !output->closed; i++)
		tool_output_add(output, "something", true);
}

static void test_reader_that_left(void **state)
{
	struct tool_output output;
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(tool_output_init(&output, ends[1], -1), 0);
	tool_output_add(&output, "x", true);
	tool_output_flush(&output);
	assert_true(output.closed);
	fill(&output);
	assert_int_equal(tool_output_end(&output, 1000), 0);
	close(ends[1]);
}

static void test_reader_that_does_not_read_is_given_up_when_told_to_stop(void **state)
{
	struct tool_output output;
	int ends[2], stop = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(tool_output_init(&output, ends[1], stop), 0);
	fill(&output);
	assert_true(output.closed);
	tool_output_end(&output, 10);
	close(ends[0]);
	close(ends[1]);
	close(stop);
}

static void test_the_end_waits_for_a_while_only(void **state)
{
	struct tool_output output;
	int ends[2];
	char page[4096] = "";

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	while (write(ends[1], page, sizeof(page)) > 0)
		;
	assert_int_equal(tool_output_init(&output, ends[1], -1), 0);
	tool_output_add(&output, "x", true);
	tool_output_end(&output, 10);
	assert_true(output.closed);
	close(ends[0]);
	close(ends[1]);
}

static void test_a_full_disk_is_no_reader_that_left(void **state)
{
	struct tool_output output;
	struct stoq_error error;
	int fd = open("/dev/full", O_WRONLY);

	if (fd < 0)
		skip();
	assert_int_equal(tool_output_init(&output, fd, -1), 0);
	tool_output_add(&output, "x", true);
	assert_int_equal(tool_output_end(&output, 1000), -ENOSPC);
	assert_int_equal(tool_output_explain(-ENOSPC, &error), -ENOSPC);
	assert_string_equal(error.text, "cannot write the output: No space left on device");
	assert_int_equal(tool_output_explain(0, &error), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_arrives),
		cmocka_unit_test(test_reader_that_left),
		cmocka_unit_test(test_reader_that_does_not_read_is_given_up_when_told_to_stop),
		cmocka_unit_test(test_the_end_waits_for_a_while_only),
		cmocka_unit_test(test_a_full_disk_is_no_reader_that_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
