/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a library must offer to protect packets. protection.c asks each backend in turn, once; the
 * tests ask both. A key begins with the functions of the backend that made it.
 */
#include <stdbool.h>

#include "transport/protection/protection.h"

struct stoq_packet_key {
	const struct stoq_protection_backend *backend;
};

struct stoq_header_key {
	const struct stoq_protection_backend *backend;
};

/* The functions have the meaning, and the results, of their namesakes in protection.h. */
struct stoq_protection_backend {
	const char *name; /* what STOQ_PACKET_PROTECTION calls it */
	const char *description;

	int (*packet_key_new)(
		struct stoq_packet_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes);
	void (*packet_key_free)(struct stoq_packet_key *key);
	int (*header_key_new)(
		struct stoq_header_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes);
	void (*header_key_free)(struct stoq_header_key *key);
	int (*seal)(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain, size_t size,
		const uint8_t *nonce, const uint8_t *associated, size_t associated_size);
	int (*open)(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed, size_t size,
		const uint8_t *nonce, const uint8_t *associated, size_t associated_size);
	int (*mask)(struct stoq_header_key *key, uint8_t *mask, const uint8_t *sample);
};

/*
 * Each returns its backend, or NULL with the reason in *why: what the CPU lacks, or that it was not
 * built in. They may be called from any thread, and more than once.
 */
const struct stoq_protection_backend *stoq_protection_ipsec_mb(const char **why);
const struct stoq_protection_backend *stoq_protection_gnutls(void);

/* True when both give the same packets and masks, and open them, with every cipher both have. */
bool stoq_protection_agree(
	const struct stoq_protection_backend *a, const struct stoq_protection_backend *b);
