// SPDX-License-Identifier: BSD-2-Clause
#include "transport/protection/derive.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

/* The longest label here is "tls13 client in". */
#define LABEL_MAX 24

static gnutls_mac_algorithm_t hash_of(enum stoq_cipher cipher)
{
	return cipher == STOQ_AES_256_GCM ? GNUTLS_MAC_SHA384 : GNUTLS_MAC_SHA256;
}

size_t stoq_cipher_secret_bytes(enum stoq_cipher cipher)
{
	return cipher == STOQ_AES_256_GCM ? 48 : 32;
}

/* HKDF-Expand-Label (RFC 8446, section 7.1) without a context. */
static int expand_label(uint8_t *out, size_t size, gnutls_mac_algorithm_t hash,
	const uint8_t *secret, size_t secret_size, const char *label)
{
	uint8_t info[2 + 1 + LABEL_MAX + 1] = {0};
	char full[LABEL_MAX + 1];
	const int length = snprintf(full, sizeof(full), "tls13 %s", label);
	const gnutls_datum_t key = {(unsigned char *)secret, (unsigned int)secret_size};
	const gnutls_datum_t datum = {info, (unsigned int)(2 + 1 + length + 1)};

	if (length < 0 || length > LABEL_MAX)
		return -EINVAL;
	info[0] = (uint8_t)(size >> 8);
	info[1] = (uint8_t)size;
	info[2] = (uint8_t)length;
	memcpy(info + 3, full, (size_t)length);
	return gnutls_hkdf_expand(hash, &key, &datum, out, size) ? -EINVAL : 0;
}

int stoq_traffic_keys_derive(
	struct stoq_traffic_keys *keys, enum stoq_cipher cipher, const uint8_t *secret)
{
	const gnutls_mac_algorithm_t hash = hash_of(cipher);
	const size_t secret_size = stoq_cipher_secret_bytes(cipher);
	const size_t key_size = stoq_cipher_key_bytes(cipher);

	if (expand_label(keys->key, key_size, hash, secret, secret_size, "quic key") ||
		expand_label(keys->iv, sizeof(keys->iv), hash, secret, secret_size, "quic iv") ||
		expand_label(keys->header_key, key_size, hash, secret, secret_size, "quic hp"))
		return -EINVAL;
	return 0;
}

int stoq_traffic_secret_next(uint8_t *next, enum stoq_cipher cipher, const uint8_t *secret)
{
	const size_t size = stoq_cipher_secret_bytes(cipher);
	uint8_t expanded[STOQ_SECRET_BYTES_MAX];
	int ret = expand_label(expanded, size, hash_of(cipher), secret, size, "quic ku");

	if (!ret)
		memcpy(next, expanded, size);
	explicit_bzero(expanded, sizeof(expanded));
	return ret;
}

int stoq_initial_secrets(uint8_t client[static 32], uint8_t server[static 32],
	const uint8_t *connection_id, size_t size)
{
	/* RFC 9001, section 5.2 */
	static uint8_t salt[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a,
		0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
	const gnutls_datum_t key = {(unsigned char *)connection_id, (unsigned int)size};
	const gnutls_datum_t salt_datum = {salt, sizeof(salt)};
	uint8_t initial[32];

	if (gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &key, &salt_datum, initial) ||
		expand_label(client, 32, GNUTLS_MAC_SHA256, initial, 32, "client in") ||
		expand_label(server, 32, GNUTLS_MAC_SHA256, initial, 32, "server in"))
		return -EINVAL;
	return 0;
}

void stoq_packet_nonce(uint8_t nonce[static STOQ_PROTECTION_NONCE_BYTES],
	const uint8_t iv[static STOQ_PROTECTION_NONCE_BYTES], uint64_t number)
{
	memcpy(nonce, iv, STOQ_PROTECTION_NONCE_BYTES);
	for (int i = 0; i < 8; i++)
		nonce[STOQ_PROTECTION_NONCE_BYTES - 1 - i] ^= (uint8_t)(number >> (8 * i));
}
