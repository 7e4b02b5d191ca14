/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What one end of a TLS connection needs, as PEM text: the authority whose peers it trusts, what
 * that authority has revoked, its own certificate and key.
 */
#include <gnutls/gnutls.h>

#include "pki/certificate.h"

/* The files of a node's folder, as `stoq pki issue` makes it. */
#define STOQ_PKI_CA_FILE   "ca.pem"
#define STOQ_PKI_CRL_FILE  "crl.pem"
#define STOQ_PKI_CERT_FILE "cert.pem"
#define STOQ_PKI_KEY_FILE  "key.pem"

struct stoq_pki_material {
	gnutls_datum_t ca;
	gnutls_datum_t crl;	    /* may be empty: nothing is revoked */
	gnutls_datum_t certificate; /* data NULL, as is that of the key: this end shows none */
	gnutls_datum_t key;
};

struct stoq_pki_paths {
	const char *ca, *crl, *certificate, *key; /* NULL: none */
};

/* Reads the files; a key that others can read is refused. Frees what it read if it fails. */
int stoq_pki_material_read(struct stoq_pki_material *material, const struct stoq_pki_paths *paths,
	struct stoq_error *error);

/* Reads a node's folder. crl.pem may be missing. */
int stoq_pki_material_read_folder(
	struct stoq_pki_material *material, const char *folder, struct stoq_error *error);

/* Wipes the key. */
void stoq_pki_material_free(struct stoq_pki_material *material);

/*
 * A peer's material made in memory, for tests and measurements; names as in the request. crl may be
 * NULL.
 */
int stoq_pki_material_make(struct stoq_pki_material *material,
	const struct stoq_pki_identity *authority, gnutls_x509_crl_t crl,
	const struct stoq_pki_request *request, struct stoq_error *error);

/*
 * The whole of it for two ends that trust each other, and no one else, for a while: an
 * authority that is forgotten at once, and two peers by these DNS names, valid for a day.
 */
int stoq_pki_material_make_pair(struct stoq_pki_material pair[static 2], const char *const names[2],
	time_t now, struct stoq_error *error);
