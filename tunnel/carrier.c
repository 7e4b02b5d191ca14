// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/carrier.h"
#include "tunnel/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/link_limits.h"
#include "tunnel/strays.h"
#include "tunnel/targets.h"
#include "tunnel/uplink.h"

#define NAMES_MAX 32

/* user: the tunnel, until the connection has a carrier for its user. */
static struct stoq_tunnel_worker *worker_of(struct stoq_connection *connection, void *user)
{
	const struct stoq_carrier *carrier = stoq_connection_user(connection);
	struct stoq_tunnel *tunnel = carrier ? carrier->worker->tunnel : user;

	return &tunnel->workers[stoq_connection_worker(connection)];
}

/* ---- connections ---- */

/* The names of the peer's certificate. */
static void learn_names(struct stoq_carrier *carrier)
{
	int count;

	carrier->names = calloc(NAMES_MAX, sizeof(carrier->names[0]));
	if (!carrier->names)
		return;
	count = stoq_connection_names(carrier->connection, carrier->names, NAMES_MAX);
	carrier->name_count = count < 0 ? 0 : count > NAMES_MAX ? NAMES_MAX : (unsigned int)count;
}

struct stoq_carrier *stoq_carrier_new(
	struct stoq_tunnel_worker *worker, struct stoq_connection *connection)
{
	struct stoq_carrier *carrier = calloc(1, sizeof(*carrier));
	struct stoq_connection_info info;
	struct stoq_address remote = {.length = 0};

	if (!carrier)
		return NULL;
	carrier->worker = worker;
	carrier->connection = connection;
	stoq_list_init(&carrier->strays);
	stoq_connection_info(connection, &info);
	stoq_address_from(&remote, (struct sockaddr *)&info.remote, sizeof(info.remote));
	stoq_address_unmap(&remote);
	stoq_address_text(carrier->peer, &remote);
	learn_names(carrier);
	carrier->next = worker->carriers;
	if (carrier->next)
		carrier->next->slot = &carrier->next;
	carrier->slot = &worker->carriers;
	worker->carriers = carrier;
	stoq_connection_set_user(connection, carrier);
	return carrier;
}

void stoq_carrier_free(struct stoq_carrier *carrier)
{
	/* Those whose streams have ended well: all others went with their streams. */
	while (carrier->links)
		stoq_link_lose_carrier(carrier->links);
	*carrier->slot = carrier->next;
	if (carrier->next)
		carrier->next->slot = carrier->slot;
	stoq_share_give(&carrier->worker->tunnel->connection_shares, carrier->share);
	stoq_part_release(carrier->part);
	free(carrier->names);
	free(carrier);
}

/* Target end: its own part of the worker's memory. Without one it shares the whole. */
static void give_part(struct stoq_carrier *carrier)
{
	carrier->part = calloc(1, sizeof(*carrier->part));
	if (!carrier->part)
		return;
	carrier->part->users = 1;
	stoq_block_pool_init_part(&carrier->part->pool, &carrier->worker->pool);
}

/* Target end: true if its host end may have one more connection. */
static bool has_share(struct stoq_carrier *carrier)
{
	struct stoq_tunnel *tunnel = carrier->worker->tunnel;

	carrier->share = stoq_share_take(&tunnel->connection_shares, stoq_carrier_name(carrier));
	if (carrier->share)
		return true;
	stoq_tunnel_log(tunnel, STOQ_LOG_WARNING,
		"%s: a connection was refused: --host-connections of '%s' are open", carrier->peer,
		stoq_carrier_name(carrier));
	stoq_connection_close(carrier->connection, STOQ_LANE_LIMIT,
		"as many connections of this certificate's name are open as --host-connections of "
		"the listener allows");
	return false;
}

static void accepted(struct stoq_connection *connection, void *user)
{
	struct stoq_tunnel_worker *worker = worker_of(connection, user);
	struct stoq_carrier *carrier = stoq_carrier_new(worker, connection);
	struct stoq_connection_info info;

	if (!carrier) {
		stoq_connection_close(connection, STOQ_LANE_LIMIT, "no memory");
		return;
	}
	if (!has_share(carrier))
		return;
	give_part(carrier);
	stoq_connection_info(connection, &info);
	stoq_tunnel_log(
		worker->tunnel, STOQ_LOG_INFO, "%s: '%s' connected", carrier->peer, info.peer_name);
}

static void connected(struct stoq_connection *connection, void *user)
{
	stoq_uplink_connected(worker_of(connection, user)->uplink, connection);
}

const char *stoq_carrier_end_text(const struct stoq_close_info *info)
{
	return info->reason[0] ? info->reason : stoq_lane_code_text(info->code);
}

static void closed(struct stoq_connection *connection, void *user)
{
	struct stoq_tunnel_worker *worker = worker_of(connection, user);
	struct stoq_carrier *carrier = stoq_connection_user(connection);
	const struct stoq_close_info *info = stoq_connection_close_info(connection);

	if (worker->tunnel->config.end == STOQ_TUNNEL_HOST_END) {
		stoq_uplink_closed(worker->uplink, info);
	} else if (carrier) {
		stoq_tunnel_log(worker->tunnel, STOQ_LOG_INFO, "%s: disconnected: %s",
			carrier->peer, stoq_carrier_end_text(info));
		stoq_carrier_free(carrier);
	}
}

static void session(
	struct stoq_connection *connection, const uint8_t *data, size_t size, void *user)
{
	stoq_uplink_session(worker_of(connection, user)->uplink, data, size);
}

/* ---- streams ---- */

static struct stoq_carrier *carrier_of(const struct stoq_lane *lane)
{
	return stoq_connection_user(stoq_stream_connection(lane->stream));
}

/* Target end: one more lane of this host end, which has no queue yet. False: it has too many. */
static bool take_lane_share(struct stoq_carrier *carrier, struct stoq_lane *lane)
{
	struct stoq_tunnel *tunnel = carrier->worker->tunnel;

	lane->share = stoq_share_take(&tunnel->lane_shares, stoq_carrier_name(carrier));
	if (!lane->share)
		return false;
	stoq_stray_begin(carrier, lane, carrier->worker->now_ns);
	return true;
}

static void give_lane_share(struct stoq_lane *lane)
{
	struct stoq_carrier *carrier = carrier_of(lane);

	if (!lane->share)
		return;
	stoq_stray_end(lane);
	stoq_share_give(&carrier->worker->tunnel->lane_shares, lane->share);
}

static void stream_opened(struct stoq_stream *stream, void *user)
{
	struct stoq_connection *connection = stoq_stream_connection(stream);
	struct stoq_carrier *carrier = stoq_connection_user(connection);
	struct stoq_lane *lane = carrier ? calloc(1, sizeof(*lane)) : NULL;

	if (!lane) {
		stoq_connection_close(connection, STOQ_LANE_LIMIT, "no memory");
		return;
	}
	lane->stream = stream;
	if (!take_lane_share(carrier, lane)) {
		free(lane);
		stoq_connection_close(connection, STOQ_LANE_LIMIT,
			"as many lanes of this certificate's name are open as --host-queues of the listener allows");
		return;
	}
	stoq_stream_set_user(stream, lane);
}

static struct stoq_tunnel_link *find_link(struct stoq_carrier *carrier, uint64_t queue)
{
	struct stoq_tunnel_link *link = carrier->links;

	while (link && link->queue != queue)
		link = link->next_carried;
	return link;
}

static void refuse_lane(struct stoq_lane *lane, enum stoq_lane_code code)
{
	lane->known = true;
	lane->link = NULL;
	stoq_stream_reset(lane->stream, code);
	stoq_stream_stop(lane->stream, code);
}

/* The peer does not keep to the protocol. */
static void accuse(struct stoq_carrier *carrier, const char *what)
{
	stoq_connection_close(carrier->connection, STOQ_LANE_PROTOCOL, what);
}

/* Its header is whole: joins it to its queue. */
static void join_lane(
	struct stoq_carrier *carrier, struct stoq_lane *lane, const struct stoq_lane_header *header)
{
	struct stoq_tunnel_link *link = find_link(carrier, header->queue);
	enum stoq_lane_code code = STOQ_LANE_DONE;

	lane->known = true;
	if (header->lane == 0 && !link)
		link = stoq_targets_connect(carrier, header, &code);
	if (!link && code == STOQ_LANE_DONE)
		code = STOQ_LANE_TCP_RESET; /* its queue is over meanwhile */
	if (!link)
		refuse_lane(lane, code);
	else if (stoq_link_add_lane(link, lane, header->lane))
		accuse(carrier, "a lane came twice");
	else
		stoq_stray_end(lane);
}

/* The bytes that belong to the header. */
static size_t take_header(struct stoq_lane *lane, const uint8_t *data, size_t size)
{
	struct stoq_carrier *carrier = carrier_of(lane);
	uint32_t had = lane->header_bytes, part = sizeof(lane->header) - had;
	const uint8_t *end, *next = lane->header;
	struct stoq_lane_header header;
	int ret;

	if (part > size)
		part = (uint32_t)size;
	memcpy(lane->header + had, data, part);
	end = lane->header + had + part;
	ret = stoq_lane_header_decode(&next, end, &header);
	if (ret == -EAGAIN) {
		lane->header_bytes = (uint8_t)(had + part);
		return part;
	}
	if (ret) {
		accuse(carrier, ret == -EPROTONOSUPPORT
					? "a lane of another version: update the older end"
					: "a stream does not begin with a lane's header");
		return size;
	}
	join_lane(carrier, lane, &header);
	return (size_t)(next - lane->header) - had;
}

static size_t received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct stoq_lane *lane = stoq_stream_user(stream);
	size_t header = 0, taken;

	if (!lane)
		return size;
	if (!lane->known)
		header = take_header(lane, data, size);
	/* Nobody's lane: no other queue is concerned. */
	if (!lane->known && finished)
		refuse_lane(lane, STOQ_LANE_PROTOCOL);
	if (!lane->link)
		return size;
	taken = stoq_mux_from_lane(&lane->link->mux, lane->index, data + header, size - header,
		finished, lane->link->worker->now_ns);
	stoq_link_touch(lane->link);
	stoq_link_limits_look(lane->link, lane->link->worker->now_ns);
	return header + taken;
}

static void writable(struct stoq_stream *stream, void *user)
{
	struct stoq_lane *lane = stoq_stream_user(stream);

	if (lane && lane->link)
		stoq_link_go_on(lane->link, lane->link->worker->now_ns);
}

static void stream_reset(struct stoq_stream *stream, uint64_t code, void *user)
{
	struct stoq_lane *lane = stoq_stream_user(stream);

	if (lane && lane->link)
		stoq_link_reset(lane->link, STOQ_LANE_TCP_RESET, stoq_lane_code_text(code));
	else if (lane)
		/* Our direction of it would stay. */
		refuse_lane(lane, STOQ_LANE_PROTOCOL);
}

static void stream_stopped(struct stoq_stream *stream, void *user)
{
	stream_reset(stream, STOQ_LANE_TCP_RESET, user);
}

/* Lanes that end one after the other are a queue's good end; anything else is its loss. */
static void stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	struct stoq_lane *lane = stoq_stream_user(stream);
	struct stoq_tunnel_link *link;

	if (!lane)
		return;
	link = lane->link;
	if (link) {
		link->lanes[lane->index] = NULL;
		lane->link = NULL;
		if (!link->mux.split.finished || !link->mux.lanes[lane->index]->finished)
			stoq_link_reset(link, STOQ_LANE_TCP_RESET,
				code ? stoq_lane_code_text(code)
				     : "the tunnel's connection was lost");
	}
	stoq_stream_set_user(stream, NULL);
	give_lane_share(lane);
	free(lane);
}

static void log_transport(enum stoq_log_level level, const char *text, void *user)
{
	stoq_tunnel_log(user, level, "%s", text);
}

static void refused(const struct stoq_refusal *refusal, void *user)
{
	struct stoq_address remote = {.length = 0};
	char text[STOQ_ADDRESS_TEXT];

	stoq_address_from(
		&remote, (const struct sockaddr *)&refusal->remote, sizeof(refusal->remote));
	stoq_address_unmap(&remote);
	stoq_tunnel_log(user, STOQ_LOG_INFO, "%s: refused: %s", stoq_address_text(text, &remote),
		refusal->close->reason);
}

const struct stoq_transport_callbacks stoq_carrier_callbacks = {
	.accepted = accepted,
	.refused = refused,
	.connected = connected,
	.closed = closed,
	.stream_opened = stream_opened,
	.received = received,
	.writable = writable,
	.stream_reset = stream_reset,
	.stream_stopped = stream_stopped,
	.stream_closed = stream_closed,
	.session = session,
	.log = log_transport,
};
