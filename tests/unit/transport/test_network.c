// SPDX-License-Identifier: BSD-2-Clause
/* What networks do: loss, reordering, duplicates, damage, other MTUs, other addresses. */
#include "tests/unit/transport/rig.h"

#include "datapath/address.h"
#include "transport/connection.h"

#define TRANSFER_BYTES 2000000

static uint8_t data[TRANSFER_BYTES];

static bool echoed(struct rig *rig)
{
	return rig->client.finished == 1;
}

/* Sends everything to the server, which sends it back; both must have it unharmed. */
static void transfer(struct rig *rig, uint64_t limit_ns)
{
	struct stoq_stream *stream;

	rig->client.hash = rig->server.hash = 0;
	rig->client.received = rig->server.received = 0;
	rig->client.finished = rig->server.finished = 0;
	rig->server.echo = true;
	rig_fill(data, sizeof(data), 0);
	assert_int_equal(stoq_stream_open(rig->client.connection, STOQ_BIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, sizeof(data), STOQ_FINISH), sizeof(data));
	if (!rig_run_until(rig, echoed, limit_ns))
		fail_msg("after %llu ms: server has %llu, client %llu bytes; client '%s' server "
			 "'%s'",
			(unsigned long long)(limit_ns / RIG_MS),
			(unsigned long long)rig->server.received,
			(unsigned long long)rig->client.received, rig->client.close.reason,
			rig->server.close.reason);
	assert_int_equal(rig->server.received, sizeof(data));
	assert_int_equal(rig->client.received, sizeof(data));
	assert_true(rig->server.hash == rig_hash(0, data, sizeof(data)));
	assert_true(rig->client.hash == rig->server.hash);
}

static void check_link(uint64_t seed, const struct stoq_memory_link *link, uint64_t limit_ns)
{
	struct rig rig;

	rig_prepare(&rig, seed);
	rig.client.config.handshake_timeout_ns = 60 * RIG_S;
	rig.server.config.handshake_timeout_ns = 60 * RIG_S;
	rig.client.config.idle_timeout_ns = 120 * RIG_S;
	rig.server.config.idle_timeout_ns = 120 * RIG_S;
	rig_start(&rig);
	rig_set_link(&rig, link);
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, rig_both_connected, 60 * RIG_S));
	transfer(&rig, limit_ns);
	rig_stop(&rig);
}

static void test_clean_links(void **state)
{
	check_link(1, &(struct stoq_memory_link){.delay_ns = RIG_MS}, 10 * RIG_S);
	check_link(2, &(struct stoq_memory_link){.delay_ns = 50 * RIG_MS}, 60 * RIG_S);
}

static void test_loss(void **state)
{
	static const uint32_t percent[] = {1, 5, 10, 20, 30};

	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		const struct stoq_memory_link link = {
			.loss_ppm = percent[i] * 10000, .delay_ns = RIG_MS};

		check_link(10 + i, &link, 600 * RIG_S);
	}
}

static void test_reordering_and_duplicates(void **state)
{
	const struct stoq_memory_link link = {
		.delay_ns = RIG_MS,
		.jitter_ns = RIG_MS,
		.reorder_ppm = 50000,
		.reorder_ns = 3 * RIG_MS,
		.duplicate_ppm = 50000,
	};

	check_link(20, &link, 60 * RIG_S);
}

static void test_damage(void **state)
{
	const struct stoq_memory_link link = {.delay_ns = RIG_MS, .corrupt_ppm = 20000};

	check_link(30, &link, 120 * RIG_S);
}

static void test_bottleneck_with_marks(void **state)
{
	const struct stoq_memory_link link = {
		.delay_ns = 5 * RIG_MS,
		.bytes_per_second = 12500000,
		.queue_bytes = 200000,
		.ce_queue_bytes = 100000,
	};

	check_link(40, &link, 60 * RIG_S);
}

static void test_refusing_queue(void **state)
{
	const struct stoq_memory_link link = {
		.delay_ns = RIG_MS,
		.bytes_per_second = 50000000,
		.queue_bytes = 100000,
		.queue_refuses = true,
	};

	check_link(41, &link, 60 * RIG_S);
}

static void test_congestion_controls(void **state)
{
	static const enum stoq_congestion_control all[] = {STOQ_CUBIC, STOQ_BBR, STOQ_RENO};

	for (size_t i = 0; i < 3; i++) {
		const struct stoq_memory_link link = {.delay_ns = RIG_MS, .loss_ppm = 10000};
		struct rig rig;

		rig_prepare(&rig, 50 + i);
		rig.client.config.congestion_control = all[i];
		rig.server.config.congestion_control = all[i];
		rig.client.config.pacing = i != 2;
		rig_start(&rig);
		rig_set_link(&rig, &link);
		rig_connected(&rig);
		transfer(&rig, 120 * RIG_S);
		rig_stop(&rig);
	}
}

/* ---- pacing ---- */

/* What some transfers take with BBR over a link with a queue of 1 MB. */
static uint64_t time_of(uint64_t delay_ns, uint64_t bytes_per_second, bool pacing)
{
	const struct stoq_memory_link link = {
		.delay_ns = delay_ns, .bytes_per_second = bytes_per_second, .queue_bytes = 1000000};
	struct rig rig;
	uint64_t began_ns;

	rig_prepare(&rig, 55);
	rig.client.config.pacing = rig.server.config.pacing = pacing;
	rig.client.config.congestion_control = rig.server.config.congestion_control = STOQ_BBR;
	rig_start(&rig);
	rig_set_link(&rig, &link);
	rig_connected(&rig);
	began_ns = rig.now_ns;
	for (int i = 0; i < 2; i++)
		transfer(&rig, 10 * RIG_S);
	began_ns = rig.now_ns - began_ns;
	rig_stop(&rig);
	return began_ns;
}

static void test_round_trips_shorter_than_a_burst_are_not_paced(void **state)
{
	/* 1.x takes no time in the past: stoq_ngtcp2_sent_at(). */
	if (NGTCP2_VERSION_NUM >= 0x010000)
		return;
	assert_int_equal(
		time_of(RIG_MS / 4, 4000000000, true), time_of(RIG_MS / 4, 4000000000, false));
}

static void test_long_round_trips_are_paced(void **state)
{
	/* What leaves at once is lost in the queue. */
	assert_true(time_of(20 * RIG_MS, 100000000, true) < time_of(20 * RIG_MS, 100000000, false));
}

/* What went over the short path unpaced is not waited for when the path becomes long. */
static void test_a_path_becomes_long(void **state)
{
	struct stoq_memory_link link = {
		.delay_ns = RIG_MS / 4, .bytes_per_second = 1000000000, .queue_bytes = 300000};
	struct rig rig;
	uint64_t began_ns;

	rig_prepare(&rig, 56);
	rig_start(&rig);
	rig_set_link(&rig, &link);
	rig_connected(&rig);
	for (int i = 0; i < 30; i++)
		transfer(&rig, 10 * RIG_S);
	link.delay_ns = 20 * RIG_MS;
	rig_set_link(&rig, &link);
	began_ns = rig.now_ns;
	transfer(&rig, 10 * RIG_S);
	/* A few round trips, since the window is open; it would be 680 ms. */
	assert_true(rig.now_ns - began_ns < 400 * RIG_MS);
	rig_stop(&rig);
}

/* ---- packet sizes ---- */

static uint32_t size_of(const struct stoq_connection *connection)
{
	struct stoq_connection_info info;

	stoq_connection_info(connection, &info);
	return info.max_udp_payload_bytes;
}

static void test_packets_grow_to_jumbo(void **state)
{
	const struct stoq_memory_link link = {
		.delay_ns = RIG_MS, .interface_max_bytes = 8952, .path_max_bytes = 8952};
	struct rig rig;

	rig_prepare(&rig, 60);
	rig_start(&rig);
	rig_set_link(&rig, &link);
	rig_connected(&rig);
	rig_run(&rig, RIG_S);
	/* Nobody has said anything: nobody needs more. */
	assert_int_equal(size_of(rig.client.connection), 1200);
	assert_int_equal(size_of(rig.server.connection), 1200);
	transfer(&rig, 10 * RIG_S);
	assert_in_range(size_of(rig.client.connection), 8936, 8952);
	assert_in_range(size_of(rig.server.connection), 8936, 8952);
	rig_stop(&rig);
}

static void test_path_smaller_than_interface(void **state)
{
	const struct stoq_memory_link link = {
		.delay_ns = RIG_MS, .interface_max_bytes = 8952, .path_max_bytes = 1452};
	struct rig rig;

	rig_prepare(&rig, 61);
	rig_start(&rig);
	rig_set_link(&rig, &link);
	rig_connected(&rig);
	transfer(&rig, 60 * RIG_S);
	rig_run(&rig, 10 * RIG_S);
	assert_in_range(size_of(rig.client.connection), 1436, 1452);
	rig_stop(&rig);
}

static void test_mtu_drops_meanwhile(void **state)
{
	struct stoq_memory_link link = {
		.delay_ns = RIG_MS, .interface_max_bytes = 8952, .path_max_bytes = 8952};
	struct rig rig;

	rig_prepare(&rig, 62);
	rig_start(&rig);
	rig_set_link(&rig, &link);
	rig_connected(&rig);
	transfer(&rig, 10 * RIG_S);
	link.path_max_bytes = 1300;
	rig_set_link(&rig, &link);
	transfer(&rig, 60 * RIG_S);
	assert_true(size_of(rig.client.connection) <= 1300);
	/* The interface itself says no. */
	link.interface_max_bytes = 1250;
	link.path_max_bytes = 1250;
	rig_set_link(&rig, &link);
	transfer(&rig, 60 * RIG_S);
	assert_true(size_of(rig.server.connection) <= 1250);
	rig_stop(&rig);
}

/* ---- keys and addresses ---- */

static void test_key_updates(void **state)
{
	struct stoq_connection_info info;
	struct rig rig;

	rig_prepare(&rig, 70);
	rig_start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	rig_connected(&rig);
	transfer(&rig, 10 * RIG_S);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(stoq_connection_update_keys(rig.client.connection), 0);
		assert_int_equal(stoq_connection_update_keys(rig.client.connection), -EAGAIN);
		transfer(&rig, 10 * RIG_S);
		rig_run(&rig, RIG_S);
	}
	stoq_connection_info(rig.server.connection, &info);
	assert_int_equal(info.key_updates, 20);
	rig_stop(&rig);
}

/* What happens every 2^23 packets happens after 64 here. */
static void test_automatic_key_updates(void **state)
{
	struct stoq_connection_info info;
	struct rig rig;

	rig_prepare(&rig, 71);
	rig.client.config.key_update_packets = 500;
	rig_start(&rig);
	rig_set_link(
		&rig, &(struct stoq_memory_link){
			      .delay_ns = RIG_MS, .interface_max_bytes = 1452, .loss_ppm = 1000});
	rig_connected(&rig);
	for (int i = 0; i < 5; i++)
		transfer(&rig, 60 * RIG_S);
	stoq_connection_info(rig.client.connection, &info);
	assert_true(info.key_updates >= 5);
	rig_stop(&rig);
}

static void test_nat_rebinding(void **state)
{
	struct stoq_address outside;
	struct rig rig;

	rig_prepare(&rig, 80);
	rig_start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	rig_connected(&rig);
	transfer(&rig, 10 * RIG_S);
	assert_int_equal(stoq_address_parse(&outside, "198.51.100.7:7777", 0, NULL), 0);
	stoq_memory_set_outside(rig.client.datapath, &outside);
	transfer(&rig, 10 * RIG_S);
	assert_true(rig_metrics(&rig.server).migrations >= 1);
	rig_stop(&rig);
}

static void test_migration(void **state)
{
	struct stoq_address other;
	struct stoq_connection_info info;
	struct rig rig;

	rig_prepare(&rig, 81);
	rig_start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	rig_connected(&rig);
	transfer(&rig, 10 * RIG_S);
	assert_int_equal(stoq_address_parse(&other, "192.0.2.77:50000", 0, NULL), 0);
	assert_int_equal(stoq_memory_add_address(rig.client.datapath, &other), 0);
	assert_int_equal(
		stoq_connection_migrate(rig.client.connection, &other.sa, other.length), 0);
	transfer(&rig, 10 * RIG_S);
	stoq_connection_info(rig.server.connection, &info);
	assert_memory_equal(&info.remote, &other.sa, other.length);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_links),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_reordering_and_duplicates),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_bottleneck_with_marks),
		cmocka_unit_test(test_refusing_queue),
		cmocka_unit_test(test_congestion_controls),
		cmocka_unit_test(test_round_trips_shorter_than_a_burst_are_not_paced),
		cmocka_unit_test(test_long_round_trips_are_paced),
		cmocka_unit_test(test_a_path_becomes_long),
		cmocka_unit_test(test_packets_grow_to_jumbo),
		cmocka_unit_test(test_path_smaller_than_interface),
		cmocka_unit_test(test_mtu_drops_meanwhile),
		cmocka_unit_test(test_key_updates),
		cmocka_unit_test(test_automatic_key_updates),
		cmocka_unit_test(test_nat_rebinding),
		cmocka_unit_test(test_migration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
