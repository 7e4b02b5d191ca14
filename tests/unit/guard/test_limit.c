// SPDX-License-Identifier: BSD-2-Clause
/* Limits of a policy: what may be written, what the program reads of it, and for which commands they hold. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/accounts_report.h"
#include "guard/diff_limits.h"
#include "guard/limit.h"

#define TOP                                                                                        \
	"version: 1\ndefault: allow\nhost-lists:\n  - {name: db, hosts: ['nqn.2014-08.a:1', 'nqn.2014-08.b*']}\nlimits:\n"

static void parse(struct stoq_guard_policy *policy, const char *text)
{
	struct stoq_error error;

	if (stoq_guard_policy_parse(policy, "p.yaml", text, strlen(text), &error))
		fail_msg("%s", error.text);
}

static void expect_error(const char *text, const char *expected)
{
	struct stoq_guard_policy policy;
	struct stoq_error error;

	if (!stoq_guard_policy_parse(&policy, "p.yaml", text, strlen(text), &error))
		fail_msg("taken for valid: %s", text);
	assert_int_equal(error.code, -EINVAL);
	if (!strstr(error.text, expected))
		fail_msg("'%s' does not have '%s'", error.text, expected);
}

static void test_fields(void **state)
{
	struct stoq_guard_policy policy;
	struct stoq_limit_installed *compiled;
	struct stoq_error error;

	parse(&policy, TOP
		"  - {name: one, hosts: [db], iops: 300}\n"
		"  - {name: two, direction: writes, bandwidth: 64MiB, burst: 1s, share: group}\n");
	assert_int_equal(policy.limit_count, 2);
	assert_int_equal(policy.limits[0].iops, 300);
	assert_int_equal(policy.limits[0].burst_ns, 100000000);
	assert_false(policy.limits[0].group);
	assert_int_equal(policy.limits[1].bytes_a_second, 64 << 20);
	assert_true(policy.limits[1].group);
	assert_int_equal(stoq_guard_limits_compile(&policy, &compiled, &error), 0);
	assert_int_equal(compiled->count, 2);
	assert_int_equal(compiled->limits[0].command_ns, 3333333);
	assert_int_equal(compiled->limits[1].command_ns, 0);
	assert_int_equal(compiled->limits[1].burst_ns, 1000000000);
	assert_true(compiled->limits[0].id != compiled->limits[1].id);
	free(compiled);
	stoq_guard_policy_free(&policy);
	parse(&policy, "version: 1\ndefault: allow\n");
	assert_int_equal(stoq_guard_limits_compile(&policy, &compiled, &error), 0);
	assert_null(compiled);
	stoq_guard_policy_free(&policy);
}

static void test_errors(void **state)
{
	expect_error(TOP "  - {iops: 1}\n", "limit 1, the field 'name' is missing");
	expect_error(TOP "  - {name: a}\n", "p.yaml:6: limit 1, name: 'a' limits nothing");
	expect_error(TOP "  - {name: a, iops: 0}\n", "limit 1, iops: '0' is not possible");
	expect_error(TOP "  - {name: a, iops: 1.5}\n", "iops: '1.5' is not possible");
	expect_error(TOP "  - {name: a, bandwidth: 1}\n", "bandwidth: '1' is not possible");
	expect_error(TOP "  - {name: a, bandwidth: 20Mb}\n", "bandwidth: '20Mb' is not possible");
	expect_error(TOP "  - {name: a, bandwidth: 99999GB}\n", "bandwidth: '99999GB'");
	expect_error(TOP "  - {name: a, iops: 1, burst: 100}\n", "burst: '100' is not possible");
	expect_error(TOP "  - {name: a, iops: 1, burst: 61s}\n", "burst: '61s' is not possible");
	expect_error(TOP "  - {name: a, iops: 1, share: all}\n", "share: 'all' is not possible");
	expect_error(TOP "  - {name: a, iops: 1, direction: up}\n", "direction: 'up'");
	expect_error(TOP "  - {name: a, iops: 1, host: db1}\n", "p.yaml:6: limit 1, host: 'db1'");
	expect_error(TOP "  - {name: a, iops: 1}\n  - {name: a, iops: 2}\n",
		"p.yaml:7: limit 2, name: 'a' is the name of an earlier limit");
	expect_error(TOP "  - {name: a, iops: 1, verdict: deny}\n", "there is no field 'verdict'");
}

static bool holds(const struct stoq_guard_policy *policy, size_t limit, const char *command,
	const char *host, uint32_t nsid)
{
	struct stoq_guard_compiled *compiled;
	struct stoq_guard_question question = {.command = command,
		.host = host,
		.nsid = nsid,
		.ranges = {{0, 7}},
		.range_count = 1};
	struct stoq_error error;
	bool result;

	assert_int_equal(stoq_guard_compile(policy, &compiled, &error), 0);
	assert_int_equal(stoq_guard_question_complete(&question), STOQ_GUARD_QUESTION_COMPLETE);
	stoq_guard_question_set(&question, compiled);
	result = stoq_guard_limit_holds(policy, limit, &question);
	free(compiled);
	return result;
}

/* The same by the tables that the program reads. */
static bool is_compiled_so(const struct stoq_guard_policy *policy, size_t limit, uint8_t opcode,
	const char *host, uint32_t nsid)
{
	struct stoq_limit_installed *installed;
	struct stoq_error error;
	uint64_t bits;

	assert_int_equal(stoq_guard_limits_compile(policy, &installed, &error), 0);
	bits = installed->match.hosts.sets[stoq_guard_class_of(&installed->match.hosts, host)]
		       .words[0] &
	       installed->match.commands[STOQ_GUARD_IO][opcode].words[0] &
	       installed->match.spaces[stoq_guard_space(&installed->match, nsid)].words[0];
	free(installed);
	return bits >> limit & 1;
}

static void test_holds(void **state)
{
	static const struct {
		const char *host;
		uint32_t nsid;
		bool write, read;
	} cases[] = {
		{"nqn.2014-08.a:1", 4, true, false},
		{"nqn.2014-08.b:2", 4, true, false},
		{"nqn.2014-08.c:2", 4, false, false},
		{"nqn.2014-08.a:1", 1, false, false},
		{NULL, 4, false, false},
	};
	struct stoq_guard_policy policy;

	parse(&policy, TOP
		"  - {name: one, hosts: [db], namespaces: [4-5], direction: writes, iops: 300}\n"
		"  - {name: two, direction: reads, iops: 300}\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *host = cases[i].host;
		uint32_t nsid = cases[i].nsid;

		assert_int_equal(holds(&policy, 0, "write", host, nsid), cases[i].write);
		assert_int_equal(holds(&policy, 0, "read", host, nsid), cases[i].read);
		assert_int_equal(
			is_compiled_so(&policy, 0, NVME_NVM_WRITE, host, nsid), cases[i].write);
		assert_int_equal(
			is_compiled_so(&policy, 0, NVME_NVM_READ, host, nsid), cases[i].read);
		assert_true(holds(&policy, 1, "read", host, nsid));
		assert_true(is_compiled_so(&policy, 1, NVME_NVM_READ, host, nsid));
		assert_false(holds(&policy, 1, "write", host, nsid));
	}
	stoq_guard_policy_free(&policy);
}

static size_t differences(const char *before, const char *after)
{
	struct stoq_guard_policy one, other;
	char text[1024];
	size_t count;

	snprintf(text, sizeof(text), TOP "%s", before);
	parse(&one, text);
	snprintf(text, sizeof(text), TOP "%s", after);
	parse(&other, text);
	count = stoq_guard_diff_limits(&one, &other, NULL, NULL);
	stoq_guard_policy_free(&one);
	stoq_guard_policy_free(&other);
	return count;
}

static void test_differences(void **state)
{
	const char *a = "  - {name: a, iops: 1, hosts: [db]}\n", *b = "  - {name: b, iops: 2}\n";
	char both[256], turned[256];

	snprintf(both, sizeof(both), "%s%s", a, b);
	snprintf(turned, sizeof(turned), "%s%s", b, a);
	assert_int_equal(differences(both, turned), 0);
	assert_int_equal(differences(a, b), 2);
	assert_int_equal(differences(a, both), 1);
	assert_int_equal(differences(b, "  - {name: b, iops: 3}\n"), 1);
	assert_int_equal(differences(b, "  - {name: b, iops: 2, namespace: 1}\n"), 1);
	assert_int_equal(differences(a, "  - {name: a, iops: 1, hosts: ['nqn.2014-08.a:1']}\n"), 1);
}

/* A scraper refuses a whole text for a byte that is no UTF-8; and nobody passes for the hosts without a name. */
static void test_names_from_the_wire(void **state)
{
	struct stoq_guard_account items[] = {
		{.kind = STOQ_GUARD_ACCOUNT_HOST, .host = "\xff\x1b[2J\\"},
		{.kind = STOQ_GUARD_ACCOUNT_HOST, .host = "unknown"},
		{.kind = STOQ_GUARD_ACCOUNT_OTHERS}};
	struct stoq_guard_accounts accounts = {.items = items, .count = 3};
	struct stoq_guard_policy policy;
	struct json_object *object;
	char *text;
	size_t size;
	const struct stoq_openmetrics out = {.out = open_memstream(&text, &size)};

	parse(&policy, TOP "  - {name: one, hosts: [db], iops: 300}\n");
	for (size_t i = 0; i < accounts.count; i++)
		items[i].limit = stoq_guard_limit_id(&policy.limits[0]);
	stoq_guard_accounts_metrics(&out, "guard", "g", &policy, &accounts);
	fclose(out.out);
	assert_non_null(
		strstr(text, "{guard=\"g\",limit=\"one\",host=\"\\\\xff\\\\x1b[2J\\\\x5c\"} 0\n"));
	assert_non_null(strstr(text, "{guard=\"g\",limit=\"one\",host=\"\\\\x75nknown\"} 0\n"));
	assert_non_null(strstr(text, "{guard=\"g\",limit=\"one\",host=\"unknown\"} 0\n"));
	free(text);
	object = stoq_guard_accounts_json(&policy, &accounts);
	assert_non_null(strstr(json_object_to_json_string(object), "\"\\\\xff\\\\x1b[2J\\\\x5c\""));
	json_object_put(object);
	stoq_guard_policy_free(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_from_the_wire),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_differences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
