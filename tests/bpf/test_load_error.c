// SPDX-License-Identifier: BSD-2-Clause

/*
 * What is said when the kernel does not take a program: the verifier's own words, few of them, or
 * what else was in the way. Needs root; says so and skips otherwise.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "ebpf/load_error.h"
#include "refused.skel.h"

static unsigned int count_lines(const char *text)
{
	unsigned int lines = 1;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void assert_says(const struct stoq_error *error, const char *part)
{
	if (!strstr(error->text, part))
		fail_msg("'%s' has no '%s'", error->text, part);
}

static void test_verifier(void **state)
{
	struct stoq_error error;
	struct refused_bpf *refused;
	struct utsname system;
	int code;

	(void)state;
	stoq_libbpf_log_start();
	refused = refused_bpf__open();
	assert_non_null(refused);
	code = refused_bpf__load(refused);
	assert_int_equal(code, -EACCES);
	assert_int_equal(stoq_load_error(&error, code, "CONFIG_XDP_SOCKETS"), -EACCES);
	refused_bpf__destroy(refused);
	print_message("%s\n", error.text);
	assert_int_equal(uname(&system), 0);
	assert_says(&error, system.release);
	assert_says(&error, "did not accept the BPF program: Permission denied");
	assert_says(&error, "CONFIG_XDP_SOCKETS");
	/* The verifier's reason, and the instruction that it is about. */
	assert_says(&error, "offset is outside of the packet");
	assert_says(&error, "data[1000]");
	assert_true(count_lines(error.text) <= 5);
	/* Nothing was cut. */
	assert_true(strlen(error.text) < sizeof(error.text) - 1);
}

static void test_memory(void **state)
{
	struct stoq_error error;

	(void)state;
	assert_int_equal(stoq_load_error(&error, -ENOMEM, "CONFIG_XDP_SOCKETS"), -ENOMEM);
	assert_says(&error, "memory.max");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verifier),
		cmocka_unit_test(test_memory),
	};

	if (geteuid() != 0) {
		puts("needs root, to load BPF programs");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
