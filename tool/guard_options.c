// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "tool/verb.h"

enum guard_option {
	OPTION_NAME = 256,
	OPTION_INTERFACE,
	OPTION_REPLACE,
	OPTION_RECONNECT,
	OPTION_STRICT,
	OPTION_PORT,
	OPTION_SPDK_SOCKET,
	OPTION_CLSACT,
	OPTION_JSON,
	OPTION_DURATION,
	OPTION_LAST,
};

#define OPTION_HELP_ROW                                                                            \
	{                                                                                          \
		"help", no_argument, NULL, 'h'                                                     \
	}
#define OPTION_NAME_ROW                                                                            \
	{                                                                                          \
		"name", required_argument, NULL, OPTION_NAME                                       \
	}

static const struct option on_options[] = {
	OPTION_HELP_ROW,
	OPTION_NAME_ROW,
	{"interface", required_argument, NULL, 'i'},
	{"replace", no_argument, NULL, OPTION_REPLACE},
	{"reconnect", no_argument, NULL, OPTION_RECONNECT},
	{"strict", required_argument, NULL, OPTION_STRICT},
	{"port", required_argument, NULL, OPTION_PORT},
	{"spdk-socket", required_argument, NULL, OPTION_SPDK_SOCKET},
	{"clsact", no_argument, NULL, OPTION_CLSACT},
	{NULL, 0, NULL, 0},
};

static const struct option name_options[] = {
	OPTION_HELP_ROW,
	OPTION_NAME_ROW,
	{NULL, 0, NULL, 0},
};

static const struct option status_options[] = {
	OPTION_HELP_ROW,
	OPTION_NAME_ROW,
	{"json", no_argument, NULL, OPTION_JSON},
	{NULL, 0, NULL, 0},
};

static const struct option events_options[] = {
	OPTION_HELP_ROW,
	OPTION_NAME_ROW,
	{"json", no_argument, NULL, OPTION_JSON},
	{"duration", required_argument, NULL, OPTION_DURATION},
	{"last", required_argument, NULL, OPTION_LAST},
	{NULL, 0, NULL, 0},
};

static const struct {
	const struct option *options;
	const char *letters;
	bool takes_file;
} commands[] = {
	[GUARD_ON] = {on_options, "hi:", true},
	[GUARD_RELOAD] = {name_options, "h", true},
	[GUARD_STATUS] = {status_options, "h", false},
	[GUARD_EVENTS] = {events_options, "h", false},
	[GUARD_OFF] = {name_options, "h", false},
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

static int take_socket(struct guard_options *options, const char *text, struct stoq_error *error)
{
	if (options->socket_count == GUARD_SOCKETS_MAX)
		return stoq_error_set(
			error, -1, "--spdk-socket: at most %d can be given", GUARD_SOCKETS_MAX);
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

static int take_option(
	struct guard_options *options, int option, const char *text, struct stoq_error *error)
{
	switch (option) {
	case 'i':
		return take_interface(options, text, error);
	case OPTION_NAME:
		options->name = text;
		return 0;
	case OPTION_REPLACE:
		options->replace = true;
		return 0;
	case OPTION_RECONNECT:
		options->reconnect = true;
		return 0;
	case OPTION_CLSACT:
		options->force_clsact = true;
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_STRICT:
		return take_strict(options, text, error);
	case OPTION_PORT:
		return take_port(options, text, error);
	case OPTION_SPDK_SOCKET:
		return take_socket(options, text, error);
	case OPTION_DURATION:
		return take_duration(options, text, error);
	default:
		return take_last(options, text, error);
	}
}

/* 0, or the exit status of a usage error. */
static int complete(struct guard_options *options, enum guard_command command)
{
	if (command == GUARD_ON && !options->interface_count && !options->replace)
		return tool_usage("on which interface? For example -i lo");
	if (!options->port_count) {
		options->program.ports[0] = 4420;
		options->program.ports[1] = 8009;
	}
	return 0;
}

static int take_file(struct guard_options *options, bool wanted, int argc, char **argv)
{
	int extra = optind;

	if (wanted && optind == argc)
		return tool_usage("which policy file?");
	if (wanted)
		options->path = argv[extra++];
	return extra < argc ? tool_usage("'%.40s' is not expected here", argv[extra]) : 0;
}

int guard_options_parse(struct guard_options *options, enum guard_command command, int argc,
	char **argv, const char *help, int *status)
{
	struct stoq_error error;
	int option;

	*options = (struct guard_options){0};
	while ((option = getopt_long(argc, argv, commands[command].letters,
			commands[command].options, NULL)) != -1) {
		if (option == 'h') {
			*status = tool_help(help);
			return -1;
		}
		if (option == '?' || take_option(options, option, optarg, &error)) {
			*status = option == '?' ? tool_usage(NULL) : tool_usage("%s", error.text);
			return -1;
		}
	}
	*status = take_file(options, commands[command].takes_file, argc, argv);
	if (!*status)
		*status = complete(options, command);
	return *status ? -1 : 0;
}
