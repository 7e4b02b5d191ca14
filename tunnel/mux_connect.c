// SPDX-License-Identifier: BSD-2-Clause
/* What a Connect that passes the host end asks for: it may come in pieces, of which none waits for the others. */
#include <stdlib.h>
#include <string.h>

#include "nvme/nvme_tcp_check.h"
#include "tunnel/mux_private.h"

/* As far as it lies in the piece, which begins `at` bytes into the PDU. */
static void copy_part(struct nvme_connect_data *data, uint32_t pdo,
	const struct stoq_pdu_piece *piece, uint32_t at)
{
	uint32_t first = at > pdo ? at : pdo, end = at + (uint32_t)piece->size;

	if (end > pdo + sizeof(*data))
		end = pdo + sizeof(*data);
	if (first < end)
		memcpy((uint8_t *)data + (first - pdo), piece->bytes + (first - at), end - first);
}

void stoq_mux_note_connect(struct stoq_mux *mux, const struct stoq_pdu_piece *piece)
{
	const struct stoq_pdu_reader *reader = &mux->split.reader;
	const struct nvme_tcp_hdr *hdr = &reader->header.hdr;

	if (piece->begins && mux->config.io->asked && stoq_mux_is_connect(&reader->header) &&
		nvme_tcp_data_length(hdr) >= sizeof(*mux->split.connect) && !mux->split.connect)
		mux->split.connect = calloc(1, sizeof(*mux->split.connect));
	if (!mux->split.connect || !mux->config.io->asked)
		return;
	copy_part(mux->split.connect, hdr->pdo, piece,
		nvme_le32(hdr->plen) - reader->rest - (uint32_t)piece->size);
	if (!piece->ends)
		return;
	mux->config.io->asked(mux->config.context, mux->split.connect);
	free(mux->split.connect);
	mux->split.connect = NULL;
}
