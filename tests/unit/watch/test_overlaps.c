// SPDX-License-Identifier: BSD-2-Clause

/* Which writes overlap: when that is certain, and when something legal or unseen explains it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch/overlaps.h"

#define FOUND_MAX 16
#define MS	  1000000ull

static struct stoq_overlaps *overlaps;
static struct stoq_overlap found[FOUND_MAX];
static size_t found_count;

static const struct stoq_overlap_place place = {"host", "subsystem", 1},
				       other_host = {"other", "subsystem", 2},
				       other_subsystem = {"host", "elsewhere", 1},
				       nameless = {"", "", -1};

static void on_found(void *context, const struct stoq_overlap *overlap)
{
	(void)context;
	assert_true(found_count < FOUND_MAX);
	found[found_count++] = *overlap;
}

static int setup(void **state)
{
	(void)state;
	found_count = 0;
	overlaps = stoq_overlaps_new(on_found, NULL);
	return overlaps ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	stoq_overlaps_free(overlaps);
	return 0;
}

static void take(const struct stoq_event_write *event, const struct stoq_overlap_place *where)
{
	assert_int_equal(stoq_overlaps_take(overlaps, event, where), 0);
}

static struct stoq_event_write write_of(uint32_t uid, uint16_t cid, uint64_t slba, uint32_t blocks)
{
	return (struct stoq_event_write){.uid = uid,
		.cid = cid,
		.slba = slba,
		.blocks = blocks,
		.nsid = 1,
		.opcode = NVME_NVM_WRITE,
		.what = STOQ_WRITE_BEGINS};
}

static void begins_at(const struct stoq_overlap_place *where, uint64_t ms, uint32_t uid,
	uint16_t cid, uint64_t slba, uint32_t blocks)
{
	struct stoq_event_write event = write_of(uid, cid, slba, blocks);

	event.time_ns = ms * MS;
	take(&event, where);
}

static void begins(uint64_t ms, uint32_t uid, uint16_t cid, uint64_t slba, uint32_t blocks)
{
	begins_at(&place, ms, uid, cid, slba, blocks);
}

static void event_at(uint64_t ms, enum stoq_write_what what, uint32_t uid, uint16_t cid,
	uint8_t flags, uint16_t epoch)
{
	const struct stoq_event_write event = {.uid = uid,
		.cid = cid,
		.time_ns = ms * MS,
		.opcode = NVME_NVM_WRITE,
		.what = what,
		.flags = flags,
		.epoch = epoch};

	take(&event, &place);
}

static void ends(uint64_t ms, uint32_t uid, uint16_t cid)
{
	event_at(ms, STOQ_WRITE_ENDS, uid, cid, 0, 0);
}

static void test_certain(void **state)
{
	(void)state;
	begins(1, 1, 1, 100, 8);
	begins(2, 2, 5, 107, 8);
	assert_int_equal(found_count, 0);
	ends(3, 2, 5);
	assert_int_equal(found_count, 0);
	ends(9, 1, 1);
	assert_int_equal(found_count, 1);
	assert_int_equal(found[0].first.uid, 1);
	assert_int_equal(found[0].first.cid, 1);
	assert_int_equal(found[0].first.slba, 100);
	assert_int_equal(found[0].first.end_ns, 9 * MS);
	assert_int_equal(found[0].first.end, STOQ_OVERLAP_ENDED);
	assert_int_equal(found[0].second.uid, 2);
	assert_int_equal(found[0].second.start_ns, 2 * MS);
	assert_int_equal(found[0].second.end_ns, 3 * MS);
	assert_true(found[0].same_host);
	assert_int_equal(stoq_overlaps_counts(overlaps)->compared, 2);
}

static void test_legal(void **state)
{
	(void)state;
	begins(1, 1, 1, 100, 8);
	begins(2, 1, 2, 100, 8); /* one queue pair */
	begins(2, 2, 2, 108, 8); /* beside it */
	begins(2, 2, 3, 92, 8);
	begins_at(&other_subsystem, 2, 3, 1, 100, 8);
	begins_at(&nameless, 2, 4, 1, 100, 8);
	ends(3, 1, 1);
	begins(4, 2, 4, 92, 16); /* not what is outstanding on it, what has ended */
	ends(5, 1, 2);
	assert_int_equal(found_count, 1);
	assert_int_equal(found[0].first.cid, 2);
	assert_int_equal(stoq_overlaps_counts(overlaps)->unnamed, 1);
}

/* Compare and write, by two hosts: that is what it is for. By one host on two paths it was sent again. */
static void test_fused(void **state)
{
	struct stoq_event_write event = write_of(1, 1, 100, 1);

	(void)state;
	event.flags = STOQ_WRITE_FUSED;
	take(&event, &place);
	event.uid = 2;
	event.time_ns = 1;
	take(&event, &other_host);
	ends(3, 1, 1);
	assert_int_equal(found_count, 0);
	ends(3, 2, 1);
	event.uid = 1;
	event.time_ns = 4 * MS;
	take(&event, &place);
	event.uid = 3;
	event.time_ns = 5 * MS;
	take(&event, &place);
	ends(6, 1, 1);
	assert_int_equal(found_count, 1);
}

/* Its connection has ended: it is feared for a time, unless completions passed unseen or its controller was stopped. */
static void test_cut(void **state)
{
	(void)state;
	begins(1, 1, 1, 100, 8);
	begins(2, 2, 1, 100, 8);
	event_at(3, STOQ_WRITE_FLOW_ENDS, 1, 0, 0, 0);
	assert_int_equal(found_count, 1);
	assert_int_equal(found[0].first.end, STOQ_OVERLAP_CUT);
	begins(29000, 3, 1, 104, 1);
	assert_int_equal(found_count, 2);
	assert_int_equal(found[1].first.uid, 1);
	begins(31000, 4, 2, 104, 1);
	assert_int_equal(found_count, 2);
}

static void test_cut_unclean(void **state)
{
	(void)state;
	begins(1, 1, 1, 100, 8);
	begins(1, 2, 1, 200, 8);
	begins(1, 3, 1, 300, 8);
	event_at(3, STOQ_WRITE_FLOW_ENDS, 1, 0, STOQ_WRITE_MISSED, 0);
	event_at(3, STOQ_WRITE_FLOW_ENDS, 2, 0, 0, 1);
	event_at(3, STOQ_WRITE_FLOW_ENDS, 3, 0, 0, 0);
	event_at(3, STOQ_WRITE_CONTROLLER_STOPS, 9, 0, 0, 0);
	begins(4, 4, 1, 100, 250);
	assert_int_equal(found_count, 0);
}

/* Its end was not seen, or not when it was. */
static void test_unseen(void **state)
{
	(void)state;
	begins(1, 1, 1, 100, 8);
	begins(2, 2, 1, 100, 8);
	begins(3, 1, 1, 500, 8); /* the same identifier again */
	ends(4, 1, 1);
	assert_int_equal(found_count, 0);
	begins(5, 3, 1, 100, 8); /* over flow 2's, which is outstanding */
	event_at(6, STOQ_WRITE_ENDS, 2, 1, STOQ_WRITE_EARLY, 0);
	assert_int_equal(found_count, 0);
	begins(7, 4, 1, 100, 8);
	event_at(8, STOQ_WRITE_ENDS, 3, 1, 0, 1); /* a gap in between */
	assert_int_equal(found_count, 0);
}

/* Events were lost: what was outstanding may have ended. */
static void test_lost(void **state)
{
	struct stoq_event_write event = write_of(2, 1, 100, 8);

	(void)state;
	begins(1, 1, 1, 100, 8);
	event.time_ns = 2 * MS;
	event.lost = 3;
	take(&event, &place);
	event.what = STOQ_WRITE_ENDS;
	event.uid = 1;
	event.time_ns = 3 * MS;
	take(&event, &place);
	assert_int_equal(found_count, 0);
	assert_int_equal(stoq_overlaps_counts(overlaps)->lost, 3);
}

/* Ranges of Dataset Management, ranges over many chunks, and all of a namespace; each pair once. */
static void test_ranges(void **state)
{
	struct stoq_event_write event = write_of(1, 1, 0, 0);

	(void)state;
	event.opcode = NVME_NVM_DATASET_MANAGEMENT;
	take(&event, &place);
	event.what = STOQ_WRITE_RANGE;
	event.slba = 5000;
	event.blocks = 100000;
	take(&event, &place);
	event.slba = 1000000;
	event.blocks = 5000;
	take(&event, &place);
	begins(1, 2, 1, 104999, 4);
	begins(1, 3, 1, 1002047, 4096);
	begins(1, 4, 1, 105000, 8);
	begins(1, 5, 1, 0, STOQ_WRITE_ALL_BLOCKS);
	event.what = STOQ_WRITE_ENDS;
	event.time_ns = 2 * MS;
	take(&event, &place);
	assert_int_equal(found_count, 3);
	ends(3, 2, 1);
	ends(3, 3, 1);
	ends(3, 4, 1);
	assert_int_equal(found_count, 7);
	assert_int_equal(found[6].second.blocks, STOQ_WRITE_ALL_BLOCKS);
}

/* The table is bounded, and makes room. */
static void test_full(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < STOQ_OVERLAPS_WRITES + 10; i++)
		begins(1, 1 + i / 65536, (uint16_t)i, 10ull * i, 8);
	assert_int_equal(stoq_overlaps_counts(overlaps)->full, 10);
	begins(700000, 9, 1, 0, 8);
	assert_int_equal(stoq_overlaps_counts(overlaps)->full, 10);
	assert_int_equal(found_count, 0);
}

/* ---- commands of a record ---- */

static void ended(uint64_t ms, uint64_t end_ms, uint32_t uid, uint8_t opcode, uint64_t slba)
{
	const struct stoq_event_command event = {.uid = uid,
		.start_ns = ms * MS,
		.latency_ns = (end_ms - ms) * MS,
		.slba = slba,
		.blocks = 8,
		.nsid = 1,
		.cid = 1,
		.opcode = opcode,
		.kind = NVME_QUEUE_IO};

	assert_int_equal(
		stoq_overlaps_take_ended(overlaps, &event, uid == 9 ? &other_host : &place), 0);
}

static void test_record(void **state)
{
	(void)state;
	ended(1, 5, 1, NVME_NVM_WRITE, 100);
	ended(5, 6, 2, NVME_NVM_WRITE, 100); /* when the first one ended */
	ended(2, 7, 3, NVME_NVM_READ, 100);
	assert_int_equal(found_count, 0);
	/* That their connections end makes no difference to commands that have. */
	event_at(8, STOQ_WRITE_FLOW_ENDS, 1, 0, STOQ_WRITE_MISSED, 0);
	ended(4, 8, 4, NVME_NVM_WRITE, 100);
	assert_int_equal(found_count, 2);
	assert_int_equal(found[0].first.uid + found[1].first.uid, 1 + 4);
	ended(10, 11, 5, NVME_NVM_COMPARE, 900);
	ended(10, 12, 5, NVME_NVM_WRITE, 900);
	ended(11, 13, 9, NVME_NVM_COMPARE, 900);
	ended(11, 14, 9, NVME_NVM_WRITE, 900);
	assert_int_equal(found_count, 2);
	for (uint64_t i = 0; i < STOQ_OVERLAPS_WRITES; i++)
		ended(20 + i, 21 + i, 6, NVME_NVM_WRITE, 1000 + 8 * i);
	ended(1, 100000, 7, NVME_NVM_WRITE, 0);
	assert_int_equal(stoq_overlaps_counts(overlaps)->full, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_certain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_legal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_unclean, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unseen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
