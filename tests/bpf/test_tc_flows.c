// SPDX-License-Identifier: BSD-2-Clause

/* Connections: how they are found, followed, lost, found again and closed; what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "bpf/stream/event_shared.h"
#include "bpf/stream/filter_shared.h"
#include "bpf/stream/series_shared.h"
#include "stoq_watch.skel.h"
#include "tests/bpf/dialog.h"

static struct stoq_flow the_flow(void)
{
	struct stoq_flow flow;

	assert_true(rig_flow(the_rig, &flow));
	return flow;
}

static void assert_states(enum stoq_flow_state host, enum stoq_flow_state controller)
{
	struct stoq_flow flow = the_flow();

	assert_int_equal(flow.side[NVME_TCP_FROM_HOST].state, host);
	assert_int_equal(flow.side[NVME_TCP_FROM_CONTROLLER].state, controller);
}

static void assert_counted(uint64_t commands, uint64_t errors, uint64_t bytes)
{
	struct stoq_series_staged sum;

	rig_series(the_rig, &sum);
	assert_int_equal(sum.series.commands, commands);
	assert_int_equal(sum.series.errors, errors);
	assert_int_equal(sum.series.bytes, bytes);
}

static void test_connect_names(void **state)
{
	static const size_t pieces[] = {WIRE_PAYLOAD_MAX, 1000, 100, 7, 1};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct nvme_connect_data data;
		struct dialog dialog;
		struct stoq_flow flow;

		dialog_open(&dialog, the_rig, true);
		dialog_icreq(&dialog);
		dialog_connect(&dialog, 3, 7);
		dialog_send_cut(&dialog, NVME_TCP_FROM_HOST, pieces[i]);
		dialog_icresp(&dialog);
		dialog_response(&dialog, 3, 0, 0x1234);
		dialog_send_cut(&dialog, NVME_TCP_FROM_CONTROLLER, pieces[i]);
		flow = the_flow();
		assert_int_equal(flow.connected, 1);
		assert_int_equal(flow.from_start, 1);
		assert_int_equal(flow.qid, 7);
		assert_int_equal(flow.sqsize, 127);
		assert_int_equal(flow.cntlid, 0x1234);
		assert_int_equal(flow.kind, NVME_QUEUE_IO);
		assert_int_equal(
			bpf_map_lookup_elem(bpf_map__fd(the_rig->program->maps.stoq_connects),
				&flow.uid, &data),
			0);
		assert_string_equal(data.hostnqn, DIALOG_HOST_NQN);
		assert_string_equal(data.subnqn, DIALOG_SUBSYSTEM_NQN);
		assert_counted(1, 0, sizeof(data));
	}
}

static void test_any_port_by_icreq(void **state)
{
	struct dialog dialog;

	(void)state;
	dialog_open(&dialog, the_rig, false);
	dialog.path.controller_port = 12345;
	dialog_establish(&dialog, 1);
	dialog_read(&dialog, 1, false);
	dialog_read(&dialog, 2, true);
	assert_states(STOQ_FLOW_SYNCED, STOQ_FLOW_SYNCED);
	assert_counted(3, 0, 1024 + 2 * 4096);
	assert_int_equal(rig_outstanding(the_rig), 0);
}

static void test_command_event(void **state)
{
	struct nvme_io_fields fields = dialog_read_fields(9);
	const struct stoq_event_command *event;
	struct dialog dialog;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	the_rig->command_count = 0;
	fields.opcode = NVME_NVM_WRITE;
	fields.nsid = 3;
	fields.slba = 0x123456789aull;
	fields.in_capsule = true;
	dialog_command(&dialog, &fields);
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
	assert_int_equal(rig_outstanding(the_rig), 1);
	dialog_response(&dialog, 9, NVME_STATUS(0, 0x20), 0);
	dialog_send(&dialog, NVME_TCP_FROM_CONTROLLER);
	assert_int_equal(the_rig->command_count, 1);
	event = &the_rig->commands[0].command;
	assert_int_equal(event->opcode, NVME_NVM_WRITE);
	assert_int_equal(event->nsid, 3);
	assert_int_equal(event->slba, 0x123456789aull);
	assert_int_equal(event->blocks, 8);
	assert_int_equal(event->bytes, 4096);
	assert_int_equal(event->cid, 9);
	assert_int_equal(event->status, 0x20);
	assert_true(event->latency_ns > 0 && event->latency_ns < 1000000000);
	assert_counted(2, 1, 1024);
	assert_int_equal(rig_outstanding(the_rig), 0);
}

/* A read that ends by SUCCESS has ended when its last byte came, not when its header did. */
static void test_success_waits_for_data(void **state)
{
	struct nvme_io_fields fields = dialog_read_fields(1);
	struct nvme_tcp_data_fields data = {.type = NVME_TCP_C2H_DATA,
		.flags = NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS,
		.cid = 1,
		.length = 4096};
	struct dialog dialog;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	dialog_command(&dialog, &fields);
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
	dialog_data(&dialog, &data);
	dialog.length--;
	dialog_send(&dialog, NVME_TCP_FROM_CONTROLLER);
	assert_counted(1, 0, 1024);
	dialog_bytes(&dialog, "", 1);
	dialog_send(&dialog, NVME_TCP_FROM_CONTROLLER);
	assert_counted(2, 0, 1024 + 4096);
}

/* The header of the data comes last: with it the read has ended, though nothing follows. */
static void test_success_with_early_data(void **state)
{
	struct nvme_io_fields fields = dialog_read_fields(1);
	struct nvme_tcp_data_fields data = {.type = NVME_TCP_C2H_DATA,
		.flags = NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS,
		.cid = 1,
		.length = 4096};
	enum { FIRST = 1000 };
	struct dialog dialog;
	uint32_t sequence;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	dialog_command(&dialog, &fields);
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
	dialog_data(&dialog, &data);
	sequence = dialog.sequence[NVME_TCP_FROM_CONTROLLER];
	dialog_send_at(&dialog, NVME_TCP_FROM_CONTROLLER, sequence + FIRST, dialog.bytes + FIRST,
		dialog.length - FIRST);
	assert_counted(1, 0, 1024);
	dialog_send_at(&dialog, NVME_TCP_FROM_CONTROLLER, sequence, dialog.bytes, FIRST);
	assert_counted(2, 0, 1024 + 4096);
}

static void test_aer_is_untimed(void **state)
{
	struct nvme_io_fields aer = {.opcode = NVME_ADMIN_ASYNC_EVENT_REQUEST, .cid = 30};
	struct stoq_flow flow;
	struct dialog dialog;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 0);
	the_rig->command_count = 0;
	dialog_command(&dialog, &aer);
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
	dialog_response(&dialog, 30, 0, 0);
	dialog_send(&dialog, NVME_TCP_FROM_CONTROLLER);
	flow = the_flow();
	assert_int_equal(flow.kind, NVME_QUEUE_ADMIN);
	assert_counted(2, 0, 1024);
	assert_int_equal(the_rig->command_count, 0);
	assert_int_equal(flow.side[NVME_TCP_FROM_HOST].commands, 1); /* Connect only */
}

/* Entered in the middle: quiet traffic, where segments begin and end with PDUs. */
static void test_learns_from_whole_segments(void **state)
{
	struct dialog dialog;

	(void)state;
	dialog_open(&dialog, the_rig, false);
	dialog.path.controller_port = 12345;
	for (uint16_t cid = 0; cid < 3; cid++)
		dialog_read(&dialog, cid, true);
	assert_states(STOQ_FLOW_SYNCED, STOQ_FLOW_LEARNING);
	for (uint16_t cid = 3; cid < 8; cid++)
		dialog_read(&dialog, cid, false);
	assert_states(STOQ_FLOW_SYNCED, STOQ_FLOW_SYNCED);
}

/* Entered in the middle of a stream whose segments never begin with a PDU. */
static void test_learns_by_scanning(void **state)
{
	struct nvme_tcp_data_fields data = {
		.type = NVME_TCP_C2H_DATA, .flags = NVME_TCP_FLAG_LAST, .length = 4096};
	struct dialog dialog;
	struct stoq_flow flow;

	(void)state;
	dialog_open(&dialog, the_rig, false);
	for (int i = 0; i < 12; i++)
		dialog_data(&dialog, &data);
	memmove(dialog.bytes, dialog.bytes + 1000, dialog.length - 1000);
	dialog.length -= 1000;
	dialog_send_cut(&dialog, NVME_TCP_FROM_CONTROLLER, 1448);
	flow = the_flow();
	assert_int_equal(flow.side[NVME_TCP_FROM_CONTROLLER].state, STOQ_FLOW_SYNCED);
	assert_int_equal(flow.side[NVME_TCP_FROM_CONTROLLER].resyncs, 1);
	assert_int_equal(flow.side[NVME_TCP_FROM_CONTROLLER].bad_headers, 0);
	assert_true(the_rig->pdu_count >= 6);
	/* Every place was right: they are one PDU apart. */
	for (size_t i = 1; i < the_rig->pdu_count; i++)
		assert_int_equal(
			the_rig->pdus[i].sequence - the_rig->pdus[i - 1].sequence, 4096 + 24);
}

/* Completions of commands from before our time are told apart, not counted as commands. */
static void test_unmatched(void **state)
{
	struct dialog dialog;

	(void)state;
	dialog_open(&dialog, the_rig, false);
	for (uint16_t cid = 0; cid < 5; cid++)
		dialog_response(&dialog, cid, 0, 0);
	dialog_send(&dialog, NVME_TCP_FROM_CONTROLLER);
	assert_int_equal(the_flow().side[NVME_TCP_FROM_CONTROLLER].unmatched, 5);
	assert_counted(0, 0, 0);
}

/* Commands whose capsules went out of order are found when the missing segment comes. */
static void test_hole_is_filled(void **state)
{
	uint8_t first[72 * 3], second[72 * 6];
	struct stoq_flow flow;
	struct dialog dialog;
	uint32_t at;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	for (uint16_t cid = 10; cid < 19; cid++) {
		struct nvme_io_fields fields = dialog_read_fields(cid);

		dialog_command(&dialog, &fields);
	}
	memcpy(first, dialog.bytes, sizeof(first));
	memcpy(second, dialog.bytes + sizeof(first), sizeof(second));
	at = dialog.sequence[NVME_TCP_FROM_HOST];
	the_rig->pdu_count = 0;
	dialog_send_at(&dialog, NVME_TCP_FROM_HOST, at + sizeof(first), second, sizeof(second));
	assert_int_equal(the_rig->pdu_count, 0); /* kept until it is their turn */
	/* The hole comes in two pieces, with a header cut between them. */
	dialog_send_at(&dialog, NVME_TCP_FROM_HOST, at, first, 100);
	dialog_send_at(&dialog, NVME_TCP_FROM_HOST, at + 100, first + 100, sizeof(first) - 100);
	assert_int_equal(the_rig->pdu_count, 9);
	flow = the_flow();
	assert_int_equal(flow.side[NVME_TCP_FROM_HOST].gaps, 1);
	assert_int_equal(flow.side[NVME_TCP_FROM_HOST].holes_closed, 1);
	assert_int_equal(rig_outstanding(the_rig), 9);
	dialog_lose(&dialog, NVME_TCP_FROM_HOST);
	dialog_read(&dialog, 30, true);
	assert_states(STOQ_FLOW_SYNCED, STOQ_FLOW_SYNCED);
	assert_counted(2, 0, 1024 + 4096);
}

/* Segments that never come: what they held is lost, what follows is not. */
static void test_gap_is_survived(void **state)
{
	struct dialog dialog;
	struct stoq_flow flow;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	for (uint16_t cid = 0; cid < 4; cid++)
		dialog_response(&dialog, cid, 0, 0);
	dialog_lose(&dialog, NVME_TCP_FROM_CONTROLLER);
	for (uint16_t cid = 40; cid < 60; cid++)
		dialog_read(&dialog, cid, cid & 1);
	flow = the_flow();
	assert_int_equal(flow.side[NVME_TCP_FROM_CONTROLLER].gaps, 1);
	assert_int_equal(flow.side[NVME_TCP_FROM_CONTROLLER].state, STOQ_FLOW_SYNCED);
	assert_counted(1 + 20 - rig_outstanding(the_rig), 0,
		1024 + 4096 * (20 - rig_outstanding(the_rig)));
	assert_true(rig_outstanding(the_rig) <= 2);
}

static void test_bad_header_is_survived(void **state)
{
	static const uint8_t junk[500] = {0xff, 0xfe, 0xfd};
	struct dialog dialog;
	struct stoq_flow flow;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	dialog_bytes(&dialog, junk, sizeof(junk));
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
	flow = the_flow();
	assert_int_equal(flow.side[NVME_TCP_FROM_HOST].bad_headers, 1);
	assert_int_equal(flow.side[NVME_TCP_FROM_HOST].state, STOQ_FLOW_LOST);
	dialog_read(&dialog, 1, true);
	assert_states(STOQ_FLOW_SYNCED, STOQ_FLOW_SYNCED);
	assert_counted(2, 0, 1024 + 4096);
}

/* A length that lies (here: a data PDU's PLEN) is noticed at once. */
static void test_lying_plen(void **state)
{
	struct nvme_tcp_data_fields data = {.type = NVME_TCP_H2C_DATA, .cid = 1, .length = 512};
	struct dialog dialog;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	dialog_data(&dialog, &data);
	dialog.bytes[6] = 0x10; /* PLEN: a megabyte more */
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
	assert_int_equal(the_flow().side[NVME_TCP_FROM_HOST].bad_headers, 1);
	dialog_read(&dialog, 1, true);
	assert_counted(2, 0, 1024 + 4096);
}

static void test_tls(void **state)
{
	static const uint8_t client_hello[300] = {0x16, 3, 1, 1, 0x27};
	struct dialog dialog;

	(void)state;
	for (int with_syn = 0; with_syn <= 1; with_syn++) {
		dialog_open(&dialog, the_rig, with_syn);
		dialog_bytes(&dialog, client_hello, sizeof(client_hello));
		dialog_send(&dialog, NVME_TCP_FROM_HOST);
		assert_int_equal(the_flow().encrypted, 1);
	}
	dialog_open(&dialog, the_rig, true);
	dialog.path.controller_port = 443;
	rig_clear(the_rig);
	dialog_bytes(&dialog, client_hello, sizeof(client_hello));
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
	assert_int_equal(rig_flow_count(the_rig), 0);
}

static void test_other_tcp_is_left_alone(void **state)
{
	struct dialog dialog;

	(void)state;
	dialog_open(&dialog, the_rig, false);
	dialog.path.controller_port = 80;
	dialog_bytes(&dialog, "GET / HTTP/1.1\r\n\r\n", 18);
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
	dialog_bytes(&dialog, "\0\0\0", 3);
	dialog_send(&dialog, NVME_TCP_FROM_CONTROLLER);
	assert_int_equal(rig_flow_count(the_rig), 0);
}

static void test_close_and_reuse(void **state)
{
	struct dialog dialog;
	uint32_t uid;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	uid = the_flow().uid;
	dialog_flag(&dialog, NVME_TCP_FROM_HOST, WIRE_FIN | WIRE_ACK);
	assert_false(the_flow().side[NVME_TCP_FROM_CONTROLLER].finished);
	dialog_flag(&dialog, NVME_TCP_FROM_CONTROLLER, WIRE_FIN | WIRE_ACK);
	assert_true(the_flow().side[NVME_TCP_FROM_HOST].finished);
	assert_true(the_flow().side[NVME_TCP_FROM_CONTROLLER].finished);
	/* The same ports again, their SYN unseen. */
	dialog.sequence[NVME_TCP_FROM_HOST] = 77;
	dialog_establish(&dialog, 2);
	assert_int_not_equal(the_flow().uid, uid);
	assert_int_equal(the_flow().qid, 2);
	uid = the_flow().uid;
	dialog_flag(&dialog, NVME_TCP_FROM_CONTROLLER, WIRE_RST);
	assert_true(the_flow().side[NVME_TCP_FROM_HOST].finished);
	/* Another one begins: the old one is gone, and the new one is there with its first data. */
	dialog_flag(&dialog, NVME_TCP_FROM_HOST, WIRE_SYN);
	assert_int_equal(rig_flow_count(the_rig), 0);
	dialog.sequence[NVME_TCP_FROM_HOST]++;
	dialog_establish(&dialog, 3);
	assert_int_not_equal(the_flow().uid, uid);
	assert_int_equal(the_flow().qid, 3);
}

static void test_table_is_bounded(void **state)
{
	size_t limit = bpf_map__max_entries(the_rig->program->maps.stoq_flows);
	uint64_t before = rig_counter(the_rig, STOQ_COUNT_FLOWS_NEW);
	struct dialog dialog;

	(void)state;
	dialog_open(&dialog, the_rig, false);
	for (uint32_t i = 0; i < 20000; i++) {
		dialog.path.host_port = i & 0xffff;
		dialog.path.host_address = 0x0b000000 + (i >> 8);
		dialog.length = 0;
		dialog_icreq(&dialog);
		dialog_send(&dialog, NVME_TCP_FROM_HOST);
	}
	assert_int_equal(rig_counter(the_rig, STOQ_COUNT_FLOWS_NEW) - before, 20000);
	assert_true(rig_flow_count(the_rig) <= limit + 256);
	/* The newest is there and is followed. */
	the_rig->pdu_count = 0;
	dialog_connect(&dialog, 0, 1);
	dialog_send(&dialog, NVME_TCP_FROM_HOST);
	assert_int_equal(the_rig->pdu_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect_names),
		cmocka_unit_test(test_any_port_by_icreq),
		cmocka_unit_test(test_command_event),
		cmocka_unit_test(test_success_waits_for_data),
		cmocka_unit_test(test_success_with_early_data),
		cmocka_unit_test(test_aer_is_untimed),
		cmocka_unit_test(test_learns_from_whole_segments),
		cmocka_unit_test(test_learns_by_scanning),
		cmocka_unit_test(test_unmatched),
		cmocka_unit_test(test_hole_is_filled),
		cmocka_unit_test(test_gap_is_survived),
		cmocka_unit_test(test_bad_header_is_survived),
		cmocka_unit_test(test_lying_plen),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_other_tcp_is_left_alone),
		cmocka_unit_test(test_close_and_reuse),
		cmocka_unit_test(test_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
