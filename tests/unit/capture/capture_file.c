// SPDX-License-Identifier: BSD-2-Clause
#include "capture_file.h"

#include <byteswap.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>

/* https://www.tcpdump.org/linktypes.html */
enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_SLL2 = 276,
};

static bool is_swapped(const struct capture_file *file)
{
	return file->form == CAPTURE_MICROSECONDS_SWAPPED ||
	       file->form == CAPTURE_NANOSECONDS_SWAPPED;
}

static void put32(struct capture_file *file, uint32_t value)
{
	if (is_swapped(file))
		value = bswap_32(value);
	fwrite(&value, sizeof(value), 1, file->stream);
}

static void put16(struct capture_file *file, uint16_t value)
{
	if (is_swapped(file))
		value = bswap_16(value);
	fwrite(&value, sizeof(value), 1, file->stream);
}

/* Section header, and one interface with nanoseconds (if_tsresol 9). */
static void begin_ng(struct capture_file *file)
{
	put32(file, 0x0a0d0d0a);
	put32(file, 28);
	put32(file, 0x1a2b3c4d);
	put32(file, 1);
	put32(file, UINT32_MAX);
	put32(file, UINT32_MAX);
	put32(file, 28);
	put32(file, 1);
	put32(file, 32);
	put16(file, (uint16_t)file->link);
	put16(file, 0);
	put32(file, 0); /* no limit */
	put16(file, 9);
	put16(file, 1);
	put32(file, 9);
	put32(file, 0);
	put32(file, 32);
}

void capture_file_begin(struct capture_file *file, enum capture_form form, int link, uint32_t snap)
{
	*file = (struct capture_file){.form = form, .link = link, .snap = snap};
	file->stream = open_memstream(&file->bytes, &file->length);
	if (!file->stream)
		abort();
	if (form == CAPTURE_NG) {
		begin_ng(file);
		return;
	}
	put32(file, form == CAPTURE_NANOSECONDS || form == CAPTURE_NANOSECONDS_SWAPPED
			    ? 0xa1b23c4d
			    : 0xa1b2c3d4);
	put16(file, 2);
	put16(file, 4);
	put32(file, 0);
	put32(file, 0);
	put32(file, snap ? snap : 262144);
	put32(file, (uint32_t)link);
}

/* What stands before `protocol` and what follows it in the frame; how many bytes were written. */
static size_t put_link(int link, uint8_t *out, const uint8_t *protocol)
{
	uint8_t zeros[24] = {0};
	bool ipv6 = protocol[0] == 0x86;

	switch (link) {
	case LINK_SLL: /* the protocol comes last */
		memcpy(zeros + 14, protocol, 2);
		memcpy(out, zeros, 16);
		return 16;
	case LINK_SLL2: /* the protocol comes first */
		memcpy(zeros, protocol, 2);
		memcpy(out, zeros, 20);
		return 20;
	case LINK_NULL:
	case LINK_LOOP:
		zeros[link == LINK_NULL ? 0 : 3] = ipv6 ? 30 : 2;
		memcpy(out, zeros, 4);
		return 4;
	default:
		return 0;
	}
}

static void put_header(struct capture_file *file, size_t kept, size_t length, uint64_t time_ns)
{
	bool nanoseconds =
		file->form == CAPTURE_NANOSECONDS || file->form == CAPTURE_NANOSECONDS_SWAPPED;

	if (file->form == CAPTURE_NG) {
		put32(file, 6);
		put32(file, (uint32_t)(32 + ((kept + 3) & ~3ul)));
		put32(file, 0);
		put32(file, (uint32_t)(time_ns >> 32));
		put32(file, (uint32_t)time_ns);
	} else {
		put32(file, (uint32_t)(time_ns / 1000000000));
		put32(file, (uint32_t)(time_ns % 1000000000 / (nanoseconds ? 1 : 1000)));
	}
	put32(file, (uint32_t)kept);
	put32(file, (uint32_t)length);
}

void capture_file_add(
	struct capture_file *file, const uint8_t *frame, size_t length, uint64_t time_ns)
{
	uint8_t packet[WIRE_FRAME_MAX + 32];
	size_t kept, ethernet = 2 * ETH_ALEN;

	if (file->link == LINK_ETHERNET) {
		memcpy(packet, frame, length);
	} else {
		size_t front = put_link(file->link, packet, frame + ethernet);

		memcpy(packet + front, frame + ethernet + 2, length - ethernet - 2);
		length += front - ethernet - 2;
	}
	kept = file->snap && file->snap < length ? file->snap : length;
	put_header(file, kept, length, time_ns);
	fwrite(packet, kept, 1, file->stream);
	if (file->form != CAPTURE_NG)
		return;
	fwrite("\0\0\0", (4 - kept % 4) % 4, 1, file->stream);
	put32(file, (uint32_t)(32 + ((kept + 3) & ~3ul)));
}

void capture_file_end(struct capture_file *file)
{
	fclose(file->stream);
}
