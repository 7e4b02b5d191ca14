// SPDX-License-Identifier: BSD-2-Clause
#include "pki/certificate.h"

#include <endian.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "pki/ec_key.h"

#define COMMON_NAME_MAX 64

/* Adding to a bag of calls: the first error stays. */
#define TRY(code, call)                                                                            \
	do {                                                                                       \
		if ((code) >= 0)                                                                   \
			(code) = (call);                                                           \
	} while (0)

static int fail(struct stoq_error *error, const char *what, int code)
{
	return stoq_error_set(error, code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL,
		"cannot %s: GnuTLS says: %s", what, gnutls_strerror(code));
}

static int make_key(gnutls_x509_privkey_t *key, enum stoq_pki_key_type type)
{
	int code = gnutls_x509_privkey_init(key);

	if (type == STOQ_PKI_ED25519)
		TRY(code, gnutls_x509_privkey_generate(*key, GNUTLS_PK_EDDSA_ED25519,
				  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 0));
	else
		TRY(code, gnutls_x509_privkey_generate(*key, GNUTLS_PK_ECDSA,
				  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	return code;
}

/* Positive, and of the same length each time. */
static int set_serial(gnutls_x509_crt_t certificate)
{
	unsigned char serial[STOQ_PKI_SERIAL_BYTES];
	int code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40);
	TRY(code, gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial)));
	return code;
}

static int set_key_id(gnutls_x509_crt_t certificate)
{
	unsigned char id[64];
	size_t size = sizeof(id);
	int code = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA1, id, &size);

	TRY(code, gnutls_x509_crt_set_subject_key_id(certificate, id, size));
	return code;
}

static int set_authority_id(gnutls_x509_crt_t certificate, gnutls_x509_crt_t authority)
{
	unsigned char id[64];
	size_t size = sizeof(id);
	int code = gnutls_x509_crt_get_subject_key_id(authority, id, &size, NULL);

	TRY(code, gnutls_x509_crt_set_authority_key_id(certificate, id, size));
	return code;
}

/* What both kinds have. */
static int begin(struct stoq_pki_identity *identity, const struct stoq_pki_request *request)
{
	const char *name = request->common_name;
	int code = make_key(&identity->key, request->key_type);

	TRY(code, gnutls_x509_crt_init(&identity->certificate));
	TRY(code, gnutls_x509_crt_set_version(identity->certificate, 3));
	TRY(code, set_serial(identity->certificate));
	TRY(code, gnutls_x509_crt_set_key(identity->certificate, identity->key));
	TRY(code, gnutls_x509_crt_set_dn_by_oid(identity->certificate, GNUTLS_OID_X520_COMMON_NAME,
			  0, name, (unsigned int)strlen(name)));
	TRY(code, gnutls_x509_crt_set_activation_time(identity->certificate, request->not_before));
	TRY(code, gnutls_x509_crt_set_expiration_time(identity->certificate, request->not_after));
	TRY(code, set_key_id(identity->certificate));
	return code;
}

static int preferred_hash(gnutls_x509_crt_t certificate, gnutls_digest_algorithm_t *hash)
{
	gnutls_pubkey_t key;
	int code = gnutls_pubkey_init(&key);

	if (code < 0)
		return code;
	code = gnutls_pubkey_import_x509(key, certificate, 0);
	TRY(code, gnutls_pubkey_get_preferred_hash_algorithm(key, hash, NULL));
	gnutls_pubkey_deinit(key);
	return code;
}

static int sign(gnutls_x509_crt_t certificate, const struct stoq_pki_identity *authority)
{
	gnutls_digest_algorithm_t hash = GNUTLS_DIG_SHA256;
	int code = preferred_hash(authority->certificate, &hash);

	TRY(code, gnutls_x509_crt_sign2(
			  certificate, authority->certificate, authority->key, hash, 0));
	return code;
}

static int check_request(const struct stoq_pki_request *request, struct stoq_error *error)
{
	const size_t length = strlen(request->common_name);

	if (!length || length > COMMON_NAME_MAX)
		return stoq_error_set(
			error, -EINVAL, "a common name has 1 to %d bytes", COMMON_NAME_MAX);
	if (request->not_after <= request->not_before)
		return stoq_error_set(
			error, -EINVAL, "a certificate must end later than it begins");
	return 0;
}

int stoq_pki_make_authority(struct stoq_pki_identity *authority,
	const struct stoq_pki_request *request, struct stoq_error *error)
{
	int code, ret = check_request(request, error);

	*authority = (struct stoq_pki_identity){0};
	if (ret)
		return ret;
	code = begin(authority, request);
	/* No further authority below this one. */
	TRY(code, gnutls_x509_crt_set_basic_constraints(authority->certificate, 1, 0));
	TRY(code, gnutls_x509_crt_set_key_usage(
			  authority->certificate, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
	TRY(code, sign(authority->certificate, authority));
	if (code >= 0)
		return 0;
	stoq_pki_identity_free(authority);
	return fail(error, "make the authority's certificate", code);
}

int stoq_pki_make_peer(struct stoq_pki_identity *peer, const struct stoq_pki_identity *authority,
	const struct stoq_pki_request *request, struct stoq_error *error)
{
	int code, ret = check_request(request, error);

	*peer = (struct stoq_pki_identity){0};
	if (ret)
		return ret;
	code = begin(peer, request);
	TRY(code, gnutls_x509_crt_set_basic_constraints(peer->certificate, 0, -1));
	TRY(code, gnutls_x509_crt_set_key_usage(peer->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
	TRY(code, gnutls_x509_crt_set_key_purpose_oid(
			  peer->certificate, GNUTLS_KP_TLS_WWW_SERVER, 0));
	TRY(code, gnutls_x509_crt_set_key_purpose_oid(
			  peer->certificate, GNUTLS_KP_TLS_WWW_CLIENT, 0));
	TRY(code, set_authority_id(peer->certificate, authority->certificate));
	TRY(code, stoq_pki_names_add(peer->certificate, request->names, request->name_count));
	TRY(code, sign(peer->certificate, authority));
	if (code >= 0)
		return 0;
	stoq_pki_identity_free(peer);
	return fail(error, "make the certificate", code);
}

void stoq_pki_identity_free(struct stoq_pki_identity *identity)
{
	if (identity->certificate)
		gnutls_x509_crt_deinit(identity->certificate);
	if (identity->key)
		gnutls_x509_privkey_deinit(identity->key);
	*identity = (struct stoq_pki_identity){0};
}

/* ---- revocation lists ---- */

static int copy_revoked(gnutls_x509_crl_t crl, gnutls_x509_crl_t old)
{
	const int count = old ? gnutls_x509_crl_get_crt_count(old) : 0;
	int code = 0;

	for (int i = 0; i < count && code >= 0; i++) {
		unsigned char serial[64];
		size_t size = sizeof(serial);
		time_t since = 0;

		code = gnutls_x509_crl_get_crt_serial(old, i, serial, &size, &since);
		TRY(code, gnutls_x509_crl_set_crt_serial(crl, serial, size, since));
	}
	return code;
}

/* Lists are numbered, so that a newer one is known as such (RFC 5280, section 5.2.3). */
static int set_number(gnutls_x509_crl_t crl, gnutls_x509_crl_t old)
{
	unsigned char bytes[32];
	size_t size = sizeof(bytes);
	uint64_t number = 0;

	if (old && gnutls_x509_crl_get_number(old, bytes, &size, NULL) >= 0) {
		for (size_t i = 0; i < size; i++)
			number = number << 8 | bytes[i];
	}
	number = htobe64(number + 1);
	return gnutls_x509_crl_set_number(crl, &number, sizeof(number));
}

static int set_crl_authority(gnutls_x509_crl_t crl, gnutls_x509_crt_t authority)
{
	unsigned char id[64];
	size_t size = sizeof(id);
	int code = gnutls_x509_crt_get_subject_key_id(authority, id, &size, NULL);

	TRY(code, gnutls_x509_crl_set_authority_key_id(crl, id, size));
	return code;
}

static int fill_crl(gnutls_x509_crl_t crl, const struct stoq_pki_identity *authority,
	gnutls_x509_crl_t old, const gnutls_x509_crt_t *revoked, size_t count, time_t now)
{
	gnutls_digest_algorithm_t hash = GNUTLS_DIG_SHA256;
	int code = gnutls_x509_crl_set_version(crl, 2);

	TRY(code, gnutls_x509_crl_set_this_update(crl, now - STOQ_PKI_CLOCK_SKEW_S));
	TRY(code, gnutls_x509_crl_set_next_update(
			  crl, gnutls_x509_crt_get_expiration_time(authority->certificate)));
	TRY(code, copy_revoked(crl, old));
	for (size_t i = 0; i < count; i++)
		TRY(code, gnutls_x509_crl_set_crt(crl, revoked[i], now));
	TRY(code, set_crl_authority(crl, authority->certificate));
	TRY(code, set_number(crl, old));
	TRY(code, preferred_hash(authority->certificate, &hash));
	TRY(code, gnutls_x509_crl_sign2(crl, authority->certificate, authority->key, hash, 0));
	return code;
}

int stoq_pki_make_crl(gnutls_x509_crl_t *crl, const struct stoq_pki_identity *authority,
	gnutls_x509_crl_t old, const gnutls_x509_crt_t *revoked, size_t count, time_t now,
	struct stoq_error *error)
{
	int code = gnutls_x509_crl_init(crl);

	if (code < 0)
		return fail(error, "make a revocation list", code);
	code = fill_crl(*crl, authority, old, revoked, count, now);
	if (code >= 0)
		return 0;
	gnutls_x509_crl_deinit(*crl);
	*crl = NULL;
	return fail(error, "make a revocation list", code);
}

/* ---- PEM ---- */

int stoq_pki_certificate_text(
	gnutls_datum_t *text, gnutls_x509_crt_t certificate, struct stoq_error *error)
{
	int code = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, text);

	return code < 0 ? fail(error, "write a certificate", code) : 0;
}

int stoq_pki_key_text(gnutls_datum_t *text, gnutls_x509_privkey_t key, struct stoq_error *error)
{
	int code;

	if (gnutls_x509_privkey_get_pk_algorithm(key) == GNUTLS_PK_ECDSA)
		code = stoq_pki_ec_key_text(text, key);
	else
		code = gnutls_x509_privkey_export2_pkcs8(
			key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, text);
	return code < 0 ? fail(error, "write a private key", code) : 0;
}

int stoq_pki_crl_text(gnutls_datum_t *text, gnutls_x509_crl_t crl, struct stoq_error *error)
{
	int code = gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, text);

	return code < 0 ? fail(error, "write a revocation list", code) : 0;
}

void stoq_pki_text_free(gnutls_datum_t *text)
{
	if (text->data) {
		gnutls_memset(text->data, 0, text->size);
		gnutls_free(text->data);
	}
	*text = (gnutls_datum_t){0};
}

static int fail_parse(struct stoq_error *error, const char *origin, const char *what, int code)
{
	return stoq_error_set(error, code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL,
		"%s holds no %s in PEM form: GnuTLS says: %s", origin, what, gnutls_strerror(code));
}

int stoq_pki_list_parse(struct stoq_pki_list *list, const gnutls_datum_t *text, const char *origin,
	struct stoq_error *error)
{
	int code;

	list->count = STOQ_PKI_CHAIN_MAX;
	code = gnutls_x509_crt_list_import(list->certificates, &list->count, text,
		GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
	if (code >= 0)
		return 0;
	list->count = 0;
	if (code == GNUTLS_E_SHORT_MEMORY_BUFFER)
		return stoq_error_set(error, -E2BIG, "%s holds more than %d certificates", origin,
			STOQ_PKI_CHAIN_MAX);
	return fail_parse(error, origin, "certificate", code);
}

void stoq_pki_list_free(struct stoq_pki_list *list)
{
	for (unsigned int i = 0; i < list->count; i++)
		gnutls_x509_crt_deinit(list->certificates[i]);
	list->count = 0;
}

int stoq_pki_certificate_parse(gnutls_x509_crt_t *certificate, const gnutls_datum_t *text,
	const char *origin, struct stoq_error *error)
{
	int code = gnutls_x509_crt_init(certificate);

	if (code < 0)
		return fail_parse(error, origin, "certificate", code);
	code = gnutls_x509_crt_import(*certificate, text, GNUTLS_X509_FMT_PEM);
	if (code >= 0)
		return 0;
	gnutls_x509_crt_deinit(*certificate);
	*certificate = NULL;
	return fail_parse(error, origin, "certificate", code);
}

int stoq_pki_key_parse(gnutls_x509_privkey_t *key, const gnutls_datum_t *text, const char *origin,
	struct stoq_error *error)
{
	int code = gnutls_x509_privkey_init(key);

	if (code < 0)
		return fail_parse(error, origin, "private key", code);
	code = gnutls_x509_privkey_import2(
		*key, text, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
	if (code >= 0)
		return 0;
	gnutls_x509_privkey_deinit(*key);
	*key = NULL;
	if (code == GNUTLS_E_DECRYPTION_FAILED)
		return stoq_error_set(error, -EINVAL,
			"%s is protected by a password, which a service cannot type: decrypt it",
			origin);
	return fail_parse(error, origin, "private key", code);
}

int stoq_pki_crl_parse(gnutls_x509_crl_t *crl, const gnutls_datum_t *text, const char *origin,
	struct stoq_error *error)
{
	int code = gnutls_x509_crl_init(crl);

	if (code < 0)
		return fail_parse(error, origin, "revocation list", code);
	code = gnutls_x509_crl_import(*crl, text, GNUTLS_X509_FMT_PEM);
	if (code >= 0)
		return 0;
	gnutls_x509_crl_deinit(*crl);
	*crl = NULL;
	return fail_parse(error, origin, "revocation list", code);
}
