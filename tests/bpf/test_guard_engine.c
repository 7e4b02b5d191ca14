// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guard's engine in the kernel gives the answers of the same engine in user space, on random
 * policies and commands; and what a decision costs with 1,000 rules.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/compile.h"
#include "guard_engine.skel.h"
#include "tests/bpf/guard_engine_shared.h"
#include "tests/bpf/many_rules.h"
#include "tests/unit/guard/random_policy.h"

#define SKIP	 77
#define POLICIES 200
#define COMMANDS 50 /* of each policy */
#define REPEAT	 1000000

static struct guard_engine_bpf *program;

static struct stoq_guard_compiled *compile(const char *text, size_t size)
{
	struct stoq_guard_compiled *compiled = NULL;
	struct stoq_guard_policy policy;
	struct stoq_error error;

	if (stoq_guard_policy_parse(&policy, "test", text, size, &error) ||
		stoq_guard_compile(&policy, &compiled, &error))
		fail_msg("%s", error.text);
	stoq_guard_policy_free(&policy);
	return compiled;
}

static void install(const struct stoq_guard_compiled *compiled)
{
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(program->maps.policies), &zero, compiled, BPF_ANY),
		0);
}

/* ---- the same answers ---- */

static void in_user_space(const struct stoq_guard_compiled *policy,
	const struct random_command *command, struct stoq_guard_decision *decision)
{
	struct stoq_guard_request request = {
		.host_class =
			stoq_guard_class_of(&policy->hosts, command->known ? command->host : NULL),
		.subsystem_class = stoq_guard_class_of(
			&policy->subsystems, command->known ? command->subsystem : NULL),
	};
	uint32_t touches;

	touches = stoq_guard_request_from_sqe(policy, &request, command->kind, &command->sqe);
	if (command->list_seen && touches == STOQ_GUARD_TOUCHES_LIST)
		stoq_guard_request_range(&request, command->first, command->last);
	stoq_guard_decide(policy, &request, decision);
}

static void in_kernel(const struct random_command *command, struct stoq_guard_decision *decision)
{
	struct guard_engine_trial out = {.kind = 0};
	struct guard_engine_trial in = {
		.sqe = command->sqe,
		.kind = command->kind,
		.known = command->known,
		.list_seen = command->list_seen,
		.lba_first = command->first,
		.lba_last = command->last,
	};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &in, .data_size_in = sizeof(in),
		.data_out = &out, .data_size_out = sizeof(out), .repeat = 1);

	memcpy(in.host, command->host, sizeof(in.host));
	memcpy(in.subsystem, command->subsystem, sizeof(in.subsystem));
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(program->progs.decide), &options), 0);
	assert_int_equal(options.retval, 0);
	*decision = out.decision;
}

static void test_agrees_with_user_space(void **unused)
{
	static struct random_policy random;
	static char text[RANDOM_TEXT_MAX];
	uint64_t state = 3;

	for (int i = 0; i < POLICIES; i++) {
		struct stoq_guard_compiled *compiled;

		random_policy_make(&random, &state, i % 10 ? 30 : RANDOM_RULES_MAX);
		compiled = compile(text, random_policy_write(&random, text));
		install(compiled);
		for (int n = 0; n < COMMANDS; n++) {
			struct stoq_guard_decision kernel, user, expected;
			struct random_command command;

			random_command_make(&command, &state);
			in_kernel(&command, &kernel);
			in_user_space(compiled, &command, &user);
			random_policy_evaluate(&random, &command, &expected);
			assert_memory_equal(&kernel, &user, sizeof(kernel));
			assert_memory_equal(&kernel, &expected, sizeof(kernel));
		}
		free(compiled);
	}
}

/* ---- what it costs ---- */

static uint32_t run(const struct bpf_program *what, uint32_t *answer)
{
	uint8_t frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		.repeat = REPEAT);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(what), &options), 0);
	*answer = options.retval;
	return options.duration;
}

/* The better of three: others use the machine too. */
static uint32_t cost(const struct bpf_program *what, uint32_t *answer)
{
	uint32_t best = UINT32_MAX;

	for (int i = 0; i < 3; i++) {
		uint32_t ns = run(what, answer);

		best = ns < best ? ns : best;
	}
	return best;
}

static void measure(const struct stoq_guard_compiled *policy, const char *what, const char *host,
	uint32_t nsid, uint64_t slba, uint32_t expected)
{
	struct stoq_guard_request request = {
		.host_class = stoq_guard_class_of(&policy->hosts, host),
		.subsystem_class = stoq_guard_class_of(&policy->subsystems, "nqn.2014-08.s"),
	};
	uint32_t zero = 0, answer, base, whole;

	stoq_guard_request_set(policy, &request, STOQ_GUARD_IO, NVME_NVM_WRITE, nsid);
	stoq_guard_request_range(&request, slba, slba + 7);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(program->maps.requests), &zero, &request, BPF_ANY),
		0);
	base = cost(program->progs.measure_nothing, &answer);
	whole = cost(program->progs.measure, &answer);
	assert_int_equal(answer, expected);
	printf("1000 rules, %s: %d ns per decision\n", what, (int)(whole - base));
}

static void test_cost(void **unused)
{
	char *text = malloc(MANY_RULES_TEXT);
	struct stoq_guard_compiled *compiled = compile(text, many_rules_write(text, 0));

	install(compiled);
	measure(compiled, "none matches", "nqn.2014-08.org.example:other", 1, 0,
		STOQ_GUARD_NO_RULE);
	measure(compiled, "the last one decides", "nqn.2014-08.h999", 501, 0, 999);
	free(compiled);
	compiled = compile(text, many_rules_write(text, 1000));
	install(compiled);
	measure(compiled, "each with a range, none touched", "nqn.2014-08.org.example:other", 1, 50,
		STOQ_GUARD_NO_RULE);
	measure(compiled, "each with a range, the last touched", "nqn.2014-08.org.example:other", 1,
		99900, 999);
	free(compiled);
	free(text);
}

static int load(void **unused)
{
	if (geteuid() != 0) {
		printf("SKIP: loading BPF programs needs root\n");
		exit(SKIP);
	}
	program = guard_engine_bpf__open_and_load();
	if (!program && errno == EPERM) {
		printf("SKIP: this process may not load BPF programs (%s)\n", strerror(errno));
		exit(SKIP);
	}
	return program ? 0 : -1;
}

static int unload(void **unused)
{
	guard_engine_bpf__destroy(program);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_user_space),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
