// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "transport/protection/backend_private.h"

#define BLOCK_BYTES 16

struct gnutls_packet_key {
	struct stoq_packet_key base;
	gnutls_aead_cipher_hd_t handle;
};

struct gnutls_header_key {
	struct stoq_header_key base;
	gnutls_cipher_hd_t handle;
	bool is_aes;
};

static const struct stoq_protection_backend backend;

static gnutls_cipher_algorithm_t packet_algorithm(enum stoq_cipher cipher)
{
	switch (cipher) {
	case STOQ_AES_128_GCM:
		return GNUTLS_CIPHER_AES_128_GCM;
	case STOQ_AES_256_GCM:
		return GNUTLS_CIPHER_AES_256_GCM;
	default:
		return GNUTLS_CIPHER_CHACHA20_POLY1305;
	}
}

/* One block of CBC with a zero vector is one block of ECB, which GnuTLS does not offer. */
static gnutls_cipher_algorithm_t header_algorithm(enum stoq_cipher cipher)
{
	switch (cipher) {
	case STOQ_AES_128_GCM:
		return GNUTLS_CIPHER_AES_128_CBC;
	case STOQ_AES_256_GCM:
		return GNUTLS_CIPHER_AES_256_CBC;
	default:
		return GNUTLS_CIPHER_CHACHA20_32;
	}
}

/* GnuTLS takes keys as pointers to what it could change, and does not. */
static gnutls_datum_t key_datum(enum stoq_cipher cipher, const uint8_t *bytes)
{
	return (gnutls_datum_t){
		(unsigned char *)bytes, (unsigned int)stoq_cipher_key_bytes(cipher)};
}

static int errno_of(int code)
{
	return code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -ENOTSUP;
}

static int packet_key_new(
	struct stoq_packet_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes)
{
	struct gnutls_packet_key *made = calloc(1, sizeof(*made));
	const gnutls_datum_t datum = key_datum(cipher, key_bytes);
	int code;

	if (!made)
		return -ENOMEM;
	code = gnutls_aead_cipher_init(&made->handle, packet_algorithm(cipher), &datum);
	if (code < 0) {
		free(made);
		return errno_of(code);
	}
	made->base.backend = &backend;
	*key = &made->base;
	return 0;
}

static void packet_key_free(struct stoq_packet_key *key)
{
	struct gnutls_packet_key *made = (struct gnutls_packet_key *)key;

	gnutls_aead_cipher_deinit(made->handle);
	free(made);
}

static int header_key_new(
	struct stoq_header_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes)
{
	struct gnutls_header_key *made = calloc(1, sizeof(*made));
	uint8_t zeros[BLOCK_BYTES] = {0};
	const gnutls_datum_t datum = key_datum(cipher, key_bytes);
	const gnutls_datum_t vector = {zeros, sizeof(zeros)};
	int code;

	if (!made)
		return -ENOMEM;
	code = gnutls_cipher_init(&made->handle, header_algorithm(cipher), &datum, &vector);
	if (code < 0) {
		free(made);
		return errno_of(code);
	}
	made->base.backend = &backend;
	made->is_aes = cipher != STOQ_CHACHA20_POLY1305;
	*key = &made->base;
	return 0;
}

static void header_key_free(struct stoq_header_key *key)
{
	struct gnutls_header_key *made = (struct gnutls_header_key *)key;

	gnutls_cipher_deinit(made->handle);
	free(made);
}

static int seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain, size_t size,
	const uint8_t *nonce, const uint8_t *associated, size_t associated_size)
{
	struct gnutls_packet_key *made = (struct gnutls_packet_key *)key;
	size_t sealed = size + STOQ_PROTECTION_TAG_BYTES;

	return gnutls_aead_cipher_encrypt(made->handle, nonce, STOQ_PROTECTION_NONCE_BYTES,
		       associated, associated_size, STOQ_PROTECTION_TAG_BYTES, plain, size, out,
		       &sealed)
		       ? -EIO
		       : 0;
}

static int open_sealed(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size)
{
	struct gnutls_packet_key *made = (struct gnutls_packet_key *)key;
	size_t plain = size - STOQ_PROTECTION_TAG_BYTES;
	int code = gnutls_aead_cipher_decrypt(made->handle, nonce, STOQ_PROTECTION_NONCE_BYTES,
		associated, associated_size, STOQ_PROTECTION_TAG_BYTES, sealed, size, out, &plain);

	if (!code)
		return 0;
	return code == GNUTLS_E_DECRYPTION_FAILED ? -EBADMSG : -EIO;
}

/* ChaCha20 takes counter and nonce from the sample; its key stream, over zeros, is the mask. */
static int mask(struct stoq_header_key *key, uint8_t *out, const uint8_t *sample)
{
	struct gnutls_header_key *made = (struct gnutls_header_key *)key;
	static const uint8_t zeros[BLOCK_BYTES];
	uint8_t vector[BLOCK_BYTES] = {0}, block[BLOCK_BYTES];

	if (!made->is_aes)
		memcpy(vector, sample, sizeof(vector));
	gnutls_cipher_set_iv(made->handle, vector, sizeof(vector));
	if (gnutls_cipher_encrypt2(made->handle, made->is_aes ? sample : zeros, sizeof(block),
		    block, sizeof(block)))
		return -EIO;
	memcpy(out, block, STOQ_PROTECTION_MASK_BYTES);
	return 0;
}

static const struct stoq_protection_backend backend = {
	.name = "gnutls",
	.description = "GnuTLS",
	.packet_key_new = packet_key_new,
	.packet_key_free = packet_key_free,
	.header_key_new = header_key_new,
	.header_key_free = header_key_free,
	.seal = seal,
	.open = open_sealed,
	.mask = mask,
};

const struct stoq_protection_backend *stoq_protection_gnutls(void)
{
	return &backend;
}
