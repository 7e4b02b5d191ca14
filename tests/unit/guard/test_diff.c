// SPDX-License-Identifier: BSD-2-Clause
/* Differences between two policies: none is missed, none is made up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/diff_private.h"
#include "guard/diff_report.h"
#include "tests/unit/guard/random_policy.h"

#define PAIRS	 12
#define COMMANDS 400

static void open_source(struct stoq_guard_source *source, const char *text, size_t size)
{
	struct stoq_error error;

	*source = (struct stoq_guard_source){.path = "p.yaml"};
	if (stoq_guard_policy_parse(&source->policy, "p.yaml", text, size, &error))
		fail_msg("%s", error.text);
	source->installed = calloc(1, sizeof(*source->installed));
	assert_non_null(source->installed);
	source->compiled = &source->installed->policy;
	assert_int_equal(stoq_guard_compile_into(&source->policy, source->compiled, &error), 0);
}

static struct stoq_guard_diff *find(
	const struct stoq_guard_source *before, const struct stoq_guard_source *after)
{
	struct stoq_guard_diff *diff;
	struct stoq_error error;

	if (stoq_guard_diff_find(&diff, before, after, STOQ_GUARD_DIFF_MAX, &error))
		fail_msg("%s", error.text);
	return diff;
}

/* ---- against the second opinion ---- */

static size_t index_of_name(const struct stoq_guard_diff *diff, const struct stoq_diff_name *names,
	size_t count, const char *name, bool host)
{
	uint16_t class[2];

	for (int i = 0; i < 2; i++) {
		const struct stoq_guard_compiled *policy = diff->side[i]->compiled;

		class[i] = stoq_guard_class_of(host ? &policy->hosts : &policy->subsystems, name);
	}
	for (size_t i = 0; i < count; i++)
		if (names[i].class[0] == class[0] && names[i].class[1] == class[1])
			return i;
	fail_msg("no name is like %s", name ? name : "an unknown one");
	return 0;
}

static bool has_namespace(
	const struct stoq_guard_diff *diff, const struct stoq_diff_change *change, uint32_t nsid)
{
	const struct stoq_diff_axes *axes = &diff->axes;

	for (size_t i = 0; i < axes->nsid_count; i++)
		if (axes->nsids[i] == nsid)
			return stoq_diff_has(change->nsids, i);
	return stoq_diff_has(change->nsids, axes->nsid_count - 2); /* any other */
}

/* The change that this command belongs to. */
static bool is_found(const struct stoq_guard_diff *diff, const struct random_command *command,
	const struct stoq_guard_request *request, const struct stoq_guard_decision decision[2])
{
	const struct stoq_diff_axes *axes = &diff->axes;
	size_t host = index_of_name(diff, axes->hosts, axes->host_count,
		       command->known ? command->host : NULL, true),
	       subsystem = index_of_name(diff, axes->subsystems, axes->subsystem_count,
		       command->known ? command->subsystem : NULL, false);

	for (size_t i = 0; i < diff->count; i++) {
		const struct stoq_diff_change *change = &diff->changes[i];

		if (change->decision[0].rule == decision[0].rule &&
			change->decision[1].rule == decision[1].rule &&
			change->decision[0].verdict == decision[0].verdict &&
			change->decision[1].verdict == decision[1].verdict &&
			stoq_diff_has(change->hosts, host) &&
			stoq_diff_has(change->subsystems, subsystem) &&
			stoq_diff_has(change->codes[request->table], request->code) &&
			(request->table == STOQ_GUARD_FABRICS ||
				has_namespace(diff, change, request->nsid)))
			return true;
	}
	return false;
}

static bool check_command(const struct stoq_guard_diff *diff,
	const struct random_policy *policies[2], const struct random_command *command)
{
	struct stoq_guard_decision decision[2];
	struct stoq_guard_request request;

	for (int i = 0; i < 2; i++)
		random_policy_evaluate(policies[i], command, &decision[i]);
	if (decision[0].verdict == decision[1].verdict && decision[0].status == decision[1].status)
		return false;
	stoq_guard_request_from_sqe(
		diff->side[0]->compiled, &request, command->kind, &command->sqe);
	if (!is_found(diff, command, &request, decision))
		fail_msg(
			"missed: kind %d opcode %02x nsid %x host %s known %d: rule %u verdict %u, "
			"then rule %u verdict %u",
			command->kind, command->sqe.opcode, nvme_le32(command->sqe.nsid),
			command->host, command->known, decision[0].rule, decision[0].verdict,
			decision[1].rule, decision[1].verdict);
	return true;
}

static void test_none_is_missed(void **state)
{
	static struct random_policy policies[2];
	static char text[RANDOM_TEXT_MAX];
	const struct random_policy *pair[2] = {&policies[0], &policies[1]};
	struct stoq_guard_source source[2];
	size_t differ = 0;
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < PAIRS; i++) {
		struct stoq_guard_diff *diff;

		for (int side = 0; side < 2; side++) {
			random_policy_make(&policies[side], &seed, 12);
			open_source(
				&source[side], text, random_policy_write(&policies[side], text));
		}
		diff = find(&source[0], &source[1]);
		for (int n = 0; n < COMMANDS; n++) {
			struct random_command command;

			random_command_make(&command, &seed);
			differ += check_command(diff, pair, &command);
		}
		stoq_guard_diff_free(diff);
		stoq_guard_source_free(&source[0]);
		stoq_guard_source_free(&source[1]);
	}
	assert_true(differ > PAIRS * COMMANDS / 20);
}

/* ---- texts ---- */

#define TOP "version: 1\ndefault: allow\nrules:\n"

static void expect_text(const char *before, const char *after, const char *expected)
{
	struct stoq_guard_source source[2];
	struct stoq_guard_diff *diff;
	char text[4096] = "";
	FILE *file = fmemopen(text, sizeof(text), "w");

	assert_non_null(file);
	open_source(&source[0], before, strlen(before));
	open_source(&source[1], after, strlen(after));
	diff = find(&source[0], &source[1]);
	stoq_guard_diff_print(file, diff);
	fclose(file);
	assert_string_equal(text, expected);
	stoq_guard_diff_free(diff);
	stoq_guard_source_free(&source[0]);
	stoq_guard_source_free(&source[1]);
}

static void test_texts(void **state)
{
	static const char same[] = "every command is decided about as before\n";
	static const char one[] = TOP "  - {name: a, commands: [write], verdict: deny}\n";

	(void)state;
	expect_text(one, one, same);
	/* In another order, by two rules in place of one: it is the same. */
	expect_text(TOP "  - {commands: [write], lba: 0-9, verdict: deny}\n",
		TOP "  - {commands: [write], lba: 5-9, verdict: deny}\n"
		    "  - {commands: [write], lba: 0-4, verdict: deny}\n",
		same);
	expect_text(one,
		TOP "  - {name: b, host: 'nqn.2014-08.org.example:db*', namespace: 2, commands: "
		    "[write], lba: 10+5, verdict: allow}\n"
		    "  - {name: a, commands: [write], verdict: deny}\n",
		"before: deny (Namespace is Write Protected) by rule 1 (a), line 4\n"
		"after:  allow by rule 1 (b), line 4\n"
		"  hosts      nqn.2014-08.org.example:db*\n"
		"  subsystems any other\n"
		"  commands   Write\n"
		"  namespaces 2\n"
		"  blocks     10 to 14\n"
		"\n"
		"1 kind of changes; each names what is in at least one changed command\n");
	/* What lay in one range of an allowing rule lies in two: only commands across both differ. */
	expect_text("version: 1\ndefault: deny\nrules:\n"
		    "  - {commands: [read], lba: 0-9, verdict: allow}\n",
		"version: 1\ndefault: deny\nrules:\n"
		"  - {commands: [read], lba: 0-4, verdict: allow}\n"
		"  - {commands: [read], lba: 5-9, verdict: allow}\n",
		"before: allow by rule 1, line 4\n"
		"after:  deny (Access Denied) by default\n"
		"  hosts      all\n"
		"  subsystems all\n"
		"  commands   Read\n"
		"  namespaces any other\n"
		"  blocks     across 0 to 9\n"
		"\n"
		"1 kind of changes; each names what is in at least one changed command\n");
}

static void test_many_rules(void **state)
{
	static char text[200000];
	struct stoq_guard_source source;
	struct stoq_guard_diff *diff;
	struct stoq_error error;
	size_t size = (size_t)snprintf(text, sizeof(text), TOP);

	(void)state;
	for (int i = 0; i < 1000; i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size,
			"  - {namespace: %d, lba: %d+1, verdict: deny}\n", i + 1, 2 * i);
	open_source(&source, text, size);
	assert_int_equal(stoq_guard_diff_find(&diff, &source, &source, 100000, &error), 0);
	assert_int_equal(stoq_guard_diff_count(diff), 0);
	stoq_guard_diff_free(diff);
	stoq_guard_source_free(&source);
	/* A thousand ranges of one namespace, each with each: refused, and with a reason. */
	size = (size_t)snprintf(text, sizeof(text), TOP);
	for (int i = 0; i < 1000; i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size,
			"  - {lba: %d+1, verdict: deny}\n", 2 * i);
	open_source(&source, text, size);
	assert_int_equal(stoq_guard_diff_find(&diff, &source, &source, 100000, &error), -E2BIG);
	assert_non_null(strstr(error.text, "compare fewer rules at a time"));
	stoq_guard_source_free(&source);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_none_is_missed),
		cmocka_unit_test(test_many_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
