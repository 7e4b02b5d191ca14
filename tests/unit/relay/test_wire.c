// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/relay/wire.h"

#define MS 1000000u

static struct wire wire_of(const char *first, const char *second)
{
	struct wire wire = {.settings.queue_bytes = 1000, .settings.late_ns = 5 * MS};

	assert_int_equal(wire_set(&wire.settings, first), 0);
	assert_int_equal(wire_set(&wire.settings, second), 0);
	return wire;
}

/* Packets arrive after the delay, in their order, and none before. */
static void test_delay(void **state)
{
	struct wire wire = wire_of("delay=10ms", "loss=0");
	struct wire_packet *packet;
	uint64_t due_ns;

	(void)state;
	for (uint8_t i = 0; i < 3; i++) {
		assert_true(wire_fate(&wire, 1, i, &due_ns));
		wire_put(&wire, &i, 1, due_ns);
	}
	assert_int_equal(wire_due_ns(&wire), 10 * MS);
	assert_null(wire_take(&wire, 10 * MS - 1));
	for (uint8_t i = 0; i < 3; i++) {
		packet = wire_take(&wire, 11 * MS);
		assert_non_null(packet);
		assert_int_equal(packet->data[0], i);
		free(packet);
	}
	assert_null(wire_take(&wire, UINT64_MAX));
	wire_free(&wire);
}

/* The share that is lost or late is the one asked for, and the same in each run. */
static void test_shares(void **state)
{
	struct wire wire = wire_of("loss=1", "reorder=2"), again = wire;
	uint64_t due_ns, due_again_ns;

	(void)state;
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(wire_fate(&wire, 100, 0, &due_ns),
			wire_fate(&again, 100, 0, &due_again_ns));
	assert_in_range(wire.counts.lost, 9500, 10500);
	assert_in_range(wire.counts.late, 19000, 20600);
	assert_int_equal(wire.counts.carried + wire.counts.lost, 1000000);
	assert_int_equal(wire.counts.late, again.counts.late);
}

/* What is late is overtaken by what was sent after it. */
static void test_overtaken(void **state)
{
	struct wire wire = wire_of("reorder=100", "delay=1ms");
	struct wire_packet *packet;
	uint64_t due_ns;

	(void)state;
	assert_true(wire_fate(&wire, 1, 0, &due_ns));
	wire_put(&wire, (const uint8_t *)"a", 1, due_ns);
	assert_int_equal(wire_set(&wire.settings, "reorder=0"), 0);
	assert_true(wire_fate(&wire, 1, 1, &due_ns));
	wire_put(&wire, (const uint8_t *)"b", 1, due_ns);
	packet = wire_take(&wire, UINT64_MAX);
	assert_int_equal(packet->data[0], 'b');
	free(packet);
	wire_free(&wire);
}

/* A line of 8 Mbit/s takes a millisecond for 1024 bytes and a little, one after the other. */
static void test_rate(void **state)
{
	struct wire wire = wire_of("rate=8192000", "queue=1M");
	uint64_t due_ns;

	(void)state;
	for (unsigned int i = 1; i <= 5; i++) {
		assert_true(wire_fate(&wire, 1024, 0, &due_ns));
		assert_int_equal(due_ns, i * MS);
	}
	assert_true(wire_fate(&wire, 1024, 100 * MS, &due_ns));
	assert_int_equal(due_ns, 101 * MS);
}

/* The queue is bounded, and what does not fit is counted; a dark path carries nothing. */
static void test_lost(void **state)
{
	struct wire wire = wire_of("delay=1s", "dark=0");
	static const uint8_t data[400];
	uint64_t due_ns;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(wire_fate(&wire, sizeof(data), 0, &due_ns));
		wire_put(&wire, data, sizeof(data), due_ns);
	}
	assert_int_equal(wire.counts.carried, 2);
	assert_int_equal(wire.counts.overflowed, 1);
	assert_int_equal(wire_set(&wire.settings, "dark=1"), 0);
	assert_false(wire_fate(&wire, 1, 0, &due_ns));
	wire_free(&wire);
}

static void test_settings(void **state)
{
	static const char *const wrong[] = {"", "delay", "delay=", "delay=5", "loss=101", "loss=-1",
		"loss=nan", "loss=1%", "dark=2", "speed=1"};
	struct wire_settings settings = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(wire_set(&settings, wrong[i]) < 0);
	assert_int_equal(wire_set(&settings, "loss=0.1"), 0);
	assert_int_equal(settings.loss_ppm, 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
