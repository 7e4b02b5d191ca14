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
#include "tests/bpf/xdp_cases.h"

static void test_wrapping(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		struct xdp_path path = xdp_plain;

		path.ipv6 = i & 1;
		path.vlan_tags = i >> 1 & 3;
		path.ip_option_words = (uint8_t)((i >> 3) % 11);
		path.extensions = (uint8_t)(i >> 3);
		path.trailer_bytes = (uint8_t)i;
		assert_int_equal(xdp_send_initial(&path),
			path.vlan_tags == 3 ? STOQ_XDP_PASS_OTHER : STOQ_XDP_PASS_INITIAL);
	}
}

/* However many headers stand before UDP, nothing gets by behind them. */
static void test_many_extensions(void **state)
{
	struct xdp_path path = xdp_plain;

	(void)state;
	path.ipv6 = true;
	for (path.extensions = 0; path.extensions < 40; path.extensions++)
		assert_int_equal(xdp_send_initial(&path),
			path.extensions > 32 ? STOQ_XDP_DROP_LENGTH : STOQ_XDP_PASS_INITIAL);
}

/* The first fragment of a datagram for our port: neither prefixes nor limits are passed by. */
static void test_fragments(void **state)
{
	struct xdp_path path = xdp_plain;

	(void)state;
	path.fragment = true;
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		path.ipv6 = ipv6;
		path.extensions = ipv6 * 2;
		xdp_rig_reset(the_xdp_rig);
		xdp_rig_set_limits(the_xdp_rig, 0, 0, 3);
		for (int i = 0; i < 5; i++)
			assert_int_equal(xdp_send_initial(&path),
				i < 3 ? STOQ_XDP_PASS_FRAGMENT : STOQ_XDP_DROP_UNPROVEN);
		path.port++;
		assert_int_equal(xdp_send_initial(&path), STOQ_XDP_PASS_FRAGMENT);
		path.port--;
		xdp_rig_set_limits(the_xdp_rig, 0, 0, 0);
		xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_DENIED, "192.168.0.5");
		xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_ALLOWED, "192.168.0.0/16");
		assert_int_equal(xdp_send_initial(&path),
			ipv6 ? STOQ_XDP_DROP_NOT_ALLOWED : STOQ_XDP_DROP_DENIED);
	}
}

/* Another socket may have the port with another address, and datagrams on their way elsewhere, too. */
static void test_one_address(void **state)
{
	struct xdp_path ipv6 = xdp_plain;

	(void)state;
	ipv6.ipv6 = true;
	xdp_rig_set_address(the_xdp_rig, "10.0.0.1");
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_PASS_INITIAL);
	assert_int_equal(xdp_send_initial(&ipv6), STOQ_XDP_PASS_OTHER);
	xdp_rig_set_address(the_xdp_rig, "10.0.0.2");
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_PASS_OTHER);
	for (int i = 0; i < 128; i++) {
		xdp_rig_set_address(the_xdp_rig, "2001:db8::1");
		the_xdp_rig->maps.config->local[i / 8] ^= (uint8_t)(1 << i % 8);
		the_xdp_rig->model.local[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(xdp_send_initial(&ipv6), STOQ_XDP_PASS_OTHER);
		ipv6.extensions = (uint8_t)(i % 2);
	}
	xdp_rig_set_address(the_xdp_rig, "2001:db8::1");
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_PASS_OTHER);
	assert_int_equal(xdp_send_initial(&ipv6), STOQ_XDP_PASS_INITIAL);
	ipv6.extensions = 0;
	assert_int_equal(xdp_send_initial(&ipv6), STOQ_XDP_PASS_INITIAL);
}

static void test_not_ours(void **state)
{
	struct xdp_path path = xdp_plain;
	uint8_t frame[XDP_FRAME_MAX];
	size_t length;

	(void)state;
	path.port = 53;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_PASS_OTHER);
	path.port = XDP_RIG_PORT;
	path.fragment = true;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_PASS_FRAGMENT);
	path.ipv6 = true;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_PASS_FRAGMENT);
	length = xdp_frame_make(frame, &xdp_plain, "", 1);
	frame[14 + 9] = 6; /* TCP */
	assert_int_equal(xdp_rig_compare(the_xdp_rig, frame, length), STOQ_XDP_PASS_OTHER);
	frame[12] = 0x12; /* no IP */
	assert_int_equal(xdp_rig_compare(the_xdp_rig, frame, length), STOQ_XDP_PASS_OTHER);
}

/* Ports come and go while it runs. */
static void test_ports(void **state)
{
	struct xdp_path path = xdp_plain;

	(void)state;
	path.port = 65535;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_PASS_OTHER);
	stoq_xdp_set_port(&the_xdp_rig->maps, 65535, true);
	the_xdp_rig->model.ports[65535] = true;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_PASS_INITIAL);
	stoq_xdp_set_port(&the_xdp_rig->maps, 65535, false);
	the_xdp_rig->model.ports[65535] = false;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_PASS_OTHER);
}

static void test_lengths(void **state)
{
	struct xdp_path path = xdp_plain;

	(void)state;
	path.udp_length_lie = 1;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_DROP_LENGTH);
	path.udp_length_lie = -4000;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_DROP_LENGTH);
	path.udp_length_lie = 0;
	path.ip_length_lie = 1; /* more than the frame has */
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_DROP_LENGTH);
	path.trailer_bytes = 10;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_PASS_INITIAL);
	path.ip_length_lie = -1;
	assert_int_equal(xdp_send_initial(&path), STOQ_XDP_DROP_LENGTH);
	assert_int_equal(xdp_send_payload(&xdp_plain, "", 0), STOQ_XDP_DROP_LENGTH);
}

/* Every way to cut a good frame short. */
static void test_cut(void **state)
{
	struct xdp_path path = xdp_plain;
	uint8_t bytes[4096], frame[XDP_FRAME_MAX];
	struct xdp_quic quic = xdp_initial();
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
	struct xdp_quic quic = xdp_initial();

	(void)state;
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_PASS_INITIAL);
	quic.body_bytes = 1199 - 45 - 5;
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_DROP_SMALL);
	quic = xdp_initial();
	quic.unfixed = true;
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_DROP_QUIC);
	quic = xdp_initial();
	quic.dcid_bytes = 7;
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_DROP_QUIC);
	quic.dcid_bytes = 20;
	quic.scid_bytes = 20;
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_PASS_INITIAL);
	quic.scid_bytes = 21;
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_DROP_QUIC);
	quic = xdp_initial();
	quic.length_lie = 1;
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_DROP_QUIC);
	quic = xdp_initial();
	quic.token_bytes = 300;
	quic.varint_bytes = 8;
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_PASS_INITIAL);
}

static void test_versions(void **state)
{
	struct xdp_quic quic = xdp_initial();

	(void)state;
	quic.version = 0x6b3343cf; /* QUIC version 2 */
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_PASS_VERSION);
	quic.dcid_bytes = 255; /* another version may have that */
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_PASS_VERSION);
	quic.body_bytes = 100;
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_DROP_SMALL);
	quic = xdp_initial();
	quic.version = 0;
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 1);
	quic.type = XDP_RETRY; /* no lengths */
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_PASS_UNPROVEN);
	assert_int_equal(xdp_send_long(&xdp_plain, &quic), STOQ_XDP_DROP_UNPROVEN);
}

/* Several packets in one datagram. */
static void test_coalesced(void **state)
{
	static const struct stoq_cid cid = {1, 2};
	struct xdp_quic first = xdp_initial(), second = xdp_initial();
	uint8_t bytes[4096];
	size_t length, end;

	(void)state;
	second.type = XDP_HANDSHAKE;
	second.body_bytes = 100;
	for (int count = 0; count < 6; count++) {
		length = xdp_quic_make_long(bytes, &first);
		for (int i = 0; i < count; i++)
			length += xdp_quic_make_long(bytes + length, &second);
		assert_int_equal(
			xdp_send_payload(&xdp_plain, bytes, length), STOQ_XDP_PASS_INITIAL);
		end = length + xdp_quic_make_short(bytes + length, &cid, 40);
		assert_int_equal(xdp_send_payload(&xdp_plain, bytes, end), STOQ_XDP_PASS_INITIAL);
		memset(bytes + length, 0,
			40); /* neither long nor short: padding, as neqo does it */
		assert_int_equal(xdp_send_payload(&xdp_plain, bytes, end), STOQ_XDP_PASS_INITIAL);
	}
	second.length_lie = 1;
	length = xdp_quic_make_long(bytes, &first);
	end = length + xdp_quic_make_long(bytes + length, &second);
	assert_int_equal(xdp_send_payload(&xdp_plain, bytes, end), STOQ_XDP_PASS_INITIAL);
	bytes[0] &= 0xbf;
	assert_int_equal(xdp_send_payload(&xdp_plain, bytes, end), STOQ_XDP_DROP_QUIC);
}

static void test_prefixes(void **state)
{
	struct xdp_path other = xdp_plain, ipv6 = xdp_plain;

	(void)state;
	other.source = 0xc0a90001;
	ipv6.ipv6 = true;
	xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_ALLOWED, "192.168.0.0/16");
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_PASS_INITIAL);
	assert_int_equal(xdp_send_initial(&other), STOQ_XDP_DROP_NOT_ALLOWED);
	assert_int_equal(xdp_send_initial(&ipv6), STOQ_XDP_DROP_NOT_ALLOWED);
	xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_ALLOWED, "2001:db8::/32");
	assert_int_equal(xdp_send_initial(&ipv6), STOQ_XDP_PASS_INITIAL);
	xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_DENIED, "192.168.0.5");
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_DROP_DENIED);
	xdp_rig_remove_prefixes(the_xdp_rig);
	assert_int_equal(xdp_send_initial(&xdp_plain), STOQ_XDP_PASS_INITIAL);
}

/* A denied prefix also stops connections that are established; each drop is counted at it. */
static void test_denied_while_established(void **state)
{
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 77);
	struct stoq_xdp_prefix_entry entry;
	struct xdp_path moved = xdp_plain;

	(void)state;
	moved.source = 0xc0a80006;
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_PASS_ESTABLISHED);
	xdp_rig_add_prefix(the_xdp_rig, STOQ_XDP_DENIED, "192.168.0.5");
	for (int i = 0; i < 3; i++)
		assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_DROP_DENIED);
	assert_int_equal(xdp_send_short(&moved, &cid), STOQ_XDP_PASS_ESTABLISHED);
	assert_int_equal(xdp_send_short(&xdp_plain, &cid), STOQ_XDP_DROP_DENIED); /* back again */
	assert_int_equal(stoq_xdp_list_prefixes(&the_xdp_rig->maps, STOQ_XDP_DENIED, &entry, 1), 1);
	assert_int_equal(entry.packets, 4);
}

static void test_source_limit(void **state)
{
	struct xdp_path other = xdp_plain, ipv6 = xdp_plain, neighbour;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 3, 0, 0);
	for (int i = 0; i < 5; i++) {
		enum stoq_xdp_verdict expected =
			i < 3 ? STOQ_XDP_PASS_INITIAL : STOQ_XDP_DROP_SOURCE_RATE;

		other.source = 0xc0a80006;
		ipv6.ipv6 = true;
		neighbour = ipv6;
		neighbour.source_port++;
		assert_int_equal(xdp_send_initial(&xdp_plain), expected);
		assert_int_equal(xdp_send_initial(&other), expected);
		assert_int_equal(xdp_send_initial(i % 2 ? &ipv6 : &neighbour), expected);
	}
}

static void test_total_limit(void **state)
{
	struct xdp_path path = xdp_plain;

	(void)state;
	xdp_rig_set_limits(the_xdp_rig, 2, 10, 0);
	/* One noisy source does not eat what is for all. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(xdp_send_initial(&path),
			i < 2 ? STOQ_XDP_PASS_INITIAL : STOQ_XDP_DROP_SOURCE_RATE);
	for (int i = 0; i < 20; i++) {
		path.source++;
		assert_int_equal(xdp_send_initial(&path),
			i < 8 ? STOQ_XDP_PASS_INITIAL : STOQ_XDP_DROP_TOTAL_RATE);
	}
}

/* Real time: what is let in never exceeds burst + rate * time, and refilling works. */
static void test_refill(void **state)
{
	const struct stoq_xdp_limit limit = {.per_second = 1000, .burst = 5};
	uint64_t start_ns, passed = 0, end_ns;
	struct xdp_quic quic = xdp_initial();
	uint8_t bytes[4096], frame[XDP_FRAME_MAX];
	size_t length = xdp_quic_make_long(bytes, &quic);

	(void)state;
	length = xdp_frame_make(frame, &xdp_plain, bytes, length);
	stoq_xdp_set_limit(&the_xdp_rig->maps, STOQ_XDP_LIMIT_SOURCE, &limit);
	start_ns = stoq_clock_now_ns();
	do {
		passed += xdp_rig_run(the_xdp_rig, frame, length) == STOQ_XDP_PASS_INITIAL;
		end_ns = stoq_clock_now_ns();
	} while (end_ns - start_ns < 30000000 || (passed < 10 && end_ns - start_ns < 10000000000));
	assert_true(passed >= 10);
	assert_true(passed <= 5 + (end_ns - start_ns) / 1000000 + 10); /* a tick of the clock */
}

/* A limit that is raised lets in at once, however far ahead the old one's bucket is. */
static void test_raised_limits(void **state)
{
	static const struct stoq_xdp_limit slow = {.per_second = 1, .burst = 20},
					   fast = {.per_second = 1000, .burst = 200};
	static const struct stoq_cid stranger = {1, 2};
	struct xdp_quic quic = xdp_initial();
	uint8_t bytes[2][4096], frames[2][XDP_FRAME_MAX];
	size_t lengths[2];

	(void)state;
	lengths[0] = xdp_quic_make_long(bytes[0], &quic);
	lengths[1] = xdp_quic_make_short(bytes[1], &stranger, 100);
	xdp_rig_set_flags(the_xdp_rig, STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID);
	for (int i = 0; i < 2; i++)
		lengths[i] = xdp_frame_make(frames[i], &xdp_plain, bytes[i], lengths[i]);
	for (int kind = 0; kind < STOQ_XDP_LIMITS; kind++) {
		int frame = kind == STOQ_XDP_LIMIT_UNPROVEN;

		stoq_xdp_set_limit(&the_xdp_rig->maps, kind, &slow);
		while (xdp_rig_run(the_xdp_rig, frames[frame], lengths[frame]) <
			STOQ_XDP_FIRST_DROP)
			;
		stoq_xdp_set_limit(&the_xdp_rig->maps, kind, &fast);
		assert_true(xdp_rig_run(the_xdp_rig, frames[frame], lengths[frame]) <
			    STOQ_XDP_FIRST_DROP);
	}
}

/* Headers need not lie in the first buffer. */
static void test_several_buffers(void **state)
{
	uint8_t bytes[9000], frame[XDP_FRAME_MAX];
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 4);
	struct xdp_path path = xdp_plain;
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
	struct stoq_cid cid = xdp_sealed_cid(&xdp_key, 5);
	uint8_t bytes[3000], frame[XDP_FRAME_MAX];

	(void)state;
	for (size_t payload = 21; payload < 3000; payload += 37) {
		size_t length, class = 0;
		uint64_t before;

		length = xdp_quic_make_short(bytes, &cid, payload);
		length = xdp_frame_make(frame, &xdp_plain, bytes, length);
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
		cmocka_unit_test_setup(test_wrapping, xdp_fresh),
		cmocka_unit_test_setup(test_many_extensions, xdp_fresh),
		cmocka_unit_test_setup(test_fragments, xdp_fresh),
		cmocka_unit_test_setup(test_one_address, xdp_fresh),
		cmocka_unit_test_setup(test_not_ours, xdp_fresh),
		cmocka_unit_test_setup(test_ports, xdp_fresh),
		cmocka_unit_test_setup(test_lengths, xdp_fresh),
		cmocka_unit_test_setup(test_cut, xdp_fresh),
		cmocka_unit_test_setup(test_initial_checks, xdp_fresh),
		cmocka_unit_test_setup(test_versions, xdp_fresh),
		cmocka_unit_test_setup(test_coalesced, xdp_fresh),
		cmocka_unit_test_setup(test_prefixes, xdp_fresh),
		cmocka_unit_test_setup(test_denied_while_established, xdp_fresh_sealed),
		cmocka_unit_test_setup(test_source_limit, xdp_fresh),
		cmocka_unit_test_setup(test_total_limit, xdp_fresh),
		cmocka_unit_test_setup(test_refill, xdp_fresh),
		cmocka_unit_test_setup(test_raised_limits, xdp_fresh),
		cmocka_unit_test_setup(test_several_buffers, xdp_fresh_sealed),
		cmocka_unit_test_setup(test_sizes, xdp_fresh_sealed),
	};

	return cmocka_run_group_tests(tests, xdp_rig_setup, xdp_rig_teardown) +
	       xdp_test_connections();
}
