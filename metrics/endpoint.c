// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Scrapers keep their connections open. Idle ones are closed after the time. */
#define CONNECTIONS_MAX 64
#define TIMEOUT_S	10

struct stoq_metrics_endpoint {
	struct stoq_metrics_source source;
	struct MHD_Daemon *daemon;
	uint16_t port;
};

static const char *content_type(enum stoq_metrics_format format)
{
	switch (format) {
	case STOQ_METRICS_OPENMETRICS:
		return "application/openmetrics-text; version=1.0.0; charset=utf-8";
	case STOQ_METRICS_PROMETHEUS:
		return "text/plain; version=0.0.4; charset=utf-8";
	default:
		return "application/json";
	}
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
	const char *type, void *text, size_t size, enum MHD_ResponseMemoryMode memory)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, text, memory);
	enum MHD_Result result;

	if (!response) {
		if (memory == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(
	struct MHD_Connection *connection, unsigned int status, const char *text)
{
	return answer(connection, status, "text/plain", (void *)text, strlen(text),
		MHD_RESPMEM_MUST_COPY);
}

static bool wants_openmetrics(struct MHD_Connection *connection)
{
	const char *accepts =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	return accepts && strstr(accepts, "application/openmetrics-text");
}

/*
 * A web page of another site must not reach the endpoint by a name of that site which resolves to
 * 127.0.0.1 (DNS rebinding): not by "127.example.org" either.
 */
static bool is_for_loopback(struct MHD_Connection *connection)
{
	const char *host =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	char name[16];
	struct in_addr address;

	if (!host)
		return true;
	/* A name that does not fit is neither of the two that are allowed. */
	if ((size_t)snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, ":"), host) >=
		sizeof(name))
		return false;
	return strcasecmp(name, "localhost") == 0 ||
	       (inet_pton(AF_INET, name, &address) == 1 &&
		       ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **request)
{
	struct stoq_metrics_endpoint *endpoint = context;
	enum stoq_metrics_format format;
	char *text;
	size_t size;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (!is_for_loopback(connection))
		return refuse(connection, MHD_HTTP_FORBIDDEN, "only for this machine\n");
	if (strcmp(url, "/metrics.json") == 0)
		format = STOQ_METRICS_JSON;
	else if (strcmp(url, "/metrics") == 0)
		format = wants_openmetrics(connection) ? STOQ_METRICS_OPENMETRICS
						       : STOQ_METRICS_PROMETHEUS;
	else
		return refuse(connection, MHD_HTTP_NOT_FOUND, "/metrics or /metrics.json\n");
	if (endpoint->source.text(endpoint->source.context, format, &text, &size))
		return MHD_NO;
	return answer(
		connection, MHD_HTTP_OK, content_type(format), text, size, MHD_RESPMEM_MUST_FREE);
}

int stoq_metrics_endpoint_serve(const struct stoq_metrics_source *source, uint16_t port,
	struct stoq_metrics_endpoint **endpoint, struct stoq_error *error)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct stoq_metrics_endpoint *opened = calloc(1, sizeof(*opened));
	const union MHD_DaemonInfo *info;

	if (!opened)
		return stoq_error_set(error, -ENOMEM, "out of memory");
	opened->source = *source;
	errno = 0;
	/* AUTO: epoll or poll. select() would fail in a process with a thousand sockets. */
	opened->daemon = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, port, NULL, NULL,
		on_request, opened, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		TIMEOUT_S, MHD_OPTION_END);
	if (!opened->daemon) {
		int code = errno ? -errno : -EIO;

		free(opened);
		return stoq_error_set(error, code, "cannot serve metrics on 127.0.0.1:%u: %s", port,
			strerror(-code));
	}
	info = MHD_get_daemon_info(opened->daemon, MHD_DAEMON_INFO_BIND_PORT);
	opened->port = info ? info->port : port;
	*endpoint = opened;
	return 0;
}

uint16_t stoq_metrics_endpoint_port(const struct stoq_metrics_endpoint *endpoint)
{
	return endpoint->port;
}

void stoq_metrics_endpoint_close(struct stoq_metrics_endpoint *endpoint)
{
	if (!endpoint)
		return;
	MHD_stop_daemon(endpoint->daemon);
	free(endpoint);
}
