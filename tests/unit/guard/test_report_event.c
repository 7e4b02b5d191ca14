// SPDX-License-Identifier: BSD-2-Clause
/* Events of the guard as text and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "flow/identity.h"
#include "guard/report_event.h"

static const char policy_text[] = "version: 1\ndefault: allow\nrules:\n"
				  "  - {name: boot area, namespace: 1, lba: 0+8, verdict: deny}\n";

struct trial {
	struct stoq_guard_policy policy;
	struct stoq_guard_record record;
	struct stoq_identity identity;
	struct stoq_guard_event event;
};

static int setup(void **context)
{
	static struct trial trial;

	trial = (struct trial){
		.record = {.sequence = 7,
			.policy_hash = 0xabc,
			.slba = 4,
			.nsid = 1,
			.blocks = 8,
			.cid = 12,
			.status = NVME_STATUS(0, 0x20),
			.qid = 2,
			.kind = STOQ_GUARD_RECORD_DENIED,
			.table = STOQ_GUARD_IO,
			.code = NVME_NVM_WRITE},
	};
	stoq_identity_clear(&trial.identity);
	strcpy(trial.identity.host_nqn, "nqn.host\x1b[2J");
	strcpy(trial.identity.host_address, "192.0.2.9:50000");
	trial.event = (struct stoq_guard_event){
		.record = &trial.record, .identity = &trial.identity, .policy = &trial.policy};
	*context = &trial;
	return stoq_guard_policy_parse(
		&trial.policy, "test", policy_text, sizeof(policy_text) - 1, NULL);
}

static int teardown(void **context)
{
	struct trial *trial = *context;

	stoq_guard_policy_free(&trial->policy);
	return 0;
}

static void expect_line(const struct trial *trial, const char *part)
{
	char line[STOQ_GUARD_EVENT_LINE];

	stoq_guard_event_line(line, &trial->event);
	if (!strstr(line, part))
		fail_msg("no '%s' in: %s", part, line);
	assert_null(strchr(line, '\x1b'));
}

static void test_line(void **context)
{
	struct trial *trial = *context;

	expect_line(trial, " denied       Write ");
	expect_line(trial, " 1 (boot area) ");
	expect_line(trial, "Namespace is Write Protected");
	expect_line(trial, "nqn.host\\x1b[2J (192.0.2.9:50000)");
	trial->event.policy = NULL;
	expect_line(trial, "      8 1    ");
	trial->record.rule = STOQ_GUARD_NO_RULE;
	expect_line(trial, " default ");
	trial->record.kind = STOQ_GUARD_RECORD_DROPPED;
	trial->record.reason = STOQ_GUARD_DROP_FRAGMENT;
	expect_line(trial, "dropped a packet: an IP fragment");
	trial->record.reason = 200;
	expect_line(trial, "does not know");
}

static struct json_object *parse(const struct trial *trial)
{
	char *text = stoq_guard_event_json(&trial->event);
	struct json_object *object;

	assert_non_null(text);
	assert_null(strchr(text, '\n'));
	object = json_tokener_parse(text);
	assert_non_null(object);
	free(text);
	return object;
}

static void expect_text(struct json_object *object, const char *key, const char *text)
{
	assert_string_equal(json_object_get_string(json_object_object_get(object, key)), text);
}

static void test_json(void **context)
{
	struct trial *trial = *context;
	struct json_object *object = parse(trial);

	expect_text(object, "type", "denied");
	expect_text(object, "policy_hash", "0000000000000abc");
	expect_text(object, "opcode_name", "Write");
	expect_text(object, "rule_name", "boot area");
	expect_text(object, "rule", "1");
	expect_text(object, "slba", "4");
	expect_text(object, "status", "32");
	expect_text(object, "queue_id", "2");
	json_object_put(object);
	trial->record.kind = STOQ_GUARD_RECORD_DROPPED;
	trial->record.reason = STOQ_GUARD_DROP_DISORDER;
	object = parse(trial);
	expect_text(object, "reason", "disorder");
	assert_null(json_object_object_get(object, "opcode"));
	json_object_put(object);
}

/* In audit mode nothing is said to be refused that was not. */
static void test_audit(void **context)
{
	struct trial *trial = *context;
	struct json_object *object;

	trial->record.audit = 1;
	expect_line(trial, " would refuse Write ");
	object = parse(trial);
	expect_text(object, "type", "would_refuse");
	expect_text(object, "audit", "true");
	json_object_put(object);
	trial->record.kind = STOQ_GUARD_RECORD_DROPPED;
	expect_line(trial, " would drop a packet: ");
	object = parse(trial);
	expect_text(object, "type", "would_drop");
	json_object_put(object);
}

/* Each total has a name of its own, for programs. */
static void test_names(void **context)
{
	(void)context;
	for (int i = 0; i < STOQ_GUARD_TOTALS; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(stoq_guard_total_name((enum stoq_guard_total)i),
				stoq_guard_total_name((enum stoq_guard_total)j));
	assert_string_equal(
		stoq_guard_total_name((enum stoq_guard_total)STOQ_GUARD_TOTALS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_audit, setup, teardown),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
