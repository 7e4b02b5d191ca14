// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any file is a certificate, a key, a revocation list, or an error that names it; what a
 * certificate says can be printed, and its names are names. The first byte says what the rest is:
 * PEM, or DER that is put into PEM.
 */
#include <string.h>

#include "pki/credentials.h"
#include "pki/print.h"
#include "pki/print_json.h"
#include "require.h"

#define NOW 1800000000

enum kind { CERTIFICATE, KEY, CRL, KINDS };

static void check_description(const struct stoq_pki_description *description)
{
	for (const char *at = description->subject; *at; at++)
		require(*at >= ' ' && *at <= '~');
	require(description->name_count <= STOQ_PKI_NAMES_MAX);
	for (size_t i = 0; i < description->name_count; i++) {
		struct stoq_pki_name again;

		require(!stoq_pki_name_set(
			&again, description->names[i].type, description->names[i].text, NULL));
		require(stoq_pki_name_equal(&again, &description->names[i]));
		require(stoq_pki_name_matches(&again, description->names[i].text));
	}
}

static void use_certificate(FILE *nowhere, const gnutls_datum_t *text)
{
	struct stoq_pki_description description;
	const struct stoq_pki_view view = {&description, STOQ_PKI_VALID, NOW};
	gnutls_x509_crt_t certificate;
	struct stoq_error error;

	if (stoq_pki_certificate_parse(&certificate, text, "fuzz", &error)) {
		require(strncmp(error.text, "fuzz ", 5) == 0);
		return;
	}
	stoq_pki_describe(&description, certificate);
	check_description(&description);
	stoq_pki_print_certificate(nowhere, &view);
	stoq_pki_print_certificate_json(nowhere, &view);
	gnutls_x509_crt_deinit(certificate);
}

static void use_crl(const gnutls_datum_t *text)
{
	struct stoq_error error;
	gnutls_x509_crl_t crl;

	if (stoq_pki_crl_parse(&crl, text, "fuzz", &error))
		require(strncmp(error.text, "fuzz ", 5) == 0);
	else
		gnutls_x509_crl_deinit(crl);
}

/* The text takes one place in a node's folder, beside good ones. */
static void use_as(enum kind kind, const struct stoq_pki_material *good, const gnutls_datum_t *text)
{
	struct stoq_pki_material material = *good;
	gnutls_certificate_credentials_t credentials;
	struct stoq_error error = {0};

	if (kind == CERTIFICATE)
		material.certificate = *text;
	else if (kind == KEY)
		material.key = *text;
	else
		material.crl = *text;
	if (!stoq_pki_credentials_new(&credentials, &material, NOW, &error)) {
		gnutls_certificate_free_credentials(credentials);
		return;
	}
	require(!credentials);
	require(error.code && error.text[0]);
}

/* As an authority's file, it may hold several. */
static void use_as_authority(const struct stoq_pki_material *good, const gnutls_datum_t *text)
{
	struct stoq_pki_material material = *good;
	gnutls_certificate_credentials_t credentials;

	material.ca = *text;
	if (!stoq_pki_credentials_new(&credentials, &material, NOW, NULL))
		gnutls_certificate_free_credentials(credentials);
}

static void use(FILE *nowhere, enum kind kind, const struct stoq_pki_material *good,
	const gnutls_datum_t *text)
{
	if (kind == CERTIFICATE) {
		use_certificate(nowhere, text);
		use_as_authority(good, text);
	} else if (kind == CRL) {
		use_crl(text);
	}
	use_as(kind, good, text);
}

static void use_der(FILE *nowhere, enum kind kind, const struct stoq_pki_material *good,
	const gnutls_datum_t *der)
{
	static const char *const headers[KINDS] = {"CERTIFICATE", "PRIVATE KEY", "X509 CRL"};
	gnutls_datum_t text;

	if (gnutls_pem_base64_encode2(headers[kind], der, &text) < 0)
		return;
	use(nowhere, kind, good, &text);
	gnutls_free(text.data);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const char *const names[2] = {"one", "two"};
	static struct stoq_pki_material pair[2];
	static FILE *nowhere;
	gnutls_datum_t rest;

	if (!nowhere) {
		nowhere = fopen("/dev/null", "we");
		require(nowhere && !stoq_pki_material_make_pair(pair, names, NOW, NULL));
	}
	if (!size)
		return 0;
	rest = (gnutls_datum_t){(unsigned char *)data + 1, (unsigned int)size - 1};
	if (data[0] < KINDS)
		use_der(nowhere, (enum kind)data[0], &pair[0], &rest);
	else
		use(nowhere, (enum kind)(data[0] % KINDS), &pair[0], &rest);
	return 0;
}
