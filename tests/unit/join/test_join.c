// SPDX-License-Identifier: BSD-2-Clause
/* Records of both ends, made up: what is in both, what is not, and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "join/join.h"
#include "join/render.h"
#include "join/render_json.h"
#include "record/writer.h"

#define COMMANDS   2000
#define CLOCK_SKEW 12345678901234ull /* of the target's clock: more than three hours */

static char folder[] = "/tmp/stoq-test-join-XXXXXX";
static char paths[STOQ_JOIN_SIDES][64];

static int setup(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(paths[STOQ_JOIN_HOST], sizeof(paths[0]), "%s/host.rec", folder);
	snprintf(paths[STOQ_JOIN_TARGET], sizeof(paths[0]), "%s/target.rec", folder);
	return 0;
}

static int teardown(void **state)
{
	unlink(paths[STOQ_JOIN_HOST]);
	unlink(paths[STOQ_JOIN_TARGET]);
	return rmdir(folder);
}

/* What makes a record: connections 1 and 2, and commands [first, end) of both in turn. */
struct script {
	uint32_t first, end;
	uint32_t without;     /* not 0: each so-many-th command is not there */
	uint8_t host_network; /* the third byte of the host's address */
	uint32_t uid_offset;
	int32_t longer; /* added to the latency */
	bool twice;	/* every command */
	uint64_t slba;	/* of every command */
	uint16_t status;
	uint8_t opcode; /* not 0: of every command */
	bool reused;	/* the second connection has the ends of the first, and is another host's */
};

static uint64_t target_latency(uint32_t i)
{
	return 100000 + i * 10;
}

static struct stoq_record_entry connection_of(const struct script *script, uint32_t i)
{
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_CONNECTION,
		.connection = {.uid = 1 + i % 2 + script->uid_offset,
			.connected = true,
			.kind = NVME_QUEUE_IO,
			.qid = (uint16_t)(1 + i % 2),
			.cntlid = 1,
			.host = {.address =
					 {[10] = 0xff, [11] = 0xff, 10, 0, script->host_network, 1},
				.port = (uint16_t)(40000 + i % 2)},
			.controller = {.address = {[10] = 0xff, [11] = 0xff, 10, 0, 9, 2},
				.port = 4420},
			.host_nqn = "nqn.2026-11.test:host",
			.subsystem_nqn = "nqn.2026-11.test:subsystem"}};

	if (script->reused && i % 2) {
		entry.connection.host.port--;
		strcpy(entry.connection.host_nqn, "nqn.2026-11.test:second");
	}
	return entry;
}

static void write_record(enum stoq_join_side side, const struct script *script)
{
	struct stoq_record_writer *writer;
	struct stoq_error error;

	assert_int_equal(stoq_record_writer_open(
				 &writer, paths[side], STOQ_RECORD_SIZE_DEFAULT, 0, 1, &error),
		0);
	for (uint32_t i = 0; i < 2; i++) {
		struct stoq_record_entry entry = connection_of(script, i);

		assert_int_equal(stoq_record_add(writer, &entry), 0);
	}
	for (uint32_t i = script->first; i < script->end; i++) {
		bool target = side == STOQ_JOIN_TARGET;
		struct stoq_record_entry entry = {.kind = STOQ_RECORD_COMMAND,
			.command = {.start_unix_ns = 1000000000ull + i * 50000ull +
						     (target ? CLOCK_SKEW : 0),
				.latency_ns = target_latency(i) + (target ? 0 : 7000 + i % 100) +
					      (uint64_t)script->longer,
				.uid = 1 + i % 2 + script->uid_offset,
				.sequence = i / 2 * 72 - 70000 +
					    (script->reused && i % 2 ? 5000000 : 0),
				.cid = (uint16_t)(i / 2 % 64),
				.nsid = 1 + i % 3 / 2,
				.slba = script->slba,
				.status = script->status,
				.opcode = script->opcode ? script->opcode
					  : i % 4	 ? NVME_NVM_READ
							 : NVME_NVM_WRITE,
				.kind = NVME_QUEUE_IO}};

		if (script->without && i % script->without == 0)
			continue;
		for (int n = 0; n <= script->twice; n++)
			assert_int_equal(stoq_record_add(writer, &entry), 0);
	}
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
}

static uint64_t alone(const struct stoq_join *join, enum stoq_join_side side)
{
	const struct stoq_join_alone *counts = &join->alone[side];

	return counts->connection + counts->nameless + counts->outside + counts->missing +
	       counts->ambiguous + counts->different + counts->longer;
}

/* Every command is accounted for once, and the parts are the whole, in each group. */
static void assert_sums(const struct stoq_join *join)
{
	uint64_t commands = join->others.total.count;

	for (int side = 0; side < STOQ_JOIN_SIDES; side++)
		assert_int_equal(stoq_join_matched(join) + alone(join, side), join->commands[side]);
	for (size_t i = 0; i < join->group_count; i++) {
		const struct stoq_join_group *group = &join->groups[i];

		assert_int_equal(group->total.sum_ns, group->target.sum_ns + group->between.sum_ns);
		commands += group->total.count;
	}
	assert_int_equal(commands, stoq_join_matched(join));
}

static void run(struct stoq_join *join, const struct script *host, const struct script *target,
	const char *map, uint32_t room)
{
	struct stoq_record_reader *readers[STOQ_JOIN_SIDES];
	struct stoq_join_maps maps = {0};
	struct stoq_error error;

	write_record(STOQ_JOIN_HOST, host);
	write_record(STOQ_JOIN_TARGET, target);
	for (int side = 0; side < STOQ_JOIN_SIDES; side++)
		assert_int_equal(stoq_record_open(&readers[side], paths[side], &error), 0);
	if (map)
		assert_int_equal(stoq_join_map_add(&maps, map, &error), 0);
	assert_int_equal(stoq_join_run(join, readers, &maps, room, &error), 0);
	assert_sums(join);
	for (int side = 0; side < STOQ_JOIN_SIDES; side++)
		stoq_record_close(readers[side]);
}

/* Numbers of connections and clocks differ; what the commands took does not depend on either. */
static void test_everything_is_in_both(void **state)
{
	const struct script host = {.end = COMMANDS}, target = {.end = COMMANDS, .uid_offset = 77};
	uint64_t between = 0, at_target = 0;
	struct stoq_join join;

	run(&join, &host, &target, NULL, STOQ_JOIN_ROOM_DEFAULT);
	for (uint32_t i = 0; i < COMMANDS; i++) {
		between += 7000 + i % 100;
		at_target += target_latency(i);
	}
	assert_int_equal(stoq_join_matched(&join), COMMANDS);
	assert_int_equal(join.overall.between.sum_ns, between);
	assert_int_equal(join.overall.target.sum_ns, at_target);
	assert_int_equal(join.overall.total.sum_ns, between + at_target);
	assert_int_equal(join.group_count, 4); /* two opcodes to two namespaces */
	assert_string_equal(join.groups[0].identity.host_nqn, "nqn.2026-11.test:host");
	assert_int_equal(join.hint_count, 0);
	stoq_join_free(&join);
}

/* What does not fit into memory at once is joined in parts, with the same result. */
static void test_little_memory(void **state)
{
	const struct script host = {.end = COMMANDS, .without = 7},
			    target = {.first = 100, .end = COMMANDS + 50, .without = 11};
	struct stoq_join one, many;

	run(&one, &host, &target, NULL, STOQ_JOIN_ROOM_DEFAULT);
	run(&many, &host, &target, NULL, 100);
	assert_int_equal(one.passes, 1);
	assert_true(many.passes > 10);
	assert_int_equal(stoq_join_matched(&one), stoq_join_matched(&many));
	assert_int_equal(one.group_count, many.group_count);
	for (size_t i = 0; i < one.group_count; i++)
		assert_memory_equal(&one.groups[i].between, &many.groups[i].between,
			sizeof(one.groups[i].between));
	assert_memory_equal(
		&one.alone[STOQ_JOIN_TARGET], &many.alone[STOQ_JOIN_TARGET], sizeof(one.alone[0]));
	stoq_join_free(&one);
	stoq_join_free(&many);
}

static void test_what_is_in_one_only(void **state)
{
	const struct script host = {.end = 1000},
			    target = {.first = 200, .end = 1100, .without = 10};
	struct stoq_join join;

	run(&join, &host, &target, NULL, STOQ_JOIN_ROOM_DEFAULT);
	assert_int_equal(stoq_join_matched(&join), 720);
	/* The target begins with 201: the one before it is outside, too. */
	assert_int_equal(join.alone[STOQ_JOIN_HOST].outside, 201);
	assert_int_equal(join.alone[STOQ_JOIN_HOST].missing, 79);
	assert_int_equal(join.alone[STOQ_JOIN_TARGET].missing, 90);
	stoq_join_free(&join);
}

static void test_address_translation(void **state)
{
	const struct script host = {.end = 100, .host_network = 5},
			    target = {.end = 100, .host_network = 6};
	struct stoq_join join;

	run(&join, &host, &target, NULL, STOQ_JOIN_ROOM_DEFAULT);
	assert_int_equal(stoq_join_matched(&join), 0);
	assert_int_equal(join.alone[STOQ_JOIN_HOST].connection, 100);
	assert_int_equal(join.alone[STOQ_JOIN_TARGET].connection, 100);
	assert_int_equal(join.hint_count, 2);
	assert_int_equal(join.hints[0].target_host.address[14], 6);
	stoq_join_free(&join);
	run(&join, &host, &target, "10.0.5.1=10.0.6.1", STOQ_JOIN_ROOM_DEFAULT);
	assert_int_equal(stoq_join_matched(&join), 100);
	stoq_join_free(&join);
	/* One port only: one of the two connections. */
	run(&join, &host, &target, "10.0.5.1:40001=10.0.6.1:40001", STOQ_JOIN_ROOM_DEFAULT);
	assert_int_equal(stoq_join_matched(&join), 50);
	stoq_join_free(&join);
}

static void test_records_in_the_wrong_order(void **state)
{
	const struct script host = {.end = 100}, target = {.end = 100, .longer = 1000000};
	struct stoq_join join;

	run(&join, &host, &target, NULL, STOQ_JOIN_ROOM_DEFAULT);
	assert_int_equal(stoq_join_matched(&join), 0);
	assert_int_equal(join.alone[STOQ_JOIN_HOST].longer, 100);
	assert_int_equal(join.alone[STOQ_JOIN_TARGET].longer, 100);
	stoq_join_free(&join);
}

/* Which of two is meant is not guessed, in whichever record they are. */
static void test_the_same_number_twice(void **state)
{
	const struct script once = {.end = 100}, twice = {.end = 100, .twice = true};
	struct stoq_join join;

	run(&join, &twice, &once, NULL, STOQ_JOIN_ROOM_DEFAULT);
	assert_int_equal(stoq_join_matched(&join), 0);
	assert_int_equal(join.alone[STOQ_JOIN_HOST].ambiguous, 200);
	assert_int_equal(join.alone[STOQ_JOIN_TARGET].ambiguous, 100);
	stoq_join_free(&join);
	run(&join, &once, &twice, NULL, STOQ_JOIN_ROOM_DEFAULT);
	assert_int_equal(stoq_join_matched(&join), 0);
	assert_int_equal(join.alone[STOQ_JOIN_HOST].ambiguous, 100);
	assert_int_equal(join.alone[STOQ_JOIN_TARGET].ambiguous, 200);
	stoq_join_free(&join);
}

/* Number and identifier agree, but not the rest. */
static void test_another_command(void **state)
{
	const struct script host = {.end = 100};
	const struct script others[] = {{.end = 100, .opcode = NVME_NVM_COMPARE},
		{.end = 100, .slba = 8}, {.end = 100, .status = NVME_STATUS(2, 0x81)}};
	struct stoq_join join;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		run(&join, &host, &others[i], NULL, STOQ_JOIN_ROOM_DEFAULT);
		assert_int_equal(stoq_join_matched(&join), 0);
		assert_int_equal(join.alone[STOQ_JOIN_HOST].different, 100);
		assert_int_equal(join.alone[STOQ_JOIN_TARGET].different, 100);
		stoq_join_free(&join);
	}
}

/* A port that is used again belongs to another host: each command keeps the names of its own connection. */
static void test_ports_used_again(void **state)
{
	const struct script host = {.end = 200, .reused = true, .opcode = NVME_NVM_READ},
			    target = {.end = 200,
				    .reused = true,
				    .opcode = NVME_NVM_READ,
				    .uid_offset = 9};
	unsigned int seconds = 0;
	struct stoq_join join;

	run(&join, &host, &target, NULL, STOQ_JOIN_ROOM_DEFAULT);
	assert_int_equal(stoq_join_matched(&join), 200);
	assert_int_equal(join.connections.path_count, 1);
	assert_int_equal(join.group_count, 4); /* two hosts, two namespaces */
	for (size_t i = 0; i < join.group_count; i++)
		if (strcmp(join.groups[i].identity.host_nqn, "nqn.2026-11.test:second") == 0)
			seconds += (unsigned int)join.groups[i].total.count;
	assert_int_equal(seconds, 100);
	stoq_join_free(&join);
}

static void test_maps(void **state)
{
	struct stoq_flow_end end = {.port = 40000};
	struct stoq_join_maps maps = {0};
	struct stoq_error error;
	char text[STOQ_FLOW_END_TEXT];

	assert_int_not_equal(stoq_join_map_add(&maps, "10.0.0.1", &error), 0);
	assert_int_not_equal(stoq_join_map_add(&maps, "10.0.0.1=x", &error), 0);
	assert_int_not_equal(stoq_join_map_add(&maps, "10.0.0.1:0=10.0.0.2", &error), 0);
	assert_int_not_equal(stoq_join_map_add(&maps, "=", &error), 0);
	assert_int_equal(maps.count, 0);
	assert_int_equal(stoq_join_map_add(&maps, "2001:db8::1=[2001:db8::2]:7", &error), 0);
	assert_int_equal(stoq_host_parse(end.address, "2001:db8::1"), 0);
	assert_false(maps.items[0].fits);
	stoq_join_map_apply(&maps, &end);
	assert_true(maps.items[0].fits);
	assert_string_equal(stoq_flow_end_text(&end, text), "[2001:db8::2]:7");
}

/* As wide as asked for, at every width; JSON is whole. */
static void test_texts(void **state)
{
	const struct script host = {.end = 300, .host_network = 3},
			    target = {.end = 300, .host_network = 3, .without = 9};
	struct stoq_join_names names = {{"host.rec", "target.rec"}, {"db7", "store1"}, {{0}, {0}}};
	struct stoq_join join;
	char *json;

	run(&join, &host, &target, NULL, STOQ_JOIN_ROOM_DEFAULT);
	for (unsigned int width = 89; width <= 200; width += 37) {
		char *text = NULL, *save = NULL;
		size_t length;
		FILE *file = open_memstream(&text, &length);

		stoq_join_render(file, &join, &names, width);
		fclose(file);
		assert_non_null(strstr(text, "266 commands are in both records"));
		for (char *line = strtok_r(text, "\n", &save); line;
			line = strtok_r(NULL, "\n", &save))
			assert_true(strlen(line) <= width);
		free(text);
	}
	json = stoq_join_render_json(&join, &names);
	assert_non_null(strstr(json, "\"matched\":266"));
	free(json);
	stoq_join_free(&join);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_in_both),
		cmocka_unit_test(test_little_memory),
		cmocka_unit_test(test_what_is_in_one_only),
		cmocka_unit_test(test_address_translation),
		cmocka_unit_test(test_records_in_the_wrong_order),
		cmocka_unit_test(test_the_same_number_twice),
		cmocka_unit_test(test_another_command),
		cmocka_unit_test(test_ports_used_again),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
