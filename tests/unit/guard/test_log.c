// SPDX-License-Identifier: BSD-2-Clause
/* Following the guard's log while it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard/log.h"

static struct stoq_guard_record records[STOQ_GUARD_LOG_RECORDS];
static struct stoq_guard_state state;

static int setup(void **context)
{
	(void)context;
	memset(records, 0, sizeof(records));
	memset(&state, 0, sizeof(state));
	return 0;
}

static struct stoq_guard_record *place(__u64 sequence)
{
	return &records[sequence % STOQ_GUARD_LOG_RECORDS];
}

/* What the kernel does, up to and with this number. */
static void write_up_to(__u64 last)
{
	while (state.log_last < last) {
		__u64 sequence = ++state.log_last;

		*place(sequence) =
			(struct stoq_guard_record){.sequence = sequence, .slba = 3 * sequence};
	}
}

static void expect_records(struct stoq_guard_log *log, __u64 first, __u64 last)
{
	struct stoq_guard_record record;

	for (__u64 sequence = first; sequence <= last; sequence++) {
		assert_int_equal(stoq_guard_log_next(log, &record), 1);
		assert_int_equal(record.sequence, sequence);
		assert_int_equal(record.slba, 3 * sequence);
	}
	assert_int_equal(stoq_guard_log_next(log, &record), 0);
}

static void test_follows(void **context)
{
	struct stoq_guard_log log;

	(void)context;
	stoq_guard_log_start(&log, records, &state, 0);
	expect_records(&log, 1, 0);
	write_up_to(5);
	expect_records(&log, 1, 5);
	write_up_to(5 + STOQ_GUARD_LOG_RECORDS);
	expect_records(&log, 6, 5 + STOQ_GUARD_LOG_RECORDS);
	assert_int_equal(log.lost, 0);
}

static void test_begins_with_the_last(void **context)
{
	struct stoq_guard_log log;

	(void)context;
	write_up_to(3);
	stoq_guard_log_start(&log, records, &state, 10);
	expect_records(&log, 1, 3);
	write_up_to(3 * STOQ_GUARD_LOG_RECORDS);
	stoq_guard_log_start(&log, records, &state, 2);
	expect_records(&log, 3 * STOQ_GUARD_LOG_RECORDS - 1, 3 * STOQ_GUARD_LOG_RECORDS);
	stoq_guard_log_start(&log, records, &state, UINT64_MAX);
	expect_records(&log, 2 * STOQ_GUARD_LOG_RECORDS + 1, 3 * STOQ_GUARD_LOG_RECORDS);
	assert_int_equal(log.lost, 0);
}

static void test_says_what_is_lost(void **context)
{
	struct stoq_guard_log log;

	(void)context;
	stoq_guard_log_start(&log, records, &state, 0);
	write_up_to(7 + STOQ_GUARD_LOG_RECORDS);
	expect_records(&log, 8, 7 + STOQ_GUARD_LOG_RECORDS);
	assert_int_equal(log.lost, 7);
}

/* The number is given, but the record is not there yet; what stands there is a round old. */
static void test_waits_for_one_being_written(void **context)
{
	struct stoq_guard_record record;
	struct stoq_guard_log log;

	(void)context;
	write_up_to(STOQ_GUARD_LOG_RECORDS);
	stoq_guard_log_start(&log, records, &state, 0);
	state.log_last++;
	assert_int_equal(stoq_guard_log_next(&log, &record), 0);
	place(state.log_last)->sequence = 0;
	assert_int_equal(stoq_guard_log_next(&log, &record), 0);
	*place(state.log_last) =
		(struct stoq_guard_record){.sequence = state.log_last, .slba = 3 * state.log_last};
	expect_records(&log, state.log_last, state.log_last);
	assert_int_equal(log.lost, 0);
}

/* It was overwritten between the look at the last number and the look at the record. */
static void test_passes_over_a_newer_one(void **context)
{
	struct stoq_guard_record record;
	struct stoq_guard_log log;

	(void)context;
	write_up_to(3);
	stoq_guard_log_start(&log, records, &state, 3);
	place(1)->sequence = 1 + STOQ_GUARD_LOG_RECORDS;
	assert_int_equal(stoq_guard_log_next(&log, &record), 1);
	assert_int_equal(record.sequence, 2);
	assert_int_equal(log.lost, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_follows, setup),
		cmocka_unit_test_setup(test_begins_with_the_last, setup),
		cmocka_unit_test_setup(test_says_what_is_lost, setup),
		cmocka_unit_test_setup(test_waits_for_one_being_written, setup),
		cmocka_unit_test_setup(test_passes_over_a_newer_one, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
