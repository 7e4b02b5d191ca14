// SPDX-License-Identifier: BSD-2-Clause

/*
 * Segments that come out of order, by a strict guard: those of an honest host pass, none of them
 * twice; what is to be refused is refused, or the connection ends before the target can read it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "stoq_guard.skel.h"
#include "tests/bpf/guard_link.h"
#include "tests/unit/nvme/sample_stream.h"

#define POLICY                                                                                     \
	"version: 1\ndefault: allow\nrules:\n"                                                     \
	"  - {namespace: 1, lba: 0+34, commands: [writes], verdict: deny}\n"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER
#define CUTS_MAX   2048

static struct guard_link link;
static size_t begin; /* behind the connection's opening */
static struct {
	size_t at[CUTS_MAX + 1];
	size_t count;
} cuts;

static void open_link(const char *policy)
{
	guard_install(policy);
	link_open(&link, 1);
	begin = link.written[HOST];
}

static size_t write_one(uint8_t opcode, uint64_t slba)
{
	static uint16_t cid;
	struct nvme_io_fields fields = link_fields(opcode, cid++ % 100 + 1, 1, slba);

	return link_write_command(&link, &fields);
}

/* Commands that are all allowed, with data in the capsule, without, and lists of ranges. */
static void write_allowed(uint16_t count, uint32_t *random)
{
	static const uint8_t opcodes[] = {NVME_NVM_READ, NVME_NVM_WRITE, NVME_NVM_FLUSH};

	for (uint16_t cid = 0; cid < count; cid++) {
		struct nvme_io_fields fields =
			link_fields(opcodes[sample_random(random) % 3], cid, 1, 1000);

		fields.data_bytes = fields.in_capsule ? 4 + sample_random(random) % 600 : 512;
		link_write_command(&link, &fields);
	}
}

static void cut(size_t longest, uint32_t *random)
{
	size_t at = begin;

	cuts.count = 0;
	while (at < link.written[HOST]) {
		assert_true(cuts.count < CUTS_MAX);
		cuts.at[cuts.count++] = at;
		at += 1 + sample_random(random) % longest;
	}
	cuts.at[cuts.count] = link.written[HOST];
}

static void cut_evenly(size_t count)
{
	cuts.count = count;
	for (size_t i = 0; i <= count; i++)
		cuts.at[i] = begin + (link.written[HOST] - begin) * i / count;
}

static bool send_piece(size_t i)
{
	return link_send(&link, HOST, cuts.at[i], cuts.at[i + 1]);
}

static struct stoq_flow the_flow(void)
{
	struct stoq_flow_key key = link_key(&link);
	struct stoq_flow flow = {0};

	assert_int_equal(bpf_map__lookup_elem(the_guard->maps.stoq_flows, &key, sizeof(key), &flow,
				 sizeof(flow), 0),
		0);
	return flow;
}

/* All has arrived as it was sent, and nothing is kept any more. */
static void check_arrived(void)
{
	struct stoq_flow flow = the_flow();

	assert_int_equal(link_arrived(&link, HOST), link.written[HOST]);
	assert_memory_equal(link.received[HOST], link.bytes[HOST], link.written[HOST]);
	assert_int_equal(flow.side[HOST].early, 0);
	assert_int_equal(flow.side[HOST].early_cells, 0);
	assert_int_equal(link.resets, 0);
}

/* ---- what is allowed ---- */

static void permute(size_t *order, size_t fixed)
{
	if (fixed == cuts.count) {
		uint64_t allowed = guard_total(STOQ_GUARD_ALLOWED);
		uint32_t random = 3;

		link_open(&link, 1);
		write_allowed(6, &random);
		for (size_t i = 0; i < cuts.count; i++)
			assert_true(send_piece(order[i]));
		check_arrived();
		/* Connect, and the six. */
		assert_int_equal(guard_total(STOQ_GUARD_ALLOWED), allowed + 7);
		return;
	}
	for (size_t i = fixed; i < cuts.count; i++) {
		size_t first = order[fixed];

		order[fixed] = order[i];
		order[i] = first;
		permute(order, fixed + 1);
		order[i] = order[fixed];
		order[fixed] = first;
	}
}

static void test_every_order(void **state)
{
	size_t order[5] = {0, 1, 2, 3, 4};
	uint32_t random = 3;

	(void)state;
	open_link(POLICY);
	write_allowed(6, &random);
	cut_evenly(5);
	permute(order, 0);
}

static void shuffle(size_t *order, size_t count, uint32_t *random)
{
	for (size_t i = 0; i < count; i++) {
		size_t other = i + sample_random(random) % (count - i), first = order[i];

		order[i] = order[other];
		order[other] = first;
	}
}

/* In any order; some are lost behind the guard at first, some come twice. */
static void test_any_order(void **state)
{
	static size_t order[CUTS_MAX];
	uint32_t random = 29;

	(void)state;
	for (int round = 0; round < 100; round++) {
		open_link(POLICY);
		link.no_acknowledgement = true;
		write_allowed(30, &random);
		cut(round & 1 ? 100 : 1400, &random);
		for (size_t i = 0; i < cuts.count; i++)
			order[i] = i;
		shuffle(order, cuts.count, &random);
		for (size_t i = 0; i < cuts.count; i++) {
			link.loses = sample_random(&random) % 4 == 0;
			assert_true(send_piece(order[i]));
			if (link.loses || sample_random(&random) % 4 == 0) {
				link.loses = false;
				assert_true(send_piece(order[i]));
			}
		}
		check_arrived();
	}
}

/* A Connect whose names come before its capsule, or between: they are its host's all the same. */
static void test_connect_out_of_order(void **state)
{
	(void)state;
	guard_install("version: 1\ndefault: deny\nrules:\n"
		      "  - {host: \"" DIALOG_HOST_NQN "\", verdict: allow}\n");
	for (size_t cut_at = 10; cut_at < 1096; cut_at += 181) {
		size_t at, end;

		link_start(&link);
		link_syns(&link);
		dialog_icreq(&link.dialog);
		link_write(&link, HOST);
		assert_true(link_flush(&link, HOST));
		dialog_icresp(&link.dialog);
		link_write(&link, CONTROLLER);
		assert_true(link_flush(&link, CONTROLLER));
		dialog_connect(&link.dialog, 0, 1);
		at = link_write(&link, HOST);
		end = link.written[HOST];
		assert_true(link_send(&link, HOST, at + cut_at, end));
		assert_true(link_send(&link, HOST, at, at + cut_at));
		assert_int_equal(the_flow().guard.named, 1);
		check_arrived();
	}
}

/* ---- what is refused ---- */

/* It looks like what it is: it is dropped, and refused in its turn. */
static void test_refused_is_dropped(void **state)
{
	uint64_t dropped = guard_total(STOQ_GUARD_DROP_DISORDER);
	size_t first, second, end;
	struct nvme_sqe sqe;

	(void)state;
	open_link(POLICY);
	first = write_one(NVME_NVM_READ, 0);
	second = write_one(NVME_NVM_WRITE, 1);
	end = link.written[HOST];
	assert_false(link_send(&link, HOST, second, end));
	assert_int_equal(guard_total(STOQ_GUARD_DROP_DISORDER), dropped + 1);
	assert_true(link_send(&link, HOST, first, second));
	assert_true(link_send(&link, HOST, second, end));
	sqe = link_command(&link, second);
	assert_true(link_is_refused(&sqe));
	assert_int_equal(link.resets, 0);
}

/* A command that is to be refused passes early, cut so that it does not look like one. */
static void pass_hidden(size_t *first, size_t *second, size_t cut_at)
{
	open_link(POLICY);
	*first = write_one(NVME_NVM_READ, 0);
	*second = write_one(NVME_NVM_WRITE, 1);
	assert_true(link_send(&link, HOST, *second, *second + cut_at));
	assert_true(link_send(&link, HOST, *second + cut_at, link.written[HOST]));
}

static void test_hidden_ends(void **state)
{
	uint64_t ended = guard_total(STOQ_GUARD_ENDED), denied = guard_total(STOQ_GUARD_DENIED);
	size_t first, second;

	(void)state;
	pass_hidden(&first, &second, 50);
	assert_false(link_send(&link, HOST, first, second));
	assert_int_equal(link_arrived(&link, HOST), first);
	assert_int_equal(link.resets, 1);
	assert_true(link.reset_exact);
	assert_int_equal(guard_total(STOQ_GUARD_ENDED), ended + 1);
	assert_int_equal(guard_total(STOQ_GUARD_DENIED), denied + 1);
	assert_int_equal(guard_last_record().reason, STOQ_GUARD_DROP_ENDED);
	/* All that follows is turned to the same end, in both directions. */
	assert_false(link_send(&link, HOST, first, second));
	assert_false(link_send(&link, HOST, first, second));
	assert_int_equal(link.resets, 2);
	assert_int_equal(link.unacceptable, 1);
	dialog_response(&link.dialog, 7, 0, 0);
	link_write(&link, CONTROLLER);
	assert_false(link_flush(&link, CONTROLLER));
	assert_int_equal(link.resets, 3);
	assert_int_equal(guard_total(STOQ_GUARD_ENDED), ended + 1);
}

/* Its first part comes in the packet that fills the gap: what can be changed of it, or nothing. */
static void test_partly_early_ends(void **state)
{
	(void)state;
	for (size_t cut_at = 1; cut_at < 72; cut_at++) {
		size_t first, second;

		open_link(POLICY);
		first = write_one(NVME_NVM_READ, 0);
		second = write_one(NVME_NVM_WRITE, 1);
		assert_true(link_send(&link, HOST, second + cut_at, link.written[HOST]));
		if (!link_send(&link, HOST, first, second + cut_at)) {
			assert_int_equal(link.resets, 1);
			continue;
		}
		assert_int_equal(link_arrived(&link, HOST), link.written[HOST]);
		struct nvme_sqe sqe = link_command(&link, second);
		assert_true(link_is_refused(&sqe));
	}
}

static void test_malformed_ends(void **state)
{
	size_t first, second;

	(void)state;
	open_link(POLICY);
	first = write_one(NVME_NVM_READ, 0);
	second = write_one(NVME_NVM_READ, 0);
	link.bytes[HOST][second] = 0x0a;
	assert_true(link_send(&link, HOST, second, link.written[HOST]));
	assert_false(link_send(&link, HOST, first, second));
	assert_int_equal(link.resets, 1);
	assert_int_equal(link_arrived(&link, HOST), first);
}

/* Other bytes for what came early do not pass, in turn or early; the same ones do. */
static void test_other_bytes(void **state)
{
	uint64_t changed;
	uint8_t evil[2048];
	size_t first, second, end;

	(void)state;
	open_link(POLICY);
	first = write_one(NVME_NVM_READ, 0);
	second = write_one(NVME_NVM_WRITE, 1000);
	end = link.written[HOST];
	assert_true(link_send(&link, HOST, second, end));
	changed = guard_total(STOQ_GUARD_DROP_CHANGED);
	memcpy(evil, link.bytes[HOST] + first, end - first);
	evil[end - first - 1] ^= 1;
	assert_false(link_send_bytes(&link, HOST, second, evil + (second - first), end - second));
	assert_false(link_send_bytes(&link, HOST, first, evil, end - first));
	assert_int_equal(guard_total(STOQ_GUARD_DROP_CHANGED), changed + 2);
	assert_true(link_send(&link, HOST, second, end));
	assert_true(link_send(&link, HOST, first, end));
	check_arrived();
}

/* Beyond what the store has room for, a segment waits for its turn at its sender. */
static void test_too_far(void **state)
{
	uint64_t dropped = guard_total(STOQ_GUARD_DROP_DISORDER);
	struct wire_segment segment = {.flags = WIRE_ACK, .payload = "x", .payload_bytes = 1};
	uint8_t frame[WIRE_FRAME_MAX];

	(void)state;
	open_link(POLICY);
	segment.acknowledged = link.first[CONTROLLER];
	segment.sequence =
		link.first[HOST] + (uint32_t)begin + stoq_cells_reach(STOQ_CELLS_DEFAULT);
	assert_false(guard_run(frame, wire_make(frame, &link.path, &segment), NULL));
	assert_int_equal(guard_total(STOQ_GUARD_DROP_DISORDER), dropped + 1);
	segment.sequence--;
	assert_true(guard_run(frame, wire_make(frame, &link.path, &segment), NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_connect_out_of_order),
		cmocka_unit_test(test_refused_is_dropped),
		cmocka_unit_test(test_hidden_ends),
		cmocka_unit_test(test_partly_early_ends),
		cmocka_unit_test(test_malformed_ends),
		cmocka_unit_test(test_other_bytes),
		cmocka_unit_test(test_too_far),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
