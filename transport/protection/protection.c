// SPDX-License-Identifier: BSD-2-Clause
#include "transport/protection/protection.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/protection/backend_private.h"

/* Chosen once; STOQ_PACKET_PROTECTION may name what is tried. */
static const struct stoq_protection_backend *chosen;
static char description[192];

static const struct stoq_protection_backend *try_ipsec_mb(const char **why)
{
	const char *wanted = secure_getenv("STOQ_PACKET_PROTECTION");
	const struct stoq_protection_backend *backend;

	if (wanted && strcmp(wanted, stoq_protection_gnutls()->name) == 0) {
		*why = "STOQ_PACKET_PROTECTION says gnutls";
		return NULL;
	}
	backend = stoq_protection_ipsec_mb(why);
	if (backend && !stoq_protection_agree(backend, stoq_protection_gnutls())) {
		*why = "it and GnuTLS disagree on this CPU";
		return NULL;
	}
	return backend;
}

static void choose(void)
{
	const char *why = NULL;

	chosen = try_ipsec_mb(&why);
	if (chosen) {
		snprintf(description, sizeof(description), "%s", chosen->description);
		return;
	}
	chosen = stoq_protection_gnutls();
	snprintf(description, sizeof(description), "%s %s (not libipsec-mb: %s)",
		chosen->description, gnutls_check_version(NULL), why);
}

static const struct stoq_protection_backend *the_backend(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, choose);
	return chosen;
}

const char *stoq_protection_backend(enum stoq_cipher cipher)
{
	the_backend();
	return description;
}

int stoq_packet_key_new(
	struct stoq_packet_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes)
{
	return the_backend()->packet_key_new(key, cipher, key_bytes);
}

void stoq_packet_key_free(struct stoq_packet_key *key)
{
	if (key)
		key->backend->packet_key_free(key);
}

int stoq_header_key_new(
	struct stoq_header_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes)
{
	return the_backend()->header_key_new(key, cipher, key_bytes);
}

void stoq_header_key_free(struct stoq_header_key *key)
{
	if (key)
		key->backend->header_key_free(key);
}

int stoq_packet_seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain, size_t size,
	const uint8_t nonce[static STOQ_PROTECTION_NONCE_BYTES], const uint8_t *associated,
	size_t associated_size)
{
	return key->backend->seal(key, out, plain, size, nonce, associated, associated_size);
}

/* The backends decrypt before they know better; what comes of a forged packet goes nowhere. */
int stoq_packet_open(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed, size_t size,
	const uint8_t nonce[static STOQ_PROTECTION_NONCE_BYTES], const uint8_t *associated,
	size_t associated_size)
{
	int ret;

	if (size < STOQ_PROTECTION_TAG_BYTES)
		return -EBADMSG;
	ret = key->backend->open(key, out, sealed, size, nonce, associated, associated_size);
	if (ret)
		explicit_bzero(out, size - STOQ_PROTECTION_TAG_BYTES);
	return ret;
}

int stoq_header_mask(struct stoq_header_key *key, uint8_t mask[static STOQ_PROTECTION_MASK_BYTES],
	const uint8_t sample[static STOQ_PROTECTION_SAMPLE_BYTES])
{
	return key->backend->mask(key, mask, sample);
}
