// SPDX-License-Identifier: BSD-2-Clause

/*
 * What no honest peer sends: random frames, frames cut short, lying lengths, streams with bytes
 * changed, segments in any order. Nothing may be dropped or changed (rig_send_frame() asserts
 * that), what was not understood is counted, and an honest connection is followed afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/series_shared.h"
#include "tests/bpf/dialog.h"
#include "tests/unit/nvme/sample_stream.h"

static struct dialog dialog;

/* The program still does its work. */
static void assert_alive(void)
{
	struct stoq_series_staged sum;

	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	dialog_read(&dialog, 1, true);
	rig_series(the_rig, &sum);
	assert_int_equal(sum.series.commands, 2);
	assert_int_equal(sum.series.bytes, 1024 + 4096);
}

static void fill_random(uint8_t *bytes, size_t length, uint32_t *random)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = sample_random(random);
}

static void test_random_frames(void **state)
{
	uint32_t random = 101;
	uint8_t frame[600];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t length = 60 + sample_random(&random) % (sizeof(frame) - 60);

		fill_random(frame, length, &random);
		/* Mostly IP, so that it gets past the first check. */
		if (i % 4) {
			frame[12] = i % 2 ? 0x08 : 0x86;
			frame[13] = i % 2 ? 0x00 : 0xdd;
			frame[14] = i % 2 ? 0x45 : 0x60;
			frame[23] = i % 3 ? 6 : frame[23];
			frame[20] = i % 3 ? 6 : frame[20];
		}
		rig_send_frame(the_rig, frame, length);
	}
	assert_alive();
}

/* Every length of a good frame, from an Ethernet header on. */
static void test_cut_frames(void **state)
{
	uint64_t malformed = rig_counter(the_rig, STOQ_COUNT_MALFORMED);
	struct wire_path path = rig_path();
	uint8_t frame[WIRE_FRAME_MAX], payload[80] = {0};
	struct wire_segment segment = {
		.flags = WIRE_ACK, .payload = payload, .payload_bytes = sizeof(payload)};

	(void)state;
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		size_t length;

		path.ipv6 = ipv6;
		path.vlan_tags = 1;
		path.ip_option_words = 3;
		path.ipv6_extensions = 2;
		length = wire_make(frame, &path, &segment);
		for (size_t cut = 18; cut < length; cut++)
			rig_send_frame(the_rig, frame, cut);
	}
	assert_true(rig_counter(the_rig, STOQ_COUNT_MALFORMED) > malformed + 200);
	assert_alive();
}

static void test_fragments(void **state)
{
	uint64_t fragments = rig_counter(the_rig, STOQ_COUNT_FRAGMENTS);
	struct wire_path path = rig_path();
	uint8_t frame[WIRE_FRAME_MAX], payload[128] = {0, 0, 128};
	struct wire_segment segment = {
		.flags = WIRE_ACK, .payload = payload, .payload_bytes = sizeof(payload)};
	size_t length = wire_make(frame, &path, &segment);

	(void)state;
	rig_clear(the_rig);
	frame[14 + 6] = 0x20; /* more fragments */
	rig_send_frame(the_rig, frame, length);
	frame[14 + 6] = 0;
	frame[14 + 7] = 9; /* offset */
	rig_send_frame(the_rig, frame, length);
	assert_int_equal(rig_counter(the_rig, STOQ_COUNT_FRAGMENTS), fragments + 2);
	assert_int_equal(rig_flow_count(the_rig), 0);
}

static void send_stream(const uint8_t *bytes, size_t length, uint32_t *random)
{
	enum nvme_tcp_side side = sample_random(random) & 1;
	uint32_t base = dialog.sequence[side];

	for (size_t from = 0; from < length;) {
		size_t piece = 1 + sample_random(random) % 1500;

		if (piece > length - from)
			piece = length - from;
		dialog_send_at(&dialog, side, base + (uint32_t)from, bytes + from, piece);
		from += piece;
	}
}

/* Random bytes, and PDUs with a byte changed here and there, on a connection that is followed. */
static void test_random_streams(void **state)
{
	static struct sample_stream sample;
	struct nvme_tcp_format format = {.header_digest = true};
	uint32_t random = 103;

	(void)state;
	for (int i = 0; i < 300; i++) {
		dialog_open(&dialog, the_rig, i % 3 != 0);
		if (i % 2)
			dialog_establish(&dialog, i % 5);
		sample_stream_make(&sample, i & 1, &format, 30, 600, sample_random(&random) | 1);
		if (i % 4 == 0)
			fill_random(sample.bytes, sample.length, &random);
		else
			for (int change = 0; change < i % 7; change++)
				sample.bytes[sample_random(&random) % sample.length] =
					sample_random(&random);
		send_stream(sample.bytes, sample.length, &random);
	}
	assert_alive();
}

/* Segments in random order, some twice, some never. */
static void test_disorder(void **state)
{
	static struct sample_stream sample;
	struct nvme_tcp_format format = {0};
	uint32_t random = 107;

	(void)state;
	for (int round = 0; round < 100; round++) {
		enum nvme_tcp_side side = round & 1;
		uint32_t base;
		struct stoq_flow flow;

		dialog_open(&dialog, the_rig, true);
		dialog_establish(&dialog, 1);
		sample_stream_make(&sample, side, &format, 50, 300, sample_random(&random) | 1);
		base = dialog.sequence[side];
		for (int i = 0; i < 60; i++) {
			size_t from = sample_random(&random) % sample.length;
			size_t length = 1 + sample_random(&random) % 900;

			if (length > sample.length - from)
				length = sample.length - from;
			dialog_send_at(
				&dialog, side, base + (uint32_t)from, sample.bytes + from, length);
		}
		/* After the disorder: back to work within a few PDUs. */
		dialog.sequence[side] += sample.length;
		for (uint16_t cid = 0; cid < 6; cid++)
			dialog_read(&dialog, cid, false);
		assert_true(rig_flow(the_rig, &flow));
		assert_int_equal(flow.side[side].state, STOQ_FLOW_SYNCED);
	}
	assert_alive();
}

/* More commands at once than there is room for: counted, and the table stays as it is. */
static void test_too_many_commands(void **state)
{
	size_t places;
	struct stoq_flow flow;

	(void)state;
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	for (uint32_t cid = 0; cid < 65536; cid++) {
		struct nvme_io_fields fields = dialog_read_fields(cid);

		dialog_command(&dialog, &fields);
		if (dialog.length + 72 > WIRE_PAYLOAD_MAX || cid == 65535)
			dialog_send(&dialog, NVME_TCP_FROM_HOST);
	}
	assert_true(rig_flow(the_rig, &flow));
	places = rig_outstanding(the_rig);
	assert_int_equal(places + flow.side[NVME_TCP_FROM_HOST].untracked, 65536);
	assert_true(places > 60000);
	rig_clear(the_rig);
	assert_alive();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_frames),
		cmocka_unit_test(test_cut_frames),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_random_streams),
		cmocka_unit_test(test_disorder),
		cmocka_unit_test(test_too_many_commands),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
