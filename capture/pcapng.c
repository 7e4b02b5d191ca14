// SPDX-License-Identifier: BSD-2-Clause
#include "capture/pcapng.h"

#include <byteswap.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* Block types; section 11.1 of the draft. */
enum {
	SECTION_HEADER = 0x0a0d0d0a, /* in either byte order */
	INTERFACE_DESCRIPTION = 1,
	PACKET = 2, /* obsolete */
	SIMPLE_PACKET = 3,
	ENHANCED_PACKET = 6,
};

/* Options of an interface. */
enum { END_OF_OPTIONS = 0, IF_TSRESOL = 9, IF_TSOFFSET = 14 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define PACKET_MAX	 (256u << 10) /* bytes of a packet that are kept */
#define OPTIONS_MAX	 65536	      /* bytes of an interface's block that are looked at */
#define NS_PER_SECOND	 1000000000u

struct interface {
	uint64_t units; /* of its time stamps, per second */
	int64_t offset; /* seconds that are added */
	uint32_t snap;	/* 0: no limit */
	int link;
};

struct stoq_pcapng {
	FILE *file;
	bool begun, swapped;
	uint64_t blocks; /* read so far */
	struct interface *interfaces;
	size_t count, capacity;
	/* Of the block at hand. */
	uint32_t type, total;
	uint32_t left; /* bytes before its trailer that were not read */
	uint8_t bytes[PACKET_MAX];
};

void stoq_pcapng_free(struct stoq_pcapng *pcapng)
{
	if (!pcapng)
		return;
	free(pcapng->interfaces);
	free(pcapng);
}

/* ---- bytes ---- */

static uint16_t get16(const struct stoq_pcapng *pcapng, const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return pcapng->swapped ? bswap_16(value) : value;
}

static uint32_t get32(const struct stoq_pcapng *pcapng, const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return pcapng->swapped ? bswap_32(value) : value;
}

static int flaw(struct stoq_pcapng *pcapng, const char *what, struct stoq_error *error)
{
	return stoq_error_set(
		error, -EPROTO, "%s in block %llu", what, (unsigned long long)pcapng->blocks);
}

/* Of the block's body. 0, -ENODATA or -EPROTO. */
static int take(struct stoq_pcapng *pcapng, void *to, uint32_t length, struct stoq_error *error)
{
	if (length > pcapng->left)
		return flaw(pcapng, "a length is wrong", error);
	pcapng->left -= length;
	return fread(to, 1, length, pcapng->file) == length ? 0 : -ENODATA;
}

/* 0 or -ENODATA. */
static int skip(struct stoq_pcapng *pcapng, uint64_t length)
{
	char room[4096];

	while (length) {
		size_t piece = length < sizeof(room) ? (size_t)length : sizeof(room);

		if (fread(room, 1, piece, pcapng->file) != piece)
			return -ENODATA;
		length -= piece;
	}
	return 0;
}

/* ---- blocks ---- */

/* What is left of the block, and its length once more. */
static int end_block(struct stoq_pcapng *pcapng, struct stoq_error *error)
{
	uint8_t trailer[4];

	if (skip(pcapng, pcapng->left) || fread(trailer, 1, 4, pcapng->file) != 4)
		return -ENODATA;
	if (get32(pcapng, trailer) != pcapng->total)
		return flaw(pcapng, "the lengths in front and at the end differ", error);
	return 0;
}

/* Sections have byte orders of their own: the first word in them shows which, before any length is used. */
static int begin_section(struct stoq_pcapng *pcapng, const uint8_t *total, struct stoq_error *error)
{
	uint8_t magic[4];

	if (fread(magic, 1, sizeof(magic), pcapng->file) != sizeof(magic))
		return -ENODATA;
	pcapng->swapped = false;
	pcapng->swapped = get32(pcapng, magic) != BYTE_ORDER_MAGIC;
	if (get32(pcapng, magic) != BYTE_ORDER_MAGIC)
		return flaw(pcapng, "the byte-order magic is wrong", error);
	pcapng->total = get32(pcapng, total);
	pcapng->count = 0;
	pcapng->begun = true;
	return 0;
}

/* 1: a block; 0: the end. */
static int begin_block(struct stoq_pcapng *pcapng, struct stoq_error *error)
{
	uint8_t front[8];
	size_t length = fread(front, 1, sizeof(front), pcapng->file);
	bool section;
	int result;

	if (length < sizeof(front))
		return length ? -ENODATA : 0;
	pcapng->blocks++;
	pcapng->type = get32(pcapng, front);
	pcapng->total = get32(pcapng, front + 4);
	section = pcapng->type == SECTION_HEADER;
	if (!section && !pcapng->begun)
		return flaw(pcapng, "there is no section header", error);
	result = section ? begin_section(pcapng, front + 4, error) : 0;
	if (result)
		return result;
	if (pcapng->total < (section ? 28 : 12) || pcapng->total % 4)
		return flaw(pcapng, "the length is wrong", error);
	pcapng->left = pcapng->total - (section ? 16 : 12);
	return 1;
}

static int take_section(struct stoq_pcapng *pcapng, struct stoq_error *error)
{
	uint8_t version[4];
	int result = take(pcapng, version, sizeof(version), error);

	if (!result && get16(pcapng, version) != 1)
		result = flaw(pcapng, "the version of the format is not 1", error);
	return result;
}

/* ---- interfaces ---- */

/* if_tsresol: a negative power of 10 or, with the highest bit, of 2. 0: more than 64 bits hold. */
static uint64_t units_of(uint8_t resolution)
{
	unsigned int power = resolution & 0x7f;
	uint64_t units = 1;

	if (resolution & 0x80)
		return power < 64 ? 1ull << power : 0;
	for (; power; power--)
		if (__builtin_mul_overflow(units, 10ull, &units))
			return 0;
	return units;
}

static int take_options(struct stoq_pcapng *pcapng, struct interface *interface,
	const uint8_t *options, uint32_t length, struct stoq_error *error)
{
	while (length >= 4) {
		uint16_t code = get16(pcapng, options), bytes = get16(pcapng, options + 2);
		uint32_t padded = 4u + ((bytes + 3u) & ~3u);

		if (code == END_OF_OPTIONS || padded > length)
			break;
		if (code == IF_TSRESOL && bytes == 1)
			interface->units = units_of(options[4]);
		if (code == IF_TSOFFSET && bytes == 8) {
			memcpy(&interface->offset, options + 4, 8);
			if (pcapng->swapped)
				interface->offset = (int64_t)bswap_64((uint64_t)interface->offset);
		}
		options += padded;
		length -= padded;
	}
	return interface->units ? 0 : flaw(pcapng, "the resolution of time is unknown", error);
}

static int take_interface(struct stoq_pcapng *pcapng, struct stoq_error *error)
{
	struct interface interface = {.units = 1000000}, *interfaces;
	uint32_t length;
	uint8_t fixed[8];
	int result = take(pcapng, fixed, sizeof(fixed), error);

	if (result)
		return result;
	interface.link = get16(pcapng, fixed);
	interface.snap = get32(pcapng, fixed + 4);
	length = pcapng->left < OPTIONS_MAX ? pcapng->left : OPTIONS_MAX;
	result = take(pcapng, pcapng->bytes, length, error);
	if (!result)
		result = take_options(pcapng, &interface, pcapng->bytes, length, error);
	if (!result && pcapng->count == STOQ_PCAPNG_INTERFACES_MAX)
		result = flaw(pcapng, "a section has too many interfaces", error);
	if (result)
		return result;
	interfaces = stoq_array_room(
		pcapng->interfaces, pcapng->count, &pcapng->capacity, sizeof(*interfaces));
	if (!interfaces)
		return stoq_error_set(error, -ENOMEM, "no memory");
	pcapng->interfaces = interfaces;
	interfaces[pcapng->count++] = interface;
	return 0;
}

/* ---- packets ---- */

static uint64_t time_of(const struct interface *interface, uint64_t stamp)
{
	__int128 ns = (__int128)stamp * NS_PER_SECOND / interface->units;

	ns += (__int128)interface->offset * NS_PER_SECOND;
	if (ns < 0)
		return 0;
	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

/* What both blocks with a time have: time, lengths. */
static int take_timed(struct stoq_pcapng *pcapng, uint32_t index, struct stoq_pcapng_packet *packet,
	struct stoq_error *error)
{
	const struct interface *interface;
	uint8_t fixed[16];
	int result = take(pcapng, fixed, sizeof(fixed), error);

	if (result)
		return result;
	if (index >= pcapng->count)
		return flaw(pcapng, "the packet's interface is not described", error);
	interface = &pcapng->interfaces[index];
	packet->link = interface->link;
	packet->timed = true;
	packet->time_ns =
		time_of(interface, (uint64_t)get32(pcapng, fixed) << 32 | get32(pcapng, fixed + 4));
	packet->captured = get32(pcapng, fixed + 8);
	packet->length = get32(pcapng, fixed + 12);
	return 0;
}

static int take_simple(
	struct stoq_pcapng *pcapng, struct stoq_pcapng_packet *packet, struct stoq_error *error)
{
	uint8_t length[4];
	int result = take(pcapng, length, sizeof(length), error);

	if (result)
		return result;
	if (!pcapng->count)
		return flaw(pcapng, "the packet's interface is not described", error);
	packet->link = pcapng->interfaces[0].link;
	packet->timed = false;
	packet->length = packet->captured = get32(pcapng, length);
	if (pcapng->interfaces[0].snap && packet->captured > pcapng->interfaces[0].snap)
		packet->captured = pcapng->interfaces[0].snap;
	return 0;
}

/* 0: it is not a block of a packet. 1; -ENODATA; -EPROTO. */
static int take_packet(
	struct stoq_pcapng *pcapng, struct stoq_pcapng_packet *packet, struct stoq_error *error)
{
	uint8_t index[4];
	int result;

	if (pcapng->type == SIMPLE_PACKET) {
		result = take_simple(pcapng, packet, error);
	} else if (pcapng->type == PACKET || pcapng->type == ENHANCED_PACKET) {
		result = take(pcapng, index, sizeof(index), error);
		if (!result)
			result = take_timed(pcapng,
				pcapng->type == PACKET ? get16(pcapng, index)
						       : get32(pcapng, index),
				packet, error);
	} else {
		return 0;
	}
	if (!result && packet->captured > pcapng->left)
		result = flaw(pcapng, "the packet is longer than the block", error);
	if (!result && packet->captured > PACKET_MAX)
		packet->captured = PACKET_MAX;
	if (!result)
		result = take(pcapng, pcapng->bytes, packet->captured, error);
	packet->bytes = pcapng->bytes;
	return result ? result : 1;
}

/* The body of the block at hand. 1: it has a packet; 0: it has none. */
static int take_block(
	struct stoq_pcapng *pcapng, struct stoq_pcapng_packet *packet, struct stoq_error *error)
{
	if (pcapng->type == SECTION_HEADER)
		return take_section(pcapng, error);
	if (pcapng->type == INTERFACE_DESCRIPTION)
		return take_interface(pcapng, error);
	return take_packet(pcapng, packet, error);
}

int stoq_pcapng_next(
	struct stoq_pcapng *pcapng, struct stoq_pcapng_packet *packet, struct stoq_error *error)
{
	for (;;) {
		int found, result = begin_block(pcapng, error);

		if (result <= 0)
			return result;
		found = take_block(pcapng, packet, error);
		result = found < 0 ? found : end_block(pcapng, error);
		if (result || found)
			return result ? result : found;
	}
}

int stoq_pcapng_open(struct stoq_pcapng **pcapng, FILE *file, struct stoq_error *error)
{
	struct stoq_pcapng *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return stoq_error_set(error, -ENOMEM, "no memory");
	opened->file = file;
	result = begin_block(opened, error);
	if (result == 1)
		result = take_section(opened, error);
	if (!result && opened->begun)
		result = end_block(opened, error);
	if (result == -ENODATA || (!result && !opened->begun))
		result = stoq_error_set(error, -EPROTO, "it ends within its first block");
	if (result)
		stoq_pcapng_free(opened);
	else
		*pcapng = opened;
	return result;
}
