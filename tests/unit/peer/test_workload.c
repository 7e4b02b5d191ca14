// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/peer/workload.h"

#define DEPTH 4

static const struct peer_workload_config base = {
	.weights = {[PEER_READ] = 1, [PEER_WRITE] = 1},
	.sizes = {{4096, 65536, 4096}},
	.size_count = 1,
	.namespaces = 2,
	.namespace_bytes = 4u << 20,
	.block_bytes = 512,
	.in_capsule_bytes = 8192,
	.seed = 3,
	.verify = true,
	.queue = 1,
	.queues = 2,
};

static void commands_stay_in_their_part(void **state)
{
	uint8_t *pattern = peer_pattern_new();
	struct peer_workload workload;
	unsigned int reads = 0, namespaces = 0;

	assert_int_equal(peer_workload_init(&workload, &base, pattern, DEPTH), 0);
	for (int i = 0; i < 10000; i++) {
		struct peer_pick pick;
		uint64_t first, blocks;

		peer_workload_next(&workload, 0, &pick);
		first = nvme_sqe_slba(&pick.sqe);
		blocks = nvme_sqe_block_count(&pick.sqe);
		assert_int_equal(pick.length, blocks * 512);
		assert_in_range(pick.length, 4096, 65536);
		assert_in_range(first, 4096, 8192 - blocks);
		assert_in_range(nvme_le32(pick.sqe.nsid), 1, 2);
		assert_int_equal(pick.in_capsule, pick.data_out && pick.length <= 8192);
		namespaces |= nvme_le32(pick.sqe.nsid);
		reads += pick.sqe.opcode == NVME_NVM_READ;
	}
	assert_int_equal(namespaces, 3);
	assert_in_range(reads, 4700, 5300);
	peer_workload_free(&workload);
	peer_pattern_free(pattern);
}

static struct nvme_sqe io(uint8_t opcode, uint64_t slba, uint16_t cid)
{
	struct nvme_io_fields fields = {
		.opcode = opcode, .nsid = 1, .slba = slba, .blocks = 8, .cid = cid};

	return nvme_encode_io(&fields);
}

/* What is known follows the order of submissions and completions, not of data. */
static void wrong_data_is_found(void **state)
{
	static const uint8_t zeroes[4096];
	uint8_t *pattern = peer_pattern_new();
	struct peer_workload workload;
	struct nvme_sqe read = io(NVME_NVM_READ, 4096, 1), write = io(NVME_NVM_WRITE, 4096, 2);
	struct peer_pick pick;
	uint8_t other[4096];

	assert_int_equal(peer_workload_init(&workload, &base, pattern, DEPTH), 0);
	peer_workload_next(&workload, 1, &pick); /* submits CID 1 and 2 */
	peer_workload_next(&workload, 2, &pick);
	assert_int_equal(peer_workload_check(&workload, &read, 0, zeroes, 4096), 0);
	peer_workload_done(&workload, &write, true);
	/* The read was on its way before the write had completed. */
	assert_int_equal(peer_workload_check(&workload, &read, 0, zeroes, 4096), 0);
	peer_workload_next(&workload, 1, &pick);
	assert_int_equal(peer_workload_check(&workload, &read, 0, zeroes, 4096), -EILSEQ);
	memcpy(other, pattern + (4096u * 512) % (257u * 4096), 4096);
	assert_int_equal(peer_workload_check(&workload, &read, 0, other, 4096), 0);
	other[4095] ^= 0x10;
	assert_int_equal(peer_workload_check(&workload, &read, 0, other, 4096), -EILSEQ);
	assert_int_equal(peer_workload_check(&workload, &read, 2048, other + 2048, 2047), 0);
	peer_workload_free(&workload);
	peer_pattern_free(pattern);
}

static void sizes_must_fit(void **state)
{
	struct peer_workload_config config = base;
	uint8_t *pattern = peer_pattern_new();
	struct peer_workload workload;

	config.queues = 128;
	assert_int_equal(peer_workload_init(&workload, &config, pattern, DEPTH), -EINVAL);
	peer_pattern_free(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_stay_in_their_part),
		cmocka_unit_test(wrong_data_is_found),
		cmocka_unit_test(sizes_must_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
