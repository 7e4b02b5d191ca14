// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/options.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "flow/label.h"
#include "record/writer.h"
#include "tool/message.h"
#include "tool/options.h"
#include "tool/watch/alarm.h"
#include "tool/watch/filter_options.h"
#include "tool/watch/metrics.h"
#include "tool/watch/order_options.h"

#define INTERVAL_MIN_NS 10000000ull		      /* 10 ms */
#define TIME_MAX_NS	(365ull * 86400 * 1000000000) /* a year */

enum {
	OPTION_JSON = TOOL_OPTION_FIRST,
	OPTION_DURATION,
	OPTION_INTERVAL,
	OPTION_BY,
	OPTION_SLOW,
	OPTION_ERRORS,
	OPTION_PDUS,
	OPTION_HISTOGRAM,
	OPTION_CLSACT,
	OPTION_MAX_FLOWS,
	OPTION_MAX_COMMANDS,
	OPTION_MAX_SERIES,
	OPTION_SPDK_SOCKET,
	OPTION_MAX_EARLY,
	OPTION_METRICS,
	OPTION_WEB_CONFIG,
	OPTION_LABELS,
	OPTION_STAGES,
	OPTION_EVENTS,
	OPTION_CHECK,
	OPTION_HEATMAP,
	OPTION_RECORD,
	OPTION_RECORD_SIZE,
};

static const struct option long_options[] = {
	TOOL_OPTION_HELP,
	{"interface", required_argument, NULL, 'i'},
	{"read", required_argument, NULL, 'r'},
	{"json", no_argument, NULL, OPTION_JSON},
	{"duration", required_argument, NULL, OPTION_DURATION},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"by", required_argument, NULL, OPTION_BY},
	{"slow", required_argument, NULL, OPTION_SLOW},
	{"errors", no_argument, NULL, OPTION_ERRORS},
	{"pdus", no_argument, NULL, OPTION_PDUS},
	{"histogram", no_argument, NULL, OPTION_HISTOGRAM},
	{"clsact", no_argument, NULL, OPTION_CLSACT},
	{"max-flows", required_argument, NULL, OPTION_MAX_FLOWS},
	{"max-commands", required_argument, NULL, OPTION_MAX_COMMANDS},
	{"max-series", required_argument, NULL, OPTION_MAX_SERIES},
	{"spdk-socket", required_argument, NULL, OPTION_SPDK_SOCKET},
	{"max-early", required_argument, NULL, OPTION_MAX_EARLY},
	{"metrics", optional_argument, NULL, OPTION_METRICS},
	{"web-config", required_argument, NULL, OPTION_WEB_CONFIG},
	{"labels", required_argument, NULL, OPTION_LABELS},
	{"stages", no_argument, NULL, OPTION_STAGES},
	{"heatmap", no_argument, NULL, OPTION_HEATMAP},
	{"events", no_argument, NULL, OPTION_EVENTS},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"record", required_argument, NULL, OPTION_RECORD},
	{"record-size", required_argument, NULL, OPTION_RECORD_SIZE},
	WATCH_FILTER_OPTIONS,
	WATCH_ORDER_OPTIONS,
	{"threshold", required_argument, NULL, WATCH_OPTION_THRESHOLD},
	WATCH_NODE_OPTIONS,
	{0},
};

static int parse_time(const char *option, const char *text, uint64_t min_ns, uint64_t *ns,
	struct stoq_error *error)
{
	uint64_t value;

	if (stoq_parse_duration_ns(text, &value))
		return stoq_error_set(error, -EINVAL,
			"--%s: '%.40s' is not a time: write it like 500ms, 1s or 2m", option, text);
	if (value < min_ns)
		return stoq_error_set(
			error, -EINVAL, "--%s: %.40s is too short: at least 10ms", option, text);
	if (value > TIME_MAX_NS)
		return stoq_error_set(
			error, -EINVAL, "--%s: %.40s is too long: at most 8760h", option, text);
	*ns = value;
	return 0;
}

static int parse_limit(const char *option, const char *text, uint32_t most, uint32_t *limit,
	struct stoq_error *error)
{
	uint64_t value;

	if (stoq_parse_number(text, 1, most, &value))
		return stoq_error_set(error, -EINVAL, "--%s: '%.40s' is not a number from 1 to %u",
			option, text, most);
	*limit = (uint32_t)value;
	return 0;
}

static int add_interface(struct watch_options *options, const char *name, struct stoq_error *error)
{
	size_t *count = &options->config.interface_count;

	if (!name[0])
		return stoq_error_set(error, -EINVAL, "-i: the interface's name is empty");
	for (size_t i = 0; i < *count; i++)
		if (strcmp(options->interfaces[i], name) == 0)
			return 0;
	if (*count == WATCH_INTERFACES_MAX)
		return stoq_error_set(
			error, -EINVAL, "-i: more than %d interfaces", WATCH_INTERFACES_MAX);
	options->interfaces[(*count)++] = name;
	return 0;
}

static int add_socket(struct watch_options *options, const char *path, struct stoq_error *error)
{
	if (options->socket_count == TOOL_SPDK_SOCKETS_MAX)
		return stoq_error_set(error, -EINVAL, "--spdk-socket: at most %d can be given",
			TOOL_SPDK_SOCKETS_MAX);
	options->sockets[options->socket_count++] = path;
	return 0;
}

static int parse_axis(struct watch_options *options, const char *text, struct stoq_error *error)
{
	options->by_given = true;
	if (stoq_axis_from_name(text, &options->config.axis))
		return stoq_error_set(error, -EINVAL,
			"--by: '%.40s' is not an axis, nor two: write host, subsystem, namespace, "
			"queue, connection, path, opcode or size, or two of them like host,opcode",
			text);
	options->config.sizes = stoq_axis_has(options->config.axis, STOQ_BY_SIZE);
	return 0;
}

static int parse_record_size(
	struct watch_options *options, const char *text, struct stoq_error *error)
{
	if (stoq_parse_bytes(text, &options->record_bytes))
		return stoq_error_set(error, -EINVAL,
			"--record-size: '%.40s' is not a size: write it like 256M or 4G", text);
	if (options->record_bytes < STOQ_RECORD_SIZE_MIN)
		return stoq_error_set(
			error, -EINVAL, "--record-size: %.40s is too small: at least 8M", text);
	return 0;
}

/* Those with a value. */
static int take_value(
	struct watch_options *options, int option, const char *text, struct stoq_error *error)
{
	struct stoq_watch_config *config = &options->config;

	switch (option) {
	case 'i':
		return add_interface(options, text, error);
	case OPTION_RECORD:
		options->record = text;
		config->record = true;
		return text[0] ? 0 : stoq_error_set(error, -EINVAL, "--record: which file?");
	case OPTION_RECORD_SIZE:
		return parse_record_size(options, text, error);
	case 'r':
		options->read = text;
		return 0;
	case OPTION_SPDK_SOCKET:
		return add_socket(options, text, error);
	case OPTION_BY:
		return parse_axis(options, text, error);
	case OPTION_METRICS:
		return tool_metrics_take(
			&options->metrics, "metrics", text, WATCH_METRICS_PORT, error);
	case OPTION_LABELS:
		options->labels = text;
		return 0;
	case OPTION_WEB_CONFIG:
		options->metrics.place.web_config = text;
		return 0;
	case OPTION_DURATION:
		return parse_time("duration", text, INTERVAL_MIN_NS, &options->duration_ns, error);
	case OPTION_INTERVAL:
		options->interval_given = true;
		return parse_time("interval", text, INTERVAL_MIN_NS, &options->interval_ns, error);
	case OPTION_SLOW:
		return parse_time("slow", text, 0, &config->slow_ns, error);
	case OPTION_MAX_FLOWS:
		return parse_limit(
			"max-flows", text, STOQ_WATCH_FLOWS_MAX, &config->max_flows, error);
	case OPTION_MAX_COMMANDS:
		return parse_limit("max-commands", text, STOQ_WATCH_COMMANDS_MAX,
			&config->max_commands, error);
	case OPTION_MAX_EARLY:
		return parse_limit(
			"max-early", text, STOQ_WATCH_EARLY_MAX, &config->max_early, error);
	default:
		return parse_limit(
			"max-series", text, STOQ_WATCH_SERIES_MAX, &config->max_series, error);
	}
}

static int add_threshold(struct watch_options *options, const char *text, struct stoq_error *error)
{
	static struct stoq_thresholds all;

	if (!options->thresholds)
		all.count = 0;
	options->thresholds = &all;
	options->config.thresholds = &all;
	return stoq_thresholds_add(&all, text, error);
}

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct watch_options *options = context;

	switch (option) {
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_ERRORS:
		options->config.report_errors = true;
		return 0;
	case OPTION_PDUS:
		options->config.report_pdus = true;
		return 0;
	case OPTION_HEATMAP:
		options->heatmap = true;
		return 0;
	case OPTION_EVENTS:
		options->events = true;
		options->config.check = true;
		return 0;
	case OPTION_CHECK:
		options->config.check = true;
		return 0;
	case OPTION_HISTOGRAM:
		options->histogram = true;
		return 0;
	case OPTION_STAGES:
		options->config.stages = true;
		return 0;
	case OPTION_CLSACT:
		options->config.force_clsact = true;
		return 0;
	default:
		break;
	}
	if (watch_node_has_option(option))
		return watch_node_take(&options->node, option, text, error);
	if (watch_filter_has_option(option))
		return watch_filter_take(&options->filter, option, text, error);
	if (watch_order_has_option(option))
		return watch_order_take(&options->config, option, text, error);
	if (option == WATCH_OPTION_THRESHOLD)
		return add_threshold(options, text, error);
	return take_value(options, option, text, error);
}

/* What of the options does not go together. *status: that of the tool. */
static int check_order(const struct watch_options *options, int *status)
{
	struct stoq_error error;

	if (!watch_order_check(&options->config, &error))
		return 0;
	*status = tool_usage("%s", error.text);
	return -1;
}

/* A file has neither interfaces nor anyone to ask. */
static int check_read(const struct watch_options *options, int *status)
{
	if (!options->read || (!options->config.interface_count && !options->socket_count &&
				      !options->config.force_clsact && !options->metrics.on))
		return 0;
	*status =
		tool_usage("-r reads a file: leave out -i, --clsact, --spdk-socket and --metrics");
	return -1;
}

/* What other nodes send comes as it happens, and so does what they are sent. */
static int check_nodes(struct watch_options *options, int *status)
{
	const char *flaw = watch_node_flaw(&options->node);
	bool any = options->node.with || options->node.serve;

	if (!flaw && any && options->read)
		flaw = "-r reads a file: stoq join joins two records afterwards";
	if (!flaw && options->node.with &&
		(options->metrics.on || options->histogram || options->by_given ||
			options->config.top || options->config.order || options->thresholds ||
			watch_options_want_events(options)))
		flaw = "--with shows the join alone: leave out --metrics, --histogram, --by, --sort, "
		       "--top, --threshold, --events, --slow, --errors and --pdus, or start a second stoq "
		       "watch for them";
	options->config.record |= any;
	if (!flaw)
		return 0;
	*status = tool_usage("%s", flaw);
	return -1;
}

/* A scraper has axes of its own, and neither lines nor a screen. */
static int complete(struct watch_options *options, int *status)
{
	struct stoq_error error;

	if (stoq_filter_is_given(&options->filter))
		options->config.filter = &options->filter;
	if (options->thresholds)
		options->thresholds->interval_ns = options->interval_ns;
	if (check_read(options, status) || check_order(options, status) ||
		check_nodes(options, status))
		return -1;
	if (tool_metrics_check(&options->metrics, "metrics", &error)) {
		*status = tool_usage("%s", error.text);
		return -1;
	}
	if (!options->metrics.on && options->labels) {
		*status = tool_usage("--labels is about --metrics, which is not given");
		return -1;
	}
	if (!options->metrics.on)
		return 0;
	if (options->json || options->histogram || options->by_given || options->config.top ||
		options->config.order || watch_options_want_events(options)) {
		*status = tool_usage(
			"--metrics serves figures and prints none: leave out --json, "
			"--histogram, --by, --sort, --top, --events, --slow, --errors and --pdus, or start a "
			"second stoq watch for them");
		return -1;
	}
	options->config.axis = STOQ_BY_COMMAND;
	return 0;
}

int watch_options_parse(
	struct watch_options *options, const char *help, int argc, char **argv, int *status)
{
	const struct tool_options known = {long_options, help, take_option};

	memset(options, 0, sizeof(*options));
	stoq_watch_config_init(&options->config);
	options->config.interfaces = options->interfaces;
	options->interval_ns = 1000000000;
	options->record_bytes = STOQ_RECORD_SIZE_DEFAULT;
	if (tool_options_parse(&known, options, argc, argv, status))
		return -1;
	if (optind == argc)
		return complete(options, status);
	*status = tool_usage("what is '%.40s'? An interface is given with -i", argv[optind]);
	return -1;
}

bool watch_options_want_lines(const struct watch_options *options)
{
	const struct stoq_watch_config *config = &options->config;

	return config->slow_ns != UINT64_MAX || config->report_errors || config->report_pdus;
}

bool watch_options_want_events(const struct watch_options *options)
{
	return options->events || watch_options_want_lines(options);
}
