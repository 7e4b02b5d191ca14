// SPDX-License-Identifier: BSD-2-Clause
#include "pki/material.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pki/files.h"

static int read_optional(
	gnutls_datum_t *text, const char *path, const char *secret, struct stoq_error *error)
{
	return path ? stoq_pki_read_file(text, path, secret, error) : 0;
}

int stoq_pki_material_read(struct stoq_pki_material *material, const struct stoq_pki_paths *paths,
	struct stoq_error *error)
{
	int ret;

	*material = (struct stoq_pki_material){0};
	ret = read_optional(&material->ca, paths->ca, NULL, error);
	if (!ret)
		ret = read_optional(&material->crl, paths->crl, NULL, error);
	if (!ret)
		ret = read_optional(&material->certificate, paths->certificate, NULL, error);
	if (!ret)
		ret = read_optional(&material->key, paths->key, "the private key", error);
	if (ret)
		stoq_pki_material_free(material);
	return ret;
}

int stoq_pki_material_read_folder(
	struct stoq_pki_material *material, const char *folder, struct stoq_error *error)
{
	static const char *const names[] = {
		STOQ_PKI_CA_FILE, STOQ_PKI_CRL_FILE, STOQ_PKI_CERT_FILE, STOQ_PKI_KEY_FILE};
	char text[4][STOQ_PKI_PATH_MAX];
	struct stoq_pki_paths paths = {text[0], text[1], text[2], text[3]};
	int ret = 0;

	*material = (struct stoq_pki_material){0};
	for (int i = 0; i < 4 && !ret; i++)
		ret = stoq_pki_path(text[i], folder, names[i], error);
	if (ret)
		return ret;
	/* Only a list that is not there may be missing; one that cannot be read is an error. */
	if (access(paths.crl, F_OK) && errno == ENOENT)
		paths.crl = NULL;
	return stoq_pki_material_read(material, &paths, error);
}

void stoq_pki_material_free(struct stoq_pki_material *material)
{
	stoq_pki_text_free(&material->ca);
	stoq_pki_text_free(&material->crl);
	stoq_pki_text_free(&material->certificate);
	stoq_pki_text_free(&material->key);
}

int stoq_pki_material_make(struct stoq_pki_material *material,
	const struct stoq_pki_identity *authority, gnutls_x509_crl_t crl,
	const struct stoq_pki_request *request, struct stoq_error *error)
{
	struct stoq_pki_identity peer;
	int ret = stoq_pki_make_peer(&peer, authority, request, error);

	*material = (struct stoq_pki_material){0};
	if (!ret)
		ret = stoq_pki_certificate_text(&material->ca, authority->certificate, error);
	if (!ret && crl)
		ret = stoq_pki_crl_text(&material->crl, crl, error);
	if (!ret)
		ret = stoq_pki_certificate_text(&material->certificate, peer.certificate, error);
	if (!ret)
		ret = stoq_pki_key_text(&material->key, peer.key, error);
	if (ret)
		stoq_pki_material_free(material);
	stoq_pki_identity_free(&peer);
	return ret;
}

static int make_one(struct stoq_pki_material *material, const struct stoq_pki_identity *authority,
	const struct stoq_pki_request *like, const char *name, struct stoq_error *error)
{
	struct stoq_pki_request request = *like;
	struct stoq_pki_name dns;
	int ret = stoq_pki_name_set(&dns, STOQ_PKI_DNS, name, error);

	request.common_name = name;
	request.names = &dns;
	request.name_count = 1;
	return ret ? ret : stoq_pki_material_make(material, authority, NULL, &request, error);
}

int stoq_pki_material_make_pair(struct stoq_pki_material pair[static 2], const char *const names[2],
	time_t now, struct stoq_error *error)
{
	const struct stoq_pki_request request = {
		.common_name = "for a while",
		.not_before = now - STOQ_PKI_CLOCK_SKEW_S,
		.not_after = now + STOQ_PKI_DAY_S,
		.key_type = STOQ_PKI_ECDSA_P256,
	};
	struct stoq_pki_identity authority;
	int ret = stoq_pki_make_authority(&authority, &request, error);

	pair[0] = pair[1] = (struct stoq_pki_material){0};
	for (int i = 0; i < 2 && !ret; i++)
		ret = make_one(&pair[i], &authority, &request, names[i], error);
	if (ret) {
		stoq_pki_material_free(&pair[0]);
		stoq_pki_material_free(&pair[1]);
	}
	stoq_pki_identity_free(&authority);
	return ret;
}
