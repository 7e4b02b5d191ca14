// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch_options.h"

#include <getopt.h>
#include <string.h>

#include "base/units.h"
#include "inspect/label.h"
#include "tool/verb.h"

#define INTERVAL_MIN_NS 10000000ull		      /* 10 ms */
#define TIME_MAX_NS	(365ull * 86400 * 1000000000) /* a year */

enum {
	OPTION_JSON = 256,
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
};

static const struct option long_options[] = {
	{"interface", required_argument, NULL, 'i'},
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
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int parse_time(const char *option, const char *text, uint64_t min_ns, uint64_t *ns)
{
	uint64_t value;

	if (stoq_parse_duration_ns(text, &value))
		return tool_usage(
			"--%s: '%.40s' is not a time: write it like 500ms, 1s or 2m", option, text);
	if (value < min_ns)
		return tool_usage("--%s: %.40s is too short: at least 10ms", option, text);
	if (value > TIME_MAX_NS)
		return tool_usage("--%s: %.40s is too long: at most 8760h", option, text);
	*ns = value;
	return 0;
}

static int parse_limit(const char *option, const char *text, uint32_t *limit)
{
	uint64_t value;

	if (stoq_parse_number(text, 1, 1 << 24, &value))
		return tool_usage(
			"--%s: '%.40s' is not a number from 1 to %u", option, text, 1u << 24);
	*limit = (uint32_t)value;
	return 0;
}

static int add_interface(struct watch_options *options, const char *name)
{
	size_t *count = &options->config.interface_count;

	if (!name[0])
		return tool_usage("-i: the interface's name is empty");
	for (size_t i = 0; i < *count; i++)
		if (strcmp(options->interfaces[i], name) == 0)
			return 0;
	if (*count == WATCH_INTERFACES_MAX)
		return tool_usage("-i: more than %d interfaces", WATCH_INTERFACES_MAX);
	options->interfaces[(*count)++] = name;
	return 0;
}

static int parse_axis(struct watch_options *options, const char *text)
{
	if (stoq_axis_from_name(text, &options->config.axis))
		return tool_usage(
			"--by: '%.40s' is none of host, subsystem, namespace, queue, opcode", text);
	return 0;
}

static int take_option(struct watch_options *options, int option, const char *value)
{
	struct stoq_inspect_config *config = &options->config;

	switch (option) {
	case 'i':
		return add_interface(options, value);
	case OPTION_BY:
		return parse_axis(options, value);
	case OPTION_DURATION:
		return parse_time("duration", value, INTERVAL_MIN_NS, &options->duration_ns);
	case OPTION_INTERVAL:
		return parse_time("interval", value, INTERVAL_MIN_NS, &options->interval_ns);
	case OPTION_SLOW:
		return parse_time("slow", value, 0, &config->slow_ns);
	case OPTION_MAX_FLOWS:
		return parse_limit("max-flows", value, &config->max_flows);
	case OPTION_MAX_COMMANDS:
		return parse_limit("max-commands", value, &config->max_commands);
	case OPTION_MAX_SERIES:
		return parse_limit("max-series", value, &config->max_series);
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_ERRORS:
		config->report_errors = true;
		return 0;
	case OPTION_PDUS:
		config->report_pdus = true;
		return 0;
	case OPTION_HISTOGRAM:
		options->histogram = true;
		return 0;
	case OPTION_CLSACT:
		config->force_clsact = true;
		return 0;
	case 'h':
		options->help = true;
		return 0;
	default:
		return tool_usage(NULL);
	}
}

int watch_options_parse(struct watch_options *options, int argc, char **argv)
{
	int option;

	memset(options, 0, sizeof(*options));
	stoq_inspect_config_init(&options->config);
	options->config.interfaces = options->interfaces;
	options->interval_ns = 1000000000;
	optind = 0;
	while ((option = getopt_long(argc, argv, "i:h", long_options, NULL)) != -1) {
		int result = take_option(options, option, optarg);

		if (result || options->help)
			return result;
	}
	if (optind < argc)
		return tool_usage("what is '%.40s'? An interface is given with -i", argv[optind]);
	return 0;
}

bool watch_options_want_events(const struct watch_options *options)
{
	const struct stoq_inspect_config *config = &options->config;

	return config->slow_ns != UINT64_MAX || config->report_errors || config->report_pdus;
}
