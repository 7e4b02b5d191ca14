// SPDX-License-Identifier: BSD-2-Clause
#include "pki/describe.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

/* A peer chooses its names: nothing but printable ASCII comes to a terminal, a log or JSON. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

static void hex_text(char *text, size_t size, const unsigned char *bytes, size_t count)
{
	text[0] = '\0';
	for (size_t i = 0; i < count && 2 * i + 2 < size; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void describe_names(struct stoq_pki_description *description, gnutls_x509_crt_t certificate)
{
	size_t size = sizeof(description->subject);

	if (gnutls_x509_crt_get_dn_by_oid(
		    certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, description->subject, &size))
		snprintf(description->subject, sizeof(description->subject), "(no common name)");
	size = sizeof(description->issuer);
	if (gnutls_x509_crt_get_issuer_dn_by_oid(
		    certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, description->issuer, &size))
		snprintf(description->issuer, sizeof(description->issuer), "(no common name)");
	make_printable(description->subject);
	make_printable(description->issuer);
	description->name_count = stoq_pki_names_of(certificate, description->names);
}

static void describe_key(struct stoq_pki_description *description, gnutls_x509_crt_t certificate)
{
	unsigned int bits = 0;
	gnutls_ecc_curve_t curve;
	const int algorithm = gnutls_x509_crt_get_pk_algorithm(certificate, &bits);

	if (algorithm == GNUTLS_PK_ECDSA &&
		!gnutls_x509_crt_get_pk_ecc_raw(certificate, &curve, NULL, NULL))
		snprintf(description->key_type, sizeof(description->key_type), "ECDSA %s",
			gnutls_ecc_curve_get_name(curve));
	else if (algorithm == GNUTLS_PK_EDDSA_ED25519)
		snprintf(description->key_type, sizeof(description->key_type), "Ed25519");
	else if (algorithm > 0)
		snprintf(description->key_type, sizeof(description->key_type), "%s %u bits",
			gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm), bits);
}

static void describe_identity(
	struct stoq_pki_description *description, gnutls_x509_crt_t certificate)
{
	unsigned char bytes[64];
	size_t size = sizeof(bytes);

	if (!gnutls_x509_crt_get_serial(certificate, bytes, &size))
		hex_text(description->serial, sizeof(description->serial), bytes, size);
	size = sizeof(bytes);
	if (!gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, bytes, &size))
		hex_text(description->fingerprint, sizeof(description->fingerprint), bytes, size);
}

static bool has_purpose(gnutls_x509_crt_t certificate, const char *purpose)
{
	return gnutls_x509_crt_check_key_purpose(certificate, purpose, 0) != 0;
}

void stoq_pki_describe(struct stoq_pki_description *description, gnutls_x509_crt_t certificate)
{
	memset(description, 0, sizeof(*description));
	describe_names(description, certificate);
	describe_key(description, certificate);
	describe_identity(description, certificate);
	description->not_before = gnutls_x509_crt_get_activation_time(certificate);
	description->not_after = gnutls_x509_crt_get_expiration_time(certificate);
	description->is_authority = gnutls_x509_crt_get_ca_status(certificate, NULL) > 0;
	if (description->is_authority)
		return;
	description->for_client = has_purpose(certificate, GNUTLS_KP_TLS_WWW_CLIENT);
	description->for_server = has_purpose(certificate, GNUTLS_KP_TLS_WWW_SERVER);
}

const char *stoq_pki_time_text(char text[static STOQ_PKI_TIME_BYTES], time_t when)
{
	struct tm parts;

	if (!gmtime_r(&when, &parts) ||
		!strftime(text, STOQ_PKI_TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts))
		snprintf(text, STOQ_PKI_TIME_BYTES, "an unknown time");
	return text;
}
