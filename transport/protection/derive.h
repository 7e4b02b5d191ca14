/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * QUIC's keys from its secrets (RFC 9001, sections 5.1, 5.2 and 6.1). The secrets of AES-128-GCM
 * and ChaCha20-Poly1305 are SHA-256's, those of AES-256-GCM are SHA-384's. Every function returns
 * 0, or -EINVAL if GnuTLS refuses; the caller wipes what was derived (explicit_bzero).
 */
#include "transport/protection/protection.h"

#define STOQ_SECRET_BYTES_MAX 48

struct stoq_traffic_keys {
	uint8_t key[32];
	uint8_t iv[STOQ_PROTECTION_NONCE_BYTES];
	uint8_t header_key[32]; /* the header protection's; not renewed by a key update */
};

/* 32 or 48. */
size_t stoq_cipher_secret_bytes(enum stoq_cipher cipher);

int stoq_traffic_keys_derive(
	struct stoq_traffic_keys *keys, enum stoq_cipher cipher, const uint8_t *secret);

/* The secret after a key update; next == secret is allowed. */
int stoq_traffic_secret_next(uint8_t *next, enum stoq_cipher cipher, const uint8_t *secret);

/* What Initial packets of version 1 are protected with, by the client's first destination ID. */
int stoq_initial_secrets(uint8_t client[static 32], uint8_t server[static 32],
	const uint8_t *connection_id, size_t size);

/* The nonce of a packet: the vector and the packet's number. */
void stoq_packet_nonce(uint8_t nonce[static STOQ_PROTECTION_NONCE_BYTES],
	const uint8_t iv[static STOQ_PROTECTION_NONCE_BYTES], uint64_t number);
