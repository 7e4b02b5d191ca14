// SPDX-License-Identifier: BSD-2-Clause
#include "tool/pki/show.h"

/* stoq pki show, list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pki/print.h"
#include "pki/print_json.h"
#include "pki/records.h"
#include "tool/message.h"
#include "tool/pki/options.h"

static void print_view(const struct pki_request *request, const struct stoq_pki_view *view)
{
	if (request->json)
		stoq_pki_print_certificate_json(stdout, view);
	else
		stoq_pki_print_certificate(stdout, view);
}

/* crl: of the authority at hand, if there is one. */
static void show_certificate(
	const struct pki_request *request, gnutls_x509_crt_t certificate, gnutls_x509_crl_t crl)
{
	struct stoq_pki_description description;
	const time_t now = time(NULL);
	const struct stoq_pki_view view = {
		&description, stoq_pki_state_of(certificate, crl, now), now};

	stoq_pki_describe(&description, certificate);
	print_view(request, &view);
}

/* Of the node's certificates the one that was issued last. */
static int show_node(const struct pki_request *request, const struct stoq_pki_store *store)
{
	const time_t now = time(NULL);
	struct stoq_pki_records records;
	const struct stoq_pki_record *found = NULL;
	struct stoq_error error;

	if (stoq_pki_store_records(store, now, &records, &error))
		return tool_fail(&error);
	for (size_t i = 0; i < records.count && !found; i++) {
		if (strcmp(records.records[i].description.subject, request->what) == 0)
			found = &records.records[i];
	}
	if (found) {
		const struct stoq_pki_view view = {&found->description, found->state, now};

		print_view(request, &view);
	}
	stoq_pki_records_free(&records);
	if (found)
		return EXIT_SUCCESS;
	stoq_error_set(&error, -ENOENT,
		"no certificate was issued to %.60s; to see a file, give its path, such as "
		"./cert.pem",
		request->what);
	return tool_fail(&error);
}

/* A file is shown without an authority too; with one it is known whether it is revoked. */
static int show_file(const struct pki_request *request)
{
	static struct stoq_pki_store store;
	gnutls_x509_crt_t certificate;
	gnutls_datum_t text;
	struct stoq_error error;
	int ret = stoq_pki_read_file(&text, request->what, NULL, &error);

	if (ret)
		return tool_fail(&error);
	ret = stoq_pki_certificate_parse(&certificate, &text, request->what, &error);
	stoq_pki_text_free(&text);
	if (ret)
		return tool_fail(&error);
	if (stoq_pki_store_open(&store, request->folder, false, NULL))
		show_certificate(request, certificate, NULL);
	else
		show_certificate(request, certificate, store.crl);
	stoq_pki_store_close(&store);
	gnutls_x509_crt_deinit(certificate);
	return EXIT_SUCCESS;
}

int pki_show(int argc, char **argv)
{
	static struct pki_request request;
	static struct stoq_pki_store store;
	struct stoq_error error;
	int status;

	if (pki_options_parse(&request, PKI_SHOW, argc, argv, &status))
		return status;
	if (request.what && strchr(request.what, '/'))
		return show_file(&request);
	if (stoq_pki_store_open(&store, request.folder, false, &error))
		return tool_fail(&error);
	status = EXIT_SUCCESS;
	if (request.what)
		status = show_node(&request, &store);
	else
		show_certificate(&request, store.authority.certificate, store.crl);
	stoq_pki_store_close(&store);
	return status;
}

int pki_list(int argc, char **argv)
{
	static struct pki_request request;
	static struct stoq_pki_store store;
	const time_t now = time(NULL);
	struct stoq_pki_records records;
	struct stoq_error error;
	int status, ret;

	if (pki_options_parse(&request, PKI_LIST, argc, argv, &status))
		return status;
	if (stoq_pki_store_open(&store, request.folder, false, &error))
		return tool_fail(&error);
	ret = stoq_pki_store_records(&store, now, &records, &error);
	stoq_pki_store_close(&store);
	if (ret)
		return tool_fail(&error);
	if (request.json)
		stoq_pki_print_records_json(stdout, &records, now);
	else
		stoq_pki_print_records(stdout, &records, now);
	stoq_pki_records_free(&records);
	return EXIT_SUCCESS;
}
