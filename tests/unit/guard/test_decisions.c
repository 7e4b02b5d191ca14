// SPDX-License-Identifier: BSD-2-Clause
/* The engine against the second opinion, on random policies and commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/explain.h"
#include "tests/unit/guard/random_policy.h"

#define POLICIES 1000
#define COMMANDS 100 /* of each policy */

struct trial {
	struct random_policy random;
	char text[RANDOM_TEXT_MAX];
	struct stoq_guard_policy policy;
	struct stoq_guard_compiled *compiled;
	struct stoq_guard_question question;
};

static void open_trial(struct trial *trial, uint64_t *state, size_t rules_max)
{
	struct stoq_error error;
	size_t size;

	random_policy_make(&trial->random, state, rules_max);
	size = random_policy_write(&trial->random, trial->text);
	if (stoq_guard_policy_parse(&trial->policy, "random", trial->text, size, &error))
		fail_msg("%s\n%.300s", error.text, trial->text);
	assert_int_equal(stoq_guard_compile(&trial->policy, &trial->compiled, &error), 0);
}

static void close_trial(struct trial *trial)
{
	free(trial->compiled);
	stoq_guard_policy_free(&trial->policy);
}

static void ask(struct trial *trial, const struct random_command *command,
	struct stoq_guard_decision *decision)
{
	const struct stoq_guard_explainer explainer = {"random", &trial->policy, trial->compiled};
	struct stoq_guard_question *question = &trial->question;

	question->host = command->known ? command->host : NULL;
	question->subsystem = command->known ? command->subsystem : NULL;
	stoq_guard_request_from_sqe(
		trial->compiled, &question->request, command->kind, &command->sqe);
	question->range_count =
		trial->compiled->touches[question->request.table][question->request.code] ==
			STOQ_GUARD_TOUCHES_LIST &&
		command->list_seen;
	question->ranges[0][0] = command->first;
	question->ranges[0][1] = command->last;
	stoq_guard_ask(&explainer, question, decision);
}

/* The reasons given for a decision agree with it. */
static void check_reasons(struct trial *trial, const struct stoq_guard_decision *decision)
{
	size_t end =
		decision->rule == STOQ_GUARD_NO_RULE ? trial->policy.rule_count : decision->rule;

	for (size_t i = 0; i < end; i++) {
		bool matches = !stoq_guard_why_not(&trial->policy, i, &trial->question);

		if (trial->policy.rules[i].verdict != STOQ_GUARD_LOG)
			assert_false(matches);
		else if (i < decision->log_rule)
			assert_false(matches);
	}
	if (decision->rule != STOQ_GUARD_NO_RULE)
		assert_null(stoq_guard_why_not(&trial->policy, decision->rule, &trial->question));
}

static void check_command(struct trial *trial, const struct random_command *command)
{
	struct stoq_guard_decision engine, expected;

	random_policy_evaluate(&trial->random, command, &expected);
	ask(trial, command, &engine);
	if (memcmp(&engine, &expected, sizeof(engine)) != 0)
		fail_msg("kind %d opcode %02x nsid %x host %s subsystem %s known %d lba %llu: "
			 "engine "
			 "rule %u log %u verdict %u status %x, expected rule %u log %u verdict %u "
			 "status %x\n%s",
			command->kind, command->sqe.opcode, nvme_le32(command->sqe.nsid),
			command->host, command->subsystem, command->known,
			(unsigned long long)command->first, engine.rule, engine.log_rule,
			engine.verdict, engine.status, expected.rule, expected.log_rule,
			expected.verdict, expected.status, trial->text);
	check_reasons(trial, &engine);
}

static void test_agrees_with_the_second_opinion(void **unused)
{
	struct trial *trial = calloc(1, sizeof(*trial));
	uint64_t state = 1;
	size_t allowed = 0, denied = 0, by_rule = 0;

	for (size_t i = 0; i < POLICIES; i++) {
		open_trial(trial, &state, i % 20 ? 30 : RANDOM_RULES_MAX);
		for (size_t n = 0; n < COMMANDS; n++) {
			struct random_command command;
			struct stoq_guard_decision decision;

			random_command_make(&command, &state);
			check_command(trial, &command);
			random_policy_evaluate(&trial->random, &command, &decision);
			allowed += decision.verdict == STOQ_GUARD_ALLOW;
			denied += decision.verdict == STOQ_GUARD_DENY;
			by_rule += decision.rule != STOQ_GUARD_NO_RULE;
		}
		close_trial(trial);
	}
	/* The random policies are not all of a kind. */
	assert_true(allowed > POLICIES * COMMANDS / 4);
	assert_true(denied > POLICIES * COMMANDS / 4);
	assert_true(by_rule > POLICIES * COMMANDS / 4);
	free(trial);
}

static void test_lowest_bit(void **unused)
{
	for (uint32_t bit = 0; bit < 64; bit++) {
		assert_int_equal(stoq_guard_lowest_bit(UINT64_C(1) << bit), bit);
		assert_int_equal(stoq_guard_lowest_bit(~UINT64_C(0) << bit), bit);
	}
}

static void test_what_does_not_exist_is_refused(void **unused)
{
	struct trial *trial = calloc(1, sizeof(*trial));
	struct stoq_guard_request request = {.host_class = STOQ_GUARD_CLASSES};
	struct stoq_guard_decision decision;
	uint64_t state = 2;

	open_trial(trial, &state, 0);
	stoq_guard_decide(trial->compiled, &request, &decision);
	assert_int_equal(decision.verdict, STOQ_GUARD_DENY);
	request = (struct stoq_guard_request){.table = STOQ_GUARD_TABLES};
	stoq_guard_decide(trial->compiled, &request, &decision);
	assert_int_equal(decision.verdict, STOQ_GUARD_DENY);
	close_trial(trial);
	free(trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_bit),
		cmocka_unit_test(test_agrees_with_the_second_opinion),
		cmocka_unit_test(test_what_does_not_exist_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
