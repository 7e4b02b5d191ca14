// SPDX-License-Identifier: BSD-2-Clause
#include "tool/xdp/verb_xdp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/units.h"
#include "tool/command.h"
#include "tool/interfaces.h"
#include "tool/message.h"
#include "tool/options.h"
#include "tool/xdp/render.h"
#include "xdp/find.h"
#include "xdp/prefix.h"
#include "xdp/settings.h"

#define FILTERS_MAX	64
#define SCHEMA_VERSION	1
#define INTERVAL_MAX_NS 3600000000000ull
#define LOCK_WAIT_NS	10000000000ull /* a change takes milliseconds */

static const char help[] =
#include "stoq-xdp.help.h"
	;

enum xdp_option {
	OPTION_JSON = TOOL_OPTION_FIRST,
	OPTION_INTERVAL,
	OPTION_REMOVE,
	OPTION_SOURCE,
	OPTION_TOTAL,
	OPTION_UNPROVEN,
};

static const struct option status_options[] = {
	TOOL_OPTION_HELP,
	{"interface", required_argument, NULL, 'i'},
	{"json", no_argument, NULL, OPTION_JSON},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{NULL, 0, NULL, 0},
};

static const struct option prefix_options[] = {
	TOOL_OPTION_HELP,
	{"interface", required_argument, NULL, 'i'},
	{"remove", no_argument, NULL, OPTION_REMOVE},
	{NULL, 0, NULL, 0},
};

static const struct option limit_options[] = {
	TOOL_OPTION_HELP,
	{"interface", required_argument, NULL, 'i'},
	{"source", required_argument, NULL, OPTION_SOURCE},
	{"total", required_argument, NULL, OPTION_TOTAL},
	{"unproven", required_argument, NULL, OPTION_UNPROVEN},
	{NULL, 0, NULL, 0},
};

/* What the command line asks for. */
struct request {
	const char *interface; /* NULL: all that have a filter */
	bool json;
	bool remove;
	uint64_t interval_ns; /* 0: no rates */
	struct stoq_xdp_limit limits[STOQ_XDP_LIMITS];
	bool has_limit[STOQ_XDP_LIMITS];
};

/* The filters that a command is about. */
struct filters {
	size_t count;
	char interface[FILTERS_MAX][IF_NAMESIZE];
	struct stoq_xdp_maps maps[FILTERS_MAX];
};

/* ---- the command line ---- */

static int take_limit(struct request *request, enum stoq_xdp_limit_kind kind, const char *text,
	struct stoq_error *error)
{
	request->has_limit[kind] = true;
	return stoq_xdp_limit_parse(&request->limits[kind], text, error);
}

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct request *request = context;

	switch (option) {
	case 'i':
		request->interface = text;
		return 0;
	case OPTION_JSON:
		request->json = true;
		return 0;
	case OPTION_REMOVE:
		request->remove = true;
		return 0;
	case OPTION_INTERVAL:
		if (stoq_parse_duration_ns(text, &request->interval_ns) || !request->interval_ns ||
			request->interval_ns > INTERVAL_MAX_NS)
			return stoq_error_set(error, -EINVAL,
				"--interval: '%.40s' is no time, such as 1s or 500ms", text);
		return 0;
	case OPTION_SOURCE:
		return take_limit(request, STOQ_XDP_LIMIT_SOURCE, text, error);
	case OPTION_TOTAL:
		return take_limit(request, STOQ_XDP_LIMIT_TOTAL, text, error);
	default:
		return take_limit(request, STOQ_XDP_LIMIT_UNPROVEN, text, error);
	}
}

/* 0: go on. Else the verb ends, with *status. */
static int parse(
	int argc, char **argv, const struct option *table, struct request *request, int *status)
{
	const struct tool_options options = {table, help, take_option};

	*request = (struct request){0};
	return tool_options_parse(&options, request, argc, argv, status);
}

/* For commands that take no more arguments. */
static int parse_all(
	int argc, char **argv, const struct option *options, struct request *request, int *status)
{
	if (parse(argc, argv, options, request, status))
		return -1;
	return tool_options_end(argc, argv, status);
}

/* ---- finding filters ---- */

static int open_filter(struct filters *filters, const char *interface, struct stoq_error *error)
{
	int result = stoq_xdp_maps_find(&filters->maps[filters->count], interface, error);

	if (result)
		return result;
	snprintf(filters->interface[filters->count], IF_NAMESIZE, "%s", interface);
	filters->count++;
	return 0;
}

static void close_filters(struct filters *filters)
{
	for (size_t i = 0; i < filters->count; i++)
		stoq_xdp_maps_close(&filters->maps[i]);
	filters->count = 0;
}

/* Interfaces without a filter of ours, or that go away meanwhile, do not count. */
static int open_all(struct filters *filters, struct stoq_error *error)
{
	struct tool_interface *list;
	size_t count;
	int result = tool_interfaces_list(&list, &count, error);

	for (size_t i = 0; !result && i < count && filters->count < FILTERS_MAX; i++) {
		result = open_filter(filters, list[i].name, error);
		if (result == -ENOENT || result == -ENODEV)
			result = 0;
	}
	if (!result || count)
		free(list);
	if (result)
		close_filters(filters);
	return result;
}

static int open_filters(
	struct filters *filters, const struct request *request, struct stoq_error *error)
{
	filters->count = 0;
	return request->interface ? open_filter(filters, request->interface, error)
				  : open_all(filters, error);
}

/* The same for commands that change something: there must be one. */
static int open_some(
	struct filters *filters, const struct request *request, struct stoq_error *error)
{
	int result = open_filters(filters, request, error);

	if (result || filters->count)
		return result;
	return stoq_error_set(error, -ENOENT,
		"no interface here has an XDP filter; a transport that runs with one has it while "
		"it "
		"runs");
}

/* The same, and no other command changes them until unlock(). */
static int open_locked(
	struct filters *filters, const struct request *request, int *lock, struct stoq_error *error)
{
	int result = open_some(filters, request, error);

	if (!result)
		result = stoq_xdp_settings_lock(LOCK_WAIT_NS, lock, error);
	if (result)
		close_filters(filters);
	return result;
}

static void unlock(struct filters *filters, int lock)
{
	close_filters(filters);
	close(lock);
}

/* ---- status ---- */

static void sleep_ns(uint64_t ns)
{
	struct timespec rest = {
		.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	while (nanosleep(&rest, &rest) && errno == EINTR)
		;
}

static int read_all(
	struct stoq_xdp_status *statuses, const struct filters *filters, struct stoq_error *error)
{
	for (size_t i = 0; i < filters->count; i++)
		if (stoq_xdp_status_read(&statuses[i], &filters->maps[i], error))
			return error->code;
	return 0;
}

static void show(const struct filters *filters, const struct stoq_xdp_status *now,
	const struct stoq_xdp_status *before, bool json)
{
	struct json_object *all = stoq_json_new_report("xdp", SCHEMA_VERSION);
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < filters->count; i++) {
		struct tool_xdp_view view = {.interface = filters->interface[i],
			.maps = &filters->maps[i],
			.now = &now[i],
			.before = before ? &before[i] : NULL};

		if (json)
			json_object_array_add(list, tool_xdp_json(&view));
		else
			tool_xdp_print(stdout, &view);
	}
	json_object_object_add(all, "filters", list);
	if (json)
		printf("%s\n", json_object_to_json_string_ext(all,
				       JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(all);
}

static int status(int argc, char **argv)
{
	static struct stoq_xdp_status now[FILTERS_MAX], before[FILTERS_MAX];
	static struct filters filters;
	struct request request;
	struct stoq_error error;
	int code, result;

	if (parse_all(argc, argv, status_options, &request, &code))
		return code;
	if (open_filters(&filters, &request, &error))
		return tool_fail(&error);
	result = request.interval_ns ? read_all(before, &filters, &error) : 0;
	if (!result) {
		sleep_ns(request.interval_ns);
		result = read_all(now, &filters, &error);
	}
	if (!result)
		show(&filters, now, request.interval_ns ? before : NULL, request.json);
	if (!result && !filters.count && !request.json)
		tool_notice("no interface here has an XDP filter");
	for (size_t i = 0; i < filters.count; i++) {
		stoq_xdp_status_free(&now[i]);
		stoq_xdp_status_free(&before[i]);
	}
	close_filters(&filters);
	return result ? tool_fail(&error) : EXIT_SUCCESS;
}

/* ---- allow, deny, limit ---- */

/* What the command line names, in memory to be freed; NULL after saying what is wrong. */
static struct stoq_xdp_prefix *parse_prefixes(int count, char **words, int *status)
{
	struct stoq_xdp_prefix *prefixes = calloc((size_t)count + 1, sizeof(*prefixes));
	struct stoq_error error;

	if (!prefixes) {
		stoq_error_set(&error, -ENOMEM, "out of memory");
		*status = tool_fail(&error);
		return NULL;
	}
	for (int i = 0; i < count; i++)
		if (stoq_xdp_prefix_parse(&prefixes[i], words[i], &error)) {
			*status = tool_usage("%s", error.text);
			free(prefixes);
			return NULL;
		}
	return prefixes;
}

/*
 * On each filter. What shall go need not be on all of them: it is wrong only if no filter has it.
 */
static int change_filters(struct filters *filters, enum stoq_xdp_list list, bool remove,
	const struct stoq_xdp_prefix *prefixes, size_t count, struct stoq_error *error)
{
	int (*change)(struct stoq_xdp_maps *, enum stoq_xdp_list, const struct stoq_xdp_prefix *,
		size_t, struct stoq_error *) =
		remove ? stoq_xdp_remove_prefixes : stoq_xdp_add_prefixes;
	struct stoq_error reason;
	size_t misses = 0;

	for (size_t i = 0; i < filters->count; i++) {
		int result = change(&filters->maps[i], list, prefixes, count, &reason);

		misses += result == -ENOENT;
		if (result && (result != -ENOENT || misses == filters->count))
			return stoq_error_set(
				error, result, "%s: %s", filters->interface[i], reason.text);
	}
	return 0;
}

static int change_prefixes(int argc, char **argv, enum stoq_xdp_list list)
{
	static struct filters filters;
	struct stoq_xdp_prefix *prefixes;
	struct request request;
	struct stoq_error error;
	int code, lock, result;

	if (parse(argc, argv, prefix_options, &request, &code))
		return code;
	if (optind == argc)
		return tool_usage("which prefix? For example 10.0.0.0/8");
	prefixes = parse_prefixes(argc - optind, argv + optind, &code);
	if (!prefixes)
		return code;
	result = open_locked(&filters, &request, &lock, &error);
	if (!result) {
		result = change_filters(
			&filters, list, request.remove, prefixes, (size_t)(argc - optind), &error);
		unlock(&filters, lock);
	}
	free(prefixes);
	return result ? tool_fail(&error) : EXIT_SUCCESS;
}

static int allow(int argc, char **argv)
{
	return change_prefixes(argc, argv, STOQ_XDP_ALLOWED);
}

static int deny(int argc, char **argv)
{
	return change_prefixes(argc, argv, STOQ_XDP_DENIED);
}

static int limit(int argc, char **argv)
{
	static struct filters filters;
	struct request request;
	struct stoq_error error;
	bool any = false;
	int code, lock;

	if (parse_all(argc, argv, limit_options, &request, &code))
		return code;
	for (int kind = 0; kind < STOQ_XDP_LIMITS; kind++)
		any |= request.has_limit[kind];
	if (!any)
		return tool_usage("which limit? For example --source 100:50");
	if (open_locked(&filters, &request, &lock, &error))
		return tool_fail(&error);
	for (size_t filter = 0; filter < filters.count; filter++)
		for (int kind = 0; kind < STOQ_XDP_LIMITS; kind++)
			if (request.has_limit[kind])
				stoq_xdp_set_limit(
					&filters.maps[filter], kind, &request.limits[kind]);
	unlock(&filters, lock);
	return EXIT_SUCCESS;
}

int verb_xdp(int argc, char **argv)
{
	static const struct tool_command commands[] = {{"status", status}, {"allow", allow},
		{"deny", deny}, {"limit", limit}, {NULL, NULL}};

	return tool_run_command(argc, argv, help, commands, "status, allow, deny or limit");
}
