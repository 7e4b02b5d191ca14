// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "tunnel/tunnel_private.h"

/* Under the lock, so that the report stands where lines are missing. */
static void write_line(struct stoq_tunnel *tunnel, enum stoq_log_level level, const char *text)
{
	const struct stoq_tunnel_config *config = &tunnel->config;
	uint64_t left_out = 0;
	char report[64];

	if (level != STOQ_LOG_DEBUG &&
		!stoq_log_limit_pass(&tunnel->log.limit, stoq_now_ns(), &left_out))
		return;
	if (left_out) {
		snprintf(report, sizeof(report), "%" PRIu64 " lines were left out here", left_out);
		config->log(STOQ_LOG_WARNING, report, config->user);
	}
	config->log(level, text, config->user);
}

void stoq_tunnel_log(struct stoq_tunnel *tunnel, enum stoq_log_level level, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	if (!tunnel->config.log)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&tunnel->log.lock);
	write_line(tunnel, level, text);
	pthread_mutex_unlock(&tunnel->log.lock);
}

uint64_t stoq_tunnel_log_left_out(struct stoq_tunnel *tunnel)
{
	uint64_t left_out;

	pthread_mutex_lock(&tunnel->log.lock);
	left_out = tunnel->log.limit.ever_left_out;
	pthread_mutex_unlock(&tunnel->log.lock);
	return left_out;
}
