// SPDX-License-Identifier: BSD-2-Clause
/* Entries of both sides, as they come: in either order, late, never, twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "join/live.h"
#include "join/render.h"

#define SECOND 1000000000ull

static struct stoq_join_maps maps;

static struct stoq_join_live *open_live(uint32_t room)
{
	struct stoq_join_live *live;

	maps = (struct stoq_join_maps){0};
	assert_int_equal(stoq_join_live_open(&live, &maps, room), 0);
	return live;
}

static void connect_side(struct stoq_join_live *live, enum stoq_join_side side, uint32_t uid,
	uint16_t port, const char *host)
{
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_CONNECTION,
		.connection = {.uid = uid,
			.connected = true,
			.host = {.address = {[15] = 1}, .port = port},
			.controller = {.address = {[15] = 2}, .port = 4420},
			.subsystem_nqn = "nqn.2026-11.test:subsystem"}};

	strcpy(entry.connection.host_nqn, host);
	assert_int_equal(stoq_join_live_add(live, side, &entry, 0), 0);
	assert_true(stoq_join_live_has(live, side, uid));
}

static void add(struct stoq_join_live *live, enum stoq_join_side side, uint32_t uid,
	uint32_t sequence, uint64_t latency_ns, uint64_t now_ns)
{
	const struct stoq_record_entry entry = {.kind = STOQ_RECORD_COMMAND,
		.command = {.uid = uid,
			.sequence = sequence,
			.latency_ns = latency_ns,
			.nsid = 1,
			.opcode = NVME_NVM_READ,
			.kind = NVME_QUEUE_IO}};

	assert_int_equal(stoq_join_live_add(live, side, &entry, now_ns), 0);
}

static uint64_t decided(const struct stoq_join *join, enum stoq_join_side side)
{
	const struct stoq_join_alone *alone = &join->alone[side];

	return stoq_join_matched(join) + alone->connection + alone->nameless + alone->outside +
	       alone->missing + alone->ambiguous + alone->different + alone->crowded +
	       alone->longer;
}

static void assert_sums(struct stoq_join_live *live)
{
	const struct stoq_join *joins[] = {
		stoq_join_live_interval(live), stoq_join_live_total(live)};

	for (size_t i = 0; i < 2; i++) {
		for (int side = 0; side < STOQ_JOIN_SIDES; side++)
			assert_int_equal(decided(joins[i], side), joins[i]->commands[side]);
		assert_int_equal(joins[i]->overall.total.sum_ns,
			joins[i]->overall.target.sum_ns + joins[i]->overall.between.sum_ns);
	}
}

/* Whichever half comes first, also by seconds; intervals have what was decided in them. */
static void test_in_either_order(void **state)
{
	struct stoq_join_live *live = open_live(STOQ_JOIN_LIVE_ROOM);

	connect_side(live, STOQ_JOIN_HOST, 7, 40000, "nqn.2026-11.test:host");
	connect_side(live, STOQ_JOIN_TARGET, 3, 40000, "");
	for (uint32_t i = 0; i < 1000; i++) {
		enum stoq_join_side first = i % 2;
		uint64_t latency[] = {5000 + i, 2000};
		uint32_t uids[] = {7, 3};

		add(live, first, uids[first], i * 72, latency[first], i);
		add(live, !first, uids[!first], i * 72, latency[!first], i + 5 * SECOND);
		if (i == 499) {
			assert_int_equal(stoq_join_matched(stoq_join_live_interval(live)), 500);
			assert_sums(live);
			stoq_join_live_begin(live);
		}
	}
	assert_sums(live);
	assert_int_equal(stoq_join_matched(stoq_join_live_interval(live)), 500);
	assert_int_equal(stoq_join_matched(stoq_join_live_total(live)), 1000);
	assert_int_equal(stoq_join_live_total(live)->overall.target.sum_ns, 2000 * 1000);
	assert_int_equal(stoq_join_live_total(live)->group_count, 1);
	assert_string_equal(
		stoq_join_live_total(live)->groups[0].identity.host_nqn, "nqn.2026-11.test:host");
	assert_int_equal(stoq_join_live_waiting(live, STOQ_JOIN_HOST), 0);
	stoq_join_live_close(live);
}

static void test_without_a_partner(void **state)
{
	struct stoq_join_live *live = open_live(STOQ_JOIN_LIVE_ROOM);
	const struct stoq_join *join;

	connect_side(live, STOQ_JOIN_HOST, 7, 40000, "");
	connect_side(live, STOQ_JOIN_HOST, 8, 40001, "");
	connect_side(live, STOQ_JOIN_TARGET, 3, 40000, "");
	add(live, STOQ_JOIN_HOST, 7, 1, 10, 0); /* the target lacks it */
	add(live, STOQ_JOIN_HOST, 8, 1, 10, 0); /* of a connection that it does not have */
	add(live, STOQ_JOIN_HOST, 9, 1, 10, 0); /* that the host itself does not have */
	add(live, STOQ_JOIN_TARGET, 3, 99, 10, 5 * SECOND); /* goes on waiting */
	stoq_join_live_expire(live, STOQ_JOIN_LIVE_PATIENCE_NS - 1);
	assert_int_equal(stoq_join_live_waiting(live, STOQ_JOIN_HOST), 2);
	stoq_join_live_expire(live, STOQ_JOIN_LIVE_PATIENCE_NS);
	assert_int_equal(stoq_join_live_waiting(live, STOQ_JOIN_HOST), 0);
	assert_int_equal(stoq_join_live_waiting(live, STOQ_JOIN_TARGET), 1);
	join = stoq_join_live_interval(live);
	assert_int_equal(join->alone[STOQ_JOIN_HOST].missing, 1);
	assert_int_equal(join->alone[STOQ_JOIN_HOST].connection, 1);
	assert_int_equal(join->alone[STOQ_JOIN_HOST].nameless, 1);
	assert_sums(live);
	stoq_join_live_close(live);
}

static void test_not_guessed(void **state)
{
	struct stoq_join_live *live = open_live(STOQ_JOIN_LIVE_ROOM);
	struct stoq_record_entry other = {.kind = STOQ_RECORD_COMMAND,
		.command = {.uid = 3, .sequence = 2, .slba = 5, .nsid = 1, .opcode = 2}};
	const struct stoq_join *join;

	connect_side(live, STOQ_JOIN_HOST, 7, 40000, "");
	connect_side(live, STOQ_JOIN_TARGET, 3, 40000, "");
	add(live, STOQ_JOIN_HOST, 7, 1, 10, 0);
	add(live, STOQ_JOIN_HOST, 7, 1, 10, 0);
	add(live, STOQ_JOIN_TARGET, 3, 1, 10, 0);
	add(live, STOQ_JOIN_HOST, 7, 2, 10, 0);
	assert_int_equal(stoq_join_live_add(live, STOQ_JOIN_TARGET, &other, 0), 0);
	add(live, STOQ_JOIN_HOST, 7, 3, 10, 0);
	add(live, STOQ_JOIN_TARGET, 3, 3, 11, 0);
	stoq_join_live_expire(live, STOQ_JOIN_LIVE_PATIENCE_NS);
	join = stoq_join_live_interval(live);
	assert_int_equal(stoq_join_matched(join), 0);
	assert_int_equal(join->alone[STOQ_JOIN_HOST].ambiguous, 2);
	assert_int_equal(join->alone[STOQ_JOIN_TARGET].ambiguous, 1);
	assert_int_equal(join->alone[STOQ_JOIN_TARGET].different, 1);
	assert_int_equal(join->alone[STOQ_JOIN_HOST].longer, 1);
	assert_sums(live);
	stoq_join_live_close(live);
}

/* The one that has waited longest makes way. */
static void test_bounded(void **state)
{
	struct stoq_join_live *live = open_live(100);
	const struct stoq_join *join;

	connect_side(live, STOQ_JOIN_HOST, 7, 40000, "");
	connect_side(live, STOQ_JOIN_TARGET, 3, 40000, "");
	for (uint32_t i = 0; i < 1000; i++)
		add(live, STOQ_JOIN_HOST, 7, i, 10, i);
	for (uint32_t i = 0; i < 1000; i++)
		add(live, STOQ_JOIN_TARGET, 3, 999 - i, 10, 1000 + i);
	join = stoq_join_live_interval(live);
	assert_int_equal(stoq_join_matched(join), 100);
	assert_int_equal(join->alone[STOQ_JOIN_HOST].crowded, 900);
	assert_int_equal(join->alone[STOQ_JOIN_TARGET].crowded, 800);
	assert_int_equal(stoq_join_live_waiting(live, STOQ_JOIN_TARGET), 100);
	assert_sums(live);
	stoq_join_live_close(live);
}

static void test_translated(void **state)
{
	struct stoq_join_live *live = open_live(100);
	struct stoq_error error;

	assert_int_equal(stoq_join_map_add(&maps, "[::1]:40000=[::1]:50000", &error), 0);
	connect_side(live, STOQ_JOIN_HOST, 7, 40000, "");
	connect_side(live, STOQ_JOIN_TARGET, 3, 50000, "");
	add(live, STOQ_JOIN_HOST, 7, 1, 10, 0);
	add(live, STOQ_JOIN_TARGET, 3, 1, 4, 0);
	assert_int_equal(stoq_join_matched(stoq_join_live_interval(live)), 1);
	stoq_join_live_close(live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_either_order),
		cmocka_unit_test(test_without_a_partner),
		cmocka_unit_test(test_not_guessed),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_translated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
