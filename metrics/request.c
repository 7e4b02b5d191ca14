// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/request.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

/* One answer more may come on top. Ten thousand label sets are about 45 MB. */
#define SENDING_MAX (32u << 20)

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
	if (status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	for (int i = 0; state && i < STOQ_WEB_HEADERS; i++)
		if (state->config.headers[i])
			(void)MHD_add_response_header(
				response, stoq_web_header_names[i], state->config.headers[i]);
}

/* What is known about a request. */
struct request {
	struct stoq_metrics_site *site;
	struct MHD_Connection *connection;
	struct stoq_web_state *state; /* NULL: no web configuration */
};

/* Takes the response, which may be NULL: no memory. */
static enum MHD_Result answer(const struct request *request, unsigned int status, const char *type,
	struct MHD_Response *response)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	add_headers(response, status, request->state);
	result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(const struct request *request, unsigned int status, const char *text)
{
	return answer(request, status, "text/plain",
		MHD_create_response_from_buffer(
			strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT));
}

/* A text that is sent: what clients that take their time hold of the machine's memory is bounded. */
struct sending {
	struct stoq_metrics_site *site;
	char *text;
	size_t size;
};

static void on_sent(void *context)
{
	struct sending *sending = context;

	sending->site->sending_bytes -= sending->size;
	free(sending->text);
	free(sending);
}

/* Takes the text. NULL: no memory. */
static struct MHD_Response *send_text(struct stoq_metrics_site *site, char *text, size_t size)
{
	struct sending *sending = malloc(sizeof(*sending));
	struct MHD_Response *response = NULL;

	if (sending) {
		*sending = (struct sending){site, text, size};
		response = MHD_create_response_from_buffer_with_free_callback_cls(
			size, text, on_sent, sending);
	}
	if (response) {
		site->sending_bytes += size;
		return response;
	}
	free(sending);
	free(text);
	return NULL;
}

/* Whether the media range that begins here is refused: ";q=0" before the next one. */
static bool is_refused(const char *range)
{
	size_t length = strcspn(range, ",");
	const char *quality = memmem(range, length, "q=", 2);

	return quality && strspn(quality + 2, "0.") == strcspn(quality + 2, " ,;");
}

static bool wants_openmetrics(struct MHD_Connection *connection)
{
	const char *accepts =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	const char *range = accepts ? strcasestr(accepts, "application/openmetrics-text") : NULL;

	return range && !is_refused(range);
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

/* NULL: it was shut down. */
static struct stoq_visit *visit_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* 0, or the status to refuse it with; -1: the connection ends without an answer. */
static int check_web(const struct request *request, const struct stoq_visit *visit)
{
	/* What its handshake has shown may no longer be enough: the scraper connects again. */
	if (!stoq_web_still_admits(request->state, visit->state))
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
	switch (status) {
	case MHD_HTTP_UNAUTHORIZED:
		return "a user name and a password are needed\n";
	case MHD_HTTP_METHOD_NOT_ALLOWED:
		return "only GET\n";
	case MHD_HTTP_FORBIDDEN:
		return "only for this machine\n";
	default:
		return "too many requests, or too many passwords that were not right: try again\n";
	}
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
	if (request->site->sending_bytes > SENDING_MAX)
		return refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE,
			"others have not taken their answers yet: try again\n");
	if (source->text(source->context, format, &text, &size))
		return refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE,
			"there are no figures now: try again\n");
	return answer(
		request, MHD_HTTP_OK, content_type(format), send_text(request->site, text, size));
}

/* 0: it may be served. Or the status to refuse it with, as check_web(). */
static int check(const struct request *request, const struct stoq_visit *visit, const char *method)
{
	bool authenticates =
		request->state && stoq_web_config_authenticates(&request->state->config);
	int status = request->state ? check_web(request, visit) : 0;

	if (status)
		return status;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	if (!authenticates && !is_for_loopback(request->connection))
		return MHD_HTTP_FORBIDDEN;
	return 0;
}

/*
 * Called when a request's headers are there, for parts of its body, and at its end. The connection stays open only if the
 * answer waits for the end.
 */
enum MHD_Result stoq_metrics_on_request(void *context, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **per_request)
{
	struct stoq_metrics_site *site = context;
	struct stoq_visit *visit = visit_of(connection);
	const struct request request = {
		site, connection, site->web ? stoq_web_current(site->web) : NULL};
	bool checked = *per_request;
	int status;

	if (!visit)
		return MHD_NO;
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	*per_request = visit;
	status = checked ? 0 : check(&request, visit, method);
	if (status < 0)
		return MHD_NO;
	if (!checked && !status)
		return MHD_YES;
	stoq_visit_enter(visit, STOQ_VISIT_ANSWERS, stoq_clock_now_ns());
	return status ? refuse(&request, (unsigned int)status, refusal(status))
		      : serve(&request, url);
}

void stoq_metrics_on_completed(void *context, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode why)
{
	struct stoq_visit *visit = visit_of(connection);

	if (visit)
		stoq_visit_enter(visit, STOQ_VISIT_IDLES, stoq_clock_now_ns());
}

static int socket_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

/* Before the handshake, if there is one. */
static void prepare(
	struct stoq_visit *visit, struct stoq_web *web, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	visit->state = stoq_web_current(web);
	if (visit->state->tls && info && info->tls_session)
		stoq_web_tls_prepare(visit->state->tls, info->tls_session);
	stoq_web_hold(visit->state);
}

void stoq_metrics_on_connection(void *context, struct MHD_Connection *connection,
	void **socket_context, enum MHD_ConnectionNotificationCode what)
{
	struct stoq_metrics_site *site = context;
	struct stoq_visit *visit = *socket_context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		visit = stoq_visits_add(&site->visits, socket_of(connection), client_of(connection),
			stoq_clock_now_ns());
		if (visit && site->web)
			prepare(visit, site->web, connection);
		*socket_context = visit;
	} else if (visit) {
		if (visit->state)
			stoq_web_release(visit->state);
		stoq_visits_remove(&site->visits, visit);
	}
}
