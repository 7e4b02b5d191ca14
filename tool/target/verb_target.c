// SPDX-License-Identifier: BSD-2-Clause
#include "tool/target/verb_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "target/target.h"
#include "tool/command.h"
#include "tool/message.h"
#include "tool/options.h"

#define SCHEMA_VERSION 1

static const char help[] =
#include "stoq-target.help.h"
	;

struct request {
	struct stoq_target_config config;
	bool kind_given;
	bool all;
	bool json;
};

enum target_option {
	OPTION_SPDK = TOOL_OPTION_FIRST,
	OPTION_KERNEL,
	OPTION_NAME,
	OPTION_RUN_DIR,
	OPTION_ADDRESS,
	OPTION_PORT,
	OPTION_NQN,
	OPTION_NAMESPACE,
	OPTION_HOST,
	OPTION_DELAY,
	OPTION_FAIL,
	OPTION_TIMEOUT,
	OPTION_SPDK_DIR,
	OPTION_CORE_MASK,
	OPTION_MEMORY,
	OPTION_HUGE_PAGES,
	OPTION_ALL,
	OPTION_JSON,
};

#define OPTIONS_EVERYWHERE                                                                         \
	TOOL_OPTION_HELP, {"name", required_argument, NULL, OPTION_NAME},                          \
	{                                                                                          \
		"run-dir", required_argument, NULL, OPTION_RUN_DIR                                 \
	}

static const struct option start_options[] = {
	OPTIONS_EVERYWHERE,
	{"spdk", no_argument, NULL, OPTION_SPDK},
	{"kernel", no_argument, NULL, OPTION_KERNEL},
	{"address", required_argument, NULL, OPTION_ADDRESS},
	{"port", required_argument, NULL, OPTION_PORT},
	{"nqn", required_argument, NULL, OPTION_NQN},
	{"namespace", required_argument, NULL, OPTION_NAMESPACE},
	{"host", required_argument, NULL, OPTION_HOST},
	{"delay", required_argument, NULL, OPTION_DELAY},
	{"fail", required_argument, NULL, OPTION_FAIL},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"spdk-dir", required_argument, NULL, OPTION_SPDK_DIR},
	{"core-mask", required_argument, NULL, OPTION_CORE_MASK},
	{"memory", required_argument, NULL, OPTION_MEMORY},
	{"huge-pages", required_argument, NULL, OPTION_HUGE_PAGES},
	{NULL, 0, NULL, 0},
};

static const struct option stop_options[] = {
	OPTIONS_EVERYWHERE,
	{"all", no_argument, NULL, OPTION_ALL},
	{NULL, 0, NULL, 0},
};

static const struct option status_options[] = {
	OPTIONS_EVERYWHERE,
	{"json", no_argument, NULL, OPTION_JSON},
	{NULL, 0, NULL, 0},
};

/* ---- options ---- */

static int bad_number(const char *option, const char *text, struct stoq_error *error)
{
	return stoq_error_set(error, -1, "%s: '%.40s' is not a usable number", option, text);
}

static int take_kind(struct request *request, enum stoq_target_kind kind, struct stoq_error *error)
{
	if (request->kind_given && request->config.kind != kind)
		return stoq_error_set(error, -1, "--spdk and --kernel exclude each other");
	request->config.kind = kind;
	request->kind_given = true;
	return 0;
}

static int take_port(struct stoq_target_config *config, const char *text, struct stoq_error *error)
{
	uint64_t port;

	if (stoq_parse_number(text, 1, UINT16_MAX, &port))
		return bad_number("--port", text, error);
	config->port = (uint16_t)port;
	return 0;
}

static int take_timeout(
	struct stoq_target_config *config, const char *text, struct stoq_error *error)
{
	uint64_t ns;

	if (stoq_parse_duration_ns(text, &ns) || ns < 1000000000 || ns > 3600000000000)
		return stoq_error_set(
			error, -1, "--timeout: '%.40s' is not a time from 1s to 1h", text);
	config->timeout_ms = (unsigned int)(ns / 1000000);
	return 0;
}

static int take_namespace(
	struct stoq_target_config *config, const char *text, struct stoq_error *error)
{
	if (config->namespace_count == STOQ_TARGET_NAMESPACES_MAX)
		return stoq_error_set(error, -1, "a target has at most %d namespaces",
			STOQ_TARGET_NAMESPACES_MAX);
	return stoq_target_parse_namespace(
		&config->namespaces[config->namespace_count++], text, error);
}

static int take_host(struct stoq_target_config *config, const char *text, struct stoq_error *error)
{
	if (strcmp(text, "any") == 0) {
		config->any_host = true;
		return 0;
	}
	if (config->host_count == STOQ_TARGET_HOSTS_MAX)
		return stoq_error_set(
			error, -1, "at most %d hosts can be named", STOQ_TARGET_HOSTS_MAX);
	config->hosts[config->host_count++] = text;
	return 0;
}

static int take_nqn(struct stoq_target_config *config, const char *text, struct stoq_error *error)
{
	int ret = stoq_target_check_nqn(text, error);

	if (!ret)
		snprintf(config->nqn, sizeof(config->nqn), "%s", text);
	return ret;
}

static int take_memory(
	struct stoq_target_config *config, const char *text, struct stoq_error *error)
{
	return stoq_parse_number(text, 64, 1u << 20, &config->memory_mib)
		       ? bad_number("--memory (MiB, 64 and up)", text, error)
		       : 0;
}

/* Options whose value needs parsing or checking. */
static int take_value(
	struct stoq_target_config *config, int option, const char *text, struct stoq_error *error)
{
	switch (option) {
	case OPTION_PORT:
		return take_port(config, text, error);
	case OPTION_NQN:
		return take_nqn(config, text, error);
	case OPTION_NAMESPACE:
		return take_namespace(config, text, error);
	case OPTION_HOST:
		return take_host(config, text, error);
	case OPTION_DELAY:
		return stoq_target_parse_delay(config, text, error);
	case OPTION_FAIL:
		return stoq_target_parse_fail(config, text, error);
	case OPTION_TIMEOUT:
		return take_timeout(config, text, error);
	default:
		return take_memory(config, text, error);
	}
}

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct request *request = context;
	struct stoq_target_config *config = &request->config;

	switch (option) {
	case OPTION_SPDK:
		return take_kind(request, STOQ_TARGET_SPDK, error);
	case OPTION_KERNEL:
		return take_kind(request, STOQ_TARGET_KERNEL, error);
	case OPTION_NAME:
		config->name = text;
		return 0;
	case OPTION_RUN_DIR:
		config->run_base = text;
		return stoq_target_check_run_base(text, error);
	case OPTION_ADDRESS:
		config->address = text;
		return 0;
	case OPTION_SPDK_DIR:
		config->spdk_dir = text;
		return 0;
	case OPTION_CORE_MASK:
		config->core_mask = text;
		return 0;
	case OPTION_HUGE_PAGES:
		config->huge_pages = text;
		return 0;
	case OPTION_ALL:
		request->all = true;
		return 0;
	case OPTION_JSON:
		request->json = true;
		return 0;
	default:
		return take_value(config, option, text, error);
	}
}

/* 0: go on. Else the verb ends, with *status. */
static int parse(
	int argc, char **argv, const struct option *table, struct request *request, int *status)
{
	const struct tool_options options = {table, help, take_option};

	stoq_target_config_init(&request->config);
	request->config.name = NULL;
	return tool_options_only(&options, request, argc, argv, status);
}

static const char *name_or_default(const struct request *request)
{
	return request->config.name ? request->config.name : "default";
}

/* ---- start ---- */

static void print_state(const struct stoq_target_state *state, const char *condition)
{
	printf("target %s: %s, %s", state->name, condition,
		state->software[0] ? state->software : stoq_target_kind_name(state->kind));
	if (state->process.pid)
		printf(", process %d", (int)state->process.pid);
	printf("\n  address    %s port %u\n  subsystem  %s\n", state->address, state->port,
		state->nqn);
	for (size_t i = 0; i < state->namespace_count; i++) {
		char text[STOQ_TARGET_PATH_MAX + 16];

		stoq_target_describe_namespace(&state->namespaces[i], text, sizeof(text));
		printf("  namespace  %zu: %s\n", i + 1, text);
	}
}

static int start(int argc, char **argv)
{
	static struct request request;
	static struct stoq_target_state state;
	struct stoq_target_config *config = &request.config;
	struct stoq_error error;
	bool cleaned = false;
	int status, ret;

	if (parse(argc, argv, start_options, &request, &status))
		return status;
	if (!request.kind_given)
		return tool_usage("which target? Give --spdk or --kernel");
	config->name = name_or_default(&request);
	if (stoq_target_config_finish(config, &error))
		return tool_usage("%s", error.text);
	ret = stoq_target_start(config, &state, &cleaned, &error);
	if (cleaned && ret != -EEXIST)
		tool_notice("cleaned up after an earlier target '%s' that was not stopped",
			config->name);
	if (ret)
		return tool_fail(&error);
	if (!stoq_target_is_loopback(config->address))
		tool_notice("%s is reachable from the network; NVMe/TCP is not encrypted, and host "
			    "NQNs are not proof of identity",
			config->address);
	print_state(&state, "running");
	printf("  connect    nvme connect -t tcp -a %s -s %u -n %s\n", state.address, state.port,
		state.nqn);
	stoq_target_state_free(&state);
	return EXIT_SUCCESS;
}

/* ---- stop ---- */

static int stop_one(const char *run_base, const char *name)
{
	enum stoq_target_condition condition;
	struct stoq_error error;

	if (stoq_target_stop(run_base, name, &condition, &error))
		return tool_fail(&error);
	if (condition == STOQ_TARGET_ANSWERS || condition == STOQ_TARGET_SILENT)
		printf("target %s: stopped\n", name);
	else
		printf("target %s: had %s; cleaned up\n", name,
			condition == STOQ_TARGET_DIED ? "died" : "been half made");
	return EXIT_SUCCESS;
}

static int stop(int argc, char **argv)
{
	static struct stoq_target_names names;
	static struct request request;
	struct stoq_error error;
	int status;

	if (parse(argc, argv, stop_options, &request, &status))
		return status;
	if (!request.all)
		return stop_one(request.config.run_base, name_or_default(&request));
	if (request.config.name)
		return tool_usage("--all and --name exclude each other");
	if (stoq_target_list(request.config.run_base, &names, &error))
		return tool_fail(&error);
	status = EXIT_SUCCESS;
	if (!names.count)
		puts("no targets");
	for (size_t i = 0; i < names.count; i++) {
		if (stop_one(request.config.run_base, names.names[i]))
			status = EXIT_FAILURE;
	}
	return status;
}

/* ---- status ---- */

static struct json_object *state_as_json(
	const struct stoq_target_state *state, enum stoq_target_condition condition)
{
	struct json_object *object = json_object_new_object();
	struct json_object *namespaces = json_object_new_array();

	stoq_json_put_string(object, "name", state->name);
	stoq_json_put_string(object, "condition", stoq_target_condition_name(condition));
	stoq_json_put_string(object, "kind", stoq_target_kind_name(state->kind));
	stoq_json_put_string(object, "software", state->software);
	stoq_json_put_u64(object, "pid", (uint64_t)state->process.pid);
	stoq_json_put_string(object, "address", state->address);
	stoq_json_put_u64(object, "port", state->port);
	stoq_json_put_string(object, "nqn", state->nqn);
	for (size_t i = 0; i < state->namespace_count; i++) {
		char text[STOQ_TARGET_PATH_MAX + 16];

		stoq_target_describe_namespace(&state->namespaces[i], text, sizeof(text));
		json_object_array_add(namespaces, json_object_new_string(text));
	}
	json_object_object_add(object, "namespaces", namespaces);
	return object;
}

/* Prints a target, or adds it to list if that is not NULL. */
static int show_one(const char *run_base, const char *name, struct json_object *list)
{
	static struct stoq_target_state state;
	enum stoq_target_condition condition;
	struct stoq_error error;

	if (stoq_target_status(run_base, name, &state, &condition, &error))
		return tool_fail(&error);
	if (list)
		json_object_array_add(list, state_as_json(&state, condition));
	else
		print_state(&state, stoq_target_condition_name(condition));
	stoq_target_state_free(&state);
	return condition == STOQ_TARGET_ANSWERS ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int show_all(const char *run_base, struct json_object *list)
{
	static struct stoq_target_names names;
	struct stoq_error error;
	int status = EXIT_SUCCESS;

	if (stoq_target_list(run_base, &names, &error))
		return tool_fail(&error);
	if (!names.count && !list)
		puts("no targets");
	for (size_t i = 0; i < names.count; i++) {
		if (show_one(run_base, names.names[i], list))
			status = EXIT_FAILURE;
	}
	return status;
}

static int show(int argc, char **argv)
{
	static struct request request;
	struct json_object *object, *list;
	int status;

	if (parse(argc, argv, status_options, &request, &status))
		return status;
	list = request.json ? json_object_new_array() : NULL;
	status = request.config.name ? show_one(request.config.run_base, request.config.name, list)
				     : show_all(request.config.run_base, list);
	if (!request.json)
		return status;
	object = stoq_json_new_report("target", SCHEMA_VERSION);
	json_object_object_add(object, "targets", list);
	puts(json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return status;
}

int verb_target(int argc, char **argv)
{
	static const struct tool_command commands[] = {
		{"start", start}, {"stop", stop}, {"status", show}, {NULL, NULL}};

	return tool_run_command(argc, argv, help, commands, "start, stop or status");
}
