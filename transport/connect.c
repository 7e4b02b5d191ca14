// SPDX-License-Identifier: BSD-2-Clause
/* Beginning a connection: is it possible, and is what was asked for sensible? */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "datapath/address.h"
#include "pki/names.h"
#include "transport/connection.h"
#include "transport/connection_end.h"
#include "transport/connection_open.h"
#include "transport/endpoint.h"
#include "transport/worker.h"

/* An address that one host answers from. */
static int check_remote(const struct stoq_connect_config *config, struct stoq_address *remote,
	struct stoq_error *error)
{
	char text[STOQ_ADDRESS_TEXT];

	if (!config->remote || !stoq_address_from(remote, config->remote, config->remote_length))
		return stoq_error_set(
			error, -EINVAL, "the peer's address is neither of IPv4 nor of IPv6");
	/* Answers come from the IPv4 address. */
	stoq_address_unmap(remote);
	if (!stoq_address_port(remote))
		return stoq_error_set(error, -EINVAL,
			"the peer's address %s has port 0, where no server can be. The usual port "
			"is %d",
			stoq_address_text(text, remote), STOQ_DEFAULT_PORT);
	if (stoq_address_is_wildcard(remote) || stoq_address_is_multicast(remote))
		return stoq_error_set(error, -EINVAL,
			"the peer's address %s is not the address of one host",
			stoq_address_text(text, remote));
	if (stoq_address_lacks_interface(remote))
		return stoq_error_set(error, -EINVAL,
			"the peer's address %s is link-local, and names no interface. Write it "
			"with one, as in [fe80::1%%eth0]:%d",
			stoq_address_text(text, remote), stoq_address_port(remote));
	return 0;
}

/* A name that no certificate can have would end in a handshake that fails, without the reason. */
static int check_name(
	const struct stoq_connect_config *config, bool insecure, struct stoq_error *error)
{
	struct stoq_error why;
	struct stoq_pki_name name;

	if (!config->name && insecure)
		return 0;
	if (!config->name)
		return stoq_error_set(error, -EINVAL,
			"the name that the peer's certificate must have is missing");
	if (!stoq_pki_name_parse(&name, config->name, &why))
		return 0;
	return stoq_error_set(error, -EINVAL, "the peer cannot have that name: %.250s", why.text);
}

static int check_session(const struct stoq_connect_config *config,
	const struct stoq_transport_config *settings, struct stoq_error *error)
{
	if (config->session_bytes && !config->session)
		return stoq_error_set(error, -EINVAL, "the session has a size (%zu), but no bytes",
			config->session_bytes);
	if (config->early_data && !settings->early_data)
		return stoq_error_set(error, -EINVAL,
			"early data are not enabled in the transport's configuration");
	return 0;
}

static int check_room(const struct stoq_worker *worker, struct stoq_error *error)
{
	const struct stoq_transport_config *settings = &worker->settings->config;

	/* Who connects again whenever a connection ends would never be done. */
	if (__atomic_load_n(&worker->transport->stopping, __ATOMIC_RELAXED))
		return stoq_error_set(error, -ESHUTDOWN, "the transport stops");
	if (worker->connection_count >=
		stoq_transport_share(worker->transport, settings->max_connections))
		return stoq_error_set(error, -EAGAIN,
			"max_connections (%u) are open. Close some, or raise the limit",
			settings->max_connections);
	if (!stoq_budget_admits(&worker->budget))
		return stoq_error_set(error, -EAGAIN,
			"max_memory_bytes (%" PRIu64 ") are in use. Close some connections, or "
			"raise the limit",
			settings->max_memory_bytes);
	return 0;
}

static int find_route(struct stoq_worker *worker, const struct stoq_address *remote,
	struct stoq_address *local, struct stoq_error *error)
{
	struct stoq_datapath_route route = {0};
	char text[STOQ_ADDRESS_TEXT];
	int status = stoq_datapath_route(worker->datapath, remote, &route);

	if (status)
		return stoq_error_set(error, status, "there is no way to %s: %s",
			stoq_address_text(text, remote), strerror(-status));
	*local = route.local.length ? route.local : worker->local;
	return 0;
}

/* The address that was asked for, as far as it can be told without a packet. */
static int take_local(struct stoq_worker *worker, const struct stoq_connect_config *config,
	const struct stoq_address *remote, struct stoq_address *local, struct stoq_error *error)
{
	char text[STOQ_ADDRESS_TEXT];

	if (!stoq_address_from(local, config->local, config->local_length))
		return stoq_error_set(error, -EINVAL, "our address is neither of IPv4 nor of IPv6");
	stoq_address_unmap(local);
	if (stoq_address_is_wildcard(local) || stoq_address_is_multicast(local) ||
		local->sa.sa_family != remote->sa.sa_family)
		return stoq_error_set(error, -EINVAL,
			"our address %s is not the address of one host, or not of the peer's "
			"family",
			stoq_address_text(text, local));
	stoq_address_set_port(local, stoq_address_port(&worker->local));
	return 0;
}

static int check(struct stoq_worker *worker, const struct stoq_connect_config *config,
	struct stoq_address *remote, struct stoq_address *local, struct stoq_error *error)
{
	const struct stoq_transport_config *settings = &worker->settings->config;
	int status = check_remote(config, remote, error);

	if (!status)
		status = check_name(config, settings->tls.insecure, error);
	if (!status)
		status = check_session(config, settings, error);
	if (!status)
		status = check_room(worker, error);
	if (status)
		return status;
	return config->local ? take_local(worker, config, remote, local, error)
			     : find_route(worker, remote, local, error);
}

static int start(struct stoq_connection *connection, const struct stoq_connect_config *config,
	const struct stoq_address *local, const struct stoq_address *remote)
{
	if (config->name && !connection->settings->config.tls.insecure) {
		connection->wanted_name = strdup(config->name);
		if (!connection->wanted_name)
			return -ENOMEM;
	}
	connection->user = config->user;
	return stoq_connection_start_client(connection, config, local, remote);
}

int stoq_transport_connect(struct stoq_transport *transport, unsigned int index,
	const struct stoq_connect_config *config, uint64_t now_ns, struct stoq_connection **result,
	struct stoq_error *error)
{
	struct stoq_address local, remote = {0};
	struct stoq_connection *connection;
	struct stoq_worker *worker;
	int status;

	if (index >= transport->worker_count)
		return stoq_error_set(error, -EINVAL,
			"there is no worker %u: they count from 0, and there are %u", index,
			transport->worker_count);
	worker = transport->workers[index];
	status = check(worker, config, &remote, &local, error);
	if (status)
		return status;
	if (now_ns > worker->now_ns)
		worker->now_ns = now_ns;
	connection = stoq_connection_new(worker, false);
	if (!connection)
		return stoq_error_set(error, -ENOMEM, "no memory for a connection");
	status = start(connection, config, &local, &remote);
	if (status) {
		stoq_connection_free(connection);
		return stoq_error_set(error, status,
			status == -EINVAL
				? "the session to be resumed is damaged, or of another version. "
				  "Connect without it"
				: "a connection cannot be made: %s",
			strerror(-status));
	}
	stoq_connection_touch(connection);
	*result = connection;
	return 0;
}
