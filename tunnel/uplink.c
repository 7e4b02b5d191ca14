// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/uplink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/carrier.h"
#include "tunnel/link.h"
#include "tunnel/link_lanes.h"
#include "tunnel/path_watch.h"

#define PAUSE_FIRST_NS 100000000ull
#define PAUSE_MAX_NS   5000000000ull
#define LOOK_EVERY_NS  500000000ull /* at queues that wait */

struct stoq_uplink {
	struct stoq_tunnel_worker *worker;
	struct stoq_carrier *carrier; /* NULL: it is not connected */
	struct stoq_path_watch paths;
	unsigned int attempts; /* since the last connection that was made */
	struct stoq_alarm *retry, *look;
	uint64_t pause_ns;
	uint64_t connected_ns; /* since when carrier is there */
	uint8_t *session;      /* that the next connection resumes */
	size_t session_bytes;
	struct stoq_tunnel_link *waiting;
	bool told; /* that it cannot connect */
};

static void attempt(void *argument);

static void try_later(struct stoq_uplink *uplink)
{
	uint64_t pause_ns = uplink->pause_ns;

	/* So that many hosts do not come all at once: up to a quarter more. */
	pause_ns += pause_ns / 4 * (uint64_t)(random() & 0xff) / 256;
	uplink->pause_ns =
		uplink->pause_ns >= PAUSE_MAX_NS / 2 ? PAUSE_MAX_NS : 2 * uplink->pause_ns;
	if (stoq_alarm_set(uplink->worker->tunnel->transport, uplink->worker->index,
		    stoq_now_ns() + pause_ns, attempt, uplink, &uplink->retry))
		uplink->retry = NULL;
}

/* Every pair of addresses has its turn: all of ours, then the next of the target end. */
static const struct stoq_address *local_of(const struct stoq_uplink *uplink)
{
	const struct stoq_tunnel_config *config = &uplink->worker->tunnel->config;

	return config->local_count ? &config->locals[uplink->attempts % config->local_count] : NULL;
}

static const struct stoq_address *remote_of(const struct stoq_uplink *uplink)
{
	const struct stoq_tunnel_config *config = &uplink->worker->tunnel->config;
	unsigned int each = config->local_count ? config->local_count : 1;

	return &config->remotes[uplink->attempts / each % config->remote_count];
}

/* The message once for each outage. */
static void tell_failure(struct stoq_uplink *uplink, const char *reason)
{
	char remote[STOQ_ADDRESS_TEXT];

	if (uplink->told)
		return;
	uplink->told = true;
	stoq_tunnel_log(uplink->worker->tunnel, STOQ_LOG_WARNING,
		"cannot connect to the tunnel's target end %s: %s; trying again",
		stoq_address_text(remote, remote_of(uplink)), reason);
}

static void forget_session(struct stoq_uplink *uplink)
{
	free(uplink->session);
	uplink->session = NULL;
	uplink->session_bytes = 0;
}

static void attempt(void *argument)
{
	struct stoq_uplink *uplink = argument;
	const struct stoq_tunnel_config *config = &uplink->worker->tunnel->config;
	const struct stoq_address *local = local_of(uplink), *remote = remote_of(uplink);
	struct stoq_connection *connection;
	struct stoq_error error;
	struct stoq_connect_config how = {.remote = &remote->sa,
		.remote_length = remote->length,
		.local = local ? &local->sa : NULL,
		.local_length = local ? local->length : 0,
		.name = config->remote_name,
		.session = uplink->session,
		.session_bytes = uplink->session_bytes,
		.user = NULL};

	uplink->retry = NULL;
	if (!stoq_transport_connect(uplink->worker->tunnel->transport, uplink->worker->index, &how,
		    stoq_now_ns(), &connection, &error))
		return;
	forget_session(uplink);
	tell_failure(uplink, error.text);
	uplink->attempts++;
	try_later(uplink);
}

/* ---- queues that wait ---- */

static void attach(struct stoq_uplink *uplink, struct stoq_tunnel_link *link)
{
	int ret;

	stoq_link_carry(link, uplink->carrier);
	ret = stoq_link_open_lane(link, 0);
	if (ret == -EAGAIN)
		stoq_link_reset(link, STOQ_LANE_LIMIT,
			"the target end allows no more queues: see --max-queues there");
	else if (ret)
		stoq_link_reset(link, STOQ_LANE_LIMIT, strerror(-ret));
	else
		stoq_link_touch(link);
}

static void look(void *argument);

static void look_later(struct stoq_uplink *uplink)
{
	if (uplink->look || !uplink->waiting)
		return;
	if (stoq_alarm_set(uplink->worker->tunnel->transport, uplink->worker->index,
		    stoq_now_ns() + LOOK_EVERY_NS, look, uplink, &uplink->look))
		uplink->look = NULL;
}

/* Gives up those that have waited too long. */
static void look(void *argument)
{
	struct stoq_uplink *uplink = argument;
	struct stoq_tunnel_link **slot = &uplink->waiting;
	uint64_t now_ns = stoq_now_ns();

	uplink->look = NULL;
	while (*slot) {
		struct stoq_tunnel_link *link = *slot;

		if (now_ns < link->wait_until_ns) {
			slot = &link->next_waiting;
			continue;
		}
		*slot = link->next_waiting;
		stoq_link_reset(link, STOQ_LANE_UNREACHABLE,
			"there is no connection to the tunnel's target end");
	}
	look_later(uplink);
}

void stoq_uplink_take(struct stoq_uplink *uplink, struct stoq_tunnel_link *link)
{
	if (uplink->carrier) {
		attach(uplink, link);
		return;
	}
	link->wait_until_ns = stoq_now_ns() + STOQ_UPLINK_WAIT_NS;
	link->next_waiting = uplink->waiting;
	uplink->waiting = link;
	look_later(uplink);
}

/* ---- the connection ---- */

void stoq_uplink_connected(struct stoq_uplink *uplink, struct stoq_connection *connection)
{
	char remote[STOQ_ADDRESS_TEXT];

	uplink->carrier = stoq_carrier_new(uplink->worker, connection);
	if (!uplink->carrier) {
		stoq_connection_close(connection, STOQ_LANE_LIMIT, "no memory");
		return;
	}
	uplink->connected_ns = stoq_now_ns();
	uplink->told = false;
	stoq_tunnel_log(uplink->worker->tunnel, STOQ_LOG_INFO,
		"connected to the tunnel's target end %s",
		stoq_address_text(remote, remote_of(uplink)));
	stoq_path_watch_begin(&uplink->paths, uplink->carrier);
	uplink->attempts = 0;
	while (uplink->waiting) {
		struct stoq_tunnel_link *link = uplink->waiting;

		uplink->waiting = link->next_waiting;
		attach(uplink, link);
	}
}

void stoq_uplink_closed(struct stoq_uplink *uplink, const struct stoq_close_info *info)
{
	if (uplink->carrier) {
		stoq_tunnel_log(uplink->worker->tunnel,
			uplink->worker->tunnel->stopping ? STOQ_LOG_DEBUG : STOQ_LOG_WARNING,
			"the connection to the tunnel's target end is lost: %s",
			stoq_carrier_end_text(info));
		stoq_path_watch_end(&uplink->paths);
		stoq_carrier_free(uplink->carrier);
		uplink->carrier = NULL;
		/* One that is closed as soon as it is there would be made ten times a second. */
		if (stoq_now_ns() - uplink->connected_ns >= PAUSE_MAX_NS)
			uplink->pause_ns = PAUSE_FIRST_NS;
	} else {
		/* Perhaps the session was the reason. */
		forget_session(uplink);
		tell_failure(uplink, stoq_carrier_end_text(info));
		uplink->attempts++;
	}
	if (!uplink->worker->tunnel->stopping)
		try_later(uplink);
}

void stoq_uplink_session(struct stoq_uplink *uplink, const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);

	if (!copy)
		return;
	memcpy(copy, data, size);
	forget_session(uplink);
	uplink->session = copy;
	uplink->session_bytes = size;
}

struct stoq_uplink *stoq_uplink_new(struct stoq_tunnel_worker *worker)
{
	struct stoq_uplink *uplink = calloc(1, sizeof(*uplink));

	if (!uplink)
		return NULL;
	uplink->worker = worker;
	uplink->pause_ns = PAUSE_FIRST_NS;
	attempt(uplink);
	return uplink;
}

void stoq_uplink_stop(struct stoq_uplink *uplink)
{
	if (!uplink)
		return;
	stoq_alarm_cancel(uplink->retry);
	stoq_alarm_cancel(uplink->look);
	stoq_path_watch_end(&uplink->paths);
	uplink->retry = uplink->look = NULL;
}

void stoq_uplink_free(struct stoq_uplink *uplink)
{
	if (!uplink)
		return;
	forget_session(uplink);
	free(uplink);
}
