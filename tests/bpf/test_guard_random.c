// SPDX-License-Identifier: BSD-2-Clause
/*
 * 100,000 commands under random policies, as packets through the guard: refused, logged or passed
 * as the same engine decides in user space, and as the evaluator does that walks the rules one by
 * one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "guard/compile.h"
#include "stoq_guard.skel.h"
#include "tests/bpf/guard_link.h"
#include "tests/unit/guard/random_policy.h"

#define POLICIES 500
#define LINKS	 8  /* of each policy */
#define COMMANDS 25 /* of each link */

static struct guard_link link;
static uint64_t random_state = 7;

struct expectation {
	struct random_command command;
	struct stoq_guard_decision decision;
	size_t at;
};

static uint32_t below(uint32_t limit)
{
	return random_next(&random_state) % limit;
}

static void decide(const struct random_policy *policy, struct expectation *expectation)
{
	const struct random_command *command = &expectation->command;
	const struct stoq_guard_compiled *compiled = guard_compiled;
	struct stoq_guard_decision second;
	struct stoq_guard_request request = {
		.host_class = stoq_guard_class_of(
			&compiled->hosts, command->known ? command->host : NULL),
		.subsystem_class = stoq_guard_class_of(
			&compiled->subsystems, command->known ? command->subsystem : NULL),
	};
	uint32_t touches =
		stoq_guard_request_from_sqe(compiled, &request, command->kind, &command->sqe);

	if (command->list_seen && touches == STOQ_GUARD_TOUCHES_LIST)
		stoq_guard_request_range(&request, command->first, command->last);
	stoq_guard_decide(compiled, &request, &expectation->decision);
	random_policy_evaluate(policy, command, &second);
	assert_memory_equal(&expectation->decision, &second, sizeof(second));
}

/* Of the lists only Dataset Management's is to be seen here. */
static uint32_t prepare_list(struct random_command *command, struct nvme_dsm_range *range)
{
	uint64_t blocks = command->last - command->first + 1;

	if (command->kind != NVME_QUEUE_IO || command->sqe.opcode != NVME_NVM_DATASET_MANAGEMENT ||
		!blocks || blocks > UINT32_MAX)
		command->list_seen = false;
	if (!command->list_seen)
		return 0;
	range->slba = nvme_to_le64(command->first);
	range->length_blocks = nvme_to_le32((uint32_t)blocks);
	command->sqe.cdw10 = 0; /* one range */
	return sizeof(*range);
}

static void write_command(struct expectation *expectation, uint16_t cid)
{
	struct random_command *command = &expectation->command;
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	struct nvme_dsm_range range = {0};
	uint32_t bytes = prepare_list(command, &range);

	command->sqe.command_id = nvme_to_le16(cid);
	command->sqe.sgl1 = (struct nvme_sgl_desc){
		.length = nvme_to_le32(bytes ? bytes : 4096),
		.type = bytes ? NVME_SGL_DATA_BLOCK_OFFSET : NVME_SGL_TRANSPORT_DATA_BLOCK,
	};
	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &command->sqe, bytes));
	dialog_bytes(&link.dialog, &range, bytes);
	expectation->at = link_write(&link, NVME_TCP_FROM_HOST);
}

/* Whom the policy refuses is connected all the same: it is the commands that are compared. */
static void accept_connect(void)
{
	int fd = bpf_map__fd(the_guard->maps.stoq_flows);
	struct stoq_flow_key key = link_key(&link);
	struct stoq_flow flow;

	assert_int_equal(bpf_map_lookup_elem(fd, &key, &flow), 0);
	flow.connect_accepted = 1;
	assert_int_equal(bpf_map_update_elem(fd, &key, &flow, BPF_ANY), 0);
}

/* A connection of this host; one that is not known is older than the guard, which is
 * not strict then. */
static void open_link(const struct random_command *who)
{
	struct nvme_connect_fields fields = {
		.qid = who->kind == NVME_QUEUE_IO, .sqsize_zero_based = COMMANDS};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	static const uint8_t hostid[16];
	struct nvme_connect_data data;

	link_start(&link);
	if (!who->known) {
		struct stoq_guard_identity identity = {.qid = fields.qid, .host_is_a = 1};
		struct stoq_flow_key key = link_key(&link);

		assert_int_equal(
			bpf_map_update_elem(bpf_map__fd(the_guard->maps.stoq_guard_identities),
				&key, &identity, BPF_ANY),
			0);
		return;
	}
	link_negotiate(&link);
	nvme_encode_connect_data(&data, hostid, 1, "", "");
	memcpy(data.subnqn, who->subsystem, sizeof(data.subnqn));
	memcpy(data.hostnqn, who->host, sizeof(data.hostnqn));
	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &sqe, sizeof(data)));
	dialog_bytes(&link.dialog, &data, sizeof(data));
	link_write(&link, NVME_TCP_FROM_HOST);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	link_complete(&link, 0);
	accept_connect();
}

/* From one PDU to a later one, now and then something again. */
static void send_all(const struct expectation *expectations)
{
	size_t end = link.written[NVME_TCP_FROM_HOST];

	for (int i = 0; i < COMMANDS;) {
		int next = i + 1 + (int)below(6);

		assert_true(link_send(&link, NVME_TCP_FROM_HOST, expectations[i].at,
			next < COMMANDS ? expectations[next].at : end));
		if (below(8) == 0)
			assert_true(
				link_send(&link, NVME_TCP_FROM_HOST, expectations[i].at + below(72),
					next < COMMANDS ? expectations[next].at : end));
		i = next;
	}
}

static uint64_t check_record(const struct expectation *expectation, uint16_t cid, uint64_t sequence)
{
	const struct stoq_guard_decision *decision = &expectation->decision;
	bool denied = decision->verdict == STOQ_GUARD_DENY;
	struct stoq_guard_record record;

	if (!denied && decision->log_rule == STOQ_GUARD_NO_RULE)
		return sequence;
	record = guard_record(++sequence);
	assert_int_equal(record.cid, cid);
	assert_int_equal(record.kind, denied ? STOQ_GUARD_RECORD_DENIED : STOQ_GUARD_RECORD_LOGGED);
	assert_int_equal(record.rule, denied ? decision->rule : decision->log_rule);
	assert_int_equal(record.status, denied ? decision->status : 0);
	assert_int_equal(record.policy_hash, guard_compiled->hash);
	return sequence;
}

static void check(const struct expectation *expectations, uint64_t sequence)
{
	for (uint16_t cid = 0; cid < COMMANDS; cid++) {
		const struct expectation *expectation = &expectations[cid];
		bool denied = expectation->decision.verdict == STOQ_GUARD_DENY;
		struct nvme_sqe sqe = link_command(&link, expectation->at);

		if (denied)
			assert_int_equal(sqe.opcode & 0xfc, 0x70);
		else
			assert_memory_equal(&sqe, &expectation->command.sqe, sizeof(sqe));
		sequence = check_record(expectation, cid, sequence);
	}
	assert_int_equal(guard_log_last(), sequence);
}

static void check_link(const struct random_policy *policy, bool strict)
{
	static struct expectation expectations[COMMANDS];
	struct random_command who;
	uint64_t sequence;

	do
		random_command_make(&who, &random_state);
	while (strict && !who.known);
	open_link(&who);
	for (uint16_t cid = 0; cid < COMMANDS; cid++) {
		struct random_command *command = &expectations[cid].command;

		do
			random_command_make(command, &random_state);
		while (command->kind != who.kind || command->sqe.opcode == NVME_OPCODE_FABRICS);
		command->known = who.known;
		memcpy(command->host, who.host, sizeof(who.host));
		memcpy(command->subsystem, who.subsystem, sizeof(who.subsystem));
		write_command(&expectations[cid], cid);
		decide(policy, &expectations[cid]);
	}
	sequence = guard_log_last();
	send_all(expectations);
	check(expectations, sequence);
}

static void test_agrees_on_random_commands(void **state)
{
	static const char lax[] = "strict: false\n";
	static char text[sizeof(lax) + RANDOM_TEXT_MAX];
	static struct random_policy policy;

	(void)state;
	for (int i = 0; i < POLICIES; i++) {
		size_t prefix = i % 2 ? sizeof(lax) - 1 : 0;

		random_policy_make(&policy, &random_state, i % 10 ? 30 : RANDOM_RULES_MAX);
		memcpy(text, lax, prefix);
		text[prefix + random_policy_write(&policy, text + prefix)] = '\0';
		guard_install(text);
		for (int n = 0; n < LINKS; n++)
			check_link(&policy, !prefix);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_on_random_commands),
	};

	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
