// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "pki/print.h"
#include "tool/verb.h"

#define AUTHORITY_DAYS 3650
#define NODE_DAYS      365
#define DAYS_MAX       36500

static const char help[] =
#include "stoq-pki.help.h"
	;

enum pki_option {
	OPTION_DIR = 256,
	OPTION_NAME,
	OPTION_DAYS,
	OPTION_KEY,
	OPTION_FORCE,
	OPTION_DNS,
	OPTION_IP,
	OPTION_URI,
	OPTION_JSON,
};

#define OPTIONS_EVERYWHERE                                                                         \
	{"help", no_argument, NULL, 'h'},                                                          \
	{                                                                                          \
		"dir", required_argument, NULL, OPTION_DIR                                         \
	}

static const struct option init_options[] = {
	OPTIONS_EVERYWHERE,
	{"name", required_argument, NULL, OPTION_NAME},
	{"days", required_argument, NULL, OPTION_DAYS},
	{"key", required_argument, NULL, OPTION_KEY},
	{"force", no_argument, NULL, OPTION_FORCE},
	{NULL, 0, NULL, 0},
};

static const struct option issue_options[] = {
	OPTIONS_EVERYWHERE,
	{"dns", required_argument, NULL, OPTION_DNS},
	{"ip", required_argument, NULL, OPTION_IP},
	{"uri", required_argument, NULL, OPTION_URI},
	{"days", required_argument, NULL, OPTION_DAYS},
	{"key", required_argument, NULL, OPTION_KEY},
	{"force", no_argument, NULL, OPTION_FORCE},
	{NULL, 0, NULL, 0},
};

static const struct option renew_options[] = {
	OPTIONS_EVERYWHERE,
	{"days", required_argument, NULL, OPTION_DAYS},
	{NULL, 0, NULL, 0},
};

static const struct option revoke_options[] = {
	OPTIONS_EVERYWHERE,
	{NULL, 0, NULL, 0},
};

static const struct option show_options[] = {
	OPTIONS_EVERYWHERE,
	{"json", no_argument, NULL, OPTION_JSON},
	{NULL, 0, NULL, 0},
};

/* What the command line asks for. */
struct request {
	const char *folder;
	const char *what; /* the argument that is no option, if any */
	const char *name;
	uint64_t days; /* 0: not given */
	enum stoq_pki_key_type key_type;
	struct stoq_pki_name names[STOQ_PKI_NAMES_MAX];
	size_t name_count;
	bool force;
	bool json;
};

/* ---- the command line ---- */

static int take_name(struct request *request, enum stoq_pki_name_type type, const char *text,
	struct stoq_error *error)
{
	if (request->name_count == STOQ_PKI_NAMES_MAX)
		return stoq_error_set(
			error, -1, "a certificate has at most %d names", STOQ_PKI_NAMES_MAX);
	return stoq_pki_name_set(&request->names[request->name_count++], type, text, error);
}

static int take_days(struct request *request, const char *text, struct stoq_error *error)
{
	if (stoq_parse_number(text, 1, DAYS_MAX, &request->days))
		return stoq_error_set(
			error, -1, "--days: '%.40s' is not a number from 1 to %d", text, DAYS_MAX);
	return 0;
}

static int take_key(struct request *request, const char *text, struct stoq_error *error)
{
	if (strcmp(text, "ecdsa") == 0)
		request->key_type = STOQ_PKI_ECDSA_P256;
	else if (strcmp(text, "ed25519") == 0)
		request->key_type = STOQ_PKI_ED25519;
	else
		return stoq_error_set(
			error, -1, "--key: '%.40s' is neither ecdsa nor ed25519", text);
	return 0;
}

static int take_option(
	struct request *request, int option, const char *text, struct stoq_error *error)
{
	switch (option) {
	case OPTION_DIR:
		request->folder = text;
		return 0;
	case OPTION_NAME:
		request->name = text;
		return 0;
	case OPTION_DAYS:
		return take_days(request, text, error);
	case OPTION_KEY:
		return take_key(request, text, error);
	case OPTION_DNS:
		return take_name(request, STOQ_PKI_DNS, text, error);
	case OPTION_IP:
		return take_name(request, STOQ_PKI_IP, text, error);
	case OPTION_URI:
		return take_name(request, STOQ_PKI_URI, text, error);
	case OPTION_FORCE:
		request->force = true;
		return 0;
	default:
		request->json = true;
		return 0;
	}
}

/* The command's argument: none, one, or perhaps one. */
enum argument { NO_ARGUMENT, ONE_ARGUMENT, OPTIONAL_ARGUMENT };

/* 0: go on. Else the verb ends, with *status. */
static int take_argument(
	int argc, char **argv, enum argument argument, struct request *request, int *status)
{
	if (argument != NO_ARGUMENT && optind < argc)
		request->what = argv[optind++];
	if (argument == ONE_ARGUMENT && !request->what) {
		*status = tool_usage("which node?");
		return -1;
	}
	if (optind < argc) {
		*status = tool_usage("'%.40s' is not expected here", argv[optind]);
		return -1;
	}
	return 0;
}

/* 0: go on. Else the verb ends, with *status. */
static int parse(int argc, char **argv, const struct option *options, enum argument argument,
	struct request *request, int *status)
{
	struct stoq_error error;
	int option;

	*request = (struct request){.folder = STOQ_PKI_DEFAULT_FOLDER};
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			*status = tool_help(help);
			return -1;
		}
		if (option == '?' || take_option(request, option, optarg, &error)) {
			*status = option == '?' ? tool_usage(NULL) : tool_usage("%s", error.text);
			return -1;
		}
	}
	return take_argument(argc, argv, argument, request, status);
}

/* ---- init ---- */

static int init(int argc, char **argv)
{
	static struct request request;
	static char aside[STOQ_PKI_PATH_MAX];
	const time_t now = time(NULL);
	struct stoq_pki_request authority;
	struct stoq_error error;
	int status;

	if (parse(argc, argv, init_options, NO_ARGUMENT, &request, &status))
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
	       "keep %s/%s secret: who has it can be any node\n",
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
		ret = stoq_pki_read_file(&text, file, false, error);
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

static int report_issued(const struct request *request, const char *path, time_t now)
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

static int issue_in(struct stoq_pki_store *store, const struct request *request, bool renew)
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

static int issue_or_renew(int argc, char **argv, const struct option *options, bool renew)
{
	static struct request request;
	static struct stoq_pki_store store;
	struct stoq_error error;
	int status;

	if (parse(argc, argv, options, ONE_ARGUMENT, &request, &status))
		return status;
	if (stoq_pki_store_open(&store, request.folder, true, &error))
		return tool_fail(&error);
	status = issue_in(&store, &request, renew);
	stoq_pki_store_close(&store);
	return status;
}

static int issue(int argc, char **argv)
{
	return issue_or_renew(argc, argv, issue_options, false);
}

static int renew(int argc, char **argv)
{
	return issue_or_renew(argc, argv, renew_options, true);
}

/* ---- revoke ---- */

static int revoke_node(int argc, char **argv)
{
	static struct request request;
	static struct stoq_pki_store store;
	struct stoq_error error;
	size_t count = 0;
	int status, ret;

	if (parse(argc, argv, revoke_options, ONE_ARGUMENT, &request, &status))
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

/* ---- show, list ---- */

static void print_view(const struct request *request, const struct stoq_pki_view *view)
{
	if (request->json)
		stoq_pki_print_certificate_json(stdout, view);
	else
		stoq_pki_print_certificate(stdout, view);
}

/* crl: of the authority at hand, if there is one. */
static void show_certificate(
	const struct request *request, gnutls_x509_crt_t certificate, gnutls_x509_crl_t crl)
{
	struct stoq_pki_description description;
	const time_t now = time(NULL);
	const struct stoq_pki_view view = {
		&description, stoq_pki_state_of(certificate, crl, now), now};

	stoq_pki_describe(&description, certificate);
	print_view(request, &view);
}

/* Of the node's certificates the one that was issued last. */
static int show_node(const struct request *request, const struct stoq_pki_store *store)
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
static int show_file(const struct request *request)
{
	static struct stoq_pki_store store;
	gnutls_x509_crt_t certificate;
	gnutls_datum_t text;
	struct stoq_error error;
	int ret = stoq_pki_read_file(&text, request->what, false, &error);

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

static int show(int argc, char **argv)
{
	static struct request request;
	static struct stoq_pki_store store;
	struct stoq_error error;
	int status;

	if (parse(argc, argv, show_options, OPTIONAL_ARGUMENT, &request, &status))
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

static int list(int argc, char **argv)
{
	static struct request request;
	static struct stoq_pki_store store;
	const time_t now = time(NULL);
	struct stoq_pki_records records;
	struct stoq_error error;
	int status, ret;

	if (parse(argc, argv, show_options, NO_ARGUMENT, &request, &status))
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

int verb_pki(int argc, char **argv)
{
	static const struct tool_command commands[] = {{"init", init}, {"issue", issue},
		{"renew", renew}, {"revoke", revoke_node}, {"list", list}, {"show", show},
		{NULL, NULL}};

	return tool_run_command(
		argc, argv, help, commands, "init, issue, renew, revoke, list or show");
}
