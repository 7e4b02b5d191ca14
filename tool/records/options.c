// SPDX-License-Identifier: BSD-2-Clause
#include "tool/records/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "pki/material.h"
#include "tool/message.h"
#include "tool/options.h"

#define KEEP_ALIVE_NS	  5000000000ull
#define IDLE_TIMEOUT_NS	  15000000000ull
#define CLIENTS_MAX	  16
#define MEMORY_BYTES	  (64ull << 20)
#define SEND_BUFFER_BYTES (2ull << 20) /* of a client: about a second of 100,000 commands */

enum {
	OPTION_HOST = TOOL_OPTION_FIRST,
	OPTION_PORT,
	OPTION_NAME,
	OPTION_ALLOW,
	OPTION_CERTIFICATES
};

static const struct option table[] = {
	TOOL_OPTION_HELP,
	{"host", required_argument, NULL, OPTION_HOST},
	{"port", required_argument, NULL, OPTION_PORT},
	{"name", required_argument, NULL, OPTION_NAME},
	{"allow", required_argument, NULL, OPTION_ALLOW},
	{"certificates", required_argument, NULL, OPTION_CERTIFICATES},
	{0},
};

static int take_folder(
	struct records_options *options, const char *folder, struct stoq_error *error)
{
	const struct {
		char *path;
		const char *name;
	} files[] = {{options->ca, STOQ_PKI_CA_FILE}, {options->certificate, STOQ_PKI_CERT_FILE},
		{options->key, STOQ_PKI_KEY_FILE}, {options->crl, STOQ_PKI_CRL_FILE}};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (snprintf(files[i].path, RECORDS_PATH, "%s/%s", folder, files[i].name) >=
			RECORDS_PATH)
			return stoq_error_set(error, -ENAMETOOLONG,
				"--certificates: '%.40s...' is too long", folder);
	if (access(options->crl, F_OK))
		options->crl[0] = '\0';
	return 0;
}

static int take_port(struct records_options *options, const char *text, struct stoq_error *error)
{
	uint64_t number;

	if (stoq_parse_number(text, 0, UINT16_MAX, &number))
		return stoq_error_set(error, -EINVAL, "'%.40s' is not a port", text);
	options->port = (uint16_t)number;
	return 0;
}

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct records_options *options = context;

	switch (option) {
	case OPTION_HOST:
		options->host = text;
		return 0;
	case OPTION_PORT:
		return take_port(options, text, error);
	case OPTION_NAME:
		options->name = text;
		return 0;
	case OPTION_CERTIFICATES:
		return take_folder(options, text, error);
	default:
		if (options->allowed_count == RECORDS_ALLOWED_MAX)
			return stoq_error_set(error, -EINVAL, "--allow: at most %d can be given",
				RECORDS_ALLOWED_MAX);
		options->allowed[options->allowed_count++] = text;
		return 0;
	}
}

int records_options_parse(struct records_options *options, int argc, char **argv, int *status)
{
	static const struct tool_options known = {
		table, "stoq-quic records is run by `stoq watch`\n", take_option};

	*options = (struct records_options){0};
	return tool_options_only(&known, options, argc, argv, status);
}

static void say(enum stoq_log_level level, const char *text, void *user)
{
	if (level == STOQ_LOG_WARNING)
		tool_notice("%s", text);
}

void records_configure(struct stoq_transport_config *config, const struct records_options *options)
{
	static const char *const everybody[] = {"*"};
	static const char *const alpn[] = {RECORDS_ALPN};

	stoq_transport_config_init(config);
	config->tls.ca_file = options->ca;
	config->tls.certificate_file = options->certificate;
	config->tls.key_file = options->key;
	config->tls.crl_file = options->crl[0] ? options->crl : NULL;
	config->tls.peer_names = options->allowed_count ? options->allowed : everybody;
	config->tls.peer_name_count = options->allowed_count ? options->allowed_count : 1;
	config->alpn = alpn;
	config->alpn_count = 1;
	config->datapath = STOQ_DATAPATH_SOCKET;
	config->resumption = false;
	config->keep_alive_ns = KEEP_ALIVE_NS;
	config->idle_timeout_ns = IDLE_TIMEOUT_NS;
	config->max_connections = CLIENTS_MAX;
	config->max_half_open = CLIENTS_MAX;
	config->max_bidirectional_streams = 0;
	config->max_unidirectional_streams = 1;
	config->max_memory_bytes = MEMORY_BYTES;
	config->send_buffer_bytes = SEND_BUFFER_BYTES;
	config->callbacks.log = say;
}
