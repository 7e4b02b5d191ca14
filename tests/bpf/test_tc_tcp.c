// SPDX-License-Identifier: BSD-2-Clause

/* What TCP adds to a connection (bpf/stream/tcp_shared.h), packet by packet, at given times. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "bpf/stream/filter_shared.h"
#include "bpf/stream/tcp_shared.h"
#include "stoq_watch.skel.h"
#include "tests/bpf/dialog.h"

#define START_NS 1000000000000ull
#define US	 1000ull
#define HOST	 NVME_TCP_FROM_HOST
#define TARGET	 NVME_TCP_FROM_CONTROLLER

static struct dialog dialog;

static void at_us(uint64_t us)
{
	the_rig->now_ns = START_NS + us * US;
}

static const struct bpf_map *tcps_of(const struct stoq_watch_bpf *program)
{
	return bpf_object__find_map_by_name(program->obj, "stoq_tcps");
}

static struct stoq_tcp tcp_in(const struct stoq_watch_bpf *program)
{
	const struct bpf_map *map = tcps_of(program);
	struct stoq_tcp tcp;
	struct stoq_flow flow;
	uint32_t at;

	assert_true(rig_flow(the_rig, &flow));
	at = flow.uid & (bpf_map__max_entries(map) - 1);
	assert_int_equal(bpf_map__lookup_elem(map, &at, sizeof(at), &tcp, sizeof(tcp), 0), 0);
	return tcp;
}

/* The only flow's, by the program and its twin. */
static struct stoq_tcp the_tcp(void)
{
	struct stoq_tcp tcp = tcp_in(the_rig->program), twin = tcp_in(the_rig->twin);

	assert_memory_equal(&tcp, &twin, sizeof(tcp));
	return tcp;
}

static void put_tcp(const struct stoq_tcp *tcp)
{
	struct stoq_watch_bpf *const programs[] = {the_rig->program, the_rig->twin};
	struct stoq_flow flow;

	assert_true(rig_flow(the_rig, &flow));
	for (int i = 0; i < 2; i++) {
		const struct bpf_map *map = tcps_of(programs[i]);
		uint32_t at = flow.uid & (bpf_map__max_entries(map) - 1);

		assert_int_equal(
			bpf_map__update_elem(map, &at, sizeof(at), tcp, sizeof(*tcp), 0), 0);
	}
}

static void begin(void)
{
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
}

static void flag_at(uint64_t us, enum nvme_tcp_side side, uint8_t flags)
{
	at_us(us);
	dialog_flag(&dialog, side, flags);
}

/* A connection up to its ICReq; its SYN comes so often, and the ACK has data or none. */
static struct stoq_tcp shake_hands(int syns, bool bare_ack)
{
	dialog = (struct dialog){.rig = the_rig, .path = rig_path(), .sequence = {999, 4999}};
	rig_clear(the_rig);
	for (int i = 0; i < syns; i++)
		flag_at((uint64_t)i, HOST, WIRE_SYN);
	dialog.sequence[HOST]++;
	flag_at(30, TARGET, WIRE_SYN | WIRE_ACK);
	dialog.sequence[TARGET]++;
	if (bare_ack)
		flag_at(50, HOST, WIRE_ACK);
	at_us(70);
	dialog_icreq(&dialog);
	dialog_send(&dialog, HOST);
	return the_tcp();
}

static void test_handshake(void **state)
{
	struct stoq_tcp tcp = shake_hands(1, true);

	(void)state;
	assert_int_equal(tcp.handshake_ns[HOST], 30 * US);
	assert_int_equal(tcp.handshake_ns[TARGET], 20 * US);
	tcp = shake_hands(1, false);
	assert_int_equal(tcp.handshake_ns[HOST], 30 * US);
	assert_int_equal(tcp.handshake_ns[TARGET], 40 * US);
	/* Which SYN was answered? */
	tcp = shake_hands(2, true);
	assert_int_equal(tcp.handshake_ns[HOST], 0);
	assert_int_equal(tcp.handshake_ns[TARGET], 20 * US);
	/* It began unseen. */
	dialog_open(&dialog, the_rig, false);
	dialog_establish(&dialog, 1);
	tcp = the_tcp();
	assert_int_equal(tcp.handshake_ns[HOST], 0);
	assert_int_equal(tcp.handshake_ns[TARGET], 0);
}

/* 100 bytes, at a place of the host's stream beyond what it has sent. */
static void send_100_at(uint64_t us, uint32_t beyond)
{
	static const uint8_t bytes[100];

	at_us(us);
	dialog_send_at(&dialog, HOST, dialog.sequence[HOST] + beyond, bytes, sizeof(bytes));
}

/* The controller has got so many of them. */
static void acknowledge_at(uint64_t us, uint32_t bytes)
{
	dialog.sequence[HOST] += bytes;
	flag_at(us, TARGET, WIRE_ACK);
	dialog.sequence[HOST] -= bytes;
}

static void test_round_trips(void **state)
{
	struct stoq_tcp_side before, after;

	(void)state;
	begin();
	at_us(0);
	before = the_tcp().side[HOST];
	send_100_at(10000, 0);
	acknowledge_at(10020, 50); /* not all of it */
	acknowledge_at(10040, 100);
	acknowledge_at(10090, 100);
	after = the_tcp().side[HOST];
	assert_int_equal(after.round_trips - before.round_trips, 1);
	assert_int_equal(after.round_trip_sum_ns - before.round_trip_sum_ns, 40 * US);
	/* Sent again: whose acknowledgment is it? */
	send_100_at(20000, 100);
	send_100_at(20010, 100);
	acknowledge_at(20020, 200);
	assert_int_equal(the_tcp().side[HOST].round_trips, after.round_trips);
	/* The next one counts; one that comes too soon does not. */
	send_100_at(30000, 200);
	acknowledge_at(30007, 300);
	send_100_at(30010, 300);
	acknowledge_at(30012, 400);
	after = the_tcp().side[HOST];
	assert_int_equal(after.round_trips - before.round_trips, 2);
	assert_int_equal(after.round_trip_sum_ns - before.round_trip_sum_ns, 47 * US);
	assert_true(after.round_trip_max_ns >= 40 * US && after.round_trip_min_ns <= 7 * US);
}

static void assert_host_sent(uint64_t retransmitted, uint64_t late)
{
	struct stoq_tcp tcp = the_tcp();

	assert_int_equal(tcp.side[HOST].retransmitted_bytes, retransmitted);
	assert_int_equal(tcp.side[HOST].late_bytes, late);
	assert_int_equal(tcp.side[TARGET].retransmitted_bytes, 0);
	assert_int_equal(tcp.side[TARGET].late_bytes, 0);
}

static void test_sent_again_and_late(void **state)
{
	(void)state;
	begin();
	assert_host_sent(0, 0);
	send_100_at(1, 0);
	assert_host_sent(0, 0);
	send_100_at(2, 0);
	assert_host_sent(100, 0);
	send_100_at(3, 50); /* half of it is new */
	assert_host_sent(150, 0);
	/* 150 to 350 are missing, and come in two pieces, the last one twice. */
	send_100_at(4, 350);
	assert_host_sent(150, 0);
	send_100_at(5, 150);
	assert_host_sent(150, 100);
	send_100_at(6, 250);
	assert_host_sent(150, 200);
	send_100_at(7, 250);
	assert_host_sent(250, 200);
	/* The next hole is another one. */
	send_100_at(8, 550);
	send_100_at(9, 450);
	assert_host_sent(250, 300);
}

static void window_at(uint64_t us, enum nvme_tcp_side side, bool closed)
{
	const struct wire_segment segment = {
		.from_controller = side == TARGET,
		.sequence = dialog.sequence[side],
		.acknowledged = dialog.sequence[!side],
		.flags = WIRE_ACK,
		.window_closed = closed,
	};

	at_us(us);
	rig_send(the_rig, &dialog.path, &segment);
}

static void test_closed_window(void **state)
{
	struct stoq_tcp tcp;

	(void)state;
	begin();
	window_at(0, TARGET, true);
	window_at(10, TARGET, true);
	window_at(12, HOST, false);
	tcp = the_tcp();
	assert_int_equal(tcp.side[TARGET].zero_since_ns, START_NS);
	window_at(25, TARGET, false);
	window_at(40, TARGET, true);
	window_at(41, TARGET, false);
	tcp = the_tcp();
	assert_int_equal(tcp.side[TARGET].zero_windows, 2);
	assert_int_equal(tcp.side[TARGET].zero_window_ns, 26 * US);
	assert_int_equal(tcp.side[TARGET].zero_since_ns, 0);
	assert_int_equal(tcp.side[HOST].zero_windows, 0);
}

static void test_reset(void **state)
{
	struct stoq_tcp tcp;

	(void)state;
	begin();
	dialog_flag(&dialog, TARGET, WIRE_RST | WIRE_ACK);
	tcp = the_tcp();
	assert_int_equal(tcp.side[TARGET].resets, 1);
	assert_int_equal(tcp.side[HOST].resets, 0);
	assert_int_equal(tcp.closed, 1);
}

/* Another connection has the place: it keeps it while it is in use. */
static void test_place_is_taken(void **state)
{
	struct stoq_tcp other;
	struct stoq_flow flow;

	(void)state;
	begin();
	at_us(0);
	assert_true(rig_flow(the_rig, &flow));
	other = (struct stoq_tcp){.uid = flow.uid + 8192, .used_ns = START_NS};
	put_tcp(&other);
	send_100_at(1, 0);
	assert_int_equal(the_tcp().uid, flow.uid + 8192);
	send_100_at(130000000, 100);
	assert_int_equal(the_tcp().uid, flow.uid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_sent_again_and_late),
		cmocka_unit_test(test_closed_window),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_place_is_taken),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
