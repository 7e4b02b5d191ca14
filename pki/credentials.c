// SPDX-License-Identifier: BSD-2-Clause
#include "pki/credentials.h"

#include <errno.h>
#include <string.h>

#include "pki/describe.h"

/* What is parsed for the checks. */
struct parsed {
	struct stoq_pki_list ca, chain; /* ours is the chain's first, if there is one */
	gnutls_x509_privkey_t key;
	gnutls_x509_crl_t crl;
};

static void free_parsed(struct parsed *parsed)
{
	stoq_pki_list_free(&parsed->ca);
	stoq_pki_list_free(&parsed->chain);
	if (parsed->key)
		gnutls_x509_privkey_deinit(parsed->key);
	if (parsed->crl)
		gnutls_x509_crl_deinit(parsed->crl);
}

static int parse(
	struct parsed *parsed, const struct stoq_pki_material *material, struct stoq_error *error)
{
	int ret = stoq_pki_list_parse(&parsed->ca, &material->ca, "the authority's file", error);

	if (!ret && material->crl.data)
		ret = stoq_pki_crl_parse(
			&parsed->crl, &material->crl, "the revocation list's file", error);
	if (!ret && material->certificate.data)
		ret = stoq_pki_list_parse(
			&parsed->chain, &material->certificate, "the certificate's file", error);
	if (!ret && material->certificate.data)
		ret = stoq_pki_key_parse(&parsed->key, &material->key, "the key's file", error);
	return ret;
}

static int check_key(const struct parsed *parsed, struct stoq_error *error)
{
	unsigned char of_key[64], of_certificate[64];
	size_t key_size = sizeof(of_key), certificate_size = sizeof(of_certificate);

	if (gnutls_x509_privkey_get_key_id(
		    parsed->key, GNUTLS_KEYID_USE_SHA256, of_key, &key_size) ||
		gnutls_x509_crt_get_key_id(parsed->chain.certificates[0], GNUTLS_KEYID_USE_SHA256,
			of_certificate, &certificate_size) ||
		key_size != certificate_size || memcmp(of_key, of_certificate, key_size) != 0)
		return stoq_error_set(error, -EINVAL,
			"the key is not the certificate's: take both from the same folder");
	return 0;
}

static int check_dates(
	gnutls_x509_crt_t certificate, const char *whose, time_t now, struct stoq_error *error)
{
	char when[STOQ_PKI_TIME_BYTES];

	if (now < gnutls_x509_crt_get_activation_time(certificate))
		return stoq_error_set(error, -EKEYREJECTED,
			"%s certificate is not valid before %s: is the clock right?", whose,
			stoq_pki_time_text(when, gnutls_x509_crt_get_activation_time(certificate)));
	if (now > gnutls_x509_crt_get_expiration_time(certificate))
		return stoq_error_set(error, -EKEYEXPIRED,
			"%s certificate expired on %s: `stoq pki renew` makes a new one", whose,
			stoq_pki_time_text(when, gnutls_x509_crt_get_expiration_time(certificate)));
	return 0;
}

static int check_chain(const struct parsed *parsed, struct stoq_error *error)
{
	unsigned int status = 0;
	const int code = gnutls_x509_crt_list_verify(parsed->chain.certificates,
		parsed->chain.count, parsed->ca.certificates, parsed->ca.count, NULL, 0,
		GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status);

	if (code || status)
		return stoq_error_set(error, -EKEYREJECTED,
			"our certificate was not issued by the authority in the authority's file");
	if (parsed->crl && gnutls_x509_crt_check_revocation(
				   parsed->chain.certificates[0], &parsed->crl, 1) == 1)
		return stoq_error_set(error, -EKEYREVOKED,
			"our certificate is revoked: every peer will refuse it; issue a new one");
	return 0;
}

static int check_crl(const struct parsed *parsed, struct stoq_error *error)
{
	unsigned int status = 0;
	const int code = gnutls_x509_crl_verify(parsed->crl, parsed->ca.certificates,
		parsed->ca.count, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status);

	if (code || status)
		return stoq_error_set(error, -EKEYREJECTED,
			"the revocation list is not the authority's: copy its crl.pem here");
	return 0;
}

static int check_ours(const struct parsed *parsed, time_t now, struct stoq_error *error)
{
	int ret = check_key(parsed, error);

	if (!ret)
		ret = check_dates(parsed->chain.certificates[0], "our", now, error);
	return ret ? ret : check_chain(parsed, error);
}

static int check(const struct parsed *parsed, time_t now, struct stoq_error *error)
{
	int ret = -EKEYREJECTED;

	/* One authority in force will do: the next one's may be there already. */
	for (unsigned int i = 0; i < parsed->ca.count && ret; i++)
		ret = check_dates(parsed->ca.certificates[i], "the authority's", now, error);
	if (!ret && parsed->crl)
		ret = check_crl(parsed, error);
	if (!ret && parsed->chain.count)
		ret = check_ours(parsed, now, error);
	return ret;
}

static int fill(gnutls_certificate_credentials_t credentials,
	const struct stoq_pki_material *material, const struct parsed *parsed)
{
	int code = gnutls_certificate_set_x509_trust_mem(
		credentials, &material->ca, GNUTLS_X509_FMT_PEM);

	if (code >= 0 && parsed->crl)
		code = gnutls_certificate_set_x509_crl_mem(
			credentials, &material->crl, GNUTLS_X509_FMT_PEM);
	if (code >= 0 && parsed->chain.count)
		code = gnutls_certificate_set_x509_key_mem(
			credentials, &material->certificate, &material->key, GNUTLS_X509_FMT_PEM);
	return code;
}

static int make(gnutls_certificate_credentials_t *credentials,
	const struct stoq_pki_material *material, const struct parsed *parsed,
	struct stoq_error *error)
{
	int code = gnutls_certificate_allocate_credentials(credentials);

	if (code >= 0) {
		code = fill(*credentials, material, parsed);
		if (code >= 0)
			return 0;
		gnutls_certificate_free_credentials(*credentials);
	}
	*credentials = NULL;
	return stoq_error_set(error, code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL,
		"cannot use the certificates: GnuTLS says: %s", gnutls_strerror(code));
}

int stoq_pki_credentials_new(gnutls_certificate_credentials_t *credentials,
	const struct stoq_pki_material *material, time_t now, struct stoq_error *error)
{
	struct parsed parsed = {0};
	int ret = parse(&parsed, material, error);

	*credentials = NULL;
	if (!ret)
		ret = check(&parsed, now, error);
	if (!ret)
		ret = make(credentials, material, &parsed, error);
	free_parsed(&parsed);
	return ret;
}
