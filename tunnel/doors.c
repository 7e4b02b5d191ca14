// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/doors.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunnel/link.h"
#include "tunnel/uplink.h"

#define ACCEPT_AT_ONCE 16
#define PAUSE_NS       100000000ull

/* A TCP connection on its way to its worker. */
struct arrival {
	struct stoq_tunnel_worker *worker;
	int fd;
	unsigned int door;
	struct stoq_address peer;
};

/* In the worker's thread. */
static void take(void *argument)
{
	struct arrival *arrival = argument;
	struct stoq_tunnel_worker *worker = arrival->worker;
	const struct stoq_tunnel_config *config = &worker->tunnel->config;
	struct stoq_tunnel_link *link = stoq_link_new(worker, arrival->fd, &arrival->peer);
	char peer[STOQ_ADDRESS_TEXT];

	if (!link) {
		stoq_tunnel_log(worker->tunnel, STOQ_LOG_WARNING,
			"host %s was refused: --max-queues are open",
			stoq_address_text(peer, &arrival->peer));
		close(arrival->fd);
	} else {
		memcpy(link->target, config->doors[arrival->door].target, sizeof(link->target));
		link->queue = worker->links_ever;
		stoq_uplink_take(worker->uplink, link);
	}
	free(arrival);
}

static void hand_over(struct stoq_door *door, int fd, const struct stoq_address *peer)
{
	struct stoq_tunnel *tunnel = door->worker->tunnel;
	struct arrival *arrival = malloc(sizeof(*arrival));
	unsigned int index = tunnel->next_worker++ % tunnel->worker_count;

	if (!arrival) {
		close(fd);
		return;
	}
	*arrival = (struct arrival){
		.worker = &tunnel->workers[index], .fd = fd, .door = door->index, .peer = *peer};
	if (index == door->worker->index)
		take(arrival);
	else if (stoq_transport_post(tunnel->transport, index, take, arrival)) {
		close(fd);
		free(arrival);
	}
}

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void open_again(void *argument)
{
	struct stoq_door *door = argument;

	door->again = NULL;
	stoq_tunnel_watch_change(door->worker->epoll_fd, &door->watch, EPOLLIN);
}

/* Hosts wait in the backlog meanwhile. */
static void pause_door(struct stoq_door *door)
{
	struct stoq_tunnel_worker *worker = door->worker;

	if (!stoq_alarm_set(worker->tunnel->transport, worker->index, stoq_now_ns() + PAUSE_NS,
		    open_again, door, &door->again))
		stoq_tunnel_watch_change(worker->epoll_fd, &door->watch, 0);
}

/*
 * Without a descriptor the connection could not even be closed, and would wake us for as long as it
 * waits: the spare one is for that. Another thread may have taken that one, too: then the door is not watched
 * for a while.
 */
static void turn_away(struct stoq_door *door, int error)
{
	struct stoq_tunnel_worker *worker = door->worker;
	int fd;

	if (worker->spare_fd >= 0)
		close(worker->spare_fd);
	fd = accept4(door->watch.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	else
		pause_door(door);
	worker->spare_fd = open_spare();
	stoq_tunnel_log(worker->tunnel, STOQ_LOG_WARNING,
		"a host was refused: %s; raise the limit of open files (LimitNOFILE= in a unit)",
		strerror(error));
}

static void ready(struct stoq_tunnel_watch *watch, uint32_t events, uint64_t now_ns)
{
	struct stoq_door *door =
		(struct stoq_door *)((char *)watch - offsetof(struct stoq_door, watch));

	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct sockaddr_storage from;
		socklen_t length = sizeof(from);
		struct stoq_address peer = {.length = 0};
		int fd = accept4(
			watch->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			turn_away(door, errno);
		else if (fd < 0 && (errno == ENOBUFS || errno == ENOMEM))
			pause_door(door);
		if (fd < 0)
			return;
		stoq_address_from(&peer, (struct sockaddr *)&from, length);
		hand_over(door, fd, &peer);
	}
}

static int listen_at(const struct stoq_address *address)
{
	int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, ret;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, &address->sa, address->length) && !listen(fd, 1024))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int stoq_doors_open(struct stoq_tunnel_worker *worker, struct stoq_error *error)
{
	const struct stoq_tunnel_config *config = &worker->tunnel->config;
	char text[STOQ_ADDRESS_TEXT];

	worker->doors = calloc(config->door_count, sizeof(worker->doors[0]));
	worker->spare_fd = open_spare();
	if (!worker->doors)
		return stoq_error_set(error, -ENOMEM, "no memory");
	if (worker->spare_fd < 0)
		return stoq_error_set(error, -errno, "cannot open /dev/null: %s", strerror(errno));
	for (unsigned int i = 0; i < config->door_count; i++) {
		struct stoq_door *door = &worker->doors[i];
		int fd = listen_at(&config->doors[i].address), ret = fd;

		door->worker = worker;
		door->index = i;
		door->watch = (struct stoq_tunnel_watch){.fd = fd, .ready = ready};
		if (fd >= 0)
			ret = stoq_tunnel_watch_add(worker->epoll_fd, &door->watch, EPOLLIN);
		if (ret < 0)
			return stoq_error_set(error, ret, "cannot accept hosts at %s: %s",
				stoq_address_text(text, &config->doors[i].address), strerror(-ret));
		worker->door_count++;
	}
	return 0;
}

void stoq_doors_close(struct stoq_tunnel_worker *worker)
{
	for (unsigned int i = 0; i < worker->door_count; i++) {
		stoq_alarm_cancel(worker->doors[i].again);
		stoq_tunnel_watch_close(&worker->doors[i].watch);
	}
	if (worker->spare_fd >= 0)
		close(worker->spare_fd);
	worker->spare_fd = -1;
	free(worker->doors);
	worker->doors = NULL;
	worker->door_count = 0;
}
