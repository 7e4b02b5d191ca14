/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What an authority has issued, and how that stands. */
#include "pki/describe.h"

struct stoq_pki_store;

enum stoq_pki_state {
	STOQ_PKI_VALID,
	STOQ_PKI_NOT_YET_VALID,
	STOQ_PKI_EXPIRED,
	STOQ_PKI_REVOKED,
};

/* "valid", "not valid yet", "expired", "revoked". */
const char *stoq_pki_state_name(enum stoq_pki_state state);

/* A certificate that was issued; its subject is the node. */
struct stoq_pki_record {
	gnutls_x509_crt_t certificate;
	struct stoq_pki_description description;
	enum stoq_pki_state state;
};

struct stoq_pki_records {
	struct stoq_pki_record *records; /* by node, the latest to end first */
	size_t count;
};

int stoq_pki_store_records(const struct stoq_pki_store *store, time_t now,
	struct stoq_pki_records *records, struct stoq_error *error);

void stoq_pki_records_free(struct stoq_pki_records *records);

/* crl may be NULL. */
enum stoq_pki_state stoq_pki_state_of(
	gnutls_x509_crt_t certificate, gnutls_x509_crl_t crl, time_t now);
