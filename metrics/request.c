// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/request.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

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

static void add_headers(
	struct MHD_Response *response, unsigned int status, const struct stoq_web_state *state)
{
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (status == MHD_HTTP_UNAUTHORIZED)
		(void)MHD_add_response_header(
			response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"stoq\"");
	if (status == MHD_HTTP_TOO_MANY_REQUESTS)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	for (int i = 0; state && i < STOQ_WEB_HEADERS; i++)
		if (state->config.headers[i])
			(void)MHD_add_response_header(
				response, stoq_web_header_names[i], state->config.headers[i]);
}

/* What is known about a request. */
struct request {
	const struct stoq_metrics_site *site;
	struct MHD_Connection *connection;
	struct stoq_web_state *state; /* NULL: no web configuration */
};

static enum MHD_Result answer(const struct request *request, unsigned int status, const char *type,
	void *text, size_t size, enum MHD_ResponseMemoryMode memory)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, text, memory);
	enum MHD_Result result;

	if (!response) {
		if (memory == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	add_headers(response, status, request->state);
	result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(const struct request *request, unsigned int status, const char *text)
{
	return answer(
		request, status, "text/plain", (void *)text, strlen(text), MHD_RESPMEM_MUST_COPY);
}

static bool wants_openmetrics(struct MHD_Connection *connection)
{
	const char *accepts =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	return accepts && strstr(accepts, "application/openmetrics-text");
}

/* ---- who may ask ---- */

/* "localhost", "127.0.0.1", "[::1]"; a name that does not fit is another one. */
static bool is_loopback_name(const char *name)
{
	uint8_t address[STOQ_ENDPOINT_BYTES];

	return strcasecmp(name, "localhost") == 0 ||
	       (!stoq_host_parse(address, name) && stoq_host_is_loopback(address));
}

/*
 * A web page of another site must not reach the endpoint by a name of that site which resolves to
 * 127.0.0.1 (DNS rebinding): not by "127.example.org" either.
 */
static bool is_for_loopback(struct MHD_Connection *connection)
{
	const char *host =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	bool brackets = host && host[0] == '[';
	char name[STOQ_HOST_TEXT];

	if (!host)
		return true;
	host += brackets;
	if ((size_t)snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, brackets ? "]" : ":"),
		    host) >= sizeof(name))
		return false;
	return is_loopback_name(name);
}

static const struct sockaddr *client_of(struct MHD_Connection *connection)
{
	static const struct sockaddr unknown = {.sa_family = AF_UNSPEC};
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info && info->client_addr ? info->client_addr : &unknown;
}

static enum stoq_web_verdict log_in(const struct request *request)
{
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(request->connection, &password);
	const struct stoq_web_login login = {user, password, client_of(request->connection)};
	enum stoq_web_verdict verdict = stoq_web_auth_check(request->state->auth,
		stoq_web_guesses(request->site->web), &login, stoq_clock_now_ns());

	if (password)
		explicit_bzero(password, strlen(password));
	MHD_free(password);
	MHD_free(user);
	return verdict;
}

/* The reading of the files that the connection's handshake was made with. */
static const struct stoq_web_state *state_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* 0, or the status to refuse it with; -1: the connection ends without an answer. */
static int check_web(const struct request *request)
{
	/* What its handshake has shown may no longer be enough: the scraper connects again. */
	if (state_of(request->connection) != request->state)
		return -1;
	if (!stoq_web_within_rate(request->site->web, request->state, stoq_clock_now_ns()))
		return MHD_HTTP_TOO_MANY_REQUESTS;
	if (!request->state->auth)
		return 0;
	switch (log_in(request)) {
	case STOQ_WEB_RIGHT:
		return 0;
	case STOQ_WEB_TOO_MANY:
		return MHD_HTTP_TOO_MANY_REQUESTS;
	default:
		return MHD_HTTP_UNAUTHORIZED;
	}
}

static const char *refusal(int status)
{
	return status == MHD_HTTP_UNAUTHORIZED ? "a user name and a password are needed\n"
					       : "too many requests, or too many passwords that "
						 "were not right: try again\n";
}

/* ---- requests ---- */

static enum MHD_Result serve(const struct request *request, const char *url)
{
	const struct stoq_metrics_source *source = &request->site->source;
	enum stoq_metrics_format format = STOQ_METRICS_PROMETHEUS;
	char *text;
	size_t size;

	if (strcmp(url, "/metrics.json") == 0)
		format = STOQ_METRICS_JSON;
	else if (strcmp(url, "/metrics") != 0)
		return refuse(request, MHD_HTTP_NOT_FOUND, "/metrics or /metrics.json\n");
	else if (wants_openmetrics(request->connection))
		format = STOQ_METRICS_OPENMETRICS;
	if (source->text(source->context, format, &text, &size))
		return MHD_NO;
	return answer(
		request, MHD_HTTP_OK, content_type(format), text, size, MHD_RESPMEM_MUST_FREE);
}

enum MHD_Result stoq_metrics_on_request(void *context, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **per_request)
{
	const struct stoq_metrics_site *site = context;
	const struct request request = {
		site, connection, site->web ? stoq_web_current(site->web) : NULL};
	bool authenticates = request.state && stoq_web_config_authenticates(&request.state->config);
	int status = request.state ? check_web(&request) : 0;

	if (status)
		return status < 0 ? MHD_NO
				  : refuse(&request, (unsigned int)status, refusal(status));
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(&request, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (!authenticates && !is_for_loopback(connection))
		return refuse(&request, MHD_HTTP_FORBIDDEN, "only for this machine\n");
	return serve(&request, url);
}

void stoq_metrics_on_connection(void *context, struct MHD_Connection *connection,
	void **socket_context, enum MHD_ConnectionNotificationCode what)
{
	const struct stoq_metrics_site *site = context;
	const union MHD_ConnectionInfo *info;
	struct stoq_web_state *state;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*socket_context)
			stoq_web_release(*socket_context);
		return;
	}
	state = stoq_web_current(site->web);
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (state->tls && info && info->tls_session)
		stoq_web_tls_prepare(state->tls, info->tls_session);
	stoq_web_hold(state);
	*socket_context = state;
}
