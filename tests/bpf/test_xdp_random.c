// SPDX-License-Identifier: BSD-2-Clause

/* Thousands of frames, made up with everything that can be wrong: program and reference agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "tests/bpf/xdp_rig.h"
#include "tests/unit/nvme/sample_stream.h"
#include "xdp/names.h"

#define CIDS   12
#define FRAMES 20000

static const struct stoq_cid_key key = {{0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull}};

static uint64_t seen[STOQ_XDP_VERDICTS];

/* A few connection IDs, the first half sealed. */
static void make_cids(struct stoq_cid cids[static CIDS], uint32_t *random)
{
	for (int i = 0; i < CIDS; i++) {
		uint64_t value = (uint64_t)sample_random(random) << 32 | sample_random(random);

		cids[i] = i < CIDS / 2 ? xdp_sealed_cid(&key, value)
				       : (struct stoq_cid){value, ~value};
	}
}

/* What an operator or the transport may do in between. */
static void change_something(const struct stoq_cid *cids, uint32_t *random)
{
	static const char *const prefixes[] = {"192.168.0.0/26", "192.168.0.7", "192.168.0.64/27",
		"2001:db8:9::/48", "2001:db8::/32", "::/0", "0.0.0.0/0", "2001:db8:0:0::/64"};
	uint32_t what = sample_random(random) % 12;

	if (what == 0)
		xdp_rig_remove_prefixes(the_xdp_rig);
	else if (what <= 2 && the_xdp_rig->model.allow_count + the_xdp_rig->model.deny_count < 3)
		xdp_rig_add_prefix(the_xdp_rig, what == 1 ? STOQ_XDP_DENIED : STOQ_XDP_ALLOWED,
			prefixes[sample_random(random) % 8]);
	else if (what == 3)
		xdp_rig_end_connection(the_xdp_rig, &cids[sample_random(random) % CIDS],
			sample_random(random) % 2 ? STOQ_XDP_CLOSING : STOQ_XDP_CLOSED, false);
}

static void run_frames(
	uint32_t flags, uint32_t source, uint32_t total, uint32_t unproven, uint32_t seed)
{
	uint8_t frame[XDP_FRAME_MAX];
	struct stoq_cid cids[CIDS];
	uint32_t random = seed;

	xdp_rig_reset(the_xdp_rig);
	xdp_rig_set_flags(the_xdp_rig, flags);
	if (flags & STOQ_XDP_ONE_ADDRESS)
		xdp_rig_set_address(the_xdp_rig, seed % 2 ? "10.0.0.1" : "2001:db8::1");
	xdp_rig_set_key(the_xdp_rig, &key);
	xdp_rig_set_limits(the_xdp_rig, source, total, unproven);
	make_cids(cids, &random);
	for (int i = 0; i < FRAMES; i++) {
		size_t length = xdp_frame_random(frame, XDP_RIG_PORT, cids, CIDS, &random);

		if (sample_random(&random) % 40 == 0)
			change_something(cids, &random);
		seen[xdp_rig_compare(the_xdp_rig, frame, length)]++;
	}
	xdp_rig_compare_state(the_xdp_rig);
}

static void test_sealed(void **state)
{
	(void)state;
	run_frames(STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID, 0, 0, 0, 11);
	run_frames(STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID, 3, 500, 50, 12);
}

static void test_unsealed(void **state)
{
	(void)state;
	run_frames(STOQ_XDP_ACCEPT, 0, 0, 40, 13);
	run_frames(STOQ_XDP_ACCEPT | STOQ_XDP_REDIRECT, 10, 80, 2000, 14);
}

static void test_client(void **state)
{
	(void)state;
	run_frames(STOQ_XDP_CHECK_CID, 0, 0, 20, 15);
	run_frames(0, 5, 5, 5, 16);
}

static void test_one_address(void **state)
{
	(void)state;
	run_frames(STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID | STOQ_XDP_ONE_ADDRESS, 10, 80, 50, 17);
	run_frames(STOQ_XDP_ACCEPT | STOQ_XDP_ONE_ADDRESS, 10, 80, 50, 18);
}

/* If the made-up frames never got somewhere, the comparison says nothing about that. */
static void test_every_verdict_was_seen(void **state)
{
	(void)state;
	for (int i = 0; i < STOQ_XDP_VERDICTS; i++)
		if (seen[i] < 10)
			fail_msg("%s: %llu frames", stoq_xdp_verdict_name(i),
				(unsigned long long)seen[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_unsealed),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_every_verdict_was_seen),
	};

	return cmocka_run_group_tests(tests, xdp_rig_setup, xdp_rig_teardown);
}
