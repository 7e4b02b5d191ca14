// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/options.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "tool/message.h"
#include "tool/options.h"

const char guard_help[] =
#include "stoq-guard.help.h"
	;

enum guard_option {
	OPTION_NAME = TOOL_OPTION_FIRST,
	OPTION_INTERFACE,
	OPTION_REPLACE,
	OPTION_RECONNECT,
	OPTION_STOP_OLDER,
	OPTION_STRICT,
	OPTION_PORT,
	OPTION_SPDK_SOCKET,
	OPTION_CLSACT,
	OPTION_MAX_CONNECTIONS,
	OPTION_JSON,
	OPTION_DURATION,
	OPTION_LAST,
	OPTION_JOURNAL,
	OPTION_AUDIT,
	OPTION_SERVE,
	OPTION_WEB_CONFIG,
};

#define OPTION_NAME_ROW                                                                            \
	{                                                                                          \
		"name", required_argument, NULL, OPTION_NAME                                       \
	}

static const struct option on_options[] = {
	TOOL_OPTION_HELP,
	OPTION_NAME_ROW,
	{"interface", required_argument, NULL, 'i'},
	{"audit", no_argument, NULL, OPTION_AUDIT},
	{"replace", no_argument, NULL, OPTION_REPLACE},
	{"reconnect", no_argument, NULL, OPTION_RECONNECT},
	{"stop-older", no_argument, NULL, OPTION_STOP_OLDER},
	{"strict", required_argument, NULL, OPTION_STRICT},
	{"port", required_argument, NULL, OPTION_PORT},
	{"spdk-socket", required_argument, NULL, OPTION_SPDK_SOCKET},
	{"max-connections", required_argument, NULL, OPTION_MAX_CONNECTIONS},
	{"clsact", no_argument, NULL, OPTION_CLSACT},
	{NULL, 0, NULL, 0},
};

static const struct option reload_options[] = {
	TOOL_OPTION_HELP,
	OPTION_NAME_ROW,
	{"stop-older", no_argument, NULL, OPTION_STOP_OLDER},
	{NULL, 0, NULL, 0},
};

static const struct option name_options[] = {
	TOOL_OPTION_HELP,
	OPTION_NAME_ROW,
	{NULL, 0, NULL, 0},
};

static const struct option status_options[] = {
	TOOL_OPTION_HELP,
	OPTION_NAME_ROW,
	{"json", no_argument, NULL, OPTION_JSON},
	{NULL, 0, NULL, 0},
};

static const struct option metrics_options[] = {
	TOOL_OPTION_HELP,
	OPTION_NAME_ROW,
	{"serve", optional_argument, NULL, OPTION_SERVE},
	{"web-config", required_argument, NULL, OPTION_WEB_CONFIG},
	{NULL, 0, NULL, 0},
};

static const struct option events_options[] = {
	TOOL_OPTION_HELP,
	OPTION_NAME_ROW,
	{"json", no_argument, NULL, OPTION_JSON},
	{"duration", required_argument, NULL, OPTION_DURATION},
	{"last", required_argument, NULL, OPTION_LAST},
	{"journal", no_argument, NULL, OPTION_JOURNAL},
	{NULL, 0, NULL, 0},
};

static const struct {
	const struct option *options;
	bool takes_file;
} commands[] = {
	[GUARD_ON] = {on_options, true},
	[GUARD_RELOAD] = {reload_options, true},
	[GUARD_STATUS] = {status_options, false},
	[GUARD_EVENTS] = {events_options, false},
	[GUARD_METRICS] = {metrics_options, false},
	[GUARD_OFF] = {name_options, false},
};

static int take_interface(struct guard_options *options, const char *text, struct stoq_error *error)
{
	if (options->interface_count == STOQ_GUARD_INTERFACES_MAX)
		return stoq_error_set(
			error, -1, "a guard has at most %d interfaces", STOQ_GUARD_INTERFACES_MAX);
	options->interfaces[options->interface_count++] = text;
	return 0;
}

static int take_strict(struct guard_options *options, const char *text, struct stoq_error *error)
{
	static const struct {
		const char *name;
		enum stoq_guard_strictness value;
	} choices[] = {{"ingress", STOQ_GUARD_STRICT_INGRESS}, {"always", STOQ_GUARD_STRICT_ALWAYS},
		{"never", STOQ_GUARD_STRICT_NEVER}};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (strcmp(text, choices[i].name) != 0)
			continue;
		options->program.strictness = choices[i].value;
		return 0;
	}
	return stoq_error_set(error, -1, "--strict: '%.40s' is not ingress, always or never", text);
}

static int take_port(struct guard_options *options, const char *text, struct stoq_error *error)
{
	uint64_t port;

	if (stoq_parse_number(text, 1, UINT16_MAX, &port))
		return stoq_error_set(error, -1, "--port: '%.40s' is not a port", text);
	if (options->port_count == STOQ_GUARD_PORTS_MAX)
		return stoq_error_set(
			error, -1, "--port: at most %d can be given", STOQ_GUARD_PORTS_MAX);
	options->program.ports[options->port_count++] = (uint16_t)port;
	return 0;
}

static int take_max_connections(
	struct guard_options *options, const char *text, struct stoq_error *error)
{
	if (stoq_parse_number(text, 1, STOQ_GUARD_CONNECTIONS_MAX, &options->max_connections) == 0)
		return 0;
	return stoq_error_set(error, -1, "--max-connections: '%.40s' is not a number from 1 to %d",
		text, STOQ_GUARD_CONNECTIONS_MAX);
}

static int take_socket(struct guard_options *options, const char *text, struct stoq_error *error)
{
	if (options->socket_count == TOOL_SPDK_SOCKETS_MAX)
		return stoq_error_set(
			error, -1, "--spdk-socket: at most %d can be given", TOOL_SPDK_SOCKETS_MAX);
	options->sockets[options->socket_count++] = text;
	return 0;
}

static int take_duration(struct guard_options *options, const char *text, struct stoq_error *error)
{
	if (stoq_parse_duration_ns(text, &options->duration_ns) == 0 && options->duration_ns)
		return 0;
	return stoq_error_set(error, -1, "--duration: '%.40s' is not a time such as 10s", text);
}

static int take_last(struct guard_options *options, const char *text, struct stoq_error *error)
{
	if (stoq_parse_number(text, 0, STOQ_GUARD_LOG_RECORDS, &options->last) == 0)
		return 0;
	return stoq_error_set(error, -1, "--last: '%.40s' is not a number up to %d", text,
		STOQ_GUARD_LOG_RECORDS);
}

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct guard_options *options = context;

	switch (option) {
	case 'i':
		return take_interface(options, text, error);
	case OPTION_NAME:
		options->name = text;
		return 0;
	case OPTION_AUDIT:
		options->audit = true;
		return 0;
	case OPTION_REPLACE:
		options->replace = true;
		return 0;
	case OPTION_RECONNECT:
		options->reconnect = true;
		return 0;
	case OPTION_STOP_OLDER:
		options->stop_older = true;
		return 0;
	case OPTION_CLSACT:
		options->force_clsact = true;
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_JOURNAL:
		options->journal = true;
		return 0;
	case OPTION_SERVE:
		return tool_metrics_take(&options->serve, "serve", text, GUARD_METRICS_PORT, error);
	case OPTION_WEB_CONFIG:
		options->serve.place.web_config = text;
		return 0;
	case OPTION_STRICT:
		return take_strict(options, text, error);
	case OPTION_PORT:
		return take_port(options, text, error);
	case OPTION_MAX_CONNECTIONS:
		return take_max_connections(options, text, error);
	case OPTION_SPDK_SOCKET:
		return take_socket(options, text, error);
	case OPTION_DURATION:
		return take_duration(options, text, error);
	default:
		return take_last(options, text, error);
	}
}

int guard_take_policy(const char **path, int argc, char **argv, int *status)
{
	if (optind == argc) {
		*status = tool_usage("which policy file?");
		return -1;
	}
	*path = argv[optind++];
	return tool_options_end(argc, argv, status);
}

/* What is left to be said. */
static int complete(struct guard_options *options, enum guard_command command, int *status)
{
	struct stoq_error error;

	if (tool_metrics_check(&options->serve, "serve", &error)) {
		*status = tool_usage("%s", error.text);
		return -1;
	}
	if (command == GUARD_ON && !options->interface_count && !options->replace) {
		*status = tool_usage("on which interface? For example -i lo");
		return -1;
	}
	if (options->json && options->journal) {
		*status = tool_usage(
			"--journal prints nothing: leave out --json, or follow the events twice");
		return -1;
	}
	if (!options->port_count) {
		options->program.ports[0] = 4420;
		options->program.ports[1] = 8009;
	}
	return 0;
}

int guard_options_parse(struct guard_options *options, enum guard_command command, int argc,
	char **argv, int *status)
{
	const struct tool_options known = {commands[command].options, guard_help, take_option};
	int result;

	*options = (struct guard_options){0};
	result = tool_options_parse(&known, options, argc, argv, status);
	if (!result && commands[command].takes_file)
		result = guard_take_policy(&options->path, argc, argv, status);
	else if (!result)
		result = tool_options_end(argc, argv, status);
	return result ? result : complete(options, command, status);
}
