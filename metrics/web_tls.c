// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/web_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/files.h"
#include "pki/material.h"

struct stoq_web_tls {
	const struct stoq_web_config *config;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
};

/* ---- certificates ---- */

/* secret: as of stoq_pki_read_file(). */
static int read_pem(gnutls_datum_t *text, const struct stoq_web_pem *pem, const char *secret,
	struct stoq_error *error)
{
	size_t size;

	if (pem->path)
		return stoq_pki_read_file(text, pem->path, secret, error);
	if (!pem->text)
		return 0;
	size = strlen(pem->text);
	text->data = gnutls_calloc(1, size + 1);
	if (!text->data)
		return stoq_error_set(error, -ENOMEM, "no memory for certificates");
	memcpy(text->data, pem->text, size);
	text->size = (unsigned int)size;
	return 0;
}

static int read_material(struct stoq_pki_material *material, const struct stoq_web_config *config,
	struct stoq_error *error)
{
	int ret = read_pem(&material->certificate, &config->certificate, NULL, error);

	if (!ret)
		ret = read_pem(&material->key, &config->key, "the private key", error);
	if (!ret)
		ret = read_pem(&material->ca, &config->client_ca, NULL, error);
	return ret;
}

static const char *name_of(const struct stoq_web_pem *pem)
{
	return pem->path ? pem->path : "what the file itself contains";
}

static int set_material(struct stoq_web_tls *tls, const struct stoq_pki_material *material,
	struct stoq_error *error)
{
	const struct stoq_web_config *config = tls->config;
	int code = gnutls_certificate_set_x509_key_mem2(tls->credentials, &material->certificate,
		&material->key, GNUTLS_X509_FMT_PEM, NULL, 0);

	if (code < 0)
		return stoq_error_set(error, -EINVAL,
			"tls_server_config: the certificate %.150s and the key %.150s cannot be "
			"used: %s",
			name_of(&config->certificate), name_of(&config->key),
			gnutls_strerror(code));
	if (!material->ca.data)
		return 0;
	code = gnutls_certificate_set_x509_trust_mem(
		tls->credentials, &material->ca, GNUTLS_X509_FMT_PEM);
	if (code > 0)
		return 0;
	return stoq_error_set(error, -EINVAL,
		"tls_server_config: no certificate of an authority in %.200s: %s",
		name_of(&config->client_ca), code ? gnutls_strerror(code) : "it has none");
}

/* Versions from min to max, and GnuTLS's own choice of everything else. */
static int set_priority(struct stoq_web_tls *tls, struct stoq_error *error)
{
	static const char *const names[] = {
		"+VERS-TLS1.0", "+VERS-TLS1.1", "+VERS-TLS1.2", "+VERS-TLS1.3"};
	char text[128] = "NORMAL:-VERS-ALL";
	int code;

	for (unsigned int i = tls->config->max_version + 1; i-- > tls->config->min_version;) {
		strcat(text, ":");
		strcat(text, names[i]);
	}
	if (tls->config->prefer_server_ciphers)
		strcat(text, ":%SERVER_PRECEDENCE");
	code = gnutls_priority_init(&tls->priority, text, NULL);
	if (code == 0)
		return 0;
	return stoq_error_set(error, -EINVAL,
		"tls_server_config: min_version and max_version leave no version that GnuTLS has "
		"here: %s",
		gnutls_strerror(code));
}

static int fill(struct stoq_web_tls *tls, struct stoq_error *error)
{
	struct stoq_pki_material material = {0};
	int ret;

	if (gnutls_certificate_allocate_credentials(&tls->credentials))
		return stoq_error_set(error, -ENOMEM, "no memory for certificates");
	ret = read_material(&material, tls->config, error);
	if (!ret)
		ret = set_material(tls, &material, error);
	if (!ret)
		ret = set_priority(tls, error);
	stoq_pki_material_free(&material);
	return ret;
}

int stoq_web_tls_new(
	struct stoq_web_tls **tls, const struct stoq_web_config *config, struct stoq_error *error)
{
	struct stoq_web_tls *made = calloc(1, sizeof(*made));
	int ret;

	if (!made)
		return stoq_error_set(error, -ENOMEM, "no memory for certificates");
	made->config = config;
	ret = fill(made, error);
	if (ret)
		stoq_web_tls_free(made);
	else
		*tls = made;
	return ret;
}

void stoq_web_tls_free(struct stoq_web_tls *tls)
{
	if (!tls)
		return;
	if (tls->priority)
		gnutls_priority_deinit(tls->priority);
	if (tls->credentials)
		gnutls_certificate_free_credentials(tls->credentials);
	free(tls);
}

/* ---- a client's certificate ---- */

static bool is_allowed(const struct stoq_web_config *config, const char *name, size_t size)
{
	for (size_t i = 0; i < config->client_san_count; i++)
		if (config->client_sans[i] && strlen(config->client_sans[i]) == size &&
			memcmp(config->client_sans[i], name, size) == 0)
			return true;
	return false;
}

/* An IP address as its text, as the file has it. */
static bool is_allowed_address(const struct stoq_web_config *config, const void *bytes, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	return (size == 4 || size == 16) &&
	       inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)) &&
	       is_allowed(config, text, strlen(text));
}

static bool has_allowed_san(const struct stoq_web_config *config, gnutls_x509_crt_t certificate)
{
	for (unsigned int i = 0;; i++) {
		char name[1024];
		size_t size = sizeof(name);
		int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, NULL);

		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
			continue; /* longer than any that we look for */
		if (type < 0)
			return false;
		if (type == GNUTLS_SAN_IPADDRESS
				? is_allowed_address(config, name, size)
				: type != GNUTLS_SAN_DN && is_allowed(config, name, size))
			return true;
	}
}

static bool san_is_allowed(const struct stoq_web_config *config, const gnutls_datum_t *der)
{
	gnutls_x509_crt_t certificate;
	bool allowed = false;

	if (!config->client_san_count)
		return true;
	if (gnutls_x509_crt_init(&certificate))
		return false;
	if (!gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER))
		allowed = has_allowed_san(config, certificate);
	gnutls_x509_crt_deinit(certificate);
	return allowed;
}

static bool is_trusted(gnutls_session_t session)
{
	static unsigned char client[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st purpose = {GNUTLS_DT_KEY_PURPOSE_OID, client, 0};
	unsigned int status = 0;

	return gnutls_certificate_verify_peers(session, &purpose, 1, &status) == 0 && !status;
}

/* In the handshake, once the client has shown a certificate, or none where it need not. */
static int verify(gnutls_session_t session)
{
	const struct stoq_web_tls *tls = gnutls_db_get_ptr(session);
	enum stoq_web_client_auth auth = tls->config->client_auth;
	unsigned int count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	bool required = auth == STOQ_WEB_REQUIRE_ANY_CLIENT_CERT ||
			auth == STOQ_WEB_REQUIRE_AND_VERIFY_CLIENT_CERT;

	if (!chain || !count)
		return required ? GNUTLS_E_CERTIFICATE_REQUIRED : 0;
	if (auth >= STOQ_WEB_VERIFY_CLIENT_CERT_IF_GIVEN && !is_trusted(session))
		return GNUTLS_E_CERTIFICATE_ERROR;
	return san_is_allowed(tls->config, &chain[0]) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

void stoq_web_tls_prepare(struct stoq_web_tls *tls, gnutls_session_t session)
{
	static const gnutls_certificate_request_t requests[] = {
		[STOQ_WEB_NO_CLIENT_CERT] = GNUTLS_CERT_IGNORE,
		[STOQ_WEB_REQUEST_CLIENT_CERT] = GNUTLS_CERT_REQUEST,
		[STOQ_WEB_REQUIRE_ANY_CLIENT_CERT] = GNUTLS_CERT_REQUIRE,
		[STOQ_WEB_VERIFY_CLIENT_CERT_IF_GIVEN] = GNUTLS_CERT_REQUEST,
		[STOQ_WEB_REQUIRE_AND_VERIFY_CLIENT_CERT] = GNUTLS_CERT_REQUIRE,
	};

	gnutls_priority_set(session, tls->priority);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials);
	gnutls_certificate_server_set_request(session, requests[tls->config->client_auth]);
	/* The session's own pointer is the HTTP server's. There is no database of sessions. */
	gnutls_db_set_ptr(session, tls);
	gnutls_session_set_verify_function(session, verify);
}
