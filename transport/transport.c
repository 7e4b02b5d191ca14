// SPDX-License-Identifier: BSD-2-Clause
#include "transport/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/address.h"
#include "transport/credentials.h"
#include "transport/early_data.h"
#include "transport/farewell.h"
#include "transport/inbox.h"
#include "transport/keylog.h"
#include "transport/secrets.h"
#include "transport/tls.h"
#include "transport/worker.h"

static void wake_all(struct stoq_transport *transport)
{
	for (unsigned int i = 0; i < transport->worker_count; i++)
		if (transport->workers[i])
			stoq_inbox_wake(&transport->workers[i]->inbox);
}

int stoq_transport_reload_certificates(struct stoq_transport *transport, struct stoq_error *error)
{
	struct stoq_settings *settings = stoq_transport_settings(transport);
	struct stoq_credentials *new = NULL, *old;
	int status = stoq_credentials_load(&new, &settings->config.tls, error);

	stoq_settings_release(settings);
	if (status)
		return status;
	pthread_mutex_lock(&transport->lock);
	old = transport->credentials;
	transport->credentials = new;
	__atomic_add_fetch(&transport->credentials_version, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&transport->lock);
	stoq_credentials_release(old);
	wake_all(transport);
	return 0;
}

int stoq_transport_update(struct stoq_transport *transport,
	const struct stoq_transport_config *config, struct stoq_error *error)
{
	struct stoq_credentials *credentials = NULL;
	struct stoq_settings *new, *old;
	int status = stoq_settings_new(&new, config, error);

	if (status)
		return status;
	old = stoq_transport_settings(transport);
	status = stoq_settings_compatible(&old->config, config, error);
	if (!status && !stoq_settings_same_text(&old->config.tls, &new->config.tls))
		status = stoq_credentials_load(&credentials, &new->config.tls, error);
	stoq_settings_release(old);
	if (status) {
		stoq_settings_release(new);
		return status;
	}
	pthread_mutex_lock(&transport->lock);
	old = transport->settings;
	transport->settings = new;
	if (credentials) {
		struct stoq_credentials *before = transport->credentials;

		transport->credentials = credentials;
		credentials = before;
		__atomic_add_fetch(&transport->credentials_version, 1, __ATOMIC_RELEASE);
	}
	__atomic_add_fetch(&transport->settings_version, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&transport->lock);
	stoq_credentials_release(credentials);
	stoq_settings_release(old);
	wake_all(transport);
	return 0;
}

static int prepare_tls(struct stoq_transport *transport, struct stoq_error *error)
{
	const struct stoq_transport_config *config = &transport->settings->config;

	if (stoq_tls_priorities(&transport->priorities) ||
		gnutls_session_ticket_key_generate(&transport->ticket_key) < 0)
		return stoq_error_set(error, -EIO,
			"GnuTLS lacks what is needed: TLS 1.3 with AES-GCM or ChaCha20");
	return config->listen && config->early_data ? stoq_early_data_init(transport, error) : 0;
}

static void warn(struct stoq_transport *transport)
{
	if (transport->settings->config.tls.insecure)
		stoq_transport_log(transport, STOQ_LOG_WARNING,
			"insecure: peers are not authenticated, anybody may connect or pretend to "
			"be the peer");
}

static int make_workers(struct stoq_transport *transport, struct stoq_datapath *const *datapaths,
	struct stoq_error *error)
{
	int status = 0;

	for (unsigned int i = 0; i < transport->worker_count; i++) {
		if (status)
			stoq_datapath_close(datapaths[i]);
		else
			status = stoq_worker_new(
				&transport->workers[i], transport, i, datapaths[i], error);
	}
	return status;
}

static int prepare(struct stoq_transport *transport, const struct stoq_transport_config *config,
	struct stoq_datapath *datapath, struct stoq_error *error)
{
	int status = stoq_settings_new(&transport->settings, config, error);
	struct stoq_datapath_info info;

	transport->log = config->callbacks.log;
	transport->log_user = config->user;
	if (!status)
		status = stoq_credentials_load(
			&transport->credentials, &transport->settings->config.tls, error);
	stoq_datapath_info(datapath, &info);
	if (!status)
		status = stoq_secrets_make(transport, &info.local, error);
	if (!status)
		status = prepare_tls(transport, error);
	if (!status && stoq_cid_table_init(&transport->reset_tokens, &transport->hash_key))
		status = -ENOMEM;
	if (!status)
		status = stoq_keylog_open(transport, error);
	return status;
}

int stoq_transport_create_on(const struct stoq_transport_config *config,
	struct stoq_datapath *const *datapaths, struct stoq_transport **result,
	struct stoq_error *error)
{
	struct stoq_transport *transport = calloc(1, sizeof(*transport));
	int status = -ENOMEM;

	if (transport) {
		pthread_mutex_init(&transport->lock, NULL);
		stoq_list_init(&transport->farewell);
		status = prepare(transport, config, datapaths[0], error);
		if (!status)
			transport->workers = calloc(config->workers, sizeof(struct stoq_worker *));
	}
	if (status || !transport->workers) {
		for (unsigned int i = 0; i < config->workers; i++)
			stoq_datapath_close(datapaths[i]);
		stoq_transport_destroy(transport);
		return status == -ENOMEM || !status
			       ? stoq_error_set(error, -ENOMEM, "no memory for the transport")
			       : status;
	}
	transport->worker_count = config->workers;
	warn(transport);
	status = make_workers(transport, datapaths, error);
	if (status) {
		stoq_transport_destroy(transport);
		return status;
	}
	stoq_farewell_register(transport);
	*result = transport;
	return 0;
}

static const char *default_address(const struct stoq_transport_config *config, bool ipv6)
{
	if (config->listen)
		return ipv6 ? "::1" : "127.0.0.1";
	return ipv6 ? "::" : "0.0.0.0";
}

/* Who only connects has no use for the default port, where a server may be. */
static uint16_t wanted_port(const struct stoq_transport_config *config)
{
	return config->listen || config->port != STOQ_DEFAULT_PORT ? config->port : 0;
}

static int bind_address(const struct stoq_transport_config *config, bool ipv6,
	struct stoq_address *address, struct stoq_error *error)
{
	const char *text =
		config->bind_address ? config->bind_address : default_address(config, ipv6);
	int status = stoq_address_parse(address, text, 0, error);

	if (status)
		return status;
	if (stoq_address_port(address))
		return stoq_error_set(error, -EINVAL,
			"bind_address '%.80s' has a port of its own: that is what port is for",
			text);
	stoq_address_set_port(address, wanted_port(config));
	return 0;
}

static int open_datapaths(const struct stoq_transport_config *config, bool ipv6,
	struct stoq_datapath_choice *choice, struct stoq_error *error)
{
	struct stoq_datapath_request request = {
		.kind = config->datapath,
		.udp =
			{
				.receive_buffer_bytes = config->socket_receive_bytes,
				.send_buffer_bytes = config->socket_send_bytes,
				.busy_poll_us = config->busy_poll_us,
				.worker_count = config->workers,
			},
		.own_ports = !config->listen && !wanted_port(config),
		.filter = config->xdp_filter,
		.filter_place = config->filter_place,
		.refuse_connections = !config->listen,
		.handshake_timeout_ns = config->handshake_timeout_ns,
	};
	int status = bind_address(config, ipv6, &request.udp.bind, error);

	if (config->interface)
		strncpy(request.interface, config->interface, sizeof(request.interface) - 1);
	/* The filter forgets later than we do. */
	if (config->idle_timeout_ns)
		request.idle_timeout_ns = 2 * config->idle_timeout_ns;
	return status ? status : stoq_datapath_choose(&request, choice, error);
}

/* An address of our choice: IPv6, unless the system has none and says so in one of these ways. */
static int open_anywhere(const struct stoq_transport_config *config,
	struct stoq_datapath_choice *choice, struct stoq_error *error)
{
	int status = open_datapaths(config, true, choice, error);

	if (!config->bind_address && (status == -EAFNOSUPPORT || status == -EADDRNOTAVAIL))
		status = open_datapaths(config, false, choice, error);
	return status;
}

static void take_choice(struct stoq_transport *transport,
	const struct stoq_transport_config *config, const struct stoq_datapath_choice *choice)
{
	transport->datapath_asked = config->datapath;
	transport->choice = *choice;
	if (config->xdp_filter)
		stoq_datapath_choice_seal(&transport->choice, &transport->cid_key);
	stoq_transport_log(transport, STOQ_LOG_INFO, "datapath: %s", choice->reason);
}

int stoq_transport_create(const struct stoq_transport_config *config,
	struct stoq_transport **transport, struct stoq_error *error)
{
	struct stoq_datapath_choice choice;
	struct stoq_settings *settings;
	int status = stoq_settings_new(&settings, config, error);

	if (status)
		return status;
	stoq_settings_release(settings);
	status = open_anywhere(config, &choice, error);
	if (status)
		return status;
	choice.handed_over = true;
	status = stoq_transport_create_on(config, choice.datapaths, transport, error);
	if (status) {
		stoq_datapath_choice_close(&choice);
		return status;
	}
	take_choice(*transport, config, &choice);
	return 0;
}

void stoq_transport_ebpf_status(
	const struct stoq_transport *transport, struct stoq_ebpf_status *status)
{
	stoq_datapath_choice_status(&transport->choice, status);
	status->asked = transport->datapath_asked;
}

/* All of them, or none: in a callback one is busy. */
static bool claim_workers(struct stoq_transport *transport)
{
	for (unsigned int i = 0; i < transport->worker_count; i++) {
		if (!transport->workers[i] || stoq_worker_claim(transport->workers[i]))
			continue;
		while (i--)
			if (transport->workers[i])
				stoq_worker_release(transport->workers[i]);
		return false;
	}
	return true;
}

/* While callbacks may come, all workers are there. */
static void end_workers(struct stoq_transport *transport)
{
	__atomic_store_n(&transport->stopping, true, __ATOMIC_RELAXED);
	transport->destroying = true;
	for (unsigned int i = 0; i < transport->worker_count; i++)
		if (transport->workers[i])
			stoq_worker_end(transport->workers[i]);
	for (unsigned int i = 0; i < transport->worker_count; i++)
		if (transport->workers[i])
			stoq_worker_free(transport->workers[i]);
}

void stoq_transport_destroy(struct stoq_transport *transport)
{
	if (!transport)
		return;
	stoq_farewell_forget(transport);
	if (!claim_workers(transport)) {
		stoq_transport_log(transport, STOQ_LOG_WARNING,
			"stoq_transport_destroy() was called in a callback, or while a worker "
			"runs: "
			"nothing was done");
		stoq_farewell_register(transport);
		return;
	}
	end_workers(transport);
	free(transport->workers);
	stoq_datapath_choice_close(&transport->choice);
	stoq_early_data_destroy(transport);
	stoq_cid_table_destroy(&transport->reset_tokens);
	if (transport->keylog)
		fclose(transport->keylog);
	if (transport->ticket_key.data) {
		gnutls_memset(transport->ticket_key.data, 0, transport->ticket_key.size);
		gnutls_free(transport->ticket_key.data);
	}
	if (transport->priorities)
		gnutls_priority_deinit(transport->priorities);
	stoq_credentials_release(transport->credentials);
	stoq_settings_release(transport->settings);
	pthread_mutex_destroy(&transport->lock);
	explicit_bzero(transport, sizeof(*transport));
	free(transport);
}

void stoq_transport_local_address(
	const struct stoq_transport *transport, struct sockaddr_storage *address, socklen_t *length)
{
	const struct stoq_address *local = &transport->workers[0]->local;

	memset(address, 0, sizeof(*address));
	memcpy(address, &local->sa, local->length);
	*length = local->length;
}
