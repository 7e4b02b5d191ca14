// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/verb_watch.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/shared.h"
#include "tool/interfaces.h"
#include "tool/message.h"
#include "tool/signals.h"
#include "tool/watch/alarm.h"
#include "tool/watch/loop.h"
#include "tool/watch/options.h"
#include "tool/watch/replay.h"
#include "tool/watch/screen.h"

static const char help[] =
#include "stoq-watch.help.h"
	;

/* Without -i: all that carry NVMe/TCP, by the rule in interfaces.h. *list backs the names. */
static int choose_interfaces(
	struct watch_options *options, struct tool_interface **list, struct stoq_error *error)
{
	size_t count, *chosen = &options->config.interface_count;
	int result;

	if (*chosen)
		return 0;
	result = tool_interfaces_list(list, &count, error);
	if (result)
		return result;
	for (size_t i = 0; i < count && *chosen < WATCH_INTERFACES_MAX; i++)
		if (tool_interface_is_watched(&(*list)[i]))
			options->interfaces[(*chosen)++] = (*list)[i].name;
	if (!*chosen)
		return stoq_error_set(error, -ENODEV,
			"no loopback or Ethernet interface is up: name one with -i");
	return 0;
}

static enum watch_mode choose_mode(const struct watch_options *options)
{
	if (options->json)
		return WATCH_JSON;
	if (options->metrics.on)
		return WATCH_METRICS;
	if (watch_options_want_lines(options) || options->node.with || !watch_screen_possible())
		return WATCH_TEXT;
	return WATCH_SCREEN;
}

static bool guard_polices(const void *context, const char **why)
{
	return stoq_guard_shared_is_current(context, why);
}

/* The rest, once the program is attached. shared: the guard whose program it is, or NULL. */
static int show(struct stoq_watch *watch, const struct watch_options *options,
	const struct stoq_guard_shared *shared, int signal_fd, struct stoq_error *error)
{
	const struct watch_source source = {guard_polices, shared, shared ? shared->name : ""};
	enum watch_mode mode = choose_mode(options);
	char url[STOQ_METRICS_URL];
	struct watch_report report;
	struct stoq_error second;
	int result = stoq_watch_drop_privileges(watch, error);

	if (result)
		return result;
	if (mode == WATCH_SCREEN && watch_screen_open())
		mode = WATCH_TEXT;
	result = watch_report_open(&report, options, mode, tool_unix_offset_ns(), signal_fd);
	if (result) {
		watch_screen_close();
		return stoq_error_set(error, result, "no memory");
	}
	if (mode == WATCH_METRICS) {
		result = watch_metrics_open(
			&report.metrics, watch, options, tool_unix_offset_ns(), error);
		if (result) {
			watch_report_end(&report, NULL, &second);
			return result;
		}
		tool_notice("metrics: %s", watch_metrics_url(report.metrics, url));
	}
	return watch_loop_run(watch, &report, shared ? &source : NULL, signal_fd, error);
}

/* A guard's program, if there is one on just these interfaces and it has what is asked for: single
 * commands, stages and other sizes of tables need a program of our own. *shared stays NULL then. */
static int open_watch(struct stoq_watch **watch, struct watch_options *options,
	const struct stoq_guard_shared **shared, struct stoq_error *error)
{
	static struct stoq_guard_shared found;
	struct stoq_watch_config *config = &options->config;
	struct stoq_tables tables;
	int result;

	if (watch_options_want_events(options) || config->record ||
		stoq_filter_needs_program(&options->filter) || config->stages || config->sizes ||
		config->check || config->force_clsact || config->max_flows ||
		config->max_commands || config->max_series || config->max_early ||
		!stoq_guard_shared_open(
			config->interfaces, config->interface_count, &tables, &found))
		return stoq_watch_open(watch, config, error);
	config->shared = &tables;
	config->shared_name = found.name;
	result = stoq_watch_open(watch, config, error);
	config->shared = NULL;
	config->shared_name = NULL;
	if (!result) {
		*shared = &found;
		return 0;
	}
	stoq_guard_shared_close(&tables);
	return stoq_watch_open(watch, config, error);
}

/* Whose the connections are that are older than the program: asked once it sees what begins. */
static int identify(
	struct stoq_watch *watch, const struct watch_options *options, struct stoq_error *error)
{
	const struct tool_identify asked = {
		.sockets = options->sockets, .socket_count = options->socket_count};
	struct tool_identified found;
	int result = tool_identify(&found, &asked, NULL, error);

	if (result)
		return result;
	stoq_watch_set_identities(watch, &found.identities);
	tool_identified_free(&found);
	return 0;
}

static void say_what_is_watched(const struct watch_options *options)
{
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < options->config.interface_count && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
			options->interfaces[i]);
	tool_notice("watching %s; Ctrl-C ends", names);
}

static int run(struct watch_options *options, struct stoq_error *error)
{
	const struct stoq_guard_shared *shared = NULL;
	struct stoq_watch *watch = NULL;
	struct tool_interface *list = NULL;
	int signal_fd = tool_signals_open(choose_mode(options) == WATCH_SCREEN, error), result;

	if (signal_fd < 0)
		return signal_fd;
	if (options->read) {
		result = watch_replay_run(options, choose_mode(options), signal_fd, error);
		close(signal_fd);
		return result;
	}
	result = choose_interfaces(options, &list, error);
	if (!result)
		result = open_watch(&watch, options, &shared, error);
	if (!result)
		result = identify(watch, options, error);
	if (!result && choose_mode(options) != WATCH_SCREEN)
		say_what_is_watched(options);
	if (!result)
		result = show(watch, options, shared, signal_fd, error);
	stoq_watch_close(watch);
	free(list);
	close(signal_fd);
	return result;
}

int verb_watch(int argc, char **argv)
{
	struct watch_options options;
	struct stoq_error error = {0};
	int status;

	if (watch_options_parse(&options, help, argc, argv, &status))
		return status;
	/* For the terminal's character set; numbers stay as they are. */
	setlocale(LC_CTYPE, "");
	if (run(&options, &error))
		return tool_fail(&error);
	return options.thresholds && stoq_thresholds_have_held(options.thresholds) ? WATCH_EXIT_HELD
										   : EXIT_SUCCESS;
}
