// SPDX-License-Identifier: BSD-2-Clause

/* What the XDP program does, case by case; every frame also goes through the reference. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "base/clock.h"
#include "tests/bpf/xdp_rig.h"

static const struct stoq_cid_key key = {{0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull}};
static const struct xdp_path plain = {
	.source = 0xc0a80005, .source_port = 4000, .port = XDP_RIG_PORT};

static enum stoq_xdp_verdict send_payload(
	const struct xdp_path *path, const void *payload, size_t bytes)
{
	uint8_t frame[XDP_FRAME_MAX];

	return xdp_rig_compare(the_xdp_rig, frame, xdp_frame_make(frame, path, payload, bytes));
}

/* An Initial as clients send it. */
static struct xdp_quic initial(void)
{
	return (struct xdp_quic){.type = XDP_INITIAL,
		.version = 1,
		.dcid = {1, 2, 3, 4, 5, 6, 7, 8},
		.dcid_bytes = 8,
		.scid_bytes = 16,
		.body_bytes = 1180};
}

static struct xdp_quic with_cid(enum xdp_quic_type type, const struct stoq_cid *cid)
{
	struct xdp_quic quic = initial();

	quic.type = type;
	quic.dcid_bytes = sizeof(*cid);
	memcpy(quic.dcid, cid, sizeof(*cid));
	return quic;
}

static enum stoq_xdp_verdict send_long(const struct xdp_path *path, const struct xdp_quic *quic)
{
	uint8_t bytes[4096];

	return send_payload(path, bytes, xdp_quic_make_long(bytes, quic));
}

static enum stoq_xdp_verdict send_short(const struct xdp_path *path, const struct stoq_cid *cid)
{
	uint8_t bytes[200];

	return send_payload(path, bytes, xdp_quic_make_short(bytes, cid, sizeof(bytes)));
}

static enum stoq_xdp_verdict send_initial(const struct xdp_path *path)
{
	struct xdp_quic quic = initial();

	return send_long(path, &quic);
}

static int fresh(void **state)
{
	(void)state;
	xdp_rig_reset(the_xdp_rig);
	return 0;
}

static int fresh_sealed(void **state)
{
	fresh(state);
	xdp_rig_set_flags(the_xdp_rig, STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID);
	xdp_rig_set_key(the_xdp_rig, &key);
	return 0;
}

static void test_wrapping(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		struct xdp_path path = plain;

		path.ipv6 = i & 1;
		path.vlan_tags = i >> 1 & 3;
		path.ip_option_words = (uint8_t)((i >> 3) % 11);
		path.extensions = (uint8_t)(i >> 3);
		path.trailer_bytes = (uint8_t)i;
		assert_int_equal(send_initial(&path),
			path.vlan_tags == 3 || (path.ipv6 && path.extensions > 6)
				? STOQ_XDP_PASS_OTHER
				: STOQ_XDP_PASS_INITIAL);
	}
}

static void test_not_ours(void **state)
{
	struct xdp_path path = plain;
	uint8_t frame[XDP_FRAME_MAX];
	size_t length;

	(void)state;
	path.port = 53;
	assert_int_equal(send_initial(&path), STOQ_XDP_PASS_OTHER);
	path.port = XDP_RIG_PORT;
	path.fragment = true;
	assert_int_equal(send_initial(&path), STOQ_XDP_PASS_FRAGMENT);
	path.ipv6 = true;
	assert_int_equal(send_initial(&path), STOQ_XDP_PASS_FRAGMENT);
	length = xdp_frame_make(frame, &plain, "", 1);
	frame[14 + 9] = 6; /* TCP */
	assert_int_equal(xdp_rig_compare(the_xdp_rig, frame, length), STOQ_XDP_PASS_OTHER);
	frame[12] = 0x12; /* no IP */
	assert_int_equal(xdp_rig_compare(the_xdp_rig, frame, length), STOQ_XDP_PASS_OTHER);
}

/* Ports come and go while it runs. */
static void test_ports(void **state)
{
	struct xdp_path path = plain;

	(void)state;
	path.port = 65535;
	assert_int_equal(send_initial(&path), STOQ_XDP_PASS_OTHER);
	stoq_xdp_set_port(&the_xdp_rig->maps, 65535, true);
	the_xdp_rig->model.ports[65535] = true;
	assert_int_equal(send_initial(&path), STOQ_XDP_PASS_INITIAL);
	stoq_xdp_set_port(&the_xdp_rig->maps, 65535, false);
	the_xdp_rig->model.ports[65535] = false;
	assert_int_equal(send_initial(&path), STOQ_XDP_PASS_OTHER);
}

static void test_lengths(void **state)
{
	struct xdp_path path = plain;

	(void)state;
	path.udp_length_lie = 1;
	assert_int_equal(send_initial(&path), STOQ_XDP_DROP_LENGTH);
	path.udp_length_lie = -4000;
	assert_int_equal(send_initial(&path), STOQ_XDP_DROP_LENGTH);
	path.udp_length_lie = 0;
	path.ip_length_lie = 1; /* more than the frame has */
	assert_int_equal(send_initial(&path), STOQ_XDP_DROP_LENGTH);
	path.trailer_bytes = 10;
	assert_int_equal(send_initial(&path), STOQ_XDP_PASS_INITIAL);
	path.ip_length_lie = -1;
	assert_int_equal(send_initial(&path), STOQ_XDP_DROP_LENGTH);
	assert_int_equal(send_payload(&plain, "", 0), STOQ_XDP_DROP_LENGTH);
}

/* Every way to cut a good frame short. */
static void test_cut(void **state)
{
	struct xdp_path path = plain;
	uint8_t bytes[4096], frame[XDP_FRAME_MAX];
	struct xdp_quic quic = initial();
	size_t length = xdp_quic_make_long(bytes, &quic);

	(void)state;
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		path.ipv6 = ipv6;
		path.vlan_tags = 1;
		path.extensions = 2;
		path.ip_option_words = 2;
		size_t whole = xdp_frame_make(frame, &path, bytes, length);

		for (size_t cut = 14; cut < whole; cut += cut < 200 ? 1 : 13)
			assert_int_not_equal(
				xdp_rig_compare(the_xdp_rig, frame, cut), STOQ_XDP_PASS_INITIAL);
	}
}

static void test_initial_checks(void **state)
{
	struct xdp_quic quic = initial();

	(void)state;
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_PASS_INITIAL);
	quic.body_bytes = 1199 - 45 - 5;
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_DROP_SMALL);
	quic = initial();
	quic.unfixed = true;
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_DROP_QUIC);
	quic = initial();
	quic.dcid_bytes = 7;
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_DROP_QUIC);
	quic.dcid_bytes = 20;
	quic.scid_bytes = 20;
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_PASS_INITIAL);
	quic.scid_bytes = 21;
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_DROP_QUIC);
	quic = initial();
	quic.length_lie = 1;
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_DROP_QUIC);
	quic = initial();
	quic.token_bytes = 300;
	quic.varint_bytes = 8;
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_PASS_INITIAL);
}

static void test_versions(void **state)
{
	struct xdp_quic quic = initial();

	(void)state;
	quic.version = 0x6b3343cf; /* QUIC version 2 */
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_PASS_VERSION);
	quic.dcid_bytes = 255; /* another version may have that */
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_PASS_VERSION);
	quic.body_bytes = 100;
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_DROP_SMALL);
	quic = initial();
	quic.version = 0;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	quic.type = XDP_RETRY; /* no lengths */
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(send_long(&plain, &quic), STOQ_XDP_DROP_UNPROVEN);
}

/* Several packets in one datagram. */
static void test_coalesced(void **state)
{
	static const struct stoq_cid cid = {1, 2};
	struct xdp_quic first = initial(), second = initial();
	uint8_t bytes[4096];
	size_t length, end;

	(void)state;
	second.type = XDP_HANDSHAKE;
	second.body_bytes = 100;
	for (int count = 0; count < 6; count++) {
		length = xdp_quic_make_long(bytes, &first);
		for (int i = 0; i < count; i++)
			length += xdp_quic_make_long(bytes + length, &second);
		assert_int_equal(send_payload(&plain, bytes, length), STOQ_XDP_PASS_INITIAL);
		end = length + xdp_quic_make_short(bytes + length, &cid, 40);
		assert_int_equal(send_payload(&plain, bytes, end), STOQ_XDP_PASS_INITIAL);
		bytes[length] = 0; /* neither long nor short */
		assert_int_equal(send_payload(&plain, bytes, end),
			count < STOQ_XDP_COALESCED_MAX - 1 ? STOQ_XDP_DROP_QUIC
							   : STOQ_XDP_PASS_INITIAL);
	}
	second.length_lie = 1;
	length = xdp_quic_make_long(bytes, &first);
	length += xdp_quic_make_long(bytes + length, &second);
	assert_int_equal(send_payload(&plain, bytes, length), STOQ_XDP_DROP_QUIC);
}

static void test_prefixes(void **state)
{
	struct xdp_path other = plain, ipv6 = plain;

	(void)state;
	other.source = 0xc0a90001;
	ipv6.ipv6 = true;
	xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_ALLOWED, "192.168.0.0/16");
	assert_int_equal(send_initial(&plain), STOQ_XDP_PASS_INITIAL);
	assert_int_equal(send_initial(&other), STOQ_XDP_DROP_NOT_ALLOWED);
	assert_int_equal(send_initial(&ipv6), STOQ_XDP_DROP_NOT_ALLOWED);
	xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_ALLOWED, "2001:db8::/32");
	assert_int_equal(send_initial(&ipv6), STOQ_XDP_PASS_INITIAL);
	xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_DENIED, "192.168.0.5");
	assert_int_equal(send_initial(&plain), STOQ_XDP_DROP_DENIED);
	xdp_rig_remove_prefixes(the_xdp_rig);
	assert_int_equal(send_initial(&plain), STOQ_XDP_PASS_INITIAL);
}

/* A denied prefix also stops connections that are established; each drop is counted at it. */
static void test_denied_while_established(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&key, 77);
	struct stoq_xdp_prefix_entry entry;
	struct xdp_path moved = plain;

	(void)state;
	moved.source = 0xc0a80006;
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_DENIED, "192.168.0.5");
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_short(&plain, &cid), STOQ_XDP_DROP_DENIED);
	assert_int_equal(send_short(&moved, &cid), STOQ_XDP_PASS_ESTABLISHED);
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_DROP_DENIED); /* back again */
	assert_int_equal(stoq_xdp_list_prefixes(&the_xdp_rig->maps, STOQ_XDP_DENIED, &entry, 1), 1);
	assert_int_equal(entry.packets, 4);
}

static void test_source_limit(void **state)
{
	struct xdp_path other = plain, ipv6 = plain, neighbour;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 3, 0, 0);
	for (int i = 0; i < 5; i++) {
		enum stoq_xdp_verdict expected =
			i < 3 ? STOQ_XDP_PASS_INITIAL : STOQ_XDP_DROP_SOURCE_RATE;

		other.source = 0xc0a80006;
		ipv6.ipv6 = true;
		neighbour = ipv6;
		neighbour.source_port++;
		assert_int_equal(send_initial(&plain), expected);
		assert_int_equal(send_initial(&other), expected);
		assert_int_equal(send_initial(i % 2 ? &ipv6 : &neighbour), expected);
	}
}

static void test_total_limit(void **state)
{
	struct xdp_path path = plain;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 2, 10, 0);
	/* One noisy source does not eat what is for all. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(send_initial(&path),
			i < 2 ? STOQ_XDP_PASS_INITIAL : STOQ_XDP_DROP_SOURCE_RATE);
	for (int i = 0; i < 20; i++) {
		path.source++;
		assert_int_equal(send_initial(&path),
			i < 8 ? STOQ_XDP_PASS_INITIAL : STOQ_XDP_DROP_TOTAL_RATE);
	}
}

/* Real time: what is let in never exceeds burst + rate * time, and refilling works. */
static void test_refill(void **state)
{
	const struct stoq_xdp_limit limit = {.per_second = 1000, .burst = 5};
	uint64_t start_ns, passed = 0, end_ns;
	struct xdp_quic quic = initial();
	uint8_t bytes[4096], frame[XDP_FRAME_MAX];
	size_t length = xdp_quic_make_long(bytes, &quic);

	(void)state;
	length = xdp_frame_make(frame, &plain, bytes, length);
	stoq_xdp_set_limit(&the_xdp_rig->maps, STOQ_XDP_LIMIT_SOURCE, &limit);
	start_ns = stoq_clock_now_ns();
	do {
		passed += xdp_rig_run(the_xdp_rig, frame, length) == STOQ_XDP_PASS_INITIAL;
		end_ns = stoq_clock_now_ns();
	} while (end_ns - start_ns < 30000000 || (passed < 10 && end_ns - start_ns < 10000000000));
	assert_true(passed >= 10);
	assert_true(passed <= 5 + (end_ns - start_ns) / 1000000 + 10); /* a tick of the clock */
}

static void test_sealed_connection(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&key, 0x1234), forged = {0x1234, 1};
	struct xdp_quic handshake = with_cid(XDP_HANDSHAKE, &cid);
	struct stoq_xdp_connection connection;
	struct xdp_path moved = plain;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 1, 1, 1);
	assert_int_equal(send_initial(&plain), STOQ_XDP_PASS_INITIAL);
	assert_int_equal(send_long(&plain, &handshake), STOQ_XDP_PASS_HANDSHAKE);
	assert_true(xdp_rig_connection(the_xdp_rig, &cid, &connection));
	assert_int_equal(connection.state, STOQ_XDP_HANDSHAKING);
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	assert_true(xdp_rig_connection(the_xdp_rig, &cid, &connection));
	assert_int_equal(connection.state, STOQ_XDP_ESTABLISHED);
	/* It may come from elsewhere. */
	moved.ipv6 = true;
	assert_int_equal(send_short(&moved, &cid), STOQ_XDP_PASS_ESTABLISHED);
	assert_true(xdp_rig_connection(the_xdp_rig, &cid, &connection));
	assert_int_equal(connection.remote[0], 0x20);
	/* What is not sealed has its own limit. */
	assert_int_equal(send_short(&plain, &forged), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(send_short(&plain, &forged), STOQ_XDP_DROP_UNPROVEN);
	assert_false(xdp_rig_connection(the_xdp_rig, &forged, &connection));
	/* A client's later Initials carry a connection ID of ours, and no limit holds them up. */
	cid = xdp_sealed_cid(&key, 0x9999);
	handshake = with_cid(XDP_INITIAL, &cid);
	assert_int_equal(send_long(&plain, &handshake), STOQ_XDP_PASS_HANDSHAKE);
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
	struct stoq_cid cid = xdp_sealed_cid(&key, 77 + path->ipv6);
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
	struct stoq_cid cid = xdp_sealed_cid(&key, 79);
	struct xdp_path path = plain;
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
	struct xdp_path path = plain;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	assert_int_equal(send_short(&plain, &stranger), STOQ_XDP_PASS_UNPROVEN);
	check_every_byte(&path, 26, 4);
	path.ipv6 = true;
	check_every_byte(&path, 22, 16);
	check_families();
}

/* The time of the last packet is kept, though it is not looked at for each. */
static void test_last_packet(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&key, 78);
	struct stoq_xdp_connection first, connection;
	uint64_t start_ns = stoq_clock_now_ns();

	(void)state;
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	assert_true(xdp_rig_connection(the_xdp_rig, &cid, &first));
	do {
		assert_int_equal(send_short(&plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
		assert_true(xdp_rig_connection(the_xdp_rig, &cid, &connection));
	} while (connection.last_ns == first.last_ns &&
		 stoq_clock_now_ns() - start_ns < 10000000000);
	assert_true(connection.last_ns > first.last_ns);
}

static void test_unsealed_connection(void **state)
{
	static const struct stoq_cid cid = {5, 6}, older = {7, 8};
	struct xdp_quic handshake = with_cid(XDP_HANDSHAKE, &cid);
	struct xdp_path stranger = plain;

	(void)state;
	stranger.source_port++;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 2);
	assert_int_equal(send_long(&stranger, &handshake), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(send_initial(&plain), STOQ_XDP_PASS_INITIAL);
	assert_int_equal(send_long(&plain, &handshake), STOQ_XDP_PASS_HANDSHAKE);
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	/* One that is older than the program costs one packet of the limit. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(send_short(&stranger, &older),
			i ? STOQ_XDP_PASS_ESTABLISHED : STOQ_XDP_PASS_UNPROVEN);
	xdp_rig_compare_state(the_xdp_rig);
}

static void test_zero_rtt(void **state)
{
	struct xdp_quic early = initial();

	(void)state;
	early.type = XDP_ZERO_RTT;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	assert_int_equal(send_long(&plain, &early), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(send_long(&plain, &early), STOQ_XDP_DROP_UNPROVEN);
	assert_int_equal(send_initial(&plain), STOQ_XDP_PASS_INITIAL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(send_long(&plain, &early), STOQ_XDP_PASS_HANDSHAKE);
}

static void test_closing(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&key, 1), other = xdp_sealed_cid(&key, 2);

	(void)state;
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	xdp_rig_end_connection(the_xdp_rig, &cid, STOQ_XDP_CLOSING, false);
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	xdp_rig_end_connection(the_xdp_rig, &cid, STOQ_XDP_CLOSING, true);
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_DROP_CLOSED);
	/* Another connection on the same addresses and ports is another connection. */
	assert_int_equal(send_short(&plain, &other), STOQ_XDP_PASS_ESTABLISHED);
	xdp_rig_end_connection(the_xdp_rig, &other, STOQ_XDP_CLOSED, false);
	assert_int_equal(send_short(&plain, &other), STOQ_XDP_DROP_CLOSED);
}

/* An entry that is too old counts as none. */
static void test_aging(void **state)
{
	int fd = the_xdp_rig->maps.fd[STOQ_XDP_MAP_CONNS];
	static const struct stoq_cid cid = {11, 12};
	struct stoq_xdp_connection connection;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	the_xdp_rig->maps.config->idle_timeout_ns = 1000000000;
	assert_int_equal(bpf_map_lookup_elem(fd, &cid, &connection), 0);
	connection.last_ns -= 2000000000;
	connection.tick = 0;
	assert_int_equal(bpf_map_update_elem(fd, &cid, &connection, BPF_EXIST), 0);
	the_xdp_rig->model.connection_count = 0;
	assert_int_equal(send_short(&plain, &cid), STOQ_XDP_DROP_UNPROVEN);
}

static void test_client(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&key, 3);
	struct xdp_quic answer = with_cid(XDP_INITIAL, &cid), retry = with_cid(XDP_RETRY, &cid);

	(void)state;
	xdp_rig_set_flags(the_xdp_rig, STOQ_XDP_CHECK_CID);
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	assert_int_equal(send_initial(&plain), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(send_initial(&plain), STOQ_XDP_DROP_UNPROVEN);
	answer.body_bytes = 60; /* a server's Initial with nothing but an ACK */
	assert_int_equal(send_long(&plain, &answer), STOQ_XDP_PASS_HANDSHAKE);
	assert_int_equal(send_long(&plain, &retry), STOQ_XDP_PASS_HANDSHAKE);
}

/* Headers need not lie in the first buffer. */
static void test_several_buffers(void **state)
{
	uint8_t bytes[9000], frame[XDP_FRAME_MAX];
	struct stoq_cid cid = xdp_sealed_cid(&key, 4);
	struct xdp_path path = plain;
	enum stoq_xdp_verdict verdict;
	size_t length;

	(void)state;
	if (!the_xdp_rig->frags)
		skip();
	path.ipv6 = true;
	path.extensions = 3;
	length = xdp_quic_make_short(bytes, &cid, sizeof(bytes));
	length = xdp_frame_make(frame, &path, bytes, length);
	assert_int_equal(xdp_rig_compare(the_xdp_rig, frame, length), STOQ_XDP_PASS_ESTABLISHED);
	for (size_t first = 14; first < 220; first += 3) {
		int result = xdp_rig_run_split(the_xdp_rig, frame, length, first, &verdict);

		if (result == -EINVAL) {
			print_message("this kernel's test run does not split headers\n");
			return;
		}
		assert_int_equal(result, 0);
		assert_int_equal(verdict, STOQ_XDP_PASS_ESTABLISHED);
	}
}

static void test_sizes(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&key, 5);
	uint8_t bytes[3000], frame[XDP_FRAME_MAX];

	(void)state;
	for (size_t payload = 21; payload < 3000; payload += 37) {
		size_t length, class = 0;
		uint64_t before;

		length = xdp_quic_make_short(bytes, &cid, payload);
		length = xdp_frame_make(frame, &plain, bytes, length);
		while (length > (size_t)STOQ_XDP_SIZE_FIRST << class)
			class ++;
		before = the_xdp_rig->stats.sizes[class];
		xdp_rig_run(the_xdp_rig, frame, length);
		assert_int_equal(the_xdp_rig->stats.sizes[class], before + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_wrapping, fresh),
		cmocka_unit_test_setup(test_not_ours, fresh),
		cmocka_unit_test_setup(test_ports, fresh),
		cmocka_unit_test_setup(test_lengths, fresh),
		cmocka_unit_test_setup(test_cut, fresh),
		cmocka_unit_test_setup(test_initial_checks, fresh),
		cmocka_unit_test_setup(test_versions, fresh),
		cmocka_unit_test_setup(test_coalesced, fresh),
		cmocka_unit_test_setup(test_prefixes, fresh),
		cmocka_unit_test_setup(test_denied_while_established, fresh_sealed),
		cmocka_unit_test_setup(test_source_limit, fresh),
		cmocka_unit_test_setup(test_total_limit, fresh),
		cmocka_unit_test_setup(test_refill, fresh),
		cmocka_unit_test_setup(test_sealed_connection, fresh_sealed),
		cmocka_unit_test_setup(test_usual_packet, fresh_sealed),
		cmocka_unit_test_setup(test_last_packet, fresh_sealed),
		cmocka_unit_test_setup(test_unsealed_connection, fresh),
		cmocka_unit_test_setup(test_zero_rtt, fresh),
		cmocka_unit_test_setup(test_closing, fresh_sealed),
		cmocka_unit_test_setup(test_aging, fresh),
		cmocka_unit_test_setup(test_client, fresh_sealed),
		cmocka_unit_test_setup(test_several_buffers, fresh_sealed),
		cmocka_unit_test_setup(test_sizes, fresh_sealed),
	};

	return cmocka_run_group_tests(tests, xdp_rig_setup, xdp_rig_teardown);
}
