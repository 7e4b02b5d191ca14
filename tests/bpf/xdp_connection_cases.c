// SPDX-License-Identifier: BSD-2-Clause

/* What the XDP program keeps of connections, case by case; part of test_xdp_program. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "base/clock.h"
#include "tests/bpf/xdp_cases.h"

static void test_sealed_connection(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 0x1234), forged = {0x1234, 1};
	struct xdp_quic handshake = xdp_with_cid(XDP_HANDSHAKE, &cid);
	struct stoq_xdp_connection connection;
	struct xdp_path moved = xdp_plain;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 1, 1, 1);
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_PASS_INITIAL);
	assert_int_equal(xdp_send_long(&xdp_plain, &handshake), STOQ_XDP_PASS_HANDSHAKE);
	assert_true(xdp_rig_connection(the_xdp_rig, &cid, &connection));
	assert_int_equal(connection.state, STOQ_XDP_HANDSHAKING);
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	assert_true(xdp_rig_connection(the_xdp_rig, &cid, &connection));
	assert_int_equal(connection.state, STOQ_XDP_ESTABLISHED);
	/* It may come from elsewhere. */
	moved.ipv6 = true;
	assert_int_equal(xdp_send_short(&moved, &cid), STOQ_XDP_PASS_ESTABLISHED);
	assert_true(xdp_rig_connection(the_xdp_rig, &cid, &connection));
	assert_int_equal(connection.remote[0], 0x20);
	/* What is not sealed has its own limit. */
	assert_int_equal(xdp_send_short(&xdp_plain, &forged), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(xdp_send_short(&xdp_plain, &forged), STOQ_XDP_DROP_UNPROVEN);
	assert_false(xdp_rig_connection(the_xdp_rig, &forged, &connection));
	/* A client's later Initials carry a connection ID of ours, and no limit holds them up. */
	cid = xdp_sealed_cid(&xdp_key, 0x9999);
	handshake = xdp_with_cid(XDP_INITIAL, &cid);
	assert_int_equal(xdp_send_long(&xdp_plain, &handshake), STOQ_XDP_PASS_HANDSHAKE);
	xdp_rig_compare_state(the_xdp_rig);
}

/* Sends a packet of a known connection; true: it counted as one that has moved. */
static bool has_moved(const uint8_t *frame, size_t length)
{
	uint64_t before = the_xdp_rig->stats.migrated;

	assert_int_equal(xdp_rig_run(the_xdp_rig, frame, length), STOQ_XDP_PASS_ESTABLISHED);
	return the_xdp_rig->stats.migrated != before;
}

/* A usual packet, of which each byte says who sent it, changed one at a time. */
static void check_every_byte(const struct xdp_path *path, size_t address, size_t address_bytes)
{
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 77 + path->ipv6);
	size_t port = address + 2 * address_bytes, length;
	uint8_t bytes[100], frame[XDP_FRAME_MAX];

	length = xdp_quic_make_short(bytes, &cid, sizeof(bytes));
	length = xdp_frame_make(frame, path, bytes, length);
	assert_false(has_moved(frame, length));
	for (size_t i = address; i < port + 2; i++) {
		if (i == address + address_bytes) /* the destination's */
			i = port;
		frame[i] ^= 0x10;
		assert_true(has_moved(frame, length));
		assert_false(has_moved(frame, length));
		frame[i] ^= 0x10;
		assert_true(has_moved(frame, length));
	}
	/* The seal: eight bytes behind ports, UDP's rest, the first byte and the random half. */
	for (size_t i = port + 17; i < port + 25; i++) {
		frame[i] ^= 0x10;
		assert_int_equal(
			xdp_rig_compare(the_xdp_rig, frame, length), STOQ_XDP_DROP_UNPROVEN);
		frame[i] ^= 0x10;
	}
	assert_false(has_moved(frame, length));
}

/* An IPv4 address, and IPv6 ones that differ from how it is kept in one bit. */
static void check_families(void)
{
	uint8_t bytes[100], ipv4[XDP_FRAME_MAX], ipv6[XDP_FRAME_MAX], *address = ipv6 + 22;
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 79);
	struct xdp_path path = xdp_plain;
	size_t ipv4_length, ipv6_length;

	xdp_quic_make_short(bytes, &cid, sizeof(bytes));
	ipv4_length = xdp_frame_make(ipv4, &path, bytes, sizeof(bytes));
	path.ipv6 = true;
	ipv6_length = xdp_frame_make(ipv6, &path, bytes, sizeof(bytes));
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	assert_false(has_moved(ipv4, ipv4_length));
	assert_false(has_moved(ipv6, ipv6_length));
	for (int i = 0; i < 12; i++) {
		address[i] ^= 1;
		assert_true(has_moved(ipv6, ipv6_length));
		assert_true(has_moved(ipv4, ipv4_length));
		address[i] ^= 1;
	}
}

static void test_usual_packet(void **state)
{
	static const struct stoq_cid stranger = {1, 2};
	struct xdp_path path = xdp_plain;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	assert_int_equal(xdp_send_short(&xdp_plain, &stranger), STOQ_XDP_PASS_UNPROVEN);
	check_every_byte(&path, 26, 4);
	path.ipv6 = true;
	check_every_byte(&path, 22, 16);
	check_families();
}

/* The time of the last packet is kept, though it is not looked at for each. */
static void test_last_packet(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 78);
	struct stoq_xdp_connection first, connection;
	uint64_t start_ns = stoq_clock_now_ns();

	(void)state;
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	assert_true(xdp_rig_connection(the_xdp_rig, &cid, &first));
	do {
		assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
		assert_true(xdp_rig_connection(the_xdp_rig, &cid, &connection));
	} while (connection.last_ns == first.last_ns &&
		 stoq_clock_now_ns() - start_ns < 10000000000);
	assert_true(connection.last_ns > first.last_ns);
}

static void test_unsealed_connection(void **state)
{
	static const struct stoq_cid cid = {5, 6}, older = {7, 8};
	struct xdp_quic handshake = xdp_with_cid(XDP_HANDSHAKE, &cid);
	struct xdp_path stranger = xdp_plain;

	(void)state;
	stranger.source_port++;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 2);
	assert_int_equal(xdp_send_long(&stranger, &handshake), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_PASS_INITIAL);
	assert_int_equal(xdp_send_long(&xdp_plain, &handshake), STOQ_XDP_PASS_HANDSHAKE);
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	/* One that is older than the program costs one packet of the limit. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(xdp_send_short(&stranger, &older),
			i ? STOQ_XDP_PASS_ESTABLISHED : STOQ_XDP_PASS_UNPROVEN);
	xdp_rig_compare_state(the_xdp_rig);
}

static void test_zero_rtt(void **state)
{
	struct xdp_quic early = xdp_initial();

	(void)state;
	early.type = XDP_ZERO_RTT;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	assert_int_equal(xdp_send_long(&xdp_plain, &early), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(xdp_send_long(&xdp_plain, &early), STOQ_XDP_DROP_UNPROVEN);
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_PASS_INITIAL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(xdp_send_long(&xdp_plain, &early), STOQ_XDP_PASS_HANDSHAKE);
}

static void test_closing(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 1), other = xdp_sealed_cid(&xdp_key, 2);

	(void)state;
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	xdp_rig_end_connection(the_xdp_rig, &cid, STOQ_XDP_CLOSING, false);
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	xdp_rig_end_connection(the_xdp_rig, &cid, STOQ_XDP_CLOSING, true);
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_DROP_CLOSED);
	/* Another connection on the same addresses and ports is another connection. */
	assert_int_equal(xdp_send_short(&xdp_plain, &other), STOQ_XDP_PASS_ESTABLISHED);
	xdp_rig_end_connection(the_xdp_rig, &other, STOQ_XDP_CLOSED, false);
	assert_int_equal(xdp_send_short(&xdp_plain, &other), STOQ_XDP_DROP_CLOSED);
}

/* How many connections there are in each state, by what `stoq xdp status` reads. */
static void assert_connections(uint64_t established, uint64_t closing, uint64_t closed)
{
	struct stoq_xdp_status status;

	assert_int_equal(stoq_xdp_status_read(&status, &the_xdp_rig->maps, NULL), 0);
	assert_int_equal(status.connections[STOQ_XDP_HANDSHAKING], 0);
	assert_int_equal(status.connections[STOQ_XDP_ESTABLISHED], established);
	assert_int_equal(status.connections[STOQ_XDP_CLOSING], closing);
	assert_int_equal(status.connections[STOQ_XDP_CLOSED], closed);
	stoq_xdp_status_free(&status);
}

/* Connections count, not the IDs that each has. */
static void test_many_ids(void **state)
{
	struct xdp_quic handshake;
	struct stoq_xdp_stats before, sum;
	struct stoq_cid cids[7];

	(void)state;
	assert_int_equal(stoq_xdp_stats_sum(&the_xdp_rig->maps, &before), 0);
	for (uint32_t i = 0; i < 7; i++)
		cids[i] = xdp_sealed_cid(&xdp_key, i + 1);
	handshake = xdp_with_cid(XDP_HANDSHAKE, &cids[3]);
	assert_int_equal(xdp_send_long(&xdp_plain, &handshake), STOQ_XDP_PASS_HANDSHAKE);
	assert_int_equal(xdp_send_short(&xdp_plain, &cids[3]), STOQ_XDP_PASS_ESTABLISHED);
	assert_connections(1, 0, 0);
	/* It goes on by another ID, and gives the first one up. */
	assert_int_equal(xdp_send_short(&xdp_plain, &cids[5]), STOQ_XDP_PASS_ESTABLISHED);
	assert_int_equal(stoq_xdp_retire_id(&the_xdp_rig->maps, &cids[3]), 0);
	assert_connections(1, 0, 0);
	assert_int_equal(stoq_xdp_stats_sum(&the_xdp_rig->maps, &sum), 0);
	assert_int_equal(sum.opened - before.opened, 1);
	assert_int_equal(sum.established - before.established, 1);
	/* It ends, with one ID that is out of use, one that came, and five that never did. */
	assert_int_equal(stoq_xdp_end_connection(&the_xdp_rig->maps, cids, 7, STOQ_XDP_CLOSING), 0);
	assert_connections(0, 1, 0);
	assert_int_equal(stoq_xdp_end_connection(&the_xdp_rig->maps, cids, 7, STOQ_XDP_CLOSED), 0);
	assert_connections(0, 0, 1);
	/* Once more, one by one: the reference has to know it, too. */
	for (size_t i = 0; i < 7; i++)
		xdp_rig_end_connection(the_xdp_rig, &cids[i], STOQ_XDP_CLOSED, false);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(xdp_send_short(&xdp_plain, &cids[i]), STOQ_XDP_DROP_CLOSED);
}

/* An entry that is too old counts as none. */
static void test_aging(void **state)
{
	int fd = the_xdp_rig->maps.fd[STOQ_XDP_MAP_CONNS];
	static const struct stoq_cid cid = {11, 12};
	struct stoq_xdp_connection connection;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	the_xdp_rig->maps.config->idle_timeout_ns = 1000000000;
	assert_int_equal(bpf_map_lookup_elem(fd, &cid, &connection), 0);
	connection.last_ns -= 2000000000;
	connection.tick = 0;
	assert_int_equal(bpf_map_update_elem(fd, &cid, &connection, BPF_EXIST), 0);
	the_xdp_rig->model.connection_count = 0;
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_DROP_UNPROVEN);
}

static void test_client(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 3);
	struct xdp_quic answer = xdp_with_cid(XDP_INITIAL, &cid),
			retry = xdp_with_cid(XDP_RETRY, &cid);

	(void)state;
	xdp_rig_set_flags(the_xdp_rig, STOQ_XDP_CHECK_CID);
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_DROP_UNPROVEN);
	answer.body_bytes = 60; /* a server's Initial with nothing but an ACK */
	assert_int_equal(xdp_send_long(&xdp_plain, &answer), STOQ_XDP_PASS_HANDSHAKE);
	assert_int_equal(xdp_send_long(&xdp_plain, &retry), STOQ_XDP_PASS_HANDSHAKE);
}

/* It listens, too: what a server answers need not be as large as what a client begins with. */
static void test_client_that_listens(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 3), forged = {3, 4};
	struct xdp_quic answer = xdp_with_cid(XDP_INITIAL, &cid);

	(void)state;
	answer.body_bytes = 60;
	assert_int_equal(xdp_send_long(&xdp_plain, &answer), STOQ_XDP_PASS_HANDSHAKE);
	assert_int_equal(xdp_send_long(&xdp_plain, &answer), STOQ_XDP_PASS_HANDSHAKE);
	answer = xdp_with_cid(XDP_INITIAL, &forged);
	answer.body_bytes = 60;
	assert_int_equal(xdp_send_long(&xdp_plain, &answer), STOQ_XDP_DROP_SMALL);
}

int xdp_test_connections(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sealed_connection, xdp_fresh_sealed),
		cmocka_unit_test_setup(test_usual_packet, xdp_fresh_sealed),
		cmocka_unit_test_setup(test_last_packet, xdp_fresh_sealed),
		cmocka_unit_test_setup(test_unsealed_connection, xdp_fresh),
		cmocka_unit_test_setup(test_zero_rtt, xdp_fresh),
		cmocka_unit_test_setup(test_closing, xdp_fresh_sealed),
		cmocka_unit_test_setup(test_many_ids, xdp_fresh_sealed),
		cmocka_unit_test_setup(test_aging, xdp_fresh),
		cmocka_unit_test_setup(test_client, xdp_fresh_sealed),
		cmocka_unit_test_setup(test_client_that_listens, xdp_fresh_sealed),
	};

	return cmocka_run_group_tests(tests, xdp_rig_setup, xdp_rig_teardown);
}
