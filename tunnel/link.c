// SPDX-License-Identifier: BSD-2-Clause
/* A link's TCP side, and its life. */
#include "tunnel/link.h"
#include "tunnel/link_lanes.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunnel/counts.h"
#include "tunnel/link_limits.h"
#include "tunnel/totals.h"

#define WRITE_PIECES	   16
/* That wait for TCP in a queue: as much as the kernel's buffer takes at once, and some. */
#define OUTPUT_LIMIT_BYTES (512u << 10)
#define READ_FULL_BYTES	   16384u
/* While few bytes are under way: the other end goes on with the first ones while this end reads the next. */
#define READ_FEW_BYTES	   32768u

/* More than the event requests that a host keeps outstanding (SPDK: 4). */
#define CROWD		   8
#define BUSY_BYTES	   (256u << 10)
#define BUSY_COMMAND_BYTES 32768u
#define BUSY_NS		   2000000u

/* The socket is ready: reads, connects. */
static void ready(struct stoq_tunnel_watch *watch, uint32_t events, uint64_t now_ns);

/* ---- beginning and end ---- */

static void set_options(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

struct stoq_tunnel_link *stoq_link_new(
	struct stoq_tunnel_worker *worker, int fd, const struct stoq_address *peer)
{
	struct stoq_tunnel *tunnel = worker->tunnel;
	struct stoq_tunnel_link *link;
	struct stoq_mux_config config = {.end = tunnel->config.end,
		.lanes = tunnel->config.lanes,
		.output_limit_bytes = OUTPUT_LIMIT_BYTES,
		.pool = &worker->pool,
		.targets = tunnel->targets,
		.io = &stoq_link_io};

	if (__atomic_add_fetch(&tunnel->queues, 1, __ATOMIC_RELAXED) > tunnel->config.queues_max)
		goto refused;
	link = calloc(1, sizeof(*link));
	if (!link)
		goto refused;
	config.context = link;
	link->worker = worker;
	link->peer = *peer;
	link->since_ns = stoq_now_ns();
	link->watch = (struct stoq_tunnel_watch){.fd = fd, .ready = ready};
	if (stoq_mux_init(&link->mux, &config)) {
		free(link);
		goto refused;
	}
	set_options(fd);
	worker->links_open++;
	worker->links_ever++;
	link->next = worker->links;
	if (link->next)
		link->next->slot = &link->next;
	link->slot = &worker->links;
	worker->links = link;
	return link;
refused:
	__atomic_sub_fetch(&tunnel->queues, 1, __ATOMIC_RELAXED);
	return NULL;
}

void stoq_part_release(struct stoq_part *part)
{
	if (part && !--part->users)
		free(part);
}

/* Before the mux has taken anything. */
static void join_part(struct stoq_tunnel_link *link, struct stoq_part *part)
{
	if (!part)
		return;
	part->users++;
	link->part = part;
	link->mux.config.pool = &part->pool;
}

void stoq_link_carry(struct stoq_tunnel_link *link, struct stoq_carrier *carrier)
{
	join_part(link, carrier->part);
	link->carrier = carrier;
	link->totals = stoq_carrier_totals(carrier);
	link->next_carried = carrier->links;
	if (link->next_carried)
		link->next_carried->carried_slot = &link->next_carried;
	link->carried_slot = &carrier->links;
	carrier->links = link;
	carrier->link_count++;
}

int stoq_link_add_lane(struct stoq_tunnel_link *link, struct stoq_lane *lane, unsigned int index)
{
	int ret;

	/* It may ask for this lane, but one that is there must stay. */
	if (link->lanes[index])
		return -EEXIST;
	link->lanes[index] = lane;
	ret = stoq_mux_add_lane(&link->mux, index);
	if (ret) {
		link->lanes[index] = NULL;
		return ret;
	}
	lane->link = link;
	lane->index = index;
	return 0;
}

static void leave_carrier(struct stoq_tunnel_link *link)
{
	if (!link->carrier)
		return;
	*link->carried_slot = link->next_carried;
	if (link->next_carried)
		link->next_carried->carried_slot = link->carried_slot;
	link->carrier->link_count--;
	link->carrier = NULL;
}

/* Out of all lists but the graveyard, from which it is freed at the end of the turn. */
static void retire(struct stoq_tunnel_link *link)
{
	link->closed = true;
	stoq_link_limits_leave(link);
	stoq_tunnel_watch_close(&link->watch);
	leave_carrier(link);
	stoq_count_ended(link);
	*link->slot = link->next;
	if (link->next)
		link->next->slot = link->slot;
	link->next = link->worker->graveyard;
	link->worker->graveyard = link;
	link->worker->links_open--;
	stoq_controller_remove(&link->worker->tunnel->controllers, link->controller);
	stoq_share_give(&link->worker->tunnel->shares, link->share);
	__atomic_sub_fetch(&link->worker->tunnel->queues, 1, __ATOMIC_RELAXED);
}

static void drop_kept(struct stoq_tunnel_link *link)
{
	if (link->kept)
		stoq_block_pool_discharge(link->mux.config.pool, link->kept_end);
	free(link->kept);
	link->kept = NULL;
}

void stoq_link_free(struct stoq_tunnel_link *link)
{
	drop_kept(link);
	stoq_mux_destroy(&link->mux);
	stoq_part_release(link->part);
	free(link->targets);
	free(link);
}

/* "host 192.0.2.1:51000, QID 2" */
#define LINK_TEXT 200
static const char *link_text(char out[static LINK_TEXT], const struct stoq_tunnel_link *link)
{
	char peer[STOQ_ADDRESS_TEXT];

	snprintf(out, LINK_TEXT, "%s %s, QID %u",
		link->worker->tunnel->config.end == STOQ_TUNNEL_HOST_END ? "host" : "target",
		stoq_address_text(peer, &link->peer), link->mux.qid);
	return out;
}

void stoq_link_reset(struct stoq_tunnel_link *link, enum stoq_lane_code code, const char *reason)
{
	struct linger at_once = {.l_onoff = 1};
	char text[LINK_TEXT];

	if (link->closed)
		return;
	if (reason)
		stoq_tunnel_log(link->worker->tunnel, STOQ_LOG_INFO, "%s: reset: %s",
			link_text(text, link), reason);
	stoq_link_drop_lanes(link, code, true);
	setsockopt(link->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	retire(link);
}

void stoq_link_lose_carrier(struct stoq_tunnel_link *link)
{
	if (link->mux.split.finished && link->mux.merge.over)
		leave_carrier(link);
	else
		stoq_link_reset(link, STOQ_LANE_TCP_RESET, "the tunnel's connection was lost");
}

static void end_well(struct stoq_tunnel_link *link)
{
	stoq_link_drop_lanes(link, STOQ_LANE_DONE, false);
	retire(link);
}

/* Resets it if the mux has failed. */
static bool has_failed(struct stoq_tunnel_link *link)
{
	if (!stoq_mux_failed(&link->mux))
		return false;
	stoq_link_reset(link, link->mux.code, link->mux.reason);
	return true;
}

/*
 * Neither end of it waits for the other one long: much is under way, or lately commands were large. The target end needs the second sign:
 * it is done with a command that it has read from TCP, of which most may still wait to be sent.
 */
static bool is_busy(const struct stoq_mux *mux)
{
	return mux->bytes || mux->commands.data_bytes > BUSY_BYTES ||
	       mux->typical_bytes > BUSY_COMMAND_BYTES;
}

void stoq_link_touch(struct stoq_tunnel_link *link)
{
	link->worker->crowded |= link->mux.commands.count >= CROWD;
	if (is_busy(&link->mux))
		link->worker->busy_until_ns = link->worker->now_ns + BUSY_NS;
	else if (link->mux.qid)
		link->worker->brisk_until_ns = link->worker->now_ns + BUSY_NS;
	if (link->dirty || link->closed)
		return;
	link->dirty = true;
	link->next_dirty = link->worker->dirty;
	link->worker->dirty = link;
}

/* ---- from TCP ---- */

static bool wants_to_read(const struct stoq_tunnel_link *link)
{
	return link->carrier && !link->connecting && !link->tcp_ended && !link->kept &&
	       stoq_mux_wants_tcp(&link->mux);
}

/* The rest of what was read, for later. */
static int keep(struct stoq_tunnel_link *link, const uint8_t *data, size_t size)
{
	link->kept = malloc(size);
	if (!link->kept)
		return -ENOMEM;
	stoq_block_pool_charge(link->mux.config.pool, size);
	memcpy(link->kept, data, size);
	link->kept_first = 0;
	link->kept_end = size;
	return 0;
}

/* With memory full, little may have to be kept. */
static size_t read_limit(const struct stoq_tunnel_link *link)
{
	if (stoq_block_pool_full(link->mux.config.pool))
		return READ_FULL_BYTES;
	return stoq_tunnel_worker_is_busy(link->worker) ? STOQ_TCP_READ_BYTES : READ_FEW_BYTES;
}

static void read_tcp(struct stoq_tunnel_link *link, uint64_t now_ns)
{
	uint8_t *buffer = link->worker->read_buffer;
	ssize_t size = recv(link->watch.fd, buffer, read_limit(link), MSG_DONTWAIT);
	size_t taken;

	if (size < 0) {
		if (errno != EAGAIN && errno != EINTR)
			stoq_link_reset(link, STOQ_LANE_TCP_RESET, strerror(errno));
		return;
	}
	if (!size) {
		link->tcp_ended = true;
		stoq_mux_tcp_ended(&link->mux);
		return;
	}
	taken = stoq_mux_from_tcp(&link->mux, buffer, (size_t)size, now_ns);
	if (taken < (size_t)size && !stoq_mux_failed(&link->mux) &&
		keep(link, buffer + taken, (size_t)size - taken))
		stoq_link_reset(link, STOQ_LANE_LIMIT, "no memory");
}

void stoq_link_go_on(struct stoq_tunnel_link *link, uint64_t now_ns)
{
	stoq_mux_lane_writable(&link->mux, now_ns);
	if (link->kept) {
		link->kept_first += stoq_mux_from_tcp(&link->mux, link->kept + link->kept_first,
			link->kept_end - link->kept_first, now_ns);
		if (link->kept_first == link->kept_end)
			drop_kept(link);
	}
	stoq_link_touch(link);
}

/* ---- to TCP ---- */

/* False: the socket takes nothing now, or the link is gone. */
static bool write_tcp(struct stoq_tunnel_link *link, uint64_t now_ns)
{
	struct iovec pieces[WRITE_PIECES];
	struct msghdr message = {.msg_iov = pieces};
	ssize_t size;

	message.msg_iovlen = stoq_byte_queue_peek(&link->mux.merge.out, pieces, WRITE_PIECES);
	size = sendmsg(link->watch.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (size < 0) {
		if (errno != EAGAIN && errno != EINTR)
			stoq_link_reset(link, STOQ_LANE_TCP_RESET, strerror(errno));
		return false;
	}
	stoq_mux_written(&link->mux, (size_t)size, now_ns);
	return true;
}

static void watch_for(struct stoq_tunnel_link *link)
{
	bool output = link->connecting || stoq_mux_output(&link->mux);
	uint32_t events = (wants_to_read(link) ? EPOLLIN : 0) | (output ? EPOLLOUT : 0);

	if (events != link->watch.events)
		stoq_tunnel_watch_change(link->worker->epoll_fd, &link->watch, events);
}

void stoq_link_work(struct stoq_tunnel_link *link, uint64_t now_ns)
{
	if (link->closed || has_failed(link))
		return;
	while (!link->connecting && !link->closed && stoq_mux_output(&link->mux))
		if (!write_tcp(link, now_ns))
			break;
	if (link->closed || has_failed(link))
		return;
	if (!link->shut && stoq_mux_output_over(&link->mux)) {
		link->shut = true;
		shutdown(link->watch.fd, SHUT_WR);
	}
	if (stoq_mux_over(&link->mux))
		end_well(link);
	else
		watch_for(link);
}

/* ---- the socket ---- */

/* Target end: connect() is over. */
static void connected(struct stoq_tunnel_link *link)
{
	int error = 0;
	socklen_t length = sizeof(error);
	char text[128];

	getsockopt(link->watch.fd, SOL_SOCKET, SO_ERROR, &error, &length);
	link->connecting = false;
	if (!error)
		return;
	snprintf(text, sizeof(text), "the target cannot be reached: %s", strerror(error));
	stoq_link_reset(link, STOQ_LANE_UNREACHABLE, text);
}

static void ready(struct stoq_tunnel_watch *watch, uint32_t events, uint64_t now_ns)
{
	struct stoq_tunnel_link *link =
		(struct stoq_tunnel_link *)((char *)watch -
					    offsetof(struct stoq_tunnel_link, watch));

	if (link->closed)
		return;
	if (link->connecting)
		connected(link);
	else if (wants_to_read(link))
		read_tcp(link, now_ns);
	else if (events & EPOLLERR)
		stoq_link_reset(link, STOQ_LANE_TCP_RESET, "the TCP connection was reset");
	stoq_link_touch(link);
}
