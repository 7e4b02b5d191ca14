/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Packets of a capture: pcap, by libpcap, and pcapng. */
#include <stdio.h>

#include "base/error.h"
#include "capture/packet.h"

struct stoq_capture_file;

/* What was remarkable about it, so far. */
struct stoq_capture_notes {
	uint64_t packets;
	uint64_t cut;	     /* of these: not captured whole */
	uint32_t cut_at;     /* the most bytes that are there of one of those */
	uint64_t backwards;  /* of these: with a time before that of an earlier one */
	uint64_t untimed;    /* of these: without a time */
	uint64_t other;	     /* of these: not IP, or cut before it */
	uint64_t foreign;    /* of these: of an interface whose link type is not understood */
	int foreign_link;    /* the last such type */
	uint64_t moved;	     /* of these: were put before others, which acknowledge them */
	bool ends_in_packet; /* the file was cut */
};

/* What a packet is handed to. */
struct stoq_capture_sink {
	/* now_ns: since 1970; never earlier than the one before. Not 0: reading ends with that. */
	int (*take)(void *context, const struct stoq_capture_packet *packet, uint64_t now_ns);
	void *context;
};

/* Takes the file over; name: for messages. -EPROTO: not a capture, or one of a link type that is not
 * understood. -EOPNOTSUPP: built without libpcap. */
int stoq_capture_open(
	struct stoq_capture_file **capture, FILE *file, const char *name, struct stoq_error *error);
void stoq_capture_close(struct stoq_capture_file *capture); /* NULL is fine */

/*
 * Hands packets on, `most` of them at most. 1: there are more; 0: that was the end; a negative errno:
 * the sink's, or -EPROTO: what follows is not a packet, error has the reason.
 */
int stoq_capture_read(struct stoq_capture_file *capture, const struct stoq_capture_sink *sink,
	size_t most, struct stoq_error *error);

const struct stoq_capture_notes *stoq_capture_notes(const struct stoq_capture_file *capture);
