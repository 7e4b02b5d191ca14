// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hosts that want more than their limits: identifiers that are used again, full tables, odd SGLs, streams that cannot be
 * followed.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "guard/limit.h"
#include "stoq_limit.skel.h"
#include "tests/bpf/limit_rig.h"

#define HOST	 NVME_TCP_FROM_HOST
#define CUT_HEAD 40

/* Reads cost a second each, and a Flush nothing. */
#define READS_ALONE "  - {name: a, iops: 1, burst: 0ms, direction: reads}\n"

/* Puts another connection's command, which waits for a minute, into the place of each that waits. How many. */
static unsigned int take_places(void)
{
	int fd = bpf_map__fd(the_limit->maps.stoq_limit_due);
	struct stoq_limit_due due;
	unsigned int taken = 0;

	for (uint32_t at = 0; at < STOQ_LIMIT_DUE_ENTRIES; at++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &at, &due), 0);
		if (due.due_ns < stoq_clock_now_ns())
			continue;
		due.owner = UINT64_MAX;
		due.due_ns = stoq_clock_now_ns() + 60000 * LIMIT_MS;
		assert_int_equal(bpf_map_update_elem(fd, &at, &due, BPF_ANY), 0);
		taken++;
	}
	return taken;
}

static void forget_places(void)
{
	int fd = bpf_map__fd(the_limit->maps.stoq_limit_due);
	struct stoq_limit_due none = {0};

	for (uint32_t at = 0; at < STOQ_LIMIT_DUE_ENTRIES; at++)
		assert_int_equal(bpf_map_update_elem(fd, &at, &none, BPF_ANY), 0);
}

/* A CID that is used again before its answer does not get rid of the first command's time. */
static void test_same_cid(void **state)
{
	struct dialog dialog;

	limit_install(READS_ALONE);
	limit_forget_accounts();
	forget_places();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	limit_command(&dialog, NVME_NVM_READ, 0, 1, 4096);
	limit_command(&dialog, NVME_NVM_READ, 1, 1, 4096);
	limit_command(&dialog, NVME_NVM_FLUSH, 1, 1, 0);
	assert_int_equal(limit_answer(&dialog, 0), 0);
	assert_true(limit_answer(&dialog, 1) > 0);
}

/* A command whose place has another connection's waits for the latest of its own, and no longer. */
static void test_taken_places(void **state)
{
	struct stoq_limit_totals before = limit_totals();
	struct dialog dialog;
	uint64_t start, time;

	/* Due in 3 and 6 s, so that a guest that stands still for a second does not decide. */
	limit_install("  - {name: a, bandwidth: 1kB, burst: 0ms, direction: reads}\n");
	limit_forget_accounts();
	forget_places();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	limit_set_round_trip(10000000);
	start = stoq_clock_now_ns();
	for (uint16_t cid = 0; cid < 3; cid++)
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 3072);
	assert_int_equal(take_places(), 2);
	/* One that waits for nothing leaves the place to one that waits. */
	limit_command(&dialog, NVME_NVM_FLUSH, 2, 1, 0);
	assert_int_equal(limit_totals().due_lost - before.due_lost, 1);
	assert_int_equal(limit_answer(&dialog, 0), 0);
	time = limit_answer(&dialog, 1);
	assert_true(time >= start + 6000 * LIMIT_MS && time < start + 60000 * LIMIT_MS);
	assert_int_equal(limit_answer(&dialog, 2), time);
	forget_places();
}

/* nvmet takes any type of SGL, and its length. */
static void test_odd_sgl(void **state)
{
	struct dialog dialog;
	uint64_t first;

	limit_install("  - {name: a, bandwidth: 1000kB, burst: 0ms}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	limit_set_round_trip(10000000);
	limit_command(&dialog, NVME_NVM_READ, 0, 1, 1000);
	limit_command(&dialog, NVME_NVM_READ, 1, 1, 100000);
	dialog_command(&dialog, &(struct nvme_io_fields){.opcode = NVME_NVM_READ,
					.cid = 2,
					.nsid = 1,
					.blocks = 8,
					.data_bytes = 20000});
	((struct nvme_tcp_cmd_pdu *)(void *)dialog.bytes)->sqe.sgl1.type = 0;
	limit_send(&dialog, HOST, false, WIRE_ACK);
	first = limit_answer(&dialog, 1);
	assert_true(first > 0);
	assert_int_equal(limit_answer(&dialog, 2) - first, 20 * LIMIT_MS);
}

/* No room for one more account: the host shares that of all hosts without one. */
static void test_full(void **state)
{
	struct stoq_limit_bucket_key key = {.limit = 1}, others = {0};
	struct stoq_limit_bucket none = {0};
	struct stoq_guard_limit named = {.name = "a"};
	struct stoq_limit_totals before = limit_totals();
	struct dialog dialog;

	limit_install("  - {name: a, iops: 1, burst: 0ms}\n");
	limit_forget_accounts();
	others.limit = stoq_guard_limit_id(&named);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_limit->maps.stoq_limit_buckets),
				 &others, &none, BPF_ANY),
		0);
	for (key.host = 0; key.host + 1 < STOQ_LIMIT_BUCKETS_MAX; key.host++)
		assert_int_equal(
			bpf_map_update_elem(bpf_map__fd(the_limit->maps.stoq_limit_buckets), &key,
				&none, BPF_ANY),
			0);
	limit_open(&dialog, "nqn.2014-08.org.example:late", 1);
	assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_true(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_int_equal(limit_totals().buckets_full - before.buckets_full, 2);
	limit_forget_accounts();
}

/* The guard has followed the host's stream up to the head of a PDU, `behind` bytes behind what was sent. */
static void show_front(const struct dialog *dialog, uint32_t behind, const uint8_t *head)
{
	const struct bpf_map *map = the_limit->maps.stoq_limit_guarded;
	static uint8_t room[LIMIT_FLOW_BYTES];
	struct stoq_flow_side *side = &((struct stoq_flow *)(void *)room)->side[HOST];
	struct stoq_flow_key key;

	assert_int_equal(bpf_map_get_next_key(bpf_map__fd(map), NULL, &key), 0);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &key, room), 0);
	side->state = STOQ_FLOW_SYNCED;
	side->next_byte = dialog->sequence[HOST] + behind + CUT_HEAD;
	side->cursor.next_header = dialog->sequence[HOST] + behind;
	side->cursor.carry_bytes = CUT_HEAD;
	memcpy(side->cursor.carry, head, CUT_HEAD);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &key, room, BPF_ANY), 0);
}

/* The program has not seen how the connection began, as on a port that it does not know. */
static void open_unseen(struct dialog *dialog)
{
	struct stoq_flow_key key;

	limit_empty(the_limit->maps.stoq_limit_guarded, &key);
	limit_open(dialog, DIALOG_HOST_NQN, 1);
	limit_empty(the_limit->maps.stoq_flows, &key);
	limit_empty(the_limit->maps.stoq_unproven, &key);
}

/* No segment has a whole header, so nothing is learned from them; but the guard has followed the stream. */
static void test_cut_stream(void **state)
{
	uint64_t before = limit_totals().delayed;
	uint8_t rest[512];
	size_t rest_bytes = 0;
	struct dialog dialog;

	limit_install("  - {name: a, iops: 1, burst: 0ms}\n");
	limit_forget_accounts();
	open_unseen(&dialog);
	for (uint16_t cid = 0; cid < 6; cid++) {
		struct nvme_io_fields fields = dialog_read_fields(cid);

		dialog_bytes(&dialog, rest, rest_bytes);
		dialog_command(&dialog, &fields);
		show_front(&dialog, (uint32_t)rest_bytes, dialog.bytes + rest_bytes);
		memcpy(rest, dialog.bytes + rest_bytes + CUT_HEAD,
			dialog.length - rest_bytes - CUT_HEAD);
		dialog.length = rest_bytes + CUT_HEAD;
		rest_bytes = sizeof(struct nvme_tcp_cmd_pdu) - CUT_HEAD;
		limit_send(&dialog, HOST, false, WIRE_ACK);
	}
	/* The last one is not whole, and the first that is passes. */
	assert_int_equal(limit_totals().delayed - before, 4);
}

/* The guard takes Multipath TCP out of SYNs: the option in data means nothing. */
static void test_multipath_option(void **state)
{
	struct dialog dialog;

	limit_install("  - {name: a, iops: 1, burst: 0ms}\n");
	limit_forget_accounts();
	limit_joins = true;
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_true(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	limit_joins = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_cid),
		cmocka_unit_test(test_taken_places),
		cmocka_unit_test(test_odd_sgl),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_cut_stream),
		cmocka_unit_test(test_multipath_option),
	};

	return cmocka_run_group_tests(tests, limit_setup, limit_teardown);
}
