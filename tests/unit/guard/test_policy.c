// SPDX-License-Identifier: BSD-2-Clause
/* What a policy file may say, and what is said of one that does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/policy.h"
#include "guard/unreachable.h"

#define TOP	     "version: 1\ndefault: allow\n"
#define RULE(fields) TOP "rules:\n  - name: r\n    verdict: deny\n" fields

static char long_text[512];

/* All mistakes of a text, as they are printed. */
static size_t mistakes_of(const char *text, char *printed, size_t size)
{
	struct stoq_guard_texts texts = {
		.items = {{.text = (char *)text, .size = strlen(text)}}, .count = 1};
	struct stoq_guard_mistakes mistakes = {0};
	struct stoq_guard_policy policy;
	struct stoq_error error;
	FILE *file = fmemopen(printed, size, "w");
	size_t count;

	if (!stoq_guard_policy_parse_texts(&policy, "p.yaml", &texts, false, &mistakes))
		fail_msg("taken for valid: %s", text);
	assert_int_equal(stoq_guard_mistakes_end(&mistakes, "p.yaml", false, &error), -EINVAL);
	assert_non_null(file);
	stoq_guard_mistakes_print(file, &mistakes);
	fclose(file);
	count = mistakes.total;
	stoq_guard_mistakes_free(&mistakes);
	return count;
}

static void expect_error(const char *text, const char *expected)
{
	static char printed[65536];

	mistakes_of(text, printed, sizeof(printed));
	if (!strstr(printed, expected))
		fail_msg("'%s' does not say '%s'", printed, expected);
}

/* Every mistake has its line, in the file's order, whatever else is wrong, and no other one comes of it. */
static void test_all_mistakes(void **state)
{
	static const char *const expected[] = {
		"p.yaml:1: version: '3' is not possible",
		"p.yaml:2: default: 'perhaps' is not possible",
		"p.yaml:4: list 1, hosts: 'db1'",
		"p.yaml:7: there is no field 'rools'",
		"p.yaml:9: rule 1, there is no field 'nsid'",
		"p.yaml:10: rule 1, verdict: 'refuse' is no verdict",
		"p.yaml:11: rule 2, the field 'verdict' is missing",
		"p.yaml:12: rule 2, lba: must be a single value",
		"p.yaml:13: rule 2, commands: 'Wrte' is no command",
		"p.yaml:13: rule 2, commands: 'Rad' is no command",
		"p.yaml:14: rule 3, fields are expected here",
		"p.yaml:15: rule 4, hosts: 'dc' is neither an NQN nor the name",
	};
	static char printed[65536];
	const char *at = printed;

	(void)state;
	assert_int_equal(
		mistakes_of(
			"version: 3\ndefault: perhaps\nhost-lists:\n  - {name: db, hosts: [db1]}\n"
			"\n\nrools: []\nrules:\n"
			"  - nsid: 5\n    verdict: refuse\n"
			"  - name: x\n    lba: [1]\n    commands: [Wrte, Rad]\n"
			"  - deny\n"
			"  - {hosts: [db, dc], verdict: deny}\n",
			printed, sizeof(printed)),
		sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		if (strncmp(at, expected[i], strlen(expected[i])) != 0)
			fail_msg("'%s' is not where it belongs in:\n%s", expected[i], printed);
		at = strchr(at, '\n') + 1;
	}
	assert_string_equal(at, "");
}

/* As many as are kept, and the rest in a number. */
static void test_many_mistakes(void **state)
{
	static char text[65536], printed[65536];
	char *to = text + sprintf(text, TOP "rules:\n");
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		to += sprintf(to, "  - {verdict: no}\n");
	assert_int_equal(mistakes_of(text, printed, sizeof(printed)), 1000);
	for (const char *at = printed; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, STOQ_GUARD_MISTAKES_MAX + 1);
	assert_non_null(strstr(printed, "\n900 more mistakes are not shown\n"));
	assert_non_null(strstr(printed, "p.yaml:4: rule 1, verdict: 'no'"));
}

static void parse(struct stoq_guard_policy *policy, const char *text)
{
	struct stoq_error error;

	if (stoq_guard_policy_parse(policy, "p.yaml", text, strlen(text), &error))
		fail_msg("%s", error.text);
}

/* Classes in either case, and what nvme-cli calls commands. */
static void test_words(void **state)
{
	struct stoq_guard_policy policy;
	const struct stoq_guard_rule *rule;

	parse(&policy, RULE("    commands: [Reads, fw_commit, DSM, format]\n"));
	rule = &policy.rules[0];
	assert_true(stoq_guard_commands_has(&rule->commands, STOQ_GUARD_IO, NVME_NVM_READ));
	assert_true(stoq_guard_commands_has(
		&rule->commands, STOQ_GUARD_IO, NVME_NVM_DATASET_MANAGEMENT));
	assert_true(
		stoq_guard_commands_has(&rule->commands, STOQ_GUARD_ADMIN, NVME_ADMIN_FORMAT_NVM));
	assert_true(stoq_guard_commands_has(
		&rule->commands, STOQ_GUARD_ADMIN, NVME_ADMIN_FIRMWARE_COMMIT));
	assert_false(stoq_guard_commands_has(&rule->commands, STOQ_GUARD_IO, NVME_NVM_WRITE));
	stoq_guard_policy_free(&policy);
	expect_error(RULE("    commands: [delete-ns]\n"), "write `Namespace Management`");
	expect_error(RULE("    commands: [id-ctrl]\n"), "write `Identify`");
	expect_error(RULE("    commands: [reset]\n"), "is no NVMe command");
	expect_error(RULE("    commands: [formats]\n"), "is no command");
}

#define LISTS(list, rule) TOP "host-lists:\n" list "rules:\n  - name: r\n    verdict: deny\n" rule
#define LIST		  "  - {name: db, hosts: ['nqn.2014-08.a:1', 'nqn.2014-08.b*']}\n"

/* Lists with names, and of a rule; ranges of namespaces. */
static void test_lists(void **state)
{
	struct stoq_guard_policy policy;
	const struct stoq_guard_rule *rule;

	parse(&policy, LISTS(LIST, "    hosts: [db, 'nqn.2014-08.c:2']\n"
				   "    subsystems: ['nqn.2014-08.s:1', 'nqn.2014-08.s:2']\n"
				   "    namespaces: [9, 1-4]\n"));
	rule = &policy.rules[0];
	assert_int_equal(rule->host.list_count, 2);
	assert_int_equal(rule->host.lists[0]->count, 1);
	assert_int_equal(rule->host.lists[1]->count, 2);
	assert_true(rule->host.lists[1]->items[1].prefix);
	assert_int_equal(rule->subsystem.lists[0]->count, 2);
	assert_int_equal(rule->namespace_count, 5);
	assert_int_equal(rule->namespaces[4], 9);
	assert_string_equal(rule->host.text, "db, nqn.2014-08.c:2");
	stoq_guard_policy_free(&policy);
	expect_error(
		LISTS(LIST, "    hosts: [db2]\n"), "p.yaml:8: rule 1, hosts: 'db2' is neither");
	expect_error(LISTS(LIST, "    hosts: [db, db]\n"), "is there twice");
	expect_error(LISTS(LIST, "    host: nqn.2014-08.a:1\n    hosts: [db]\n"),
		"stands beside a single one");
	expect_error(
		LISTS(LIST LIST, ""), "p.yaml:5: list 2, name: 'db' is the name of an earlier");
	expect_error(LISTS("  - {name: d b, hosts: ['nqn.2014-08.a:1']}\n", ""), "cannot have");
	expect_error(LISTS("  - name: db\n    hosts:\n      - nqn.2014-08.a:1\n      - db1\n", ""),
		"p.yaml:7: list 1, hosts: 'db1'");
	expect_error(LISTS("  - {name: db}\n", "    hosts: [db]\n    host: x\n"), "host: 'x'");
	expect_error(RULE("    namespaces: [1-300]\n"), "one namespace too many");
	expect_error(RULE("    namespaces: [1-4, 3]\n"), "is there twice");
	expect_error(RULE("    namespaces: [0-4]\n"), "is not a namespace");
}

static void test_defaults(void **state)
{
	struct stoq_guard_policy policy;

	parse(&policy, TOP);
	assert_true(policy.strict);
	assert_int_equal(policy.clones, STOQ_GUARD_CLONES_LOG);
	assert_int_equal(policy.unknown_host, STOQ_GUARD_DENY);
	assert_int_equal(policy.default_verdict, STOQ_GUARD_ALLOW);
	assert_int_equal(policy.rule_count, 0);
	stoq_guard_policy_free(&policy);
}

static void test_all_fields(void **state)
{
	struct stoq_guard_policy policy;
	const struct stoq_guard_rule *rule;

	parse(&policy,
		"version: 1\ndefault: deny\ndefault-status: operation-denied\n"
		"unknown-host: allow\nstrict: false\nclones: refuse\nrules:\n"
		"  - name: all of it\n    host: nqn.2*\n    subsystem: nqn.2014-08.org.example:s\n"
		"    namespaces: [7, 2]\n    commands: [Write, reads]\n    lba: 0+34\n"
		"    verdict: deny\n    status: Invalid Field in Command\n");
	rule = policy.rules;
	assert_int_equal(policy.default_status, NVME_STATUS(0, 0x15));
	assert_int_equal(policy.unknown_host, STOQ_GUARD_ALLOW);
	assert_false(policy.strict);
	assert_int_equal(policy.clones, STOQ_GUARD_CLONES_REFUSE);
	assert_int_equal(rule->line, 8);
	assert_int_equal(rule->host.length, 5);
	assert_true(rule->host.prefix);
	assert_false(rule->subsystem.prefix);
	assert_int_equal(rule->namespaces[0], 2);
	assert_int_equal(rule->namespaces[1], 7);
	assert_true(stoq_guard_commands_has(&rule->commands, STOQ_GUARD_IO, NVME_NVM_WRITE));
	assert_true(stoq_guard_commands_has(&rule->commands, STOQ_GUARD_IO, NVME_NVM_COMPARE));
	assert_false(stoq_guard_commands_has(&rule->commands, STOQ_GUARD_IO, NVME_NVM_FLUSH));
	assert_int_equal(rule->lba_last, 33);
	assert_int_equal(rule->status, NVME_STATUS(0, 0x02));
	stoq_guard_policy_free(&policy);
}

static void test_errors_of_the_outline(void **state)
{
	expect_error("", "p.yaml:1: the file is empty");
	expect_error("version: [", "p.yaml:2: not YAML");
	expect_error("- a\n", "p.yaml:1: fields are expected here");
	expect_error("default: allow\n", "the field 'version' is missing");
	expect_error(TOP "hosts: x\n", "p.yaml:3: there is no field 'hosts'");
	expect_error(TOP "default: deny\n", "'default' is already given in line 2");
	expect_error(TOP "rules: all\n", "p.yaml:3: rules: must be a list");
	expect_error(TOP "rules:\n  - deny\n", "p.yaml:4: rule 1, fields are expected");
	expect_error(
		TOP "rules:\n  - name: a\n", "p.yaml:4: rule 1, the field 'verdict' is missing");
	expect_error(RULE("    commands: Write\n"),
		"p.yaml:6: rule 1, commands: must be a list; write "
		"`commands: [Write]`");
	expect_error(RULE("    commands: []\n"), "the list is empty");
	expect_error(RULE("    namespace: [1, 2]\n"), "write `namespaces: [1, 2]`");
	expect_error(RULE("    nsid: 1\n"), "p.yaml:6: rule 1, there is no field 'nsid'");
	expect_error(TOP "---\n" TOP, "a second YAML document");
	expect_error(RULE("    host: &a nqn.2014-08.org.example:x\n    subsystem: *a\n"),
		"anchors and aliases");
	expect_error(TOP "rules: [[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]\n",
		"p.yaml:3: lists and mappings are nested more than 16 deep");
}

/* A megabyte of brackets would take libyaml hours. */
static void test_deep_outline(void **state)
{
	static char text[1 << 20] = TOP "rules: ", printed[4096];
	size_t front = strlen(text);

	(void)state;
	memset(text + front, '[', sizeof(text) - front - 1);
	assert_int_equal(mistakes_of(text, printed, sizeof(printed)), 1);
	assert_non_null(
		strstr(printed, "p.yaml:3: lists and mappings are nested more than 16 deep"));
}

/* What a file has in it does not reach a terminal as it is, nor does it begin a line of its own. */
static void test_errors_are_harmless(void **state)
{
	(void)state;
	expect_error(TOP "rules:\n  - {verdict: \"\\e[2Jx\\ny\\u202e\"}\n",
		"p.yaml:4: rule 1, verdict: '\\x1b[2Jx\\x0ay\\xe2\\x80\\xae' is no verdict");
	expect_error(TOP "\"k\\ty\": 1\n", "p.yaml:3: there is no field 'k\\x09y'");
}

static void test_errors_of_values(void **state)
{
	expect_error("version: 2\ndefault: allow\n", "p.yaml:1: version: '2' is not possible");
	expect_error("version: 1\ndefault: log\n", "write `allow` or `deny`");
	expect_error(TOP "clones: deny\n",
		"p.yaml:3: clones: 'deny' is not possible; write `log` or `refuse`");
	expect_error(TOP "strict: yes\n", "write `true` or `false`");
	expect_error(TOP "unknown-host: log\n", "p.yaml:3: unknown-host");
	expect_error(TOP "default-status: Access Denied\n", "what is allowed has no status");
	expect_error(RULE("    status: Bad Luck\n"), "p.yaml:6: rule 1, status: 'Bad Luck'");
	expect_error(RULE("    status: Successful Completion\n"), "is not possible");
	expect_error(RULE("    host: nqn.2014-08.*.x\n"), "a * that is not its last character");
	expect_error(RULE("    host: ''\n"), "is no NQN");
	expect_error(RULE("    host: a b\n"), "has a blank");
	expect_error(RULE("    namespace: 0\n"), "p.yaml:6: rule 1, namespace: '0'");
	expect_error(RULE("    namespace: 4294967295\n"), "is not a namespace");
	expect_error(RULE("    namespaces:\n      - 1\n      - 1\n"),
		"p.yaml:8: rule 1, namespaces: '1' is there twice");
	expect_error(RULE("    namespace: 1\n    namespaces: [2]\n"), "put it into the list");
	expect_error(RULE("    commands: [Write, Wrte]\n"), "'Wrte' is no command");
	expect_error(RULE("    commands: [Write, Write]\n"), "'Write' is there twice");
	expect_error(TOP "rules:\n  - {name: a, verdict: deny}\n  - {name: a, verdict: deny}\n",
		"p.yaml:5: rule 2, name: 'a' is the name of an earlier rule");
	expect_error(TOP "rules:\n  - verdict: refuse\n", "write allow, deny or log");
	expect_error(TOP "rules:\n  - {verdict: allow, status: Access Denied}\n",
		"is only for `verdict: deny`");
	snprintf(long_text, sizeof(long_text), RULE("    host: nqn.2014-08.a:%0220d\n"), 0);
	expect_error(long_text, "is longer than an NQN can be");
}

static void test_ranges(void **state)
{
	uint64_t first, last;

	assert_int_equal(stoq_guard_parse_range("0+34", &first, &last), 0);
	assert_true(first == 0 && last == 33);
	assert_int_equal(stoq_guard_parse_range("100-199", &first, &last), 0);
	assert_true(first == 100 && last == 199);
	assert_int_equal(stoq_guard_parse_range("18446744073709551615+1", &first, &last), 0);
	assert_true(first == UINT64_MAX && last == UINT64_MAX);
	for (const char *const *bad = (const char *const[]){"", "5", "5+", "+5", "5+0", "9-8",
		     "1+2+3", "0x1+2", "18446744073709551615+2",
		     "18446744073709551616-18446744073709551617", "-1+2", "1 +2", NULL};
		*bad; bad++)
		assert_int_equal(stoq_guard_parse_range(*bad, &first, &last), -EINVAL);
	expect_error(RULE("    lba: 0-\n"), "p.yaml:6: rule 1, lba: '0-' is not a range");
}

/* count rules, each with fields, which get the rule's number. */
static char *many_rules(int count, const char *fields)
{
	char *text = malloc(64 + (size_t)count * 128);
	char *to = text + sprintf(text, "%srules:\n", TOP);

	for (int i = 0; i < count; i++) {
		to += sprintf(to, "  - verdict: deny\n");
		/* The callers' formats have one %d. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		to += sprintf(to, fields, i + 1);
#pragma GCC diagnostic pop
	}
	return text;
}

static void expect_limit(int limit, const char *fields, const char *expected)
{
	struct stoq_guard_policy policy;
	char *text = many_rules(limit, fields);

	parse(&policy, text);
	stoq_guard_policy_free(&policy);
	free(text);
	text = many_rules(limit + 1, fields);
	expect_error(text, expected);
	free(text);
}

static void test_limits(void **state)
{
	expect_limit(STOQ_GUARD_RULES_MAX, "    namespace: %d\n",
		"p.yaml:4: rules: the list has 1001 entries; at most 1000");
	expect_limit(STOQ_GUARD_RULES_MAX, "    namespace: 3\n    lba: %d+1\n",
		"p.yaml:4: rules: the list has 1001 entries; at most 1000");
}

struct told {
	size_t count, rule, by;
};

static void remember(void *context, size_t rule, size_t by)
{
	struct told *told = context;

	told->count++;
	told->rule = rule;
	told->by = by;
}

static void expect_unreachable(const char *rules, size_t count)
{
	struct stoq_guard_policy policy;
	struct told told = {0};
	char text[1024];

	snprintf(text, sizeof(text), TOP "rules: [%s]\n", rules);
	parse(&policy, text);
	stoq_guard_policy_find_unreachable(&policy, remember, &told);
	if (told.count != count)
		fail_msg("%zu, not %zu, unreachable in %s", told.count, count, rules);
	stoq_guard_policy_free(&policy);
}

static void test_unreachable(void **state)
{
	expect_unreachable("{verdict: deny}, {verdict: allow, lba: 0+1}", 1);
	expect_unreachable("{verdict: log}, {verdict: deny}", 0);
	expect_unreachable(
		"{verdict: deny, host: nqn.2014-08.a*}, {verdict: deny, host: nqn.2014-08.a:b}", 1);
	expect_unreachable(
		"{verdict: deny, host: nqn.2014-08.a:b}, {verdict: deny, host: nqn.2014-08.a*}", 0);
	expect_unreachable(
		"{verdict: deny, host: nqn.2014-08.a*}, {verdict: allow, host: nqn.2014-08.a:b}",
		0);
	expect_unreachable("{verdict: deny, namespaces: [1, 2]}, {verdict: deny, namespace: 2}", 1);
	expect_unreachable("{verdict: deny, namespaces: [1, 2]}, {verdict: deny}", 0);
	expect_unreachable("{verdict: deny, lba: 0+9}, {verdict: deny, lba: 1+2}", 1);
	expect_unreachable("{verdict: allow, lba: 0+9}, {verdict: deny, lba: 1+2}", 0);
	expect_unreachable(
		"{verdict: deny, commands: [writes]}, {verdict: deny, commands: [Write]}", 1);
	expect_unreachable(
		"{verdict: deny, commands: [Write]}, {verdict: deny, commands: [writes]}", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_mistakes),
		cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_errors_of_the_outline),
		cmocka_unit_test(test_deep_outline),
		cmocka_unit_test(test_errors_are_harmless),
		cmocka_unit_test(test_errors_of_values),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
