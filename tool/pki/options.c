// SPDX-License-Identifier: BSD-2-Clause
#include "tool/pki/options.h"

#include <string.h>

#include "base/units.h"
#include "tool/message.h"
#include "tool/options.h"

const char pki_help[] =
#include "stoq-pki.help.h"
	;

#define DAYS_MAX 36500

enum pki_option {
	OPTION_DIR = TOOL_OPTION_FIRST,
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
	TOOL_OPTION_HELP,                                                                          \
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

/* A command's argument: none, one, or perhaps one. */
enum argument { NO_ARGUMENT, ONE_ARGUMENT, OPTIONAL_ARGUMENT };

static const struct {
	const struct option *table;
	enum argument argument;
} commands[] = {
	[PKI_INIT] = {init_options, NO_ARGUMENT},
	[PKI_ISSUE] = {issue_options, ONE_ARGUMENT},
	[PKI_RENEW] = {renew_options, ONE_ARGUMENT},
	[PKI_REVOKE] = {revoke_options, ONE_ARGUMENT},
	[PKI_SHOW] = {show_options, OPTIONAL_ARGUMENT},
	[PKI_LIST] = {show_options, NO_ARGUMENT},
};

static int take_name(struct pki_request *request, enum stoq_pki_name_type type, const char *text,
	struct stoq_error *error)
{
	if (request->name_count == STOQ_PKI_NAMES_MAX)
		return stoq_error_set(
			error, -1, "a certificate has at most %d names", STOQ_PKI_NAMES_MAX);
	return stoq_pki_name_set(&request->names[request->name_count++], type, text, error);
}

static int take_days(struct pki_request *request, const char *text, struct stoq_error *error)
{
	if (stoq_parse_number(text, 1, DAYS_MAX, &request->days))
		return stoq_error_set(
			error, -1, "--days: '%.40s' is not a number from 1 to %d", text, DAYS_MAX);
	return 0;
}

static int take_key(struct pki_request *request, const char *text, struct stoq_error *error)
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

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct pki_request *request = context;

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

int pki_options_parse(
	struct pki_request *request, enum pki_command command, int argc, char **argv, int *status)
{
	const struct tool_options options = {commands[command].table, pki_help, take_option};

	*request = (struct pki_request){.folder = STOQ_PKI_DEFAULT_FOLDER};
	if (tool_options_parse(&options, request, argc, argv, status))
		return -1;
	if (commands[command].argument != NO_ARGUMENT && optind < argc)
		request->what = argv[optind++];
	if (commands[command].argument == ONE_ARGUMENT && !request->what) {
		*status = tool_usage("which node?");
		return -1;
	}
	return tool_options_end(argc, argv, status);
}
