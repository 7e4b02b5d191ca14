// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "transport/protection/backend_private.h"

#define TEXT_MAX   1500
#define HEADER_MAX 40

/* Arbitrary bytes; the same each time. */
static void fill(uint8_t *bytes, size_t size, uint32_t seed)
{
	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(seed >> 24);
	}
}

/* What `from` seals is what `to` seals, and `to` opens it, unless a bit was turned. */
static bool packets_agree(struct stoq_packet_key *from, struct stoq_packet_key *to, size_t size)
{
	uint8_t plain[TEXT_MAX], opened[TEXT_MAX], header[HEADER_MAX];
	uint8_t sealed[2][TEXT_MAX + STOQ_PROTECTION_TAG_BYTES];
	uint8_t nonce[STOQ_PROTECTION_NONCE_BYTES];
	const size_t sealed_size = size + STOQ_PROTECTION_TAG_BYTES;
	const size_t header_size = size % HEADER_MAX;

	fill(plain, size, 1);
	fill(header, header_size, 2);
	fill(nonce, sizeof(nonce), (uint32_t)size);
	if (from->backend->seal(from, sealed[0], plain, size, nonce, header, header_size) ||
		to->backend->seal(to, sealed[1], plain, size, nonce, header, header_size) ||
		memcmp(sealed[0], sealed[1], sealed_size) != 0)
		return false;
	if (to->backend->open(to, opened, sealed[0], sealed_size, nonce, header, header_size) ||
		memcmp(plain, opened, size) != 0)
		return false;
	sealed[0][sealed_size / 2] ^= 1;
	return to->backend->open(to, opened, sealed[0], sealed_size, nonce, header, header_size) ==
	       -EBADMSG;
}

/* The ends of blocks, and of what the fast loops take at once. */
static bool packet_keys_agree(struct stoq_packet_key *a, struct stoq_packet_key *b)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 127, 255, 256, 767, 768, 1200, TEXT_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (!packets_agree(a, b, sizes[i]) || !packets_agree(b, a, sizes[i]))
			return false;
	}
	return true;
}

static bool masks_agree(struct stoq_header_key *a, struct stoq_header_key *b)
{
	uint8_t sample[STOQ_PROTECTION_SAMPLE_BYTES];
	uint8_t mask[2][STOQ_PROTECTION_MASK_BYTES];

	fill(sample, sizeof(sample), 3);
	return !a->backend->mask(a, mask[0], sample) && !b->backend->mask(b, mask[1], sample) &&
	       memcmp(mask[0], mask[1], sizeof(mask[0])) == 0;
}

/* A cipher that one does not have (GnuTLS in FIPS mode) is no disagreement. */
static bool agree_on(const struct stoq_protection_backend *a,
	const struct stoq_protection_backend *b, enum stoq_cipher cipher)
{
	struct stoq_packet_key *packet[2] = {NULL, NULL};
	struct stoq_header_key *header[2] = {NULL, NULL};
	uint8_t key[32];
	bool agree = true;

	fill(key, sizeof(key), 4);
	if (!a->packet_key_new(&packet[0], cipher, key) &&
		!b->packet_key_new(&packet[1], cipher, key))
		agree = packet_keys_agree(packet[0], packet[1]);
	if (!a->header_key_new(&header[0], cipher, key) &&
		!b->header_key_new(&header[1], cipher, key))
		agree = agree && masks_agree(header[0], header[1]);
	for (int i = 0; i < 2; i++) {
		stoq_packet_key_free(packet[i]);
		stoq_header_key_free(header[i]);
	}
	return agree;
}

bool stoq_protection_agree(
	const struct stoq_protection_backend *a, const struct stoq_protection_backend *b)
{
	return agree_on(a, b, STOQ_AES_128_GCM) && agree_on(a, b, STOQ_AES_256_GCM) &&
	       agree_on(a, b, STOQ_CHACHA20_POLY1305);
}
