// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/endpoint.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "metrics/request.h"

/* Those that were shut down have room beside those that are in use (visits.h). */
#define CONNECTIONS_MAX (4 * STOQ_VISITS_MAX)
/* How often connections that take too long are looked for. */
#define LOOK_MS		1000

struct stoq_metrics_endpoint {
	struct stoq_metrics_site site;
	struct stoq_metrics_place place;
	bool tls;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	int stop_fd; /* an eventfd */
};

/*
 * The server wants a certificate before it starts, and has this instead: each session gets its own
 * (stoq_metrics_on_connection()). One that has none fails.
 */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
	const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **chain,
	unsigned int *chain_length, gnutls_privkey_t *key)
{
	return -1;
}

static unsigned int flags_of(const struct stoq_metrics_endpoint *endpoint)
{
	static const uint8_t all[STOQ_ENDPOINT_BYTES];
	unsigned int flags = MHD_USE_EPOLL;

	if (endpoint->tls)
		flags |= MHD_USE_TLS;
	if (stoq_host_is_mapped(endpoint->place.address))
		return flags;
	/* [::] is all addresses, of IPv4 as well. */
	return flags | (memcmp(endpoint->place.address, all, sizeof(all)) == 0 ? MHD_USE_DUAL_STACK
									       : MHD_USE_IPv6);
}

static int start(struct stoq_metrics_endpoint *endpoint, struct stoq_error *error)
{
	gnutls_certificate_retrieve_function2 *certificate = no_certificate;
	struct sockaddr_storage address;
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)certificate},
		{MHD_OPTION_END, 0, NULL},
	};
	char text[STOQ_ENDPOINT_TEXT];
	int code;

	if (!endpoint->tls)
		options[0].option = MHD_OPTION_END;
	(void)stoq_metrics_place_address(&endpoint->place, &address);
	errno = 0;
	endpoint->daemon = MHD_start_daemon(flags_of(endpoint), endpoint->place.port, NULL, NULL,
		stoq_metrics_on_request, &endpoint->site, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_NOTIFY_COMPLETED, stoq_metrics_on_completed, &endpoint->site,
		MHD_OPTION_NOTIFY_CONNECTION, stoq_metrics_on_connection, &endpoint->site,
		MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (endpoint->daemon)
		return 0;
	code = errno ? -errno : -EIO;
	return stoq_error_set(error, code, "cannot serve metrics on %s: %s",
		stoq_endpoint_text(text, endpoint->place.address, endpoint->place.port),
		strerror(-code));
}

/* ---- the thread ---- */

static int timeout_ms(struct MHD_Daemon *daemon)
{
	unsigned long long ms;

	return MHD_get_timeout(daemon, &ms) == MHD_YES && ms < LOOK_MS ? (int)ms : LOOK_MS;
}

static void *run(void *context)
{
	struct stoq_metrics_endpoint *endpoint = context;
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(endpoint->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[] = {{.fd = endpoint->stop_fd, .events = POLLIN},
		{.fd = info ? info->epoll_fd : -1, .events = POLLIN}};

	while (!fds[0].revents) {
		if (poll(fds, 2, timeout_ms(endpoint->daemon)) < 0)
			fds[0].revents = 0;
		MHD_run(endpoint->daemon);
		stoq_visits_end_late(&endpoint->site.visits, stoq_clock_now_ns());
	}
	return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(struct stoq_metrics_endpoint *endpoint, struct stoq_error *error)
{
	sigset_t all, before;
	int code;

	endpoint->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (endpoint->stop_fd < 0)
		return stoq_error_set(
			error, -errno, "cannot make an eventfd for metrics: %s", strerror(errno));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&endpoint->thread, NULL, run, endpoint);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!code)
		return 0;
	close(endpoint->stop_fd);
	return stoq_error_set(
		error, -code, "cannot start a thread for metrics: %s", strerror(code));
}

static void stop_thread(struct stoq_metrics_endpoint *endpoint)
{
	(void)eventfd_write(endpoint->stop_fd, 1);
	pthread_join(endpoint->thread, NULL);
	close(endpoint->stop_fd);
}

/* ---- the whole ---- */

static int open_web(struct stoq_metrics_endpoint *endpoint, struct stoq_error *error)
{
	const struct stoq_web_notes notes = {
		endpoint->site.source.note, endpoint->site.source.context};
	int ret;

	if (!endpoint->place.web_config)
		return 0;
	ret = stoq_web_open(&endpoint->site.web, endpoint->place.web_config,
		!stoq_host_is_loopback(endpoint->place.address), &notes, error);
	if (!ret)
		endpoint->tls = stoq_web_current(endpoint->site.web)->tls != NULL;
	return ret;
}

int stoq_metrics_endpoint_serve(const struct stoq_metrics_source *source,
	const struct stoq_metrics_place *place, struct stoq_metrics_endpoint **endpoint,
	struct stoq_error *error)
{
	struct stoq_metrics_endpoint *opened = calloc(1, sizeof(*opened));
	const union MHD_DaemonInfo *info;
	int ret;

	if (!opened)
		return stoq_error_set(error, -ENOMEM, "out of memory");
	opened->site.source = *source;
	opened->place = *place;
	ret = stoq_metrics_place_check(place, error);
	if (!ret)
		ret = open_web(opened, error);
	if (!ret)
		ret = start(opened, error);
	if (!ret)
		ret = start_thread(opened, error);
	if (ret) {
		if (opened->daemon)
			MHD_stop_daemon(opened->daemon);
		stoq_web_close(opened->site.web);
		free(opened);
		return ret;
	}
	info = MHD_get_daemon_info(opened->daemon, MHD_DAEMON_INFO_BIND_PORT);
	if (info)
		opened->place.port = info->port;
	*endpoint = opened;
	return 0;
}

uint16_t stoq_metrics_endpoint_port(const struct stoq_metrics_endpoint *endpoint)
{
	return endpoint->place.port;
}

const char *stoq_metrics_endpoint_url(
	const struct stoq_metrics_endpoint *endpoint, char text[static STOQ_METRICS_URL])
{
	return stoq_metrics_place_url(text, &endpoint->place, endpoint->tls);
}

void stoq_metrics_endpoint_close(struct stoq_metrics_endpoint *endpoint)
{
	if (!endpoint)
		return;
	stop_thread(endpoint);
	MHD_stop_daemon(endpoint->daemon);
	stoq_web_close(endpoint->site.web);
	free(endpoint);
}
