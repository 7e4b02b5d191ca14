/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a certificate says, as values that can be printed. */
#include <gnutls/x509.h>
#include <stdbool.h>
#include <time.h>

#include "pki/names.h"

#define STOQ_PKI_TIME_BYTES	   32
#define STOQ_PKI_SUBJECT_BYTES	   128
#define STOQ_PKI_SERIAL_TEXT_BYTES 64

struct stoq_pki_description {
	char subject[STOQ_PKI_SUBJECT_BYTES]; /* the common name; what is not printable ASCII as '?'
					       */
	char issuer[STOQ_PKI_SUBJECT_BYTES];
	char serial[STOQ_PKI_SERIAL_TEXT_BYTES]; /* hexadecimal, as are the rest */
	char fingerprint[65];			 /* SHA-256 of the certificate */
	char key_type[32];			 /* "ECDSA P-256" */
	time_t not_before, not_after;
	bool is_authority;
	bool for_client, for_server;
	struct stoq_pki_name names[STOQ_PKI_NAMES_MAX];
	size_t name_count;
};

/* What cannot be read is left empty: never fails. */
void stoq_pki_describe(struct stoq_pki_description *description, gnutls_x509_crt_t certificate);

/* "2026-11-22T07:30:00Z", in text, which it returns. */
const char *stoq_pki_time_text(char text[static STOQ_PKI_TIME_BYTES], time_t when);
