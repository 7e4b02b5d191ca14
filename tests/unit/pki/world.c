// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "world.h"

static void succeed(int ret, const struct stoq_error *error)
{
	if (ret)
		fail_msg("%s", error->text);
}

void world_authority(struct stoq_pki_identity *authority, const char *name)
{
	const time_t now = time(NULL);
	const struct stoq_pki_request request = {
		.common_name = name,
		.not_before = now - 15 * STOQ_PKI_DAY_S,
		.not_after = now + 15 * STOQ_PKI_DAY_S,
	};
	struct stoq_error error;

	succeed(stoq_pki_make_authority(authority, &request, &error), &error);
}

void world_peer(struct stoq_pki_material *material, const struct stoq_pki_identity *authority,
	const char *name, long from_s, long to_s)
{
	const time_t now = time(NULL);
	struct stoq_pki_name parsed;
	const struct stoq_pki_request request = {
		.common_name = "peer",
		.names = &parsed,
		.name_count = 1,
		.not_before = now + from_s,
		.not_after = now + to_s,
	};
	struct stoq_error error;

	succeed(stoq_pki_name_parse(&parsed, name, &error), &error);
	succeed(stoq_pki_material_make(material, authority, NULL, &request, &error), &error);
}

void world_revoke(struct stoq_pki_material *material, const struct stoq_pki_identity *authority,
	const struct stoq_pki_material *revoked)
{
	gnutls_x509_crt_t certificate = NULL;
	gnutls_x509_crl_t crl;
	struct stoq_error error;

	if (revoked)
		succeed(stoq_pki_certificate_parse(
				&certificate, &revoked->certificate, "the test", &error),
			&error);
	succeed(stoq_pki_make_crl(
			&crl, authority, NULL, &certificate, revoked ? 1 : 0, time(NULL), &error),
		&error);
	stoq_pki_text_free(&material->crl);
	succeed(stoq_pki_crl_text(&material->crl, crl, &error), &error);
	gnutls_x509_crl_deinit(crl);
	if (certificate)
		gnutls_x509_crt_deinit(certificate);
}

void world_custom(struct stoq_pki_material *material, const struct stoq_pki_identity *authority,
	void (*customise)(gnutls_x509_crt_t certificate))
{
	struct stoq_pki_identity made;
	struct stoq_error error;

	assert_int_equal(gnutls_x509_crt_init(&made.certificate), 0);
	assert_int_equal(gnutls_x509_privkey_init(&made.key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(made.key, GNUTLS_PK_ECDSA,
				 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	gnutls_x509_crt_set_version(made.certificate, 3);
	gnutls_x509_crt_set_serial(made.certificate, "1", 1);
	gnutls_x509_crt_set_key(made.certificate, made.key);
	gnutls_x509_crt_set_dn(made.certificate, "CN=custom", NULL);
	gnutls_x509_crt_set_activation_time(made.certificate, time(NULL) - 60);
	gnutls_x509_crt_set_expiration_time(made.certificate, time(NULL) + 60);
	customise(made.certificate);
	assert_int_equal(gnutls_x509_crt_sign2(made.certificate, authority->certificate,
				 authority->key, GNUTLS_DIG_SHA256, 0),
		0);
	*material = (struct stoq_pki_material){0};
	succeed(stoq_pki_certificate_text(&material->ca, authority->certificate, &error), &error);
	succeed(stoq_pki_certificate_text(&material->certificate, made.certificate, &error),
		&error);
	succeed(stoq_pki_key_text(&material->key, made.key, &error), &error);
	stoq_pki_identity_free(&made);
}
