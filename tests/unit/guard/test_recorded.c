// SPDX-License-Identifier: BSD-2-Clause
/* A policy and a record: the same decisions as about each command asked for by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/recorded.h"
#include "guard/recorded_report.h"
#include "record/writer.h"

#define KNOWN "nqn.2026-11.test:host"

static const char policy_text[] = "version: 1\ndefault: allow\nrules:\n"
				  "  - {name: gpt, commands: [write], namespace: 1, lba: 0-33,"
				  " verdict: deny}\n"
				  "  - {name: closed, host: '" KNOWN "', commands: [flush],"
				  " verdict: deny}\n"
				  "  - {name: logs, commands: [get-log-page], verdict: deny}\n";

static struct stoq_guard_policy policy;
static struct stoq_guard_compiled *compiled;

static void add_connection(struct stoq_record_writer *writer, uint32_t uid, const char *host)
{
	struct stoq_record_entry entry = {
		.kind = STOQ_RECORD_CONNECTION, .connection = {.uid = uid}};

	snprintf(entry.connection.host_nqn, NVME_NQN_LENGTH, "%s", host);
	assert_int_equal(stoq_record_add(writer, &entry), 0);
}

static void add_command(struct stoq_record_writer *writer, uint32_t uid, uint8_t opcode,
	uint64_t slba, uint32_t blocks)
{
	const struct stoq_record_entry entry = {.kind = STOQ_RECORD_COMMAND,
		.command = {.uid = uid,
			.nsid = 1,
			.opcode = opcode,
			.kind = NVME_QUEUE_IO,
			.slba = slba,
			.blocks = blocks}};

	assert_int_equal(stoq_record_add(writer, &entry), 0);
}

/* Whether the engine refuses this command of that host. */
static bool refuses(const char *host, const char *command, uint64_t first, uint64_t last)
{
	const struct stoq_guard_explainer explainer = {"p.yaml", &policy, compiled};
	struct stoq_guard_question question = {.host = host, .command = command, .nsid = 1};
	struct stoq_guard_decision decision;

	if (last) {
		question.ranges[0][0] = first;
		question.ranges[0][1] = last;
		question.range_count = 1;
	}
	assert_int_equal(stoq_guard_question_complete(&question), STOQ_GUARD_QUESTION_COMPLETE);
	stoq_guard_question_set(&question, compiled);
	stoq_guard_ask(&explainer, &question, &decision);
	return decision.verdict == STOQ_GUARD_DENY;
}

static void write_record(const char *path)
{
	struct stoq_record_writer *writer;
	struct stoq_error error;

	assert_int_equal(
		stoq_record_writer_open(&writer, path, STOQ_RECORD_SIZE_MIN, 0, 1, &error), 0);
	add_connection(writer, 1, KNOWN);
	add_connection(writer, 2, "nqn.2026-11.test:other");
	for (uint32_t uid = 1; uid <= 3; uid++) { /* the third one is not known */
		for (uint32_t slba = 0; slba < 64; slba += 8)
			add_command(writer, uid, NVME_NVM_WRITE, slba, 8);
		add_command(writer, uid, NVME_NVM_FLUSH, 0, 0);
		add_command(writer, uid, NVME_NVM_READ, 0, 8);
	}
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
}

static uint64_t wanted(void)
{
	static const char *const hosts[] = {KNOWN, "nqn.2026-11.test:other", NULL};
	uint64_t count = 0;

	for (size_t i = 0; i < 3; i++) {
		for (uint32_t slba = 0; slba < 64; slba += 8)
			count += refuses(hosts[i], "write", slba, slba + 7);
		count += refuses(hosts[i], "flush", 0, 0);
		count += refuses(hosts[i], "read", 0, 7);
	}
	/* On a queue that is not known a Read may be a Get Log Page: it has to be allowed as either. */
	return count + refuses(NULL, "get-log-page", 0, 0);
}

static void test_as_the_engine_decides(void **state)
{
	struct stoq_guard_explainer explainer = {.path = "p.yaml", .policy = &policy};
	char path[] = "/tmp/stoq-test-recorded-XXXXXX", *text = NULL;
	struct stoq_guard_recorded recorded;
	struct stoq_record_reader *reader;
	struct stoq_error error;
	uint64_t found = 0;
	size_t length;
	FILE *file;

	close(mkstemp(path));
	assert_int_equal(stoq_guard_policy_parse(
				 &policy, "p.yaml", policy_text, strlen(policy_text), &error),
		0);
	assert_int_equal(stoq_guard_compile(&policy, &compiled, &error), 0);
	explainer.compiled = compiled;
	write_record(path);
	assert_int_equal(stoq_record_open(&reader, path, &error), 0);
	assert_int_equal(stoq_guard_recorded_run(&recorded, &explainer, reader, &error), 0);
	assert_int_equal(recorded.commands, 30);
	assert_int_equal(recorded.refused, wanted());
	/* Five writes of each host touch the first 34 blocks. */
	assert_in_range(recorded.refused, 17, 18);
	assert_int_equal(recorded.nameless, 10);
	for (size_t i = 0; i < recorded.finding_count; i++)
		found += recorded.findings[i].count;
	assert_int_equal(found, recorded.refused);
	assert_int_equal(recorded.findings[0].count, 5);
	file = open_memstream(&text, &length);
	stoq_guard_recorded_print(file, &explainer, &recorded);
	assert_int_equal(stoq_guard_recorded_json(file, &explainer, &recorded), 0);
	fclose(file);
	assert_non_null(strstr(text, "rule 1 (gpt): Write, namespace 1, first LBA 0+8"));
	assert_non_null(strstr(text, "\"would_refuse\":["));
	free(text);
	stoq_guard_recorded_free(&recorded);
	stoq_record_close(reader);
	stoq_guard_policy_free(&policy);
	free(compiled);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_the_engine_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
