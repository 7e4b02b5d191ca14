// SPDX-License-Identifier: BSD-2-Clause
#include "tests/quic/initial.h"

#include <string.h>

#include "transport/protection/derive.h"

#define FORM_LONG	    0x80
#define TYPE_MASK	    0xf0
#define TYPE_INITIAL	    0xc0
#define NUMBER_BYTES	    4
#define TAG_BYTES	    STOQ_PROTECTION_TAG_BYTES
#define LONG_HEADER_MAX	    (1 + 4 + 1 + QUIC_CID_MAX + 1 + QUIC_CID_MAX)
#define VARINT_BYTES_LENGTH 2

struct keys {
	struct stoq_traffic_keys derived;
	struct stoq_packet_key *packet;
	struct stoq_header_key *header;
};

static bool open_keys(struct keys *keys, const struct quic_cid *key, bool from_client)
{
	uint8_t secrets[2][32];

	*keys = (struct keys){0};
	return !stoq_initial_secrets(secrets[0], secrets[1], key->bytes, key->size) &&
	       !stoq_traffic_keys_derive(
		       &keys->derived, STOQ_AES_128_GCM, secrets[from_client ? 0 : 1]) &&
	       !stoq_packet_key_new(&keys->packet, STOQ_AES_128_GCM, keys->derived.key) &&
	       !stoq_header_key_new(&keys->header, STOQ_AES_128_GCM, keys->derived.header_key);
}

static void close_keys(struct keys *keys)
{
	stoq_packet_key_free(keys->packet);
	stoq_header_key_free(keys->header);
}

/* ---- headers ---- */

static bool read_cid(struct quic_cid *cid, const uint8_t *packet, size_t size, size_t *at)
{
	if (*at >= size || packet[*at] > QUIC_CID_MAX || packet[*at] > size - *at - 1)
		return false;
	cid->size = packet[(*at)++];
	memcpy(cid->bytes, packet + *at, cid->size);
	*at += cid->size;
	return true;
}

bool quic_long_header(const uint8_t *packet, size_t size, uint32_t *version,
	struct quic_cid *destination, struct quic_cid *source, size_t *header_size)
{
	size_t at = 5;

	if (size < at || !(packet[0] & FORM_LONG))
		return false;
	*version = (uint32_t)packet[1] << 24 | (uint32_t)packet[2] << 16 |
		   (uint32_t)packet[3] << 8 | packet[4];
	if (!read_cid(destination, packet, size, &at) || !read_cid(source, packet, size, &at))
		return false;
	*header_size = at;
	return true;
}

static uint8_t *write_cid(uint8_t *at, const struct quic_cid *cid)
{
	*at++ = (uint8_t)cid->size;
	memcpy(at, cid->bytes, cid->size);
	return at + cid->size;
}

size_t quic_long_header_write(uint8_t *packet, uint8_t first, uint32_t version,
	const struct quic_cid *destination, const struct quic_cid *source)
{
	uint8_t *at = packet;

	*at++ = first;
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(version >> shift);
	at = write_cid(at, destination);
	at = write_cid(at, source);
	return (size_t)(at - packet);
}

static bool read_varint(const uint8_t *packet, size_t size, size_t *at, uint64_t *value)
{
	size_t bytes;

	if (*at >= size)
		return false;
	bytes = (size_t)1 << (packet[*at] >> 6);
	if (bytes > size - *at)
		return false;
	*value = packet[(*at)++] & 0x3f;
	while (--bytes)
		*value = *value << 8 | packet[(*at)++];
	return true;
}

/* ---- reading ---- */

/* at: where the packet number begins; end: where the packet ends. */
static bool read_header(
	struct quic_initial *initial, const uint8_t *datagram, size_t size, size_t *at, size_t *end)
{
	uint64_t token_size, length;
	uint32_t version;

	if (!quic_long_header(
		    datagram, size, &version, &initial->destination, &initial->source, at) ||
		version != 1 || (datagram[0] & TYPE_MASK) != TYPE_INITIAL ||
		!read_varint(datagram, size, at, &token_size) ||
		token_size > sizeof(initial->token) || token_size > size - *at)
		return false;
	memcpy(initial->token, datagram + *at, token_size);
	initial->token_size = token_size;
	*at += token_size;
	if (!read_varint(datagram, size, at, &length) || length > size - *at)
		return false;
	*end = *at + length;
	return length >= NUMBER_BYTES + TAG_BYTES && *end <= QUIC_PACKET_MAX;
}

static bool unprotect(struct quic_initial *initial, const struct keys *keys, uint8_t *packet,
	size_t at, size_t end)
{
	uint8_t mask[STOQ_PROTECTION_MASK_BYTES], nonce[STOQ_PROTECTION_NONCE_BYTES];
	size_t number_bytes, header_size;

	if (stoq_header_mask(keys->header, mask, packet + at + NUMBER_BYTES))
		return false;
	packet[0] ^= mask[0] & 0x0f;
	number_bytes = (packet[0] & 3u) + 1;
	initial->number = 0;
	for (size_t i = 0; i < number_bytes; i++) {
		packet[at + i] ^= mask[1 + i];
		initial->number = initial->number << 8 | packet[at + i];
	}
	header_size = at + number_bytes;
	initial->payload_size = end - header_size - TAG_BYTES;
	stoq_packet_nonce(nonce, keys->derived.iv, initial->number);
	return !stoq_packet_open(keys->packet, initial->payload, packet + header_size,
		end - header_size, nonce, packet, header_size);
}

bool quic_initial_open(struct quic_initial *initial, const uint8_t *datagram, size_t size,
	const struct quic_cid *key, bool from_client)
{
	uint8_t packet[QUIC_PACKET_MAX];
	struct keys keys;
	size_t at, end;
	bool opened;

	if (!read_header(initial, datagram, size, &at, &end))
		return false;
	initial->packet_size = end;
	memcpy(packet, datagram, end);
	opened = open_keys(&keys, key, from_client) && unprotect(initial, &keys, packet, at, end);
	close_keys(&keys);
	return opened;
}

/* ---- writing ---- */

/* The header up to where the number begins; the length is such that the datagram is full. */
static size_t write_header(uint8_t *datagram, const struct quic_initial *initial)
{
	size_t at = quic_long_header_write(datagram, TYPE_INITIAL | (NUMBER_BYTES - 1), 1,
		&initial->destination, &initial->source);
	size_t length;

	datagram[at++] = (uint8_t)(0x40 | initial->token_size >> 8);
	datagram[at++] = (uint8_t)initial->token_size;
	memcpy(datagram + at, initial->token, initial->token_size);
	at += initial->token_size;
	length = QUIC_INITIAL_BYTES - at - VARINT_BYTES_LENGTH;
	datagram[at++] = (uint8_t)(0x40 | length >> 8);
	datagram[at++] = (uint8_t)length;
	return at;
}

static bool protect(const struct keys *keys, uint64_t number, uint8_t *datagram, size_t at)
{
	uint8_t mask[STOQ_PROTECTION_MASK_BYTES], nonce[STOQ_PROTECTION_NONCE_BYTES];
	uint8_t *payload = datagram + at + NUMBER_BYTES;

	stoq_packet_nonce(nonce, keys->derived.iv, number);
	if (stoq_packet_seal(keys->packet, payload, payload,
		    QUIC_INITIAL_BYTES - at - NUMBER_BYTES - TAG_BYTES, nonce, datagram,
		    at + NUMBER_BYTES) ||
		stoq_header_mask(keys->header, mask, payload))
		return false;
	datagram[0] ^= mask[0] & 0x0f;
	for (size_t i = 0; i < NUMBER_BYTES; i++)
		datagram[at + i] ^= mask[1 + i];
	return true;
}

size_t quic_initial_seal(uint8_t datagram[static QUIC_INITIAL_BYTES],
	const struct quic_initial *initial, const struct quic_cid *key, bool from_client)
{
	struct keys keys;
	bool sealed;
	size_t at;

	if (LONG_HEADER_MAX + 4 + initial->token_size + initial->payload_size + NUMBER_BYTES +
			TAG_BYTES >
		QUIC_INITIAL_BYTES)
		return 0;
	memset(datagram, 0, QUIC_INITIAL_BYTES);
	at = write_header(datagram, initial);
	for (size_t i = 0; i < NUMBER_BYTES; i++)
		datagram[at + i] = (uint8_t)(initial->number >> (8 * (NUMBER_BYTES - 1 - i)));
	memcpy(datagram + at + NUMBER_BYTES, initial->payload, initial->payload_size);
	sealed =
		open_keys(&keys, key, from_client) && protect(&keys, initial->number, datagram, at);
	close_keys(&keys);
	return sealed ? QUIC_INITIAL_BYTES : 0;
}
