// SPDX-License-Identifier: BSD-2-Clause
/* UDP sockets on loopback: addresses, segments, ECN, limits, what is counted. */
#include <errno.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/datapath/udp_rig.h"

static int send_one(struct stoq_datapath *from, const struct stoq_address *to, const void *data,
	uint32_t size, uint16_t segment_size, uint8_t ecn)
{
	struct stoq_batch datagram = {.remote = *to,
		.data = (uint8_t *)data,
		.size = size,
		.segment_size = segment_size,
		.ecn = ecn};

	return stoq_datapath_send(from, &datagram, 1, 0);
}

static void assert_address(const struct stoq_address *address, const struct stoq_address *expected)
{
	char a[STOQ_ADDRESS_TEXT], b[STOQ_ADDRESS_TEXT];

	assert_string_equal(stoq_address_text(a, address), stoq_address_text(b, expected));
}

/* From one to the other and back to where it came from; addresses and ECN on both ends. */
static void there_and_back(
	const char *client_bind, const char *server_bind, const char *server_host)
{
	struct stoq_datapath *client = rig_open(client_bind), *server = rig_open(server_bind);
	struct stoq_address to = rig_target(server_host, server);
	struct rig_inbox inbox;

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	for (uint8_t ecn = 0; ecn < 4; ecn++) {
		struct stoq_batch reply;

		assert_int_equal(send_one(client, &to, "question", 8, 8, ecn), 1);
		assert_int_equal(rig_receive(server, &inbox), 1);
		reply = inbox.datagrams[0];
		assert_int_equal(reply.ecn, ecn);
		assert_int_equal(reply.segment_size, 8);
		assert_address(&reply.local, &to);
		assert_int_equal(stoq_datapath_send(server, &reply, 1, 0), 1);
		assert_int_equal(rig_receive(client, &inbox), 1);
		assert_memory_equal(inbox.datagrams[0].data, "question", 8);
		assert_int_equal(inbox.datagrams[0].ecn, ecn);
		assert_address(&inbox.datagrams[0].remote, &to);
	}
	rig_inbox_free(&inbox);
	stoq_datapath_close(client);
	stoq_datapath_close(server);
}

static void talks_ipv4(void **state)
{
	there_and_back("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1");
	there_and_back("127.0.0.1:0", "0.0.0.0:0", "127.0.0.1");
}

static bool have_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct stoq_address address = rig_address("[::1]:0");
	bool bound = fd >= 0 && bind(fd, &address.sa, address.length) == 0;

	if (fd >= 0)
		close(fd);
	return bound;
}

static void talks_ipv6(void **state)
{
	if (!have_ipv6())
		skip();
	there_and_back("[::1]:0", "[::1]:0", "::1");
	there_and_back("[::1]:0", "[::]:0", "::1");
}

/* One socket for both; the IPv4 side never shows as ::ffff:a.b.c.d. */
static void talks_both(void **state)
{
	if (!have_ipv6())
		skip();
	there_and_back("127.0.0.1:0", "[::]:0", "127.0.0.1");
	there_and_back("[::]:0", "[::]:0", "127.0.0.1");
	there_and_back("[::]:0", "127.0.0.1:0", "127.0.0.1");
}

/* A reply leaves from the address that was asked, not from the one the kernel would choose. */
static void replies_from_the_address_asked(void **state)
{
	there_and_back("127.0.0.1:0", "0.0.0.0:0", "127.0.0.77");
	if (have_ipv6())
		there_and_back("127.0.0.1:0", "[::]:0", "127.0.0.77");
}

static void segments(uint32_t size, uint16_t segment_size, bool no_gso, bool no_gro)
{
	struct stoq_datapath *from, *to;
	uint8_t *bytes = rig_bytes(size);
	unsigned int expected = (size + segment_size - 1) / segment_size;
	struct stoq_address target;

	from = rig_open_with((struct stoq_udp_config){.no_gso = no_gso}, "127.0.0.1:0");
	to = rig_open_with(
		(struct stoq_udp_config){.no_gro = no_gro, .receive_buffer_bytes = 4 << 20},
		"127.0.0.1:0");
	target = rig_local(to);
	assert_int_equal(send_one(from, &target, bytes, size, segment_size, 0), 1);
	assert_int_equal(rig_expect_bytes(to, bytes, size, segment_size), expected);
	assert_int_equal(rig_totals(from).sent_datagrams, expected);
	assert_int_equal(rig_totals(from).sent_bytes, size);
	assert_int_equal(rig_totals(to).received_datagrams, expected);
	assert_int_equal(rig_totals(to).received_bytes, size);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
	free(bytes);
}

static void splits_and_joins(void **state)
{
	const struct {
		uint32_t size;
		uint16_t segment_size;
	} cases[] = {{1200, 1200}, {2400, 1200}, {2401, 1200}, {1201, 1200}, {64 * 1000, 1000},
		/* More than 64 segments, more than 64 KiB, and both. */
		{100 * 100 + 7, 100}, {131072, 8192}, {200000, 1452}, {65, 1},
		/* Two of them do not fit one message. */
		{65507 * 2, 65507}, {33000 * 2 + 5, 33000}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		segments(cases[i].size, cases[i].segment_size, false, false);
		segments(cases[i].size, cases[i].segment_size, true, false);
		segments(cases[i].size, cases[i].segment_size, false, true);
		segments(cases[i].size, cases[i].segment_size, true, true);
	}
}

static void sends_batches_in_order(void **state)
{
	struct stoq_datapath *from = rig_open("127.0.0.1:0");
	struct stoq_datapath *to = rig_open_with(
		(struct stoq_udp_config){.receive_buffer_bytes = 4 << 20}, "127.0.0.1:0");
	struct stoq_address target = rig_local(to);
	struct stoq_batch datagrams[100];
	uint8_t *bytes = rig_bytes(100000);

	for (unsigned int i = 0; i < 100; i++)
		datagrams[i] = (struct stoq_batch){.remote = target,
			.data = bytes + 1000 * i,
			.size = 1000,
			.segment_size = 500};
	assert_int_equal(stoq_datapath_send(from, datagrams, 100, 0), 100);
	assert_int_equal(rig_expect_bytes(to, bytes, 100000, 500), 200);
	assert_int_equal(rig_counters(from).sent_segments[1], 100);
	assert_int_equal(rig_counters(from).send_calls, 2);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
	free(bytes);
}

static void tells_what_is_too_large(void **state)
{
	struct stoq_datapath *from = rig_open("127.0.0.1:0");
	struct stoq_address target = rig_local(from);
	uint8_t *bytes = rig_bytes(65508);
	struct stoq_datapath_route route;

	assert_int_equal(stoq_datapath_route(from, &target, &route), 0);
	assert_int_equal(route.max_payload_bytes, 65507);
	assert_address(&route.local, &target);
	assert_int_equal(send_one(from, &target, bytes, 65507, 65507, 0), 1);
	assert_int_equal(send_one(from, &target, bytes, 65508, 65508, 0), -EMSGSIZE);
	assert_int_equal(rig_counters(from).too_large, 1);
	assert_int_equal(rig_totals(from).dropped_sending, 1);
	stoq_datapath_close(from);
	free(bytes);
}

static void cuts_what_does_not_fit(void **state)
{
	struct stoq_datapath *from = rig_open("127.0.0.1:0"), *to = rig_open("127.0.0.1:0");
	struct stoq_address target = rig_local(to);
	uint8_t *bytes = rig_bytes(5000);
	struct rig_inbox inbox;
	int received;

	rig_inbox_init(&inbox, 2500);
	/* A single one is of no use; of several, the whole ones are. */
	assert_int_equal(send_one(from, &target, bytes, 2501, 2501, 0), 1);
	assert_int_equal(send_one(from, &target, bytes, 5000, 1000, 0), 1);
	received = rig_receive(to, &inbox);
	assert_int_equal(received, 1);
	assert_int_equal(inbox.datagrams[0].size, 2000);
	assert_int_equal(inbox.datagrams[0].segment_size, 1000);
	assert_memory_equal(inbox.datagrams[0].data, bytes, 2000);
	assert_int_equal(rig_counters(to).truncated, 2);
	assert_int_equal(rig_totals(to).dropped_receiving, 2);
	rig_inbox_free(&inbox);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
	free(bytes);
}

/* It asks for twice as many as last time, if all were there: here for eight from then on. */
static void in_batches(struct stoq_datapath *from, struct stoq_datapath *to,
	const struct stoq_address *target, struct rig_inbox *inbox)
{
	for (int i = 0; i < 7; i++)
		assert_int_equal(send_one(from, target, "x", 1, 1, 0), 1);
	assert_int_equal(rig_receive(to, inbox), 1);
	assert_int_equal(rig_receive(to, inbox), 2);
	assert_int_equal(rig_receive(to, inbox), 4);
}

static void asks_for_what_comes(void **state)
{
	struct stoq_datapath *from = rig_open("127.0.0.1:0"), *to = rig_open("127.0.0.1:0");
	struct stoq_address target = rig_local(to);
	struct rig_inbox inbox;

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	in_batches(from, to, &target, &inbox);
	assert_int_equal(stoq_datapath_receive(to, inbox.datagrams, RIG_BUFFERS, 0), 0);
	/* Buffers that were not in the last, shorter call are as good as new. */
	for (int round = 0; round < 3; round++) {
		in_batches(from, to, &target, &inbox);
		for (int i = 0; i < 4; i++)
			assert_true(inbox.datagrams[i].remote.length == rig_local(from).length);
		assert_int_equal(stoq_datapath_receive(to, inbox.datagrams, RIG_BUFFERS, 0), 0);
	}
	rig_inbox_free(&inbox);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
}

/* GRO is off while datagrams come alone, and on again when they do not. */
static void joins_again(void **state)
{
	struct stoq_datapath *from = rig_open("127.0.0.1:0"), *to = rig_open("127.0.0.1:0");
	struct stoq_address target = rig_local(to);
	short events;
	int fd = stoq_datapath_descriptor(to, &events), on = -1;
	socklen_t length = sizeof(on);
	struct rig_inbox inbox;
	uint8_t *bytes = rig_bytes(64000);

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(send_one(from, &target, bytes, 100, 100, 0), 1);
		assert_int_equal(rig_receive(to, &inbox), 1);
		assert_int_equal(stoq_datapath_receive(to, inbox.datagrams, RIG_BUFFERS, 0), 0);
	}
	assert_int_equal(getsockopt(fd, SOL_UDP, UDP_GRO, &on, &length), 0);
	assert_int_equal(on, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send_one(from, &target, bytes, 64000, 1000, 0), 1);
		rig_expect_bytes(to, bytes, 64000, 1000);
	}
	assert_int_equal(getsockopt(fd, SOL_UDP, UDP_GRO, &on, &length), 0);
	assert_int_equal(on, 1);
	rig_inbox_free(&inbox);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
	free(bytes);
}

static void ignores_empty_ones(void **state)
{
	struct stoq_datapath *from = rig_open("127.0.0.1:0"), *to = rig_open("127.0.0.1:0");
	struct stoq_address target = rig_local(to);
	struct rig_inbox inbox;
	uint8_t *first;
	short events;
	int fd = stoq_datapath_descriptor(from, &events);

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	in_batches(from, to, &target, &inbox);
	first = inbox.datagrams[0].data;
	assert_int_equal(sendto(fd, "", 0, 0, &target.sa, target.length), 0);
	assert_int_equal(send_one(from, &target, "a", 1, 1, 0), 1);
	assert_int_equal(sendto(fd, "", 0, 0, &target.sa, target.length), 0);
	assert_int_equal(send_one(from, &target, "bc", 2, 2, 0), 1);
	assert_int_equal(rig_receive(to, &inbox), 2);
	assert_memory_equal(inbox.datagrams[0].data, "a", 1);
	assert_int_equal(inbox.datagrams[1].size, 2);
	assert_int_equal(rig_counters(to).empty, 2);
	/* No buffer of the caller's got lost. */
	assert_true(first == inbox.datagrams[1].data || first == inbox.datagrams[2].data ||
		    first == inbox.datagrams[3].data);
	rig_inbox_free(&inbox);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
}

static void counts_what_overflowed(void **state)
{
	struct stoq_datapath *from = rig_open("127.0.0.1:0");
	struct stoq_datapath *to = rig_open_with(
		(struct stoq_udp_config){.receive_buffer_bytes = 8192}, "127.0.0.1:0");
	struct stoq_address target = rig_local(to);
	uint8_t *bytes = rig_bytes(1000);
	struct rig_inbox inbox;
	uint64_t received = 0;

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	for (int i = 0; i < 200; i++)
		assert_int_equal(send_one(from, &target, bytes, 1000, 1000, 0), 1);
	while (stoq_datapath_receive(to, inbox.datagrams, RIG_BUFFERS, 0) > 0)
		;
	/* The count comes with the next one that gets through. */
	assert_int_equal(send_one(from, &target, bytes, 1000, 1000, 0), 1);
	assert_int_equal(rig_receive(to, &inbox), 1);
	received = rig_totals(to).received_datagrams;
	assert_true(received < 201);
	assert_int_equal(rig_counters(to).overflows, 201 - received);
	assert_int_equal(rig_totals(to).dropped_receiving, 201 - received);
	rig_inbox_free(&inbox);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
	free(bytes);
}

/* ICMP's errors are counted, and neither stop a receiver nor hit the next packet. */
static void survives_unreachable_ports(void **state)
{
	struct stoq_datapath *from = rig_open("0.0.0.0:0"), *to = rig_open("127.0.0.1:0");
	struct stoq_address target = rig_local(to), closed = target;
	struct stoq_datapath *gone = rig_open("127.0.0.1:0");
	struct pollfd poll_fd;
	struct rig_inbox inbox;

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	closed = rig_local(gone);
	stoq_datapath_close(gone);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send_one(from, &closed, "lost", 4, 4, 0), 1);
		assert_int_equal(send_one(from, &target, "kept", 4, 4, 0), 1);
		assert_int_equal(rig_receive(to, &inbox), 1);
	}
	assert_int_equal(send_one(from, &closed, "lost", 4, 4, 0), 1);
	assert_int_equal(stoq_datapath_receive(from, inbox.datagrams, RIG_BUFFERS, 0), 0);
	assert_int_equal(rig_counters(from).icmp_unreachable, 4);
	poll_fd.fd = stoq_datapath_descriptor(from, &poll_fd.events);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	rig_inbox_free(&inbox);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
}

/* The local error of EMSGSIZE stands in the error queue, too: poll() must not spin on it. */
static void leaves_no_error_behind(void **state)
{
	struct stoq_datapath *from = rig_open("127.0.0.1:0");
	struct stoq_address target = rig_address("127.0.0.1:9");
	uint8_t *bytes = rig_bytes(65508);
	struct pollfd poll_fd;

	assert_int_equal(send_one(from, &target, bytes, 65508, 65508, 0), -EMSGSIZE);
	poll_fd.fd = stoq_datapath_descriptor(from, &poll_fd.events);
	assert_int_equal(poll_fd.events, POLLIN);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	stoq_datapath_close(from);
	free(bytes);
}

static void spreads_over_workers(void **state)
{
	struct stoq_datapath *workers[4], *from = rig_open("127.0.0.1:0");
	char bind[STOQ_ADDRESS_TEXT] = "127.0.0.1:0";
	struct stoq_address target;
	struct rig_inbox inbox;

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	for (uint32_t i = 0; i < 4; i++) {
		struct stoq_udp_config config = {.worker_count = 4, .worker = i};

		workers[i] = rig_open_with(config, bind);
		target = rig_local(workers[0]);
		stoq_address_text(bind, &target);
	}
	for (unsigned int id = 0; id < 256; id += 5) {
		uint8_t short_header[20] = {0x40, (uint8_t)id};
		uint8_t long_header[20] = {0xc0, 0, 0, 0, 1, 8, (uint8_t)id};

		assert_int_equal(send_one(from, &target, short_header, 20, 20, 0), 1);
		assert_int_equal(rig_receive(workers[id % 4], &inbox), 1);
		assert_int_equal(send_one(from, &target, long_header, 20, 20, 0), 1);
		assert_int_equal(rig_receive(workers[id % 4], &inbox), 1);
	}
	/* Too short to have one. */
	assert_int_equal(send_one(from, &target, "\xc0", 1, 1, 0), 1);
	assert_int_equal(rig_receive(workers[0], &inbox), 1);
	for (int i = 0; i < 4; i++)
		stoq_datapath_close(workers[i]);
	stoq_datapath_close(from);
	rig_inbox_free(&inbox);
}

/* A group of sockets is one program's: another one, of any number of workers, finds it taken. */
static void a_port_is_not_shared_with_others(void **state)
{
	static const struct stoq_udp_config others[] = {
		{.worker_count = 1}, {.worker_count = 2}, {.worker_count = 4}};
	struct stoq_datapath *workers[2], *other;
	struct stoq_udp_config config = {.worker_count = 2};
	struct stoq_error error;

	assert_int_equal(stoq_address_parse(&config.bind, "127.0.0.1:0", 0, NULL), 0);
	assert_int_equal(stoq_udp_open(&config, &workers[0], NULL), 0);
	config.bind = rig_local(workers[0]);
	config.worker = 1;
	/* Also before its own others have joined, and after. */
	for (int joined = 0; joined < 2; joined++) {
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
			struct stoq_udp_config second = others[i];

			second.bind = config.bind;
			assert_int_equal(stoq_udp_open(&second, &other, &error), -EADDRINUSE);
			assert_non_null(strstr(error.text, "another program has it"));
		}
		if (!joined)
			assert_int_equal(stoq_udp_open(&config, &workers[1], NULL), 0);
	}
	stoq_datapath_close(workers[0]);
	stoq_datapath_close(workers[1]);
}

static void says_why_it_cannot_bind(void **state)
{
	struct stoq_datapath *first = rig_open("127.0.0.1:0"), *second;
	struct stoq_udp_config config = {.bind = rig_local(first)};
	struct stoq_error error;

	assert_int_equal(stoq_udp_open(&config, &second, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, "ss -ulnp"));
	config.bind = rig_address("192.0.2.1:0");
	assert_int_equal(stoq_udp_open(&config, &second, &error), -EADDRNOTAVAIL);
	assert_non_null(strstr(error.text, "192.0.2.1:0"));
	stoq_datapath_close(first);
}

static void refuses_the_other_family(void **state)
{
	struct stoq_datapath *from = rig_open("127.0.0.1:0");
	struct stoq_address target = rig_address("[::1]:9");
	struct stoq_datapath_route route;

	assert_int_equal(stoq_datapath_route(from, &target, &route), -EAFNOSUPPORT);
	assert_true(send_one(from, &target, "x", 1, 1, 0) < 0);
	stoq_datapath_close(from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(talks_ipv4),
		cmocka_unit_test(talks_ipv6),
		cmocka_unit_test(talks_both),
		cmocka_unit_test(replies_from_the_address_asked),
		cmocka_unit_test(splits_and_joins),
		cmocka_unit_test(sends_batches_in_order),
		cmocka_unit_test(tells_what_is_too_large),
		cmocka_unit_test(cuts_what_does_not_fit),
		cmocka_unit_test(asks_for_what_comes),
		cmocka_unit_test(joins_again),
		cmocka_unit_test(ignores_empty_ones),
		cmocka_unit_test(counts_what_overflowed),
		cmocka_unit_test(survives_unreachable_ports),
		cmocka_unit_test(leaves_no_error_behind),
		cmocka_unit_test(spreads_over_workers),
		cmocka_unit_test(a_port_is_not_shared_with_others),
		cmocka_unit_test(says_why_it_cannot_bind),
		cmocka_unit_test(refuses_the_other_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
