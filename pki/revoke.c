// SPDX-License-Identifier: BSD-2-Clause
#include "pki/revoke.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pki/records.h"
#include "pki/store.h"

/* Certificates that were issued, are not revoked yet, and have not expired by themselves. */
static size_t choose(const struct stoq_pki_records *records, const char *node_or_serial,
	gnutls_x509_crt_t *chosen)
{
	size_t count = 0;

	for (size_t i = 0; i < records->count; i++) {
		const struct stoq_pki_record *record = &records->records[i];

		if (record->state != STOQ_PKI_VALID && record->state != STOQ_PKI_NOT_YET_VALID)
			continue;
		if (strcmp(record->description.subject, node_or_serial) == 0 ||
			strcasecmp(record->description.serial, node_or_serial) == 0)
			chosen[count++] = record->certificate;
	}
	return count;
}

/* The nodes' copies; a folder that has gone meanwhile does not matter. */
static int write_copies(const struct stoq_pki_store *store, const struct stoq_pki_file *file,
	struct stoq_error *error)
{
	char nodes[STOQ_PKI_PATH_MAX], path[STOQ_PKI_PATH_MAX];
	int ret = stoq_pki_path(nodes, store->folder, STOQ_PKI_NODES_FOLDER, error);
	DIR *folder = ret ? NULL : opendir(nodes);
	const struct dirent *entry;

	if (ret)
		return ret;
	if (!folder)
		return stoq_error_set(error, -errno, "cannot read %s: %m", nodes);
	while (!ret && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		ret = stoq_pki_path(path, nodes, entry->d_name, error);
		if (!ret)
			ret = stoq_pki_write_file(path, file, error);
		if (ret == -ENOENT || ret == -ENOTDIR)
			ret = 0;
	}
	closedir(folder);
	return ret;
}

/* GnuTLS cannot look into a list that it made, only into one that it read. */
static int take_list(
	struct stoq_pki_store *store, const gnutls_datum_t *text, struct stoq_error *error)
{
	gnutls_x509_crl_t crl;
	int ret = stoq_pki_crl_parse(&crl, text, "the new revocation list", error);

	if (ret)
		return ret;
	gnutls_x509_crl_deinit(store->crl);
	store->crl = crl;
	return 0;
}

static int write_list(struct stoq_pki_store *store, const gnutls_x509_crt_t *chosen, size_t count,
	time_t now, struct stoq_error *error)
{
	struct stoq_pki_file file = {STOQ_PKI_CRL_FILE, {0}};
	gnutls_x509_crl_t crl;
	int ret = stoq_pki_make_crl(&crl, &store->authority, store->crl, chosen, count, now, error);

	if (ret)
		return ret;
	ret = stoq_pki_crl_text(&file.text, crl, error);
	gnutls_x509_crl_deinit(crl);
	if (!ret)
		ret = stoq_pki_write_file(store->folder, &file, error);
	if (!ret)
		ret = write_copies(store, &file, error);
	if (!ret)
		ret = take_list(store, &file.text, error);
	stoq_pki_text_free(&file.text);
	return ret;
}

static int revoke_all(struct stoq_pki_store *store, const struct stoq_pki_records *records,
	const char *node_or_serial, time_t now, size_t *count, struct stoq_error *error)
{
	// NOLINTNEXTLINE(bugprone-sizeof-expression): GnuTLS's handles are pointers
	gnutls_x509_crt_t *chosen = calloc(records->count + 1, sizeof(*chosen));
	int ret;

	if (!chosen)
		return stoq_error_set(error, -ENOMEM, "no memory for the certificates' records");
	*count = choose(records, node_or_serial, chosen);
	ret = *count ? write_list(store, chosen, *count, now, error)
		     : stoq_error_set(error, -ENOENT,
			       "no certificate in force has the node or serial number '%.80s'; "
			       "`stoq pki list` shows all",
			       node_or_serial);
	free(chosen);
	return ret;
}

int stoq_pki_store_revoke(struct stoq_pki_store *store, const char *node_or_serial, time_t now,
	size_t *count, struct stoq_error *error)
{
	struct stoq_pki_records records;
	int ret = stoq_pki_store_records(store, now, &records, error);

	*count = 0;
	if (ret)
		return ret;
	ret = revoke_all(store, &records, node_or_serial, now, count, error);
	stoq_pki_records_free(&records);
	return ret;
}
