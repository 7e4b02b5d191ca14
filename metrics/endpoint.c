// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/endpoint.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/request.h"

/* Scrapers keep their connections open. Idle ones are closed after the time. */
#define CONNECTIONS_MAX		64
#define TIMEOUT_S		10
/* Outside of loopback: no address takes all of them. */
#define ADDRESS_CONNECTIONS_MAX 16

struct stoq_metrics_endpoint {
	struct stoq_metrics_site site;
	struct stoq_metrics_place place;
	bool tls;
	struct MHD_Daemon *daemon;
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
	/* AUTO: epoll or poll. select() would fail in a process with a thousand sockets. */
	unsigned int flags = MHD_USE_AUTO_INTERNAL_THREAD;

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
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)stoq_metrics_on_connection,
			&endpoint->site},
		{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)certificate},
		{MHD_OPTION_END, 0, NULL},
	};
	char text[STOQ_ENDPOINT_TEXT];
	int code;

	if (!endpoint->site.web)
		options[0].option = MHD_OPTION_END;
	else if (!endpoint->tls)
		options[1].option = MHD_OPTION_END;
	(void)stoq_metrics_place_address(&endpoint->place, &address);
	errno = 0;
	endpoint->daemon = MHD_start_daemon(flags_of(endpoint), endpoint->place.port, NULL, NULL,
		stoq_metrics_on_request, &endpoint->site, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		stoq_host_is_loopback(endpoint->place.address) ? 0 : ADDRESS_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_ARRAY, options,
		MHD_OPTION_END);
	if (endpoint->daemon)
		return 0;
	code = errno ? -errno : -EIO;
	return stoq_error_set(error, code, "cannot serve metrics on %s: %s",
		stoq_endpoint_text(text, endpoint->place.address, endpoint->place.port),
		strerror(-code));
}

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
	if (ret) {
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
	MHD_stop_daemon(endpoint->daemon);
	stoq_web_close(endpoint->site.web);
	free(endpoint);
}
