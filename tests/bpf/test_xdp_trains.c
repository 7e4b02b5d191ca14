// SPDX-License-Identifier: BSD-2-Clause
/*
 * Super-packets at tc ingress: each datagram has the verdict, and counts, as if it had come alone;
 * the packet is dropped if all of them are to be, and those that are to be are no QUIC any more if it passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/xdp_rig.h"
#include "tests/unit/nvme/sample_stream.h"

#define SEGMENT	    27 /* the most of them fit into what BPF_PROG_TEST_RUN takes, a page */
#define MOST	    128
#define ROUNDS	    3000
#define CONNECTIONS 4

static const struct stoq_cid_key key = {{0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull}};

struct train {
	struct xdp_path path;
	uint8_t payload[MOST * SEGMENT];
	size_t bytes;
	bool passes[MOST]; /* alone */
};

static void start(void)
{
	xdp_rig_reset(the_xdp_rig);
	xdp_rig_set_flags(the_xdp_rig, STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID);
	xdp_rig_set_key(the_xdp_rig, &key);
	xdp_rig_set_limits(the_xdp_rig, 0, 0, 3);
}

/* A datagram with a sealed connection ID, with one whose seal is wrong, or no QUIC. */
static void make_datagram(uint8_t *bytes, size_t size, uint32_t *random)
{
	uint32_t what = sample_random(random) % 8;
	struct stoq_cid cid = xdp_sealed_cid(&key, 0x1000 + sample_random(random) % CONNECTIONS);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)sample_random(random);
	if (what == 0)
		return;
	if (what == 1)
		cid.tag ^= 1;
	xdp_quic_make_short(bytes, &cid, size);
}

static void make_train(struct train *train, uint32_t *random)
{
	unsigned int count = 1 + sample_random(random) % MOST;
	size_t last = 1 + sample_random(random) % SEGMENT;

	*train = (struct train){.path = {.ipv6 = sample_random(random) % 2,
					.vlan_tags = (uint8_t)(sample_random(random) % 2),
					.source = 0xc0a80001 + sample_random(random) % 3,
					.source_port = 5000,
					.port = XDP_RIG_PORT}};
	for (unsigned int i = 0; i < count; i++) {
		size_t size = i + 1 == count ? last : SEGMENT;

		make_datagram(train->payload + train->bytes, size, random);
		train->bytes += size;
		train->passes[i] = true;
	}
}

/* One by one. Does any pass? */
static bool run_singly(struct train *train)
{
	uint8_t frame[XDP_FRAME_MAX];
	bool passes = false;

	for (size_t at = 0; at < train->bytes; at += SEGMENT) {
		size_t size = train->bytes - at < SEGMENT ? train->bytes - at : SEGMENT;
		size_t length = xdp_frame_make(frame, &train->path, train->payload + at, size);

		train->passes[at / SEGMENT] =
			xdp_rig_compare(the_xdp_rig, frame, length) < STOQ_XDP_FIRST_DROP;
		passes |= train->passes[at / SEGMENT];
	}
	return passes;
}

/* Good datagrams arrive as they were sent; of bad ones the first byte is gone. */
static void check_what_passed(const struct train *train, const uint8_t *frame, size_t length)
{
	const uint8_t *payload = frame + length - train->bytes;
	uint8_t expected[MOST * SEGMENT];

	memcpy(expected, train->payload, train->bytes);
	for (size_t at = 0; at < train->bytes; at += SEGMENT)
		if (!train->passes[at / SEGMENT])
			expected[at] = 0;
	assert_memory_equal(payload, expected, train->bytes);
}

static int run_together(const struct train *train)
{
	uint8_t frame[XDP_FRAME_MAX];
	size_t length = xdp_frame_make(frame, &train->path, train->payload, train->bytes);
	int passes = xdp_rig_run_train(the_xdp_rig, frame, length, SEGMENT);

	if (passes)
		check_what_passed(train, frame, length);
	return passes;
}

static struct stoq_xdp_stats added(const struct stoq_xdp_stats *before)
{
	struct stoq_xdp_stats now;
	uint64_t *words = (uint64_t *)&now;

	assert_int_equal(stoq_xdp_stats_sum(&the_xdp_rig->maps, &now), 0);
	for (size_t i = 0; i < sizeof(now) / sizeof(*words); i++)
		words[i] -= ((const uint64_t *)before)[i];
	return now;
}

static void test_as_if_alone(void **state)
{
	struct stoq_xdp_stats before, singly, together;
	uint32_t random = 5, dropped = 0;
	struct train train;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		bool passes;

		make_train(&train, &random);
		start();
		before = the_xdp_rig->stats;
		passes = run_singly(&train);
		singly = added(&before);
		start();
		before = the_xdp_rig->stats;
		assert_int_equal(run_together(&train), passes);
		together = added(&before);
		assert_memory_equal(&singly, &together, sizeof(singly));
		dropped += !passes;
	}
	assert_in_range(dropped, 10, ROUNDS - 10);
}

/* A guest can put more datagrams into a packet than Linux does: none of them gets through unseen. */
static void test_too_many(void **state)
{
	struct xdp_path path = {.source = 0xc0a80001, .source_port = 5000, .port = XDP_RIG_PORT};
	struct stoq_cid cid = xdp_sealed_cid(&key, 1);
	uint8_t payload[129 * SEGMENT], frame[XDP_FRAME_MAX];
	struct stoq_xdp_stats before, now;

	(void)state;
	start();
	for (size_t i = 0; i < 129; i++)
		xdp_quic_make_short(payload + i * SEGMENT, &cid, SEGMENT);
	for (size_t count = 128; count <= 129; count++) {
		size_t length = xdp_frame_make(frame, &path, payload, count * SEGMENT);

		before = the_xdp_rig->stats;
		assert_int_equal(
			xdp_rig_run_train(the_xdp_rig, frame, length, SEGMENT), count == 128);
		now = added(&before);
		assert_int_equal(
			now.verdicts[STOQ_XDP_PASS_ESTABLISHED].packets, count == 128 ? 128 : 0);
		assert_int_equal(now.verdicts[STOQ_XDP_DROP_LENGTH].packets, count == 129);
	}
}

/* Not for our port, a fragment, lengths that do not fit: one verdict for all of it. */
static void test_not_taken_apart(void **state)
{
	struct stoq_xdp_stats before, now;
	struct train train;
	uint32_t random = 9;

	(void)state;
	for (int i = 0; i < 3; i++) {
		do
			make_train(&train, &random);
		while (train.bytes < 3 * SEGMENT || train.path.ipv6);
		train.path.port = i == 0 ? 1 : XDP_RIG_PORT;
		train.path.fragment = i == 1;
		train.path.udp_length_lie = i == 2 ? 100 : 0;
		start();
		before = the_xdp_rig->stats;
		assert_int_equal(run_together(&train), i != 2);
		now = added(&before);
		assert_int_equal(now.verdicts[i == 0   ? STOQ_XDP_PASS_OTHER
					      : i == 1 ? STOQ_XDP_PASS_FRAGMENT
						       : STOQ_XDP_DROP_LENGTH]
					 .packets,
			1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_if_alone),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_not_taken_apart),
	};

	setenv("XDP_RIG_TC", "1", 1);
	return cmocka_run_group_tests(tests, xdp_rig_setup, xdp_rig_teardown);
}
