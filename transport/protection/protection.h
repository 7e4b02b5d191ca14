/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * QUIC packet protection (RFC 9001, section 5): the AEAD and the header protection mask. The keys
 * are derived elsewhere; nonces are computed by the caller. The backend (libipsec-mb, where the CPU
 * has what it needs, or GnuTLS) is chosen once, when the first key is made. A key object is used by
 * one thread at a time; different ones are independent.
 */
#include <stddef.h>
#include <stdint.h>

#include "transport/protection/cipher.h"

#define STOQ_PROTECTION_TAG_BYTES    16
#define STOQ_PROTECTION_NONCE_BYTES  12
#define STOQ_PROTECTION_SAMPLE_BYTES 16
#define STOQ_PROTECTION_MASK_BYTES   5

struct stoq_packet_key; /* the AEAD's key, one direction, one key phase */
struct stoq_header_key; /* the header protection's key, one direction */

/*
 * Both copy the key of stoq_cipher_key_bytes(). 0, -ENOMEM, or -ENOTSUP: no backend has the
 * cipher. Freeing wipes the key; NULL is fine.
 */
int stoq_packet_key_new(
	struct stoq_packet_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes);
void stoq_packet_key_free(struct stoq_packet_key *key);
int stoq_header_key_new(
	struct stoq_header_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes);
void stoq_header_key_free(struct stoq_header_key *key);

/*
 * out gets size + STOQ_PROTECTION_TAG_BYTES bytes; out == plain is allowed. 0, or -EIO if the
 * backend failed.
 */
int stoq_packet_seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain, size_t size,
	const uint8_t nonce[static STOQ_PROTECTION_NONCE_BYTES], const uint8_t *associated,
	size_t associated_size);

/*
 * sealed has size bytes, the tag included; out gets size - STOQ_PROTECTION_TAG_BYTES; out == sealed
 * is allowed. 0, -EBADMSG if it is not authentic (or shorter than a tag; out is then undefined
 * but holds no plaintext), or -EIO.
 */
int stoq_packet_open(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed, size_t size,
	const uint8_t nonce[static STOQ_PROTECTION_NONCE_BYTES], const uint8_t *associated,
	size_t associated_size);

/* 0 or -EIO. */
int stoq_header_mask(struct stoq_header_key *key, uint8_t mask[static STOQ_PROTECTION_MASK_BYTES],
	const uint8_t sample[static STOQ_PROTECTION_SAMPLE_BYTES]);

/* "libipsec-mb 1.3 (VAES, AVX-512)", "GnuTLS 3.7.9 (no AES-NI)": for status and metrics. */
const char *stoq_protection_backend(enum stoq_cipher cipher);
