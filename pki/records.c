// SPDX-License-Identifier: BSD-2-Clause
#include "pki/records.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store.h"

const char *stoq_pki_state_name(enum stoq_pki_state state)
{
	static const char *const names[] = {"valid", "not valid yet", "expired", "revoked"};

	return names[state];
}

enum stoq_pki_state stoq_pki_state_of(
	gnutls_x509_crt_t certificate, gnutls_x509_crl_t crl, time_t now)
{
	if (crl && gnutls_x509_crt_check_revocation(certificate, &crl, 1) == 1)
		return STOQ_PKI_REVOKED;
	if (now < gnutls_x509_crt_get_activation_time(certificate))
		return STOQ_PKI_NOT_YET_VALID;
	return now > gnutls_x509_crt_get_expiration_time(certificate) ? STOQ_PKI_EXPIRED
								      : STOQ_PKI_VALID;
}

static int by_node_and_end(const void *left, const void *right)
{
	const struct stoq_pki_description *a = &((const struct stoq_pki_record *)left)->description;
	const struct stoq_pki_description *b =
		&((const struct stoq_pki_record *)right)->description;
	int order = strcmp(a->subject, b->subject);

	if (order)
		return order;
	if (a->not_before != b->not_before)
		return a->not_before > b->not_before ? -1 : 1;
	return strcmp(a->serial, b->serial);
}

static struct stoq_pki_record *add_record(struct stoq_pki_records *records)
{
	struct stoq_pki_record *grown;

	/* Doubled at each power of two. */
	if (!(records->count & (records->count - 1))) {
		const size_t capacity = records->count ? 2 * records->count : 1;

		grown = reallocarray(records->records, capacity, sizeof(*grown));
		if (!grown)
			return NULL;
		records->records = grown;
	}
	return &records->records[records->count++];
}

static int read_record(const struct stoq_pki_store *store, const char *path, time_t now,
	struct stoq_pki_records *records, struct stoq_error *error)
{
	struct stoq_pki_record *record;
	gnutls_x509_crt_t certificate;
	gnutls_datum_t text;
	int ret = stoq_pki_read_file(&text, path, NULL, error);

	if (ret)
		return ret;
	ret = stoq_pki_certificate_parse(&certificate, &text, path, error);
	stoq_pki_text_free(&text);
	if (ret)
		return ret;
	record = add_record(records);
	if (!record) {
		gnutls_x509_crt_deinit(certificate);
		return stoq_error_set(error, -ENOMEM, "no memory for the certificates' records");
	}
	record->certificate = certificate;
	stoq_pki_describe(&record->description, certificate);
	record->state = stoq_pki_state_of(certificate, store->crl, now);
	return 0;
}

static int read_folder(const struct stoq_pki_store *store, const char *path, DIR *folder,
	time_t now, struct stoq_pki_records *records, struct stoq_error *error)
{
	const struct dirent *entry;
	int ret = 0;

	while (!ret && (entry = readdir(folder))) {
		char file[STOQ_PKI_PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		ret = stoq_pki_path(file, path, entry->d_name, error);
		if (!ret)
			ret = read_record(store, file, now, records, error);
	}
	return ret;
}

int stoq_pki_store_records(const struct stoq_pki_store *store, time_t now,
	struct stoq_pki_records *records, struct stoq_error *error)
{
	char path[STOQ_PKI_PATH_MAX];
	DIR *folder;
	int ret = stoq_pki_path(path, store->folder, STOQ_PKI_ISSUED_FOLDER, error);

	*records = (struct stoq_pki_records){0};
	if (ret)
		return ret;
	folder = opendir(path);
	/* It is made with the first certificate. */
	if (!folder)
		return errno == ENOENT ? 0
				       : stoq_error_set(error, -errno, "cannot read %s: %m", path);
	ret = read_folder(store, path, folder, now, records, error);
	closedir(folder);
	if (ret)
		stoq_pki_records_free(records);
	else if (records->count)
		qsort(records->records, records->count, sizeof(records->records[0]),
			by_node_and_end);
	return ret;
}

void stoq_pki_records_free(struct stoq_pki_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		gnutls_x509_crt_deinit(records->records[i].certificate);
	free(records->records);
	*records = (struct stoq_pki_records){0};
}
