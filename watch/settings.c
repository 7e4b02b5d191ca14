// SPDX-License-Identifier: BSD-2-Clause
#include "watch/settings.h"

#include <errno.h>

#include "watch/watch_private.h"

#define RING_BYTES_ALL (1u << 26)

static uint32_t power_of_two(uint32_t at_least)
{
	uint32_t value = 1;

	while (value < at_least)
		value *= 2;
	return value;
}

static int check_limit(const char *what, uint32_t value, uint32_t limit, struct stoq_error *error)
{
	if (value <= limit)
		return 0;
	return stoq_error_set(
		error, -EINVAL, "at most %u %s can be followed, not %u", limit, what, value);
}

int stoq_watch_check_limits(const struct stoq_watch_config *config, struct stoq_error *error)
{
	int result = check_limit("flows", config->max_flows, STOQ_WATCH_FLOWS_MAX, error);

	if (!result)
		result = check_limit(
			"commands", config->max_commands, STOQ_WATCH_COMMANDS_MAX, error);
	if (!result)
		result = check_limit("series", config->max_series, STOQ_WATCH_SERIES_MAX, error);
	if (!result)
		result = check_limit("MiB", config->max_early, STOQ_WATCH_EARLY_MAX, error);
	return result;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

void stoq_watch_sizes(const struct stoq_watch_config *config, struct stoq_table_sizes *sizes)
{
	stoq_table_sizes_init(sizes);
	sizes->flows = or_default(config->max_flows, sizes->flows);
	sizes->series = or_default(config->max_series, sizes->series);
	sizes->commands = or_default(config->max_commands, sizes->commands);
	if (sizes->commands < STOQ_COMMANDS_MIN)
		sizes->commands = STOQ_COMMANDS_MIN;
	sizes->commands = power_of_two(sizes->commands);
	if (config->max_early)
		sizes->cells = stoq_tables_cells((uint64_t)config->max_early << 20);
	if (config->report_pdus || config->record || config->check)
		sizes->ring_bytes = RING_BYTES_ALL;
}

bool stoq_watch_keeps_details(const struct stoq_watch_config *config)
{
	return config->record || config->report_errors || config->slow_ns != UINT64_MAX;
}

uint64_t stoq_watch_reports_from(const struct stoq_watch_config *config)
{
	return config->record ? 0 : config->slow_ns;
}

void stoq_watch_ask(struct stoq_watch *watch, const struct stoq_watch_config *config)
{
	static const struct stoq_filter everything;

	watch->filter = config->filter ? config->filter : &everything;
	watch->model.filter = config->filter;
	watch->model.thresholds = config->thresholds;
	watch->model.order = config->order;
	watch->model.top = config->top;
	watch->record = config->record;
	watch->check = watch->model.checked = config->check && !config->shared;
	watch->slow_ns = config->slow_ns;
	watch->report_errors = config->report_errors;
}
