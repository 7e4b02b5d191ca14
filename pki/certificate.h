/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Keys, certificates and revocation lists, in memory. Random numbers come from GnuTLS; the clock is
 * the caller's. What is made here is PEM text, which is what files, credentials and tests take.
 */
#include <gnutls/x509.h>
#include <stdint.h>
#include <time.h>

#include "pki/names.h"

#define STOQ_PKI_DAY_S	      86400
#define STOQ_PKI_SERIAL_BYTES 16
#define STOQ_PKI_CHAIN_MAX    16
/* Clocks of a site differ: what is issued has been valid for this long. */
#define STOQ_PKI_CLOCK_SKEW_S 3600

enum stoq_pki_key_type { STOQ_PKI_ECDSA_P256, STOQ_PKI_ED25519 };

/* What a certificate shall say. */
struct stoq_pki_request {
	const char *common_name; /* for people: 1 to 64 bytes of UTF-8 */
	const struct stoq_pki_name *names;
	size_t name_count; /* an authority has none */
	time_t not_before, not_after;
	enum stoq_pki_key_type key_type;
};

struct stoq_pki_identity {
	gnutls_x509_crt_t certificate;
	gnutls_x509_privkey_t key;
};

/* An authority signs itself, and may sign peers' certificates and revocation lists only. */
int stoq_pki_make_authority(struct stoq_pki_identity *authority,
	const struct stoq_pki_request *request, struct stoq_error *error);

/* A peer's certificate: for TLS, as client and as server. */
int stoq_pki_make_peer(struct stoq_pki_identity *peer, const struct stoq_pki_identity *authority,
	const struct stoq_pki_request *request, struct stoq_error *error);

/* Both may be zero. */
void stoq_pki_identity_free(struct stoq_pki_identity *identity);

/*
 * A list of what is revoked; valid as long as the authority is, because a list that has run out
 * makes TLS refuse everybody. `old` (may be NULL) is continued.
 */
int stoq_pki_make_crl(gnutls_x509_crl_t *crl, const struct stoq_pki_identity *authority,
	gnutls_x509_crl_t old, const gnutls_x509_crt_t *revoked, size_t count, time_t now,
	struct stoq_error *error);

/* PEM, with a zero behind it that size does not count; stoq_pki_text_free() wipes it. */
int stoq_pki_certificate_text(
	gnutls_datum_t *text, gnutls_x509_crt_t certificate, struct stoq_error *error);
int stoq_pki_key_text(gnutls_datum_t *text, gnutls_x509_privkey_t key, struct stoq_error *error);
int stoq_pki_crl_text(gnutls_datum_t *text, gnutls_x509_crl_t crl, struct stoq_error *error);
void stoq_pki_text_free(gnutls_datum_t *text);

/* All certificates of a PEM file, at most STOQ_PKI_CHAIN_MAX. */
struct stoq_pki_list {
	gnutls_x509_crt_t certificates[STOQ_PKI_CHAIN_MAX];
	unsigned int count;
};

/* From PEM; origin is named in the error. A certificate is the file's first. */
int stoq_pki_list_parse(struct stoq_pki_list *list, const gnutls_datum_t *text, const char *origin,
	struct stoq_error *error);
void stoq_pki_list_free(struct stoq_pki_list *list);
int stoq_pki_certificate_parse(gnutls_x509_crt_t *certificate, const gnutls_datum_t *text,
	const char *origin, struct stoq_error *error);
int stoq_pki_key_parse(gnutls_x509_privkey_t *key, const gnutls_datum_t *text, const char *origin,
	struct stoq_error *error);
int stoq_pki_crl_parse(gnutls_x509_crl_t *crl, const gnutls_datum_t *text, const char *origin,
	struct stoq_error *error);
