// SPDX-License-Identifier: BSD-2-Clause
/* pcapng files, made up: sections of either byte order, interfaces that differ, blocks that are unknown or damaged. */
#include <byteswap.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/pcapng.h"

#define SECOND 1000000000ull

struct pcapng_file {
	uint8_t bytes[1 << 20];
	size_t length, begun; /* where the block at hand begins */
	bool swapped;
};

static void put32(struct pcapng_file *file, uint32_t value)
{
	if (file->swapped)
		value = bswap_32(value);
	memcpy(&file->bytes[file->length], &value, sizeof(value));
	file->length += sizeof(value);
}

static void put16s(struct pcapng_file *file, uint16_t one, uint16_t other)
{
	put32(file, file->swapped ? (uint32_t)one << 16 | other : (uint32_t)other << 16 | one);
}

static void put64(struct pcapng_file *file, uint64_t value)
{
	put32(file, (uint32_t)(file->swapped ? value >> 32 : value));
	put32(file, (uint32_t)(file->swapped ? value : value >> 32));
}

static void begin(struct pcapng_file *file, uint32_t type)
{
	file->begun = file->length;
	put32(file, type);
	put32(file, 0);
}

static void end(struct pcapng_file *file)
{
	uint32_t total = (uint32_t)(file->length + 4 - file->begun);
	size_t length = file->length;

	put32(file, total);
	file->length = file->begun + 4;
	put32(file, total);
	file->length = length + 4;
}

static void section(struct pcapng_file *file, bool swapped)
{
	file->swapped = swapped;
	begin(file, 0x0a0d0d0a);
	put32(file, 0x1a2b3c4d);
	put16s(file, 1, 0);
	put64(file, UINT64_MAX);
	end(file);
}

/* resolution: 0: the one of old, microseconds. */
static void interface(
	struct pcapng_file *file, uint16_t link, uint32_t snap, uint8_t resolution, int64_t offset)
{
	begin(file, 1);
	put16s(file, link, 0);
	put32(file, snap);
	if (resolution) {
		put16s(file, 9, 1);
		file->bytes[file->length] = resolution;
		memset(&file->bytes[file->length + 1], 0, 3);
		file->length += 4;
	}
	put16s(file, 14, 8);
	put64(file, (uint64_t)offset);
	put32(file, 0);
	end(file);
}

static void data(struct pcapng_file *file, uint32_t captured)
{
	memset(&file->bytes[file->length], (int)captured, (captured + 3) & ~3u);
	file->length += (captured + 3) & ~3u;
}

static void packet(struct pcapng_file *file, uint32_t interface, uint64_t stamp, uint32_t captured)
{
	begin(file, 6);
	put32(file, interface);
	put32(file, (uint32_t)(stamp >> 32));
	put32(file, (uint32_t)stamp);
	put32(file, captured);
	put32(file, 1000);
	data(file, captured);
	end(file);
}

static struct stoq_pcapng *open_file(struct pcapng_file *file, FILE **stream)
{
	struct stoq_pcapng *pcapng;
	struct stoq_error error;

	*stream = fmemopen(file->bytes, file->length, "rb");
	assert_int_equal(stoq_pcapng_open(&pcapng, *stream, &error), 0);
	return pcapng;
}

static void expect(struct stoq_pcapng *pcapng, int link, uint64_t time_ns, uint32_t captured)
{
	struct stoq_pcapng_packet packet;
	struct stoq_error error;

	assert_int_equal(stoq_pcapng_next(pcapng, &packet, &error), 1);
	assert_int_equal(packet.link, link);
	assert_int_equal(packet.timed, time_ns != 0);
	if (time_ns)
		assert_int_equal(packet.time_ns, time_ns);
	assert_int_equal(packet.captured, captured);
	for (uint32_t i = 0; i < captured; i++)
		assert_int_equal(packet.bytes[i], (uint8_t)captured);
}

static void expect_end(struct stoq_pcapng *pcapng, FILE *stream, int result)
{
	struct stoq_pcapng_packet packet;
	struct stoq_error error;

	assert_int_equal(stoq_pcapng_next(pcapng, &packet, &error), result);
	stoq_pcapng_free(pcapng);
	fclose(stream);
}

static void expect_flaw(struct pcapng_file *file, int result)
{
	FILE *stream;
	struct stoq_pcapng *pcapng = open_file(file, &stream);

	expect_end(pcapng, stream, result);
}

/* Their interfaces are numbered from 0 in each, and have link type, snap length, resolution and zero of their own. */
static void test_sections_and_interfaces(void **state)
{
	static struct pcapng_file file;
	struct stoq_pcapng *pcapng;
	FILE *stream;

	for (int order = 0; order < 2; order++) {
		file.length = 0;
		section(&file, order);
		interface(&file, 1, 0, 0, 0);
		interface(&file, 113, 96, 9, 0);
		packet(&file, 0, 1700000000000001, 60);
		packet(&file, 1, 1700000000 * SECOND + 7, 61);
		section(&file, !order);
		interface(&file, 276, 65535, 0x80 | 10, -5);
		packet(&file, 0, 1700000000ull << 10 | 512, 63);
		pcapng = open_file(&file, &stream);
		expect(pcapng, 1, 1700000000 * SECOND + 1000, 60);
		expect(pcapng, 113, 1700000000 * SECOND + 7, 61);
		expect(pcapng, 276, 1699999995 * SECOND + 500000000, 63);
		expect_end(pcapng, stream, 0);
	}
}

/* Blocks that are not known are stepped over, whatever their size; so are bytes beyond what a packet may have. */
static void test_other_blocks(void **state)
{
	static struct pcapng_file file;
	struct stoq_pcapng *pcapng;
	FILE *stream;

	file.length = 0;
	section(&file, false);
	begin(&file, 0x40000bad);
	data(&file, 300000);
	end(&file);
	interface(&file, 1, 50, 9, 0);
	begin(&file, 3); /* simple: as much as the snap length has */
	put32(&file, 1000);
	data(&file, 50);
	end(&file);
	begin(&file, 2); /* the obsolete one */
	put16s(&file, 0, 0);
	put64(&file, 0x0000000500000000); /* the high half comes first */
	put32(&file, 8);
	put32(&file, 8);
	data(&file, 8);
	end(&file);
	packet(&file, 0, 1, 300000);
	packet(&file, 0, 2, 4);
	pcapng = open_file(&file, &stream);
	expect(pcapng, 1, 0, 50);
	expect(pcapng, 1, 5, 8);
	{
		struct stoq_pcapng_packet large;

		assert_int_equal(stoq_pcapng_next(pcapng, &large, NULL), 1);
		assert_int_equal(large.captured, 256 << 10);
		assert_int_equal(large.length, 1000);
	}
	expect(pcapng, 1, 2, 4);
	expect_end(pcapng, stream, 0);
}

static void test_damaged(void **state)
{
	static struct pcapng_file file;
	struct stoq_pcapng *pcapng;
	struct stoq_error error;
	size_t first;
	FILE *stream;

	file.length = 0;
	section(&file, false);
	first = file.length;
	for (size_t length = 1; length < first; length++) {
		stream = fmemopen(file.bytes, length, "rb");
		assert_int_equal(stoq_pcapng_open(&pcapng, stream, &error), -EPROTO);
		fclose(stream);
	}
	packet(&file, 0, 1, 8); /* of an interface that is not there */
	expect_flaw(&file, -EPROTO);
	file.length = first;
	interface(&file, 1, 0, 20, 0); /* 10^-20 s */
	expect_flaw(&file, -EPROTO);
	file.length = first;
	interface(&file, 1, 0, 9, 0);
	packet(&file, 0, 1, 8);
	file.bytes[file.length - 4] ^= 4; /* the second length */
	expect_flaw(&file, -EPROTO);
	file.length--;
	expect_flaw(&file, -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections_and_interfaces),
		cmocka_unit_test(test_other_blocks),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
