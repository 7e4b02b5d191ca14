// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stream decoder finds the same PDUs and data, however the stream is cut; offsets only
 * grow; every byte is accounted for. libstoq's decoder tells the same. The first input byte chooses
 * side and modes, the second the cuts; the rest is the stream.
 */
#include <stoq/nvme.h>

#include "nvme/nvme_digest.h"
#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_stream.h"

#include "require.h"

#include <string.h>

struct account {
	const unsigned char *stream;
	uint64_t next; /* no PDU may begin before this offset */
	uint64_t pdus, ends;
	uint32_t checksum; /* over all that was reported, in order */
	uint32_t data_at;  /* data of this PDU, so far */
	uint32_t data_length;
	uint64_t data_start;
};

static void add(struct account *account, const void *bytes, size_t length)
{
	account->checksum = nvme_crc32c_update(account->checksum, bytes, length);
}

static void on_pdu(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	struct account *account = context;

	require(offset >= account->next);
	require(!memcmp(hdr, account->stream + offset, hdr->hlen));
	require(nvme_tcp_check_common(hdr) && nvme_tcp_check_header(hdr));
	account->next = offset + nvme_le32(hdr->plen);
	account->data_at = 0;
	account->data_length = nvme_tcp_data_length(hdr);
	account->data_start = offset + hdr->pdo;
	account->pdus++;
	add(account, &offset, sizeof(offset));
	add(account, hdr, hdr->hlen);
}

static void on_data(void *context, const struct nvme_tcp_hdr *hdr, uint32_t at,
	const uint8_t *bytes, size_t length)
{
	struct account *account = context;

	require(length > 0 && at == account->data_at && length <= account->data_length - at);
	require(!memcmp(bytes, account->stream + account->data_start + at, length));
	account->data_at += (uint32_t)length;
	add(account, bytes, length);
}

static void on_end(void *context, const struct nvme_tcp_hdr *hdr, enum nvme_tcp_data_digest digest)
{
	struct account *account = context;

	require(account->data_at == account->data_length);
	require(++account->ends == account->pdus);
	add(account, &digest, sizeof(digest));
}

static const struct nvme_tcp_stream_events events = {on_pdu, on_data, on_end};

/* Each piece is a copy of exactly its size, so that a sanitizer sees reads beyond it. */
static void feed_copy(struct nvme_tcp_stream *stream, const unsigned char *bytes, size_t length)
{
	unsigned char *copy = malloc(length ? length : 1);

	require(copy);
	memcpy(copy, bytes, length);
	nvme_tcp_stream_feed(stream, copy, length);
	free(copy);
}

static void follow(struct nvme_tcp_stream *stream, struct account *account, unsigned char mode,
	uint32_t cuts, const unsigned char *bytes, size_t size)
{
	*account = (struct account){.stream = bytes, .checksum = NVME_CRC32C_INIT};
	nvme_tcp_stream_init(stream, mode & 1, mode & 2, &events, account);
	stream->check_digests = mode & 4;
	for (size_t at = 0; at < size;) {
		size_t piece = size;

		if (cuts) {
			cuts = cuts * 1664525u + 1013904223u;
			piece = (cuts >> 16) % 200;
		}
		if (piece > size - at)
			piece = size - at;
		feed_copy(stream, bytes + at, piece);
		at += piece;
	}
}

/* ---- <stoq/nvme.h> ---- */

static void on_public_pdu(const struct stoq_nvme_pdu *pdu, void *user)
{
	struct account *account = user;

	require(pdu->data_offset + pdu->data_length <= pdu->length);
	require(stoq_nvme_pdu_name(pdu->type));
	on_pdu(account, (const void *)pdu->header, pdu->offset);
	require(account->data_length == pdu->data_length);
}

static void on_public_data(
	const struct stoq_nvme_pdu *pdu, uint32_t at, const uint8_t *data, size_t size, void *user)
{
	on_data(user, (const void *)pdu->header, at, data, size);
}

static void on_public_finished(
	const struct stoq_nvme_pdu *pdu, enum stoq_nvme_data_digest digest, void *user)
{
	on_end(user, (const void *)pdu->header, (enum nvme_tcp_data_digest)digest);
}

/* Without resynchronize it stops where the stream decoder, whose result is given, begins to learn.
 */
static void public_decoder_agrees(const struct nvme_tcp_stream *whole, const struct account *all,
	unsigned char mode, size_t piece, const unsigned char *bytes, size_t size)
{
	struct account account = {.stream = bytes, .checksum = NVME_CRC32C_INIT};
	struct stoq_nvme_decoder_config config = {
		.side = mode & 1,
		.resynchronize = !(mode & 2),
		.check_digests = mode & 4,
		.callbacks = {on_public_pdu, on_public_data, on_public_finished},
		.user = &account,
	};
	struct stoq_nvme_decoder_status status;
	struct stoq_nvme_decoder *decoder;
	int ret = 0;

	require(stoq_nvme_decoder_create(&config, &decoder, NULL) == 0);
	for (size_t at = 0; at < size; at += piece)
		ret = stoq_nvme_decoder_feed(
			decoder, bytes + at, size - at < piece ? size - at : piece, NULL);
	stoq_nvme_decoder_status(decoder, &status);
	stoq_nvme_decoder_destroy(decoder);
	require(status.code == ret && status.pdus == account.pdus && status.position <= size);
	if (config.resynchronize || !whole->counters.bad_headers) {
		require(ret == 0 && status.position == size);
		require(account.checksum == all->checksum);
		require(status.skipped_bytes == whole->counters.unsynced_bytes);
	} else {
		require(ret < 0 && status.bad_headers == 1 && status.position == account.next);
		require(account.pdus <= all->pdus && account.ends == account.pdus);
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct nvme_tcp_stream whole, cut;
	struct account all, pieces;

	if (size < 3)
		return 0;
	follow(&whole, &all, data[0], 0, data + 2, size - 2);
	follow(&cut, &pieces, data[0], 1 + data[1], data + 2, size - 2);
	require(all.checksum == pieces.checksum);
	require(all.data_at == pieces.data_at && all.ends == pieces.ends);
	require(!memcmp(&whole.counters, &cut.counters, sizeof(whole.counters)));
	require(whole.phase == cut.phase && whole.at == cut.at && whole.end == cut.end);
	require(whole.counters.pdus == all.pdus && whole.counters.unsynced_bytes <= size);
	public_decoder_agrees(&whole, &all, data[0], 1 + data[1], data + 2, size - 2);
	return 0;
}
