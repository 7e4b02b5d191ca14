// SPDX-License-Identifier: BSD-2-Clause
#include "tool/pki/verb_pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pki/issue.h"
#include "pki/records.h"
#include "pki/revoke.h"
#include "tool/command.h"
#include "tool/message.h"
#include "tool/pki/options.h"
#include "tool/pki/show.h"

#define AUTHORITY_DAYS 3650
#define NODE_DAYS      365

/* ---- init ---- */

static int init(int argc, char **argv)
{
	static struct pki_request request;
	static char aside[STOQ_PKI_PATH_MAX];
	const time_t now = time(NULL);
	struct stoq_pki_request authority;
	struct stoq_error error;
	int status;

	if (pki_options_parse(&request, PKI_INIT, argc, argv, &status))
		return status;
	authority = (struct stoq_pki_request){
		.common_name = request.name ? request.name : "STOQ authority",
		.not_before = now - STOQ_PKI_CLOCK_SKEW_S,
		.not_after = now + (time_t)(request.days ? request.days : AUTHORITY_DAYS) *
					   STOQ_PKI_DAY_S,
		.key_type = request.key_type,
	};
	if (stoq_pki_store_init(request.folder, &authority, request.force, aside, &error))
		return tool_fail(&error);
	if (aside[0])
		tool_notice("the old authority is in %s now; who trusts it does not trust the new "
			    "one",
			aside);
	printf("made the authority '%s' in %s\n"
	       "keep %s/%s secret: anyone who has it can impersonate any node\n",
		authority.common_name, request.folder, request.folder, STOQ_PKI_CA_KEY_FILE);
	return EXIT_SUCCESS;
}

/* ---- issue, renew ---- */

static int read_issued(
	const char *path, struct stoq_pki_description *description, struct stoq_error *error)
{
	char file[STOQ_PKI_PATH_MAX];
	gnutls_x509_crt_t certificate;
	gnutls_datum_t text;
	int ret = stoq_pki_path(file, path, STOQ_PKI_CERT_FILE, error);

	if (!ret)
		ret = stoq_pki_read_file(&text, file, NULL, error);
	if (ret)
		return ret;
	ret = stoq_pki_certificate_parse(&certificate, &text, file, error);
	stoq_pki_text_free(&text);
	if (ret)
		return ret;
	stoq_pki_describe(description, certificate);
	gnutls_x509_crt_deinit(certificate);
	return 0;
}

static int report_issued(const struct pki_request *request, const char *path, time_t now)
{
	struct stoq_pki_description description;
	char until[STOQ_PKI_TIME_BYTES];
	struct stoq_error error;

	if (read_issued(path, &description, &error))
		return tool_fail(&error);
	if (request->days && description.not_after < now + (time_t)request->days * STOQ_PKI_DAY_S)
		tool_notice("the authority ends before %llu days have passed, and the certificate "
			    "with it",
			(unsigned long long)request->days);
	printf("issued to %s until %s, serial number %s\n"
	       "copy the folder %s to the node, and let only its user read it\n",
		description.subject, stoq_pki_time_text(until, description.not_after),
		description.serial, path);
	return EXIT_SUCCESS;
}

/* Tells of certificates that the node had before. */
static void report_old(struct stoq_pki_store *store, const char *node, time_t now)
{
	struct stoq_pki_records records;
	size_t valid = 0;

	if (stoq_pki_store_records(store, now, &records, NULL))
		return;
	for (size_t i = 0; i < records.count; i++)
		valid += records.records[i].state == STOQ_PKI_VALID &&
			 strcmp(records.records[i].description.subject, node) == 0;
	stoq_pki_records_free(&records);
	if (valid > 1)
		tool_notice("%s has %zu certificates in force now; if a key got lost, revoke its "
			    "certificate by the serial number that `stoq pki list` shows",
			node, valid);
}

static int issue_in(struct stoq_pki_store *store, const struct pki_request *request, bool renew)
{
	static char path[STOQ_PKI_PATH_MAX];
	const time_t now = time(NULL);
	const struct stoq_pki_order order = {
		.node = request->what,
		.names = request->names,
		.name_count = request->name_count,
		.days = (unsigned int)(request->days ? request->days : NODE_DAYS),
		.key_type = request->key_type,
		.force = request->force,
	};
	struct stoq_error error;
	int ret = renew ? stoq_pki_store_renew(store, request->what, (unsigned int)request->days,
				  now, path, &error)
			: stoq_pki_store_issue(store, &order, now, path, &error);

	if (ret)
		return tool_fail(&error);
	report_old(store, request->what, now);
	return report_issued(request, path, now);
}

static int issue_or_renew(int argc, char **argv, enum pki_command command)
{
	static struct pki_request request;
	static struct stoq_pki_store store;
	struct stoq_error error;
	int status;

	if (pki_options_parse(&request, command, argc, argv, &status))
		return status;
	if (stoq_pki_store_open(&store, request.folder, true, &error))
		return tool_fail(&error);
	status = issue_in(&store, &request, command == PKI_RENEW);
	stoq_pki_store_close(&store);
	return status;
}

static int issue(int argc, char **argv)
{
	return issue_or_renew(argc, argv, PKI_ISSUE);
}

static int renew(int argc, char **argv)
{
	return issue_or_renew(argc, argv, PKI_RENEW);
}

/* ---- revoke ---- */

static int revoke_node(int argc, char **argv)
{
	static struct pki_request request;
	static struct stoq_pki_store store;
	struct stoq_error error;
	size_t count = 0;
	int status, ret;

	if (pki_options_parse(&request, PKI_REVOKE, argc, argv, &status))
		return status;
	if (stoq_pki_store_open(&store, request.folder, true, &error))
		return tool_fail(&error);
	ret = stoq_pki_store_revoke(&store, request.what, time(NULL), &count, &error);
	stoq_pki_store_close(&store);
	if (ret)
		return tool_fail(&error);
	printf("revoked %zu certificate%s of %s\n"
	       "copy %s/%s to every node, and let them read it: until then they still accept it\n",
		count, count == 1 ? "" : "s", request.what, request.folder, STOQ_PKI_CRL_FILE);
	return EXIT_SUCCESS;
}

int verb_pki(int argc, char **argv)
{
	static const struct tool_command commands[] = {{"init", init}, {"issue", issue},
		{"renew", renew}, {"revoke", revoke_node}, {"list", pki_list}, {"show", pki_show},
		{NULL, NULL}};

	return tool_run_command(
		argc, argv, pki_help, commands, "init, issue, renew, revoke, list or show");
}
