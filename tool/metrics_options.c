// SPDX-License-Identifier: BSD-2-Clause
#include "tool/metrics_options.h"

#include <errno.h>

static int name_option(
	int ret, const char *option, const struct stoq_error *inner, struct stoq_error *error)
{
	return ret ? stoq_error_set(error, ret, "--%s: %s", option, inner->text) : 0;
}

int tool_metrics_take(struct tool_metrics *metrics, const char *option, const char *text,
	uint16_t default_port, struct stoq_error *error)
{
	const char *web_config = metrics->place.web_config;
	struct stoq_error inner;

	metrics->on = true;
	metrics->place = stoq_metrics_place_default(default_port);
	metrics->place.web_config = web_config;
	if (!text)
		return 0;
	return name_option(
		stoq_metrics_place_parse(&metrics->place, text, &inner), option, &inner, error);
}

int tool_metrics_check(
	const struct tool_metrics *metrics, const char *option, struct stoq_error *error)
{
	struct stoq_error inner;

	if (!metrics->on && metrics->place.web_config)
		return stoq_error_set(
			error, -EINVAL, "--web-config is about --%s, which is not given", option);
	if (!metrics->on)
		return 0;
	return name_option(
		stoq_metrics_place_check(&metrics->place, &inner), option, &inner, error);
}
