// SPDX-License-Identifier: BSD-2-Clause
/* Packet protection that changes nothing and finds every packet authentic, for --wrap. */
#include <stdlib.h>
#include <string.h>

#include "transport/protection/protection.h"

int __wrap_stoq_packet_seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size);
int __wrap_stoq_packet_open(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size);
int __wrap_stoq_header_mask(struct stoq_header_key *key, uint8_t *mask, const uint8_t *sample);

int __wrap_stoq_packet_seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size)
{
	memmove(out, plain, size);
	memset(out + size, 0, STOQ_PROTECTION_TAG_BYTES);
	return 0;
}

int __wrap_stoq_packet_open(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size)
{
	if (size < STOQ_PROTECTION_TAG_BYTES)
		abort();
	memmove(out, sealed, size - STOQ_PROTECTION_TAG_BYTES);
	return 0;
}

int __wrap_stoq_header_mask(struct stoq_header_key *key, uint8_t *mask, const uint8_t *sample)
{
	memset(mask, 0, STOQ_PROTECTION_MASK_BYTES);
	return 0;
}
