// SPDX-License-Identifier: BSD-2-Clause
#include "pki/issue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pki/records.h"
#include "pki/store.h"

/* A certificate is on record before anybody can use it, so that it can be revoked. */
static int put_on_record(const struct stoq_pki_store *store,
	const struct stoq_pki_material *material, struct stoq_error *error)
{
	struct stoq_pki_description description;
	char folder[STOQ_PKI_PATH_MAX], name[STOQ_PKI_SERIAL_TEXT_BYTES + 8];
	struct stoq_pki_file file = {name, material->certificate};
	gnutls_x509_crt_t certificate;
	int ret = stoq_pki_certificate_parse(
		&certificate, &material->certificate, "what was issued", error);

	if (ret)
		return ret;
	stoq_pki_describe(&description, certificate);
	gnutls_x509_crt_deinit(certificate);
	snprintf(name, sizeof(name), "%s.pem", description.serial);
	ret = stoq_pki_path(folder, store->folder, STOQ_PKI_ISSUED_FOLDER, error);
	return ret ? ret : stoq_pki_write_file(folder, &file, error);
}

static int write_node(const struct stoq_pki_store *store, const char *node,
	const struct stoq_pki_material *material, char path[static STOQ_PKI_PATH_MAX],
	struct stoq_error *error)
{
	const struct stoq_pki_file files[] = {
		{STOQ_PKI_CA_FILE, material->ca},
		{STOQ_PKI_CRL_FILE, material->crl},
		{STOQ_PKI_CERT_FILE, material->certificate},
		{STOQ_PKI_KEY_FILE, material->key},
	};
	char nodes[STOQ_PKI_PATH_MAX];
	int ret = stoq_pki_path(nodes, store->folder, STOQ_PKI_NODES_FOLDER, error);

	if (!ret)
		ret = stoq_pki_path(path, nodes, node, error);
	return ret ? ret : stoq_pki_write_folder(path, files, 4, NULL, error);
}

/* The node's own name comes first; one that was also given is not there twice. */
static int collect_names(const struct stoq_pki_order *order,
	struct stoq_pki_name names[static STOQ_PKI_NAMES_MAX], size_t *count,
	struct stoq_error *error)
{
	int ret = stoq_pki_name_set(&names[0], STOQ_PKI_DNS, order->node, error);

	*count = 1;
	for (size_t i = 0; i < order->name_count && !ret; i++) {
		if (stoq_pki_name_equal(&names[0], &order->names[i]))
			continue;
		if (*count == STOQ_PKI_NAMES_MAX)
			return stoq_error_set(error, -E2BIG, "a certificate has at most %d names",
				STOQ_PKI_NAMES_MAX);
		names[(*count)++] = order->names[i];
	}
	return ret;
}

static int set_dates(const struct stoq_pki_store *store, unsigned int days, time_t now,
	struct stoq_pki_request *request, struct stoq_error *error)
{
	const time_t end = gnutls_x509_crt_get_expiration_time(store->authority.certificate);
	char when[STOQ_PKI_TIME_BYTES];

	if (now >= end)
		return stoq_error_set(error, -EKEYEXPIRED,
			"the authority in %s expired on %s: make a new one with `stoq pki init "
			"--force`, and issue all certificates again",
			store->folder, stoq_pki_time_text(when, end));
	request->not_before = now - STOQ_PKI_CLOCK_SKEW_S;
	request->not_after = now + (time_t)days * STOQ_PKI_DAY_S;
	if (request->not_after > end)
		request->not_after = end;
	return 0;
}

static int check_free(const struct stoq_pki_store *store, const struct stoq_pki_order *order,
	struct stoq_error *error)
{
	char nodes[STOQ_PKI_PATH_MAX], path[STOQ_PKI_PATH_MAX];
	int ret = stoq_pki_path(nodes, store->folder, STOQ_PKI_NODES_FOLDER, error);

	if (!ret)
		ret = stoq_pki_path(path, nodes, order->node, error);
	if (!ret && !order->force && !access(path, F_OK))
		return stoq_error_set(error, -EEXIST,
			"%s has a certificate: `stoq pki renew %s` makes a new one with the same "
			"names, --force one with those given now",
			order->node, order->node);
	return ret;
}

int stoq_pki_store_issue(struct stoq_pki_store *store, const struct stoq_pki_order *order,
	time_t now, char path[static STOQ_PKI_PATH_MAX], struct stoq_error *error)
{
	struct stoq_pki_name names[STOQ_PKI_NAMES_MAX];
	struct stoq_pki_request request = {
		.common_name = order->node, .names = names, .key_type = order->key_type};
	struct stoq_pki_material material;
	int ret = collect_names(order, names, &request.name_count, error);

	if (!ret)
		ret = set_dates(store, order->days, now, &request, error);
	if (!ret)
		ret = check_free(store, order, error);
	if (ret)
		return ret;
	ret = stoq_pki_material_make(&material, &store->authority, store->crl, &request, error);
	if (!ret)
		ret = put_on_record(store, &material, error);
	if (!ret)
		ret = write_node(store, order->node, &material, path, error);
	stoq_pki_material_free(&material);
	return ret;
}

static unsigned int days_of(const struct stoq_pki_description *description)
{
	const time_t seconds = description->not_after - description->not_before;

	return (unsigned int)((seconds - STOQ_PKI_CLOCK_SKEW_S + STOQ_PKI_DAY_S - 1) /
			      STOQ_PKI_DAY_S);
}

/* What the node was issued last, or NULL. */
static const struct stoq_pki_description *find_last(
	const struct stoq_pki_records *records, const char *node)
{
	for (size_t i = 0; i < records->count; i++) {
		if (strcmp(records->records[i].description.subject, node) == 0)
			return &records->records[i].description;
	}
	return NULL;
}

static int renew(struct stoq_pki_store *store, const struct stoq_pki_description *old,
	unsigned int days, time_t now, char path[static STOQ_PKI_PATH_MAX],
	struct stoq_error *error)
{
	const bool is_ed25519 = strcmp(old->key_type, "Ed25519") == 0;
	const struct stoq_pki_order order = {
		.node = old->subject,
		.names = old->names,
		.name_count = old->name_count,
		.days = days ? days : days_of(old),
		.key_type = is_ed25519 ? STOQ_PKI_ED25519 : STOQ_PKI_ECDSA_P256,
		.force = true,
	};

	return stoq_pki_store_issue(store, &order, now, path, error);
}

int stoq_pki_store_renew(struct stoq_pki_store *store, const char *node, unsigned int days,
	time_t now, char path[static STOQ_PKI_PATH_MAX], struct stoq_error *error)
{
	const struct stoq_pki_description *old;
	struct stoq_pki_records records;
	int ret = stoq_pki_store_records(store, now, &records, error);

	if (ret)
		return ret;
	old = find_last(&records, node);
	ret = old ? renew(store, old, days, now, path, error)
		  : stoq_error_set(error, -ENOENT,
			    "no certificate was issued to %.60s: `stoq pki issue` makes the first "
			    "one",
			    node);
	stoq_pki_records_free(&records);
	return ret;
}
