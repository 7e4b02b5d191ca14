// SPDX-License-Identifier: BSD-2-Clause
/* Classes of names, the hash, and the example policies with what each is to decide. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/explain.h"
#include "guard/source.h"

struct ready {
	struct stoq_guard_policy policy;
	struct stoq_guard_compiled *compiled;
};

static void compile(struct ready *ready, const char *text)
{
	struct stoq_error error;

	if (stoq_guard_policy_parse(&ready->policy, "p.yaml", text, strlen(text), &error) ||
		stoq_guard_compile(&ready->policy, &ready->compiled, &error))
		fail_msg("%s", error.text);
}

static void done(struct ready *ready)
{
	free(ready->compiled);
	stoq_guard_policy_free(&ready->policy);
}

/* The text of the pattern that a name's class stands for; "": none. */
static const char *class_text(const struct ready *ready, const char *nqn)
{
	static char text[STOQ_GUARD_NQN_BYTES + 2];
	uint32_t class = stoq_guard_class_of(&ready->compiled->hosts, nqn);
	const struct stoq_guard_pattern *pattern;
	size_t length;

	if (class < STOQ_GUARD_CLASS_FIRST)
		return "";
	pattern = &ready->compiled->hosts.patterns[class - STOQ_GUARD_CLASS_FIRST];
	length = pattern->text.length;
	for (size_t i = 0; i < length; i++)
		text[i] = (char)(pattern->text.words[i / 8] >> (56 - i % 8 * 8));
	text[length] = pattern->prefix ? '*' : '\0';
	text[length + 1] = '\0';
	return text;
}

/* ---- thousands of names ---- */

static void name_at(char name[static 96], unsigned int i)
{
	sprintf(name, "nqn.2014-08.org.nvmexpress:uuid:%08x-1234-4abc-8def-%012x", i * 2654435761u,
		i);
}

/* Two lists: of `count` names, and of the first two of them and a prefix. The caller's to free(). */
static char *write_lists(unsigned int count)
{
	char *text = malloc(512 + (size_t)count * 96), name[96], *to = text;

	assert_non_null(text);
	to += sprintf(to, "version: 1\ndefault: deny\nhost-lists:\n  - name: all\n    hosts:\n");
	for (unsigned int i = 0; i < count; i++) {
		name_at(name, i);
		to += sprintf(to, "      - %s\n", name);
	}
	to += sprintf(to, "  - name: few\n    hosts:\n");
	for (unsigned int i = 0; i < 2; i++) {
		name_at(name, i);
		to += sprintf(to, "      - %s\n", name);
	}
	sprintf(to, "      - nqn.2014-08.org.nvmexpress:uuid:9*\n"
		    "rules:\n  - {hosts: [few], commands: [Write], verdict: deny}\n"
		    "  - {hosts: [all], verdict: allow}\n");
	return text;
}

/* Whether rules 0 and 1 hold for the host, as bits. */
static uint64_t rules_of(const struct ready *ready, const char *nqn)
{
	const struct stoq_guard_names *hosts = &ready->compiled->hosts;

	return hosts->sets[stoq_guard_class_of(hosts, nqn)].words[0];
}

static void test_ten_thousand_hosts(void **state)
{
	char *text = write_lists(10000), name[96];
	struct ready ready;

	(void)state;
	compile(&ready, text);
	assert_int_equal(ready.compiled->hosts.listed.count, 10000);
	assert_int_equal(ready.compiled->hosts.group_count, 2);
	for (unsigned int i = 0; i < 10000; i++) {
		name_at(name, i);
		assert_int_equal(rules_of(&ready, name), i < 2 || name[32] == '9' ? 3 : 2);
		name[strlen(name) - 1] = 'g';
		assert_int_equal(rules_of(&ready, name), name[32] == '9' ? 1 : 0);
	}
	assert_int_equal(rules_of(&ready, "nqn.2014-08.org.nvmexpress:uuid:9"), 1);
	assert_int_equal(rules_of(&ready, "nqn.2014-08.org.nvmexpress:uuid:"), 0);
	done(&ready);
	free(text);
}

/* A table that is full is an error, not a list that is cut. */
static void test_too_many_hosts(void **state)
{
	char *text = write_lists(12000);
	struct stoq_guard_compiled *compiled;
	struct stoq_guard_policy policy;
	struct stoq_error error;

	(void)state;
	assert_int_equal(stoq_guard_policy_parse(&policy, "p.yaml", text, strlen(text), &error), 0);
	assert_int_equal(stoq_guard_compile(&policy, &compiled, &error), -EINVAL);
	assert_non_null(strstr(error.text, "too many names"));
	stoq_guard_policy_free(&policy);
	free(text);
}

static void test_longest_pattern_wins(void **state)
{
	struct ready ready;
	char longest[STOQ_GUARD_NQN_BYTES + 1];

	compile(&ready, "version: 1\ndefault: allow\nrules:\n"
			"  - {verdict: log, host: 'nqn.2014-08.a*'}\n  - {verdict: log, host: "
			"nqn.2014-08.a}\n"
			"  - {verdict: log, host: 'nqn.2014-08.abc*'}\n  - {verdict: log, host: "
			"nqn.2014-08.abcd}\n"
			"  - {verdict: log, host: 'nqn.2014-08.a*'}\n  - {verdict: log, host: "
			"nqn.2014-08.x}\n");
	assert_int_equal(ready.compiled->hosts.count, 5);
	assert_string_equal(class_text(&ready, "nqn.2014-08.a"), "nqn.2014-08.a");
	assert_string_equal(class_text(&ready, "nqn.2014-08.ab"), "nqn.2014-08.a*");
	assert_string_equal(class_text(&ready, "nqn.2014-08.abc"), "nqn.2014-08.abc*");
	assert_string_equal(class_text(&ready, "nqn.2014-08.abcd"), "nqn.2014-08.abcd");
	assert_string_equal(class_text(&ready, "nqn.2014-08.abcde"), "nqn.2014-08.abc*");
	assert_string_equal(class_text(&ready, "nqn.2014-08.abz"), "nqn.2014-08.a*");
	assert_string_equal(class_text(&ready, "nqn.2014-08.x"), "nqn.2014-08.x");
	assert_string_equal(class_text(&ready, "nqn.2014-08.xy"), "");
	assert_string_equal(class_text(&ready, "nqn"), "");
	assert_string_equal(class_text(&ready, "zzz"), "");
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "nqn.2014-08.", 12);
	longest[NVME_NQN_MAX] = '\0';
	assert_string_equal(class_text(&ready, longest), "nqn.2014-08.a*");
	assert_int_equal(
		stoq_guard_class_of(&ready.compiled->hosts, NULL), STOQ_GUARD_CLASS_UNKNOWN);
	done(&ready);
}

static void test_hash_tells_policies_apart(void **state)
{
	struct ready a, b, c;

	compile(&a, "version: 1\ndefault: allow\nrules: [{verdict: deny, lba: 0+8}]\n");
	compile(&b,
		"# a comment\nversion: 1\nrules: [{lba: 0-7, verdict: deny}]\ndefault: allow\n");
	compile(&c, "version: 1\ndefault: allow\nrules: [{verdict: deny, lba: 0+9}]\n");
	assert_true(a.compiled->hash == b.compiled->hash);
	assert_true(a.compiled->hash != c.compiled->hash);
	done(&a);
	done(&b);
	done(&c);
}

/* ---- the examples ---- */

struct expectation {
	const char *file;
	const char *host;
	const char *subsystem;
	const char *command;
	const char *lba; /* NULL: none */
	uint32_t nsid;
	uint16_t status; /* 0: allowed */
};

#define WRITE_PROTECTED NVME_STATUS(0, 0x20)
#define ACCESS_DENIED	NVME_STATUS(2, 0x86)
#define ORG		"nqn.2014-08.org.example:"

static const struct expectation expectations[] = {
	{"golden-image.yaml", ORG "image-builder", "s", "Write", "0+8", 1, 0},
	{"golden-image.yaml", ORG "other", "s", "Write", "0+8", 1, WRITE_PROTECTED},
	{"golden-image.yaml", NULL, NULL, "Write", "0+8", 1, WRITE_PROTECTED},
	{"golden-image.yaml", ORG "other", "s", "Read", "0+8", 1, 0},
	{"golden-image.yaml", ORG "other", "s", "Write", "0+8", 2, 0},
	{"golden-image.yaml", ORG "image-builder", "s", "Format NVM", NULL, UINT32_MAX,
		WRITE_PROTECTED},
	{"protect-gpt.yaml", ORG "a", "s", "Write", "33+1", 1, WRITE_PROTECTED},
	{"protect-gpt.yaml", ORG "a", "s", "Write", "34+1", 1, 0},
	{"protect-gpt.yaml", ORG "a", "s", "Write Zeroes", "131000+40", 1, WRITE_PROTECTED},
	{"protect-gpt.yaml", ORG "a", "s", "Dataset Management", NULL, 1, WRITE_PROTECTED},
	{"protect-gpt.yaml", ORG "a", "s", "Dataset Management", "34+100", 1, 0},
	{"protect-gpt.yaml", ORG "a", "s", "Format NVM", NULL, 1, WRITE_PROTECTED},
	{"protect-gpt.yaml", ORG "a", "s", "Sanitize", NULL, 0, WRITE_PROTECTED},
	{"protect-gpt.yaml", ORG "a", "s", "Flush", NULL, 1, 0},
	{"no-format.yaml", ORG "a", "s", "Format NVM", NULL, 7, NVME_STATUS(0, 0x15)},
	{"no-format.yaml", ORG "a", "s", "Write", "0+1", 7, 0},
	{"read-only-export.yaml", ORG "a", ORG "archive", "Write", "0+1", 1, WRITE_PROTECTED},
	{"read-only-export.yaml", ORG "a", ORG "archive", "Read", "0+1", 1, 0},
	{"read-only-export.yaml", ORG "a", ORG "archive2", "Write", "0+1", 1, 0},
	{"per-host.yaml", ORG "db1", "s", "Connect", NULL, 0, 0},
	{"per-host.yaml", ORG "db1", "s", "Write", "0+1", 2, 0},
	{"per-host.yaml", ORG "db1", "s", "Write", "0+1", 3, WRITE_PROTECTED},
	{"per-host.yaml", ORG "db1", "s", "Sanitize", NULL, 0, WRITE_PROTECTED},
	{"per-host.yaml", ORG "backup", "s", "Read", "0+1", 3, 0},
	{"per-host.yaml", ORG "stranger", "s", "Connect", NULL, 0, ACCESS_DENIED},
};

static void check_expectation(const struct expectation *expected)
{
	static struct stoq_guard_question question;
	struct stoq_guard_explainer explainer;
	struct stoq_guard_decision decision;
	struct stoq_error error;
	struct stoq_guard_source source;
	uint8_t table, code;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", EXAMPLES_DIR, expected->file);
	if (stoq_guard_source_read(&source, path, &error))
		fail_msg("%s", error.text);
	explainer = (struct stoq_guard_explainer){path, &source.policy, source.compiled};
	question = (struct stoq_guard_question){.host = expected->host,
		.subsystem = expected->subsystem,
		.command = expected->command,
		.range_count = expected->lba != NULL};
	if (expected->lba)
		stoq_guard_parse_range(
			expected->lba, &question.ranges[0][0], &question.ranges[0][1]);
	assert_int_equal(stoq_guard_command_find(expected->command, &table, &code), 0);
	stoq_guard_request_set(source.compiled, &question.request, table, code, expected->nsid);
	stoq_guard_ask(&explainer, &question, &decision);
	if (decision.status != expected->status ||
		decision.verdict != (expected->status ? STOQ_GUARD_DENY : STOQ_GUARD_ALLOW))
		fail_msg("%s: %s of %s to namespace %u: verdict %u, status %x", expected->file,
			expected->command, expected->host ? expected->host : "an unknown host",
			expected->nsid, decision.verdict, decision.status);
	stoq_guard_source_free(&source);
}

static void test_examples(void **state)
{
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++)
		check_expectation(&expectations[i]);
}

/* Ranges of one command: any that is refused refuses it. */
static void test_several_ranges(void **state)
{
	static struct stoq_guard_question question = {
		.host = "h", .subsystem = "s", .range_count = 2, .ranges = {{50, 60}, {9, 20}}};
	struct stoq_guard_explainer explainer = {.path = "p.yaml"};
	struct stoq_guard_decision decision;
	struct ready ready;

	compile(&ready, "version: 1\ndefault: allow\nrules: [{verdict: deny, lba: 0+10}]\n");
	explainer.policy = &ready.policy;
	explainer.compiled = ready.compiled;
	stoq_guard_request_set(
		ready.compiled, &question.request, STOQ_GUARD_IO, NVME_NVM_DATASET_MANAGEMENT, 1);
	stoq_guard_ask(&explainer, &question, &decision);
	assert_int_equal(decision.verdict, STOQ_GUARD_DENY);
	assert_int_equal(question.request.lba_first, 9);
	question.ranges[1][0] = 10;
	stoq_guard_ask(&explainer, &question, &decision);
	assert_int_equal(decision.verdict, STOQ_GUARD_ALLOW);
	done(&ready);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ten_thousand_hosts),
		cmocka_unit_test(test_too_many_hosts),
		cmocka_unit_test(test_longest_pattern_wins),
		cmocka_unit_test(test_hash_tells_policies_apart),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_several_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
