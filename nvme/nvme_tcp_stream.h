/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Follows one direction of an NVMe/TCP connection, fed with its bytes in any segmentation, and
 * tells of each PDU. What it finds depends on the bytes alone, never on how they were cut:
 * it is the reference that the BPF program is compared with.
 *
 * A stream is either followed from a PDU's first byte, or entered in its middle and learned:
 * every place is tried, and one is believed when NVME_TCP_SYNC_CHAIN PDUs in a row, each where
 * the one before ends, pass the checks of nvme_tcp_check.h. PDUs are reported from the last of
 * that chain on. A bad header where a PDU had to begin leads back to learning, or, with
 * never_learn, ends it.
 *
 * Pure, no allocation, bounded memory; one thread at a time for each stream.
 */
#include "nvme/nvme_tcp_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nvme_tcp_data_digest {
	NVME_TCP_DATA_DIGEST_NONE,
	NVME_TCP_DATA_DIGEST_UNCHECKED,
	NVME_TCP_DATA_DIGEST_GOOD,
	NVME_TCP_DATA_DIGEST_BAD,
};

/* Any of these may be NULL. hdr: the whole header, HLEN bytes, valid during the call only. */
struct nvme_tcp_stream_events {
	/* The header is complete; it began at this offset in the stream. */
	void (*pdu)(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset);
	/* Data of that PDU, in one or more pieces; `at`: offset of the piece in the PDU's data. */
	void (*data)(void *context, const struct nvme_tcp_hdr *hdr, uint32_t at,
		const uint8_t *bytes, size_t length);
	/* The PDU is complete. */
	void (*end)(
		void *context, const struct nvme_tcp_hdr *hdr, enum nvme_tcp_data_digest digest);
};

struct nvme_tcp_stream_counters {
	uint64_t pdus;
	uint64_t pdu_types[NVME_TCP_PDU_TYPES];
	uint64_t bad_headers;	     /* no PDU where one had to be */
	uint64_t bad_header_digests; /* of these, for the digest alone */
	uint64_t bad_data_digests;
	uint64_t resyncs;	 /* learning that succeeded */
	uint64_t unsynced_bytes; /* passed while learning */
};

/* The whole header and its digest, aligned so that it can be read as any PDU's. */
union nvme_tcp_any_header {
	struct nvme_tcp_hdr hdr;
	struct nvme_tcp_icreq_pdu icreq;
	struct nvme_tcp_cmd_pdu cmd;
	uint8_t bytes[NVME_TCP_HEADER_MAX + NVME_TCP_DIGEST_LENGTH];
};

enum nvme_tcp_stream_phase {
	NVME_TCP_STREAM_HEADER, /* synced: a header begins at `at` */
	NVME_TCP_STREAM_BODY,	/* synced: behind the header */
	NVME_TCP_STREAM_LEARNING,
	NVME_TCP_STREAM_LOST, /* for good: at `at` there is no PDU; nothing is fed any more */
};

#define NVME_TCP_STREAM_CANDIDATES 16

struct nvme_tcp_stream {
	const struct nvme_tcp_stream_events *events;
	void *context;
	enum nvme_tcp_side side;
	bool check_digests; /* may be set after init: a wrong header digest is a bad header */
	bool never_learn;   /* may be set after init from the start: a bad header ends it */
	struct nvme_tcp_stream_counters counters;

	/* The rest is private. Offsets are from the first byte fed. */
	enum nvme_tcp_stream_phase phase;
	uint64_t at;  /* the first byte not dealt with */
	uint64_t end; /* the bytes fed */
	union nvme_tcp_any_header header;
	uint64_t data_start, data_end, pdu_end;
	uint32_t data_crc;
	uint8_t data_digest[NVME_TCP_DIGEST_LENGTH];
	uint8_t carry[sizeof(union nvme_tcp_any_header)]; /* the bytes from `at` to `end` */
	struct {
		uint64_t next; /* where the chain goes on */
		uint8_t chain; /* PDUs in it so far, 0: unused */
	} candidates[NVME_TCP_STREAM_CANDIDATES];
};

/* from_start: the first byte fed is the first of a PDU. events and context are kept. */
void nvme_tcp_stream_init(struct nvme_tcp_stream *stream, enum nvme_tcp_side side, bool from_start,
	const struct nvme_tcp_stream_events *events, void *context);

void nvme_tcp_stream_feed(struct nvme_tcp_stream *stream, const void *bytes, size_t length);

static inline bool nvme_tcp_stream_synced(const struct nvme_tcp_stream *stream)
{
	return stream->phase == NVME_TCP_STREAM_HEADER || stream->phase == NVME_TCP_STREAM_BODY;
}
