// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/order_options.h"

#include <errno.h>

#include "base/units.h"
#include "flow/label.h"

#define TOP_MAX 100000

int watch_order_take(
	struct stoq_watch_config *config, int option, const char *text, struct stoq_error *error)
{
	uint64_t top;

	if (option == WATCH_OPTION_SORT)
		return stoq_order_from_name(text, &config->order)
			       ? stoq_error_set(error, -EINVAL,
					 "--sort: '%.40s' is not an order: write iops, bytes, p99, "
					 "errors or retransmissions",
					 text)
			       : 0;
	if (stoq_parse_number(text, 1, TOP_MAX, &top))
		return stoq_error_set(error, -EINVAL, "--top: '%.40s' is not a number from 1 to %d",
			text, TOP_MAX);
	config->top = (uint32_t)top;
	return 0;
}

int watch_order_check(const struct stoq_watch_config *config, struct stoq_error *error)
{
	if (config->order != STOQ_ORDER_RETRANSMISSIONS ||
		(config->stages && config->axis == STOQ_BY_CONNECTION))
		return 0;
	return stoq_error_set(error, -EINVAL,
		"--sort retransmissions orders connections, by what --stages counts: add --stages "
		"--by connection");
}
