/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Cuts one direction of an NVMe/TCP connection, fed in any segmentation, into pieces of PDUs that
 * can be passed on as they are: a piece never crosses the end of a PDU, and the first piece of a
 * PDU has at least its whole header. nvme/nvme_tcp_stream.h follows streams, too, but its events do
 * not give back all bytes (padding, digests), which a forwarder needs.
 *
 * Pure, no allocation.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme_tcp.h"

union stoq_pdu_header {
	struct nvme_tcp_hdr hdr;
	struct nvme_tcp_icreq_pdu icreq;
	struct nvme_tcp_icresp_pdu icresp;
	struct nvme_tcp_cmd_pdu cmd;
	struct nvme_tcp_rsp_pdu rsp;
	struct nvme_tcp_data_pdu data;
	struct nvme_tcp_r2t_pdu r2t;
	uint8_t bytes[NVME_TCP_HEADER_MAX];
};

struct stoq_pdu_reader {
	enum nvme_tcp_side side;
	bool records; /* records may come, too: see tunnel/lane_header.h */
	/* The rest is private, but for reading: the header of the PDU that is being cut. */
	union stoq_pdu_header header;
	uint32_t have; /* bytes of a header that is not whole yet */
	uint32_t rest; /* bytes of the PDU that no piece had yet */
};

struct stoq_pdu_piece {
	const uint8_t *bytes; /* in the data that was fed, or in the reader until the next call */
	size_t size;	      /* at least 1 */
	bool begins;	      /* with the PDU's header, which is in the reader, too */
	bool ends;
};

enum stoq_pdu_verdict {
	STOQ_PDU_MORE, /* all was consumed */
	STOQ_PDU_PIECE,
	STOQ_PDU_BAD, /* no PDU begins where one has to; nothing more can be read */
};

void stoq_pdu_reader_init(struct stoq_pdu_reader *reader, enum nvme_tcp_side side, bool records);

/* The next piece of [*data, end); *data moves behind what was consumed. */
enum stoq_pdu_verdict stoq_pdu_reader_next(struct stoq_pdu_reader *reader, const uint8_t **data,
	const uint8_t *end, struct stoq_pdu_piece *piece);

/* The last `size` bytes of the last piece were not passed on: they are to be fed again. */
void stoq_pdu_reader_put_back(struct stoq_pdu_reader *reader, size_t size);

/*
 * The piece that begins a PDU is not wanted yet: the next call gives it again. Returns where what is to be fed again begins: at
 * least one byte of what was fed last.
 */
const uint8_t *stoq_pdu_reader_put_back_begin(
	struct stoq_pdu_reader *reader, const struct stoq_pdu_piece *piece, const uint8_t *data);

/* True if the stream may end here: between two PDUs. */
static inline bool stoq_pdu_reader_idle(const struct stoq_pdu_reader *reader)
{
	return !reader->have && !reader->rest;
}
