// SPDX-License-Identifier: BSD-2-Clause
/* Cases for a policy: what their file may contain, and which of them a policy meets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/expect.h"

#define TOP	     "version: 1\ncases:\n"
#define CASE(fields) TOP "  - {command: read, namespace: 1, lba: 0+1, verdict: deny" fields "}\n"

static void expect_error(const char *text, const char *expected)
{
	struct stoq_guard_cases cases;
	struct stoq_error error;

	if (!stoq_guard_cases_parse(&cases, "c.yaml", text, strlen(text), &error))
		fail_msg("taken for valid: %s", text);
	assert_int_equal(error.code, -EINVAL);
	if (!strstr(error.text, expected))
		fail_msg("'%s' does not have '%s'", error.text, expected);
}

static void test_refused_files(void **state)
{
	(void)state;
	expect_error("", "a file of cases begins with `version: 1`");
	expect_error("version: 1\n", "c.yaml:1: the field 'cases' is missing");
	expect_error("version: 1\ncases: []\n", "the list is empty");
	expect_error("version: 2\ncases: [{command: Connect, verdict: deny}]\n", "version: '2'");
	expect_error(
		TOP "  - {command: read}\n", "c.yaml:3: case 1, the field 'verdict' is missing");
	expect_error(CASE(", colour: red"), "case 1, there is no field 'colour'");
	expect_error(CASE(", host: db"), "c.yaml:3: case 1, host: 'db'");
	expect_error(CASE(", host: ''"), "leave the field out");
	expect_error(CASE(", status: Fine"), "status: 'Fine' is not possible");
	expect_error(TOP "  - {command: Connect, verdict: log}\n", "verdict: 'log'");
	expect_error(TOP "  - {command: Connect, verdict: allow, status: Access Denied}\n",
		"what is allowed has no status");
	expect_error(TOP "  - {command: wrte, verdict: deny}\n", "'wrte' is no command");
	expect_error(TOP "  - {command: flush, verdict: deny}\n", "`namespace: 1`");
	expect_error(TOP "  - {command: read, namespace: 1, verdict: deny}\n", "`lba: 0+8`");
	expect_error(TOP "  - {command: flush, namespace: 0, verdict: deny}\n", "from 1 on");
	expect_error(
		TOP "  - {command: read, namespace: 1, lba: 5, verdict: deny}\n", "FIRST+COUNT");
	expect_error(
		TOP "  - {command: flush, namespace: 1, lba: 0+1, verdict: deny}\n", "too much");
}

/* Number of cases that the policy does not meet; what was printed is in text. */
static size_t meet(const char *cases_text, char *text, size_t size)
{
	static const char policy_text[] = "version: 1\ndefault: allow\nrules:\n"
					  "  - {name: quiet, commands: [read], verdict: log}\n"
					  "  - {name: closed, commands: [read], verdict: deny}\n";
	struct stoq_guard_explainer explainer = {.path = "p.yaml"};
	struct stoq_guard_compiled *compiled;
	struct stoq_guard_policy policy;
	struct stoq_guard_cases cases;
	struct stoq_error error;
	FILE *file = fmemopen(text, size, "w");
	size_t failed;

	assert_non_null(file);
	assert_int_equal(stoq_guard_policy_parse(
				 &policy, "p.yaml", policy_text, strlen(policy_text), &error),
		0);
	assert_int_equal(stoq_guard_compile(&policy, &compiled, &error), 0);
	if (stoq_guard_cases_parse(&cases, "c.yaml", cases_text, strlen(cases_text), &error))
		fail_msg("%s", error.text);
	explainer.policy = &policy;
	explainer.compiled = compiled;
	failed = stoq_guard_expect(file, &explainer, &cases);
	fclose(file);
	stoq_guard_cases_free(&cases);
	stoq_guard_policy_free(&policy);
	free(compiled);
	return failed;
}

static void test_met(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(meet(CASE(""), text, sizeof(text)), 0);
	assert_int_equal(meet(CASE(", rule: closed"), text, sizeof(text)), 0);
	assert_int_equal(meet(CASE(", rule: 2, status: Access Denied"), text, sizeof(text)), 0);
	assert_int_equal(
		meet(TOP "  - {command: flush, namespace: 1, verdict: allow, rule: default}\n",
			text, sizeof(text)),
		0);
	assert_string_equal(text, "1 of 1 cases are decided as expected\n");
}

static void test_not_met(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(meet(TOP "  - {name: open, command: read, namespace: 1, lba: 0+1, "
				  "verdict: allow}\n",
				 text, sizeof(text)),
		1);
	assert_string_equal(text,
		"c.yaml:3: case 1 (open): expected allow, got deny (Access Denied) by rule 2 "
		"(closed), p.yaml:5\n0 of 1 cases are decided as expected\n");
	assert_int_equal(meet(CASE(", rule: quiet"), text, sizeof(text)), 1);
	assert_int_equal(meet(CASE(", rule: default"), text, sizeof(text)), 1);
	assert_int_equal(meet(CASE(", status: Operation Denied"), text, sizeof(text)), 1);
	assert_int_equal(
		meet(TOP "  - {command: flush, namespace: 1, verdict: deny}\n", text, sizeof(text)),
		1);
	assert_string_equal(text, "c.yaml:3: case 1: expected deny, got allow by default\n"
				  "0 of 1 cases are decided as expected\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_met),
		cmocka_unit_test(test_not_met),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
