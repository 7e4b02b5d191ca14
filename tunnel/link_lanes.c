// SPDX-License-Identifier: BSD-2-Clause
/* A link's lanes: QUIC streams. */
#include "tunnel/link_lanes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/counts.h"
#include "tunnel/identity.h"
#include "tunnel/link.h"
#include "tunnel/link_discovery.h"
#include "tunnel/link_limits.h"
#include "tunnel/strays.h"

int stoq_link_open_lane(struct stoq_tunnel_link *link, unsigned int index)
{
	struct stoq_lane *lane = calloc(1, sizeof(*lane));
	int ret;

	if (!lane)
		return -ENOMEM;
	ret = stoq_stream_open(link->carrier->connection, STOQ_BIDIRECTIONAL, &lane->stream);
	if (ret) {
		free(lane);
		return ret;
	}
	lane->link = link;
	lane->index = index;
	lane->known = true;
	stoq_stream_set_user(lane->stream, lane);
	link->lanes[index] = lane;
	return 0;
}

static int write_header(struct stoq_tunnel_link *link, unsigned int index, bool bytes)
{
	struct stoq_lane_header header = {
		.queue = link->queue, .lane = (uint8_t)index, .bytes = bytes};
	uint8_t out[STOQ_LANE_HEADER_MAX];
	size_t size;

	if (index == 0)
		memcpy(header.target, link->target, sizeof(header.target));
	size = stoq_lane_header_encode(out, &header);
	return stoq_stream_write(link->lanes[index]->stream, out, size, 0) == (ssize_t)size
		       ? 0
		       : -ENOBUFS;
}

static int begin(void *context, bool bytes)
{
	struct stoq_tunnel_link *link = context;

	if (bytes && !link->worker->tunnel->config.bytes)
		return -EPERM;
	return write_header(link, 0, bytes);
}

static size_t write_lane(void *context, unsigned int index, const void *data, size_t size)
{
	struct stoq_tunnel_link *link = context;
	struct stoq_lane *lane = link->lanes[index];
	ssize_t taken = lane ? stoq_stream_write(lane->stream, data, size, 0) : -EPIPE;

	/* A stream that takes nothing any more was reset, which ends the link in its own callback.
	 */
	return taken < 0 ? size : (size_t)taken;
}

static void finish(void *context, unsigned int index)
{
	struct stoq_tunnel_link *link = context;

	if (link->lanes[index])
		stoq_stream_write(link->lanes[index]->stream, NULL, 0, STOQ_FINISH);
	stoq_link_touch(link);
}

static void resume(void *context, unsigned int index)
{
	struct stoq_tunnel_link *link = context;

	if (link->lanes[index])
		stoq_stream_resume(link->lanes[index]->stream);
}

static void drop_lane(
	struct stoq_tunnel_link *link, unsigned int index, enum stoq_lane_code code, bool reset)
{
	struct stoq_lane *lane = link->lanes[index];

	if (!lane)
		return;
	lane->link = NULL;
	link->lanes[index] = NULL;
	if (lane->share)
		stoq_stray_begin(link->carrier, lane, link->worker->now_ns);
	if (!reset)
		return;
	stoq_stream_reset(lane->stream, code);
	stoq_stream_stop(lane->stream, code);
}

static unsigned int open_lanes(void *context, unsigned int lanes)
{
	struct stoq_tunnel_link *link = context;
	unsigned int count = 1;

	while (count < lanes && !stoq_link_open_lane(link, count)) {
		if (write_header(link, count, false)) {
			drop_lane(link, count, STOQ_LANE_LIMIT, true);
			break;
		}
		count++;
	}
	return count;
}

static uint16_t judge(
	void *context, const struct nvme_tcp_cmd_pdu *command, const uint8_t *pdu, size_t size)
{
	struct stoq_tunnel_link *link = context;

	if (link->worker->tunnel->config.end == STOQ_TUNNEL_HOST_END)
		return 0;
	return stoq_identity_judge(link, command, pdu, size);
}

static void rewrite(void *context, uint64_t at, uint8_t *data, size_t size)
{
	stoq_link_rewrite(context, at, data, size);
}

static void note_targets(void *context, const char *text, size_t size)
{
	stoq_link_note_targets(context, text, size);
}

static void asked(void *context, const struct nvme_connect_data *data)
{
	struct stoq_tunnel_link *link = context;

	memcpy(link->host_nqn, data->hostnqn, sizeof(link->host_nqn));
	memcpy(link->subsystem_nqn, data->subnqn, sizeof(link->subsystem_nqn));
}

static void connected(void *context, uint16_t cntlid)
{
	struct stoq_tunnel_link *link = context;

	stoq_count_queue(link);
	if (link->worker->tunnel->config.end == STOQ_TUNNEL_TARGET_END)
		stoq_identity_connected(link, cntlid);
}

const struct stoq_mux_io stoq_link_io = {
	.begin = begin,
	.write = write_lane,
	.finish = finish,
	.resume = resume,
	.open_lanes = open_lanes,
	.judge = judge,
	.admit = stoq_link_admit,
	.rewrite = rewrite,
	.targets = note_targets,
	.asked = asked,
	.connected = connected,
};

void stoq_link_drop_lanes(struct stoq_tunnel_link *link, enum stoq_lane_code code, bool reset)
{
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		drop_lane(link, i, code, reset);
}

uint64_t stoq_link_unread_bytes(const struct stoq_tunnel_link *link)
{
	uint64_t unread = 0;

	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++) {
		struct stoq_stream_info info;

		if (!link->lanes[i])
			continue;
		stoq_stream_info(link->lanes[i]->stream, &info);
		unread += info.received - info.taken;
	}
	return unread;
}
