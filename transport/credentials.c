// SPDX-License-Identifier: BSD-2-Clause
#include "transport/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "pki/credentials.h"
#include "pki/material.h"

/* Without an authority nothing can be checked: insecure, and settings.c has made sure of that. */
static int load_unchecked(gnutls_certificate_credentials_t *certificates,
	const struct stoq_pki_material *material, struct stoq_error *error)
{
	int code = gnutls_certificate_allocate_credentials(certificates);

	if (code < 0)
		return stoq_error_set(error, -ENOMEM, "no memory for certificates");
	if (!material->certificate.size)
		return 0;
	code = gnutls_certificate_set_x509_key_mem(
		*certificates, &material->certificate, &material->key, GNUTLS_X509_FMT_PEM);
	if (code >= 0)
		return 0;
	return stoq_error_set(error, -EINVAL, "our certificate and key cannot be used: %s",
		gnutls_strerror(code));
}

/* Text that the configuration has in memory joins what was read. */
static int add_text(gnutls_datum_t *to, struct stoq_pem text, struct stoq_error *error)
{
	if (!text.data)
		return 0;
	to->data = gnutls_calloc(1, text.size + 1);
	if (!to->data)
		return stoq_error_set(error, -ENOMEM, "no memory for certificates");
	memcpy(to->data, text.data, text.size);
	to->size = (unsigned int)text.size;
	return 0;
}

static int read_material(struct stoq_pki_material *material, const struct stoq_tls_config *tls,
	struct stoq_error *error)
{
	const struct stoq_pki_paths paths = {
		.ca = tls->ca_file,
		.crl = tls->crl_file,
		.certificate = tls->certificate_file,
		.key = tls->key_file,
	};
	int status = stoq_pki_material_read(material, &paths, error);

	if (!status)
		status = add_text(&material->ca, tls->ca, error);
	if (!status)
		status = add_text(&material->crl, tls->crl, error);
	if (!status)
		status = add_text(&material->certificate, tls->certificate, error);
	return status ? status : add_text(&material->key, tls->key, error);
}

static int load(gnutls_certificate_credentials_t *certificates, const struct stoq_tls_config *tls,
	struct stoq_error *error)
{
	struct stoq_pki_material material = {0};
	int status = read_material(&material, tls, error);

	if (!status)
		status = material.ca.data ? stoq_pki_credentials_new(
						    certificates, &material, time(NULL), error)
					  : load_unchecked(certificates, &material, error);
	stoq_pki_material_free(&material);
	return status;
}

int stoq_credentials_load(struct stoq_credentials **credentials, const struct stoq_tls_config *tls,
	struct stoq_error *error)
{
	struct stoq_credentials *new = calloc(1, sizeof(*new));
	int status;

	if (!new)
		return stoq_error_set(error, -ENOMEM, "no memory for certificates");
	new->references = 1;
	status = load(&new->certificates, tls, error);
	if (status) {
		stoq_credentials_release(new);
		return status;
	}
	*credentials = new;
	return 0;
}

struct stoq_credentials *stoq_credentials_hold(struct stoq_credentials *credentials)
{
	__atomic_add_fetch(&credentials->references, 1, __ATOMIC_RELAXED);
	return credentials;
}

void stoq_credentials_release(struct stoq_credentials *credentials)
{
	if (!credentials || __atomic_sub_fetch(&credentials->references, 1, __ATOMIC_ACQ_REL))
		return;
	if (credentials->certificates)
		gnutls_certificate_free_credentials(credentials->certificates);
	free(credentials);
}
