// SPDX-License-Identifier: BSD-2-Clause
/* The rings and their frames, on memory of ours: the test plays the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/umem.h"
#include "datapath/xsk_ring.h"

#define ENTRIES 8

/* One ring as both sides see it. */
struct rig {
	uint32_t producer, consumer, flags;
	uint64_t entries[ENTRIES];
	struct stoq_ring ours, theirs;
};

static void make_rig(struct rig *rig, uint32_t start)
{
	*rig = (struct rig){.producer = start, .consumer = start};
	rig->ours = (struct stoq_ring){.producer = &rig->producer,
		.consumer = &rig->consumer,
		.flags = &rig->flags,
		.entries = rig->entries,
		.size = ENTRIES,
		.mine = start,
		.seen = start};
	rig->theirs = rig->ours;
}

static void produce(struct stoq_ring *ring, uint64_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		*stoq_ring_frame(ring, i) = first + i;
	stoq_ring_produce(ring, count);
}

static void expect(struct stoq_ring *ring, uint64_t first, uint32_t count)
{
	assert_int_equal(stoq_ring_filled(ring), count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(*stoq_ring_frame(ring, i), first + i);
	stoq_ring_consume(ring, count);
}

static void keeps_order_and_bounds(void **state)
{
	struct rig rig;

	make_rig(&rig, 0);
	assert_int_equal(stoq_ring_room(&rig.ours, 1), ENTRIES);
	assert_int_equal(stoq_ring_filled(&rig.theirs), 0);
	produce(&rig.ours, 100, ENTRIES);
	assert_int_equal(stoq_ring_room(&rig.ours, 1), 0);
	expect(&rig.theirs, 100, ENTRIES);
	assert_int_equal(stoq_ring_room(&rig.ours, 1), ENTRIES);
}

/* The indices run freely, and over the end of 32 bits. */
static void wraps(void **state)
{
	struct rig rig;
	uint64_t next = 0;

	make_rig(&rig, UINT32_MAX - 20);
	for (int round = 0; round < 100; round++) {
		uint32_t count = 1 + round % ENTRIES;

		assert_true(stoq_ring_room(&rig.ours, count) >= count);
		produce(&rig.ours, next, count);
		expect(&rig.theirs, next, count);
		next += count;
	}
}

static void sees_what_is_added_later(void **state)
{
	struct rig rig;

	make_rig(&rig, 0);
	produce(&rig.ours, 0, 3);
	assert_int_equal(stoq_ring_filled(&rig.theirs), 3);
	produce(&rig.ours, 3, 2);
	stoq_ring_consume(&rig.theirs, 3);
	expect(&rig.theirs, 3, 2);
}

static void tells_when_the_kernel_sleeps(void **state)
{
	struct rig rig;

	make_rig(&rig, 0);
	assert_false(stoq_ring_wants_wakeup(&rig.ours));
	rig.flags = XDP_RING_NEED_WAKEUP;
	assert_true(stoq_ring_wants_wakeup(&rig.ours));
}

static void frames_fit_their_mtu(void **state)
{
	assert_int_equal(stoq_umem_frame_bytes(1500), 2048);
	assert_int_equal(stoq_umem_frame_bytes(1770), 2048);
	assert_int_equal(stoq_umem_frame_bytes(1771), 4096);
	assert_int_equal(stoq_umem_frame_bytes(3818), 4096);
	assert_int_equal(stoq_umem_frame_bytes(9000), 4096);
	assert_int_equal(stoq_umem_parts(1500), 1);
	assert_int_equal(stoq_umem_parts(1770), 1);
	assert_int_equal(stoq_umem_parts(3818), 1);
	assert_int_equal(stoq_umem_parts(3819), 2);
	assert_int_equal(stoq_umem_parts(9000), 3);
	assert_int_equal(stoq_umem_parts(61418), STOQ_UMEM_PARTS_MAX);
	assert_int_equal(stoq_umem_parts(61419), STOQ_UMEM_PARTS_MAX + 1);
}

static void every_frame_is_taken_once(void **state)
{
	struct stoq_umem umem;
	bool seen[16] = {false};
	uint64_t offset = 0;

	assert_int_equal(stoq_umem_open(&umem, 16, 2048, NULL), 0);
	for (int i = 0; i < 16; i++) {
		assert_true(stoq_umem_take(&umem, &offset));
		assert_int_equal(offset % 2048, 0);
		assert_true(offset < umem.size_bytes);
		assert_false(seen[offset / 2048]);
		seen[offset / 2048] = true;
		umem.memory[offset + 2047] = 1;
	}
	assert_false(stoq_umem_take(&umem, &offset));
	stoq_umem_close(&umem);
}

static void frames_come_back_from_anywhere_inside(void **state)
{
	struct stoq_umem umem;
	uint64_t offset = 0, again = 0;

	assert_int_equal(stoq_umem_open(&umem, 16, 4096, NULL), 0);
	assert_true(stoq_umem_take(&umem, &offset));
	assert_true(stoq_umem_put(&umem, offset + 256));
	assert_true(stoq_umem_take(&umem, &again));
	assert_int_equal(again, offset);
	assert_false(stoq_umem_put(&umem, umem.size_bytes));
	assert_true(stoq_umem_put(&umem, offset));
	assert_false(stoq_umem_put(&umem, offset));
	stoq_umem_close(&umem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order_and_bounds),
		cmocka_unit_test(wraps),
		cmocka_unit_test(sees_what_is_added_later),
		cmocka_unit_test(tells_when_the_kernel_sleeps),
		cmocka_unit_test(frames_fit_their_mtu),
		cmocka_unit_test(every_frame_is_taken_once),
		cmocka_unit_test(frames_come_back_from_anywhere_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
