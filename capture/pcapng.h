/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Packets of a pcapng file (draft-ietf-opsawg-pcapng). libpcap reads such files, too, but not those whose
 * interfaces differ in link type or snap length, nor those whose sections differ in byte order, nor blocks of more
 * than 16 MiB. Memory: one packet, of which 256 KiB are kept, and 40 bytes for each interface.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define STOQ_PCAPNG_INTERFACES_MAX 65536 /* of a section */

struct stoq_pcapng;

struct stoq_pcapng_packet {
	const uint8_t *bytes; /* until the next call */
	uint32_t captured, length;
	int link; /* LINKTYPE_ of its interface: https://www.tcpdump.org/linktypes.html */
	bool timed;
	uint64_t time_ns; /* since 1970, if timed */
};

/* Whether a file that begins with this byte may be one: no pcap file does. */
static inline bool stoq_pcapng_begins_with(int byte)
{
	return byte == 0x0a;
}

/* Does not take the file over. 0; -EPROTO: it does not begin with a section, error has the reason; -ENOMEM. */
int stoq_pcapng_open(struct stoq_pcapng **pcapng, FILE *file, struct stoq_error *error);
void stoq_pcapng_free(struct stoq_pcapng *pcapng); /* NULL is fine */

/*
 * The next packet. 1; 0: the file has ended; -ENODATA: it ends within a block; -EPROTO: what follows is not a
 * block, error has the reason; -ENOMEM.
 */
int stoq_pcapng_next(
	struct stoq_pcapng *pcapng, struct stoq_pcapng_packet *packet, struct stoq_error *error);
