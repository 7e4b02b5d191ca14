// SPDX-License-Identifier: BSD-2-Clause
/* What is said of connections that a policy would stop: their names are what hosts chose to send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/older.h"

static void print(char text[static 4096], const char *host, const char *subsystem)
{
	struct stoq_guard_stopped stopped = {
		.verdict = {.stop = STOQ_GUARD_STOP_STRICT, .rule = STOQ_GUARD_NO_RULE},
		.connections = 2};
	const struct stoq_guard_older older = {.items = &stopped, .count = 1};
	const struct stoq_guard_policy rules = {0};
	FILE *file = fmemopen(text, 4096, "w");

	assert_non_null(file);
	memcpy(stopped.first.host_nqn, host, strnlen(host, NVME_NQN_LENGTH));
	memcpy(stopped.first.subsystem_nqn, subsystem, strnlen(subsystem, NVME_NQN_LENGTH));
	stoq_guard_older_print(file, &older, &rules);
	assert_int_equal(fclose(file), 0);
}

static void test_names(void **state)
{
	char text[4096];

	(void)state;
	print(text, "nqn.2014-08.org.example:one", "nqn.2014-08.org.example:all");
	assert_non_null(strstr(text, "  host nqn.2014-08.org.example:one, 2 connections to "
				     "nqn.2014-08.org.example:all ("));
	print(text, "", "");
	assert_non_null(strstr(text, "  a host that is not known, 2 connections ("));
}

/* Every byte that a terminal could take for more than text; names that fill their fields. */
static void test_hostile_names(void **state)
{
	char host[NVME_NQN_LENGTH], subsystem[NVME_NQN_LENGTH], text[4096];

	(void)state;
	for (size_t i = 0; i < NVME_NQN_LENGTH; i++) {
		host[i] = (char)(i + 1);
		subsystem[i] = '\x9b';
	}
	host[NVME_NQN_LENGTH - 1] = '\x1b';
	print(text, host, subsystem);
	for (const char *at = text; *at; at++)
		assert_true((*at >= ' ' && *at <= '~') || (*at == '\n' && !at[1]));
	assert_non_null(strstr(text, "\\x1b"));
	assert_non_null(strstr(text, "\\x9b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
