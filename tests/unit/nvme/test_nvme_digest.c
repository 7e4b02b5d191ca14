// SPDX-License-Identifier: BSD-2-Clause
#include "nvme/nvme_digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BUFFER_BYTES 20000

static uint8_t buffer[BUFFER_BYTES];

static void fill_buffer(void)
{
	uint32_t x = 2463534242u;

	for (size_t i = 0; i < sizeof(buffer); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		buffer[i] = (uint8_t)x;
	}
}

/* RFC 3720, B.4. */
static void check_rfc_3720(uint32_t (*update)(uint32_t, const void *, size_t))
{
	static const uint8_t read_pdu[48] = {
		0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, 0x28, [40] = 0x02};
	uint8_t data[32];

	memset(data, 0, sizeof(data));
	assert_int_equal(~update(NVME_CRC32C_INIT, data, 32), 0x8a9136aau);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(~update(NVME_CRC32C_INIT, data, 32), 0x62a8ab43u);
	for (int i = 0; i < 32; i++)
		data[i] = i;
	assert_int_equal(~update(NVME_CRC32C_INIT, data, 32), 0x46dd794eu);
	for (int i = 0; i < 32; i++)
		data[i] = 31 - i;
	assert_int_equal(~update(NVME_CRC32C_INIT, data, 32), 0x113fdb5cu);
	assert_int_equal(~update(NVME_CRC32C_INIT, read_pdu, 48), 0xd9963a56u);
}

static void test_known_vectors(void **state)
{
	check_rfc_3720(nvme_crc32c_update);
	for (size_t i = 0; i < nvme_crc32c_way_count; i++) {
		if (nvme_crc32c_ways[i].usable())
			check_rfc_3720(nvme_crc32c_ways[i].update);
		else
			print_message("not on this processor: %s\n", nvme_crc32c_ways[i].name);
	}
	assert_int_equal(nvme_crc32c("123456789", 9), 0xe3069283u);
	assert_int_equal(nvme_crc32c("", 0), 0);
}

/* Lengths around all borders of the lanes, at every alignment. */
static void test_all_ways_agree(void **state)
{
	static const size_t lengths[] = {0, 1, 7, 8, 9, 63, 503, 504, 505, 511, 512, 1008, 1520,
		4079, 4080, 4081, 4096, 4583, 4584, 8160, 8192, 12345, BUFFER_BYTES - 8};
	const struct nvme_crc32c_way *table = &nvme_crc32c_ways[nvme_crc32c_way_count - 1];

	fill_buffer();
	for (size_t way = 0; way < nvme_crc32c_way_count; way++) {
		if (!nvme_crc32c_ways[way].usable())
			continue;
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			const uint8_t *data = buffer + i % 8;
			uint32_t seed = 0x9e3779b9u * (uint32_t)(i + 1);

			assert_int_equal(nvme_crc32c_ways[way].update(seed, data, lengths[i]),
				table->update(seed, data, lengths[i]));
		}
	}
}

static void test_pieces_give_the_same_as_the_whole(void **state)
{
	uint32_t whole;

	fill_buffer();
	whole = nvme_crc32c(buffer, 10000);
	for (size_t piece = 1; piece < 10000; piece = piece * 2 + 1) {
		uint32_t crc = NVME_CRC32C_INIT;

		for (size_t at = 0; at < 10000; at += piece)
			crc = nvme_crc32c_update(
				crc, buffer + at, at + piece > 10000 ? 10000 - at : piece);
		assert_int_equal(nvme_crc32c_final(crc), whole);
	}
}

static void test_store_and_load(void **state)
{
	uint8_t wire[4];

	nvme_digest_store(wire, 0x8a9136aau);
	assert_memory_equal(wire, ((uint8_t[]){0xaa, 0x36, 0x91, 0x8a}), 4);
	assert_int_equal(nvme_digest_load(wire), 0x8a9136aau);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_vectors),
		cmocka_unit_test(test_all_ways_agree),
		cmocka_unit_test(test_pieces_give_the_same_as_the_whole),
		cmocka_unit_test(test_store_and_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
