// SPDX-License-Identifier: BSD-2-Clause
/*
 * What descriptor() stands for: an epoll instance with the AF_XDP sockets, the UDP socket and the
 * kernel's news in it. An AF_XDP socket that somebody waits for costs the kernel two wake-ups for
 * each frame, one when it arrives and one when a sent one is freed, even while nobody sleeps. So a
 * queue on which frames keep coming leaves the epoll instance, which meanwhile says at once that
 * there is something; with the first look at the queue that finds nothing, it comes back.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "datapath/af_xdp_private.h"

/* Frames after which leaving, and coming back, is cheaper than the wake-ups. */
#define BUSY_FRAMES 128

static int control(const struct stoq_af_xdp *datapath, int operation, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events};

	return epoll_ctl(datapath->epoll_fd, operation, fd, &event);
}

/* A descriptor that can always be read, and is looked at while a queue is not. */
static void say_busy(struct stoq_af_xdp *datapath)
{
	(void)control(
		datapath, EPOLL_CTL_MOD, datapath->busy_fd, datapath->busy_queues ? EPOLLIN : 0);
}

static int failed(struct stoq_error *error)
{
	return stoq_error_set(error, -errno, "cannot wait for AF_XDP: %s", strerror(errno));
}

int af_xdp_wait_open(struct stoq_af_xdp *datapath, struct stoq_error *error)
{
	short events;
	int udp_fd = stoq_datapath_descriptor(datapath->udp, &events);

	datapath->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	datapath->busy_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (datapath->epoll_fd < 0 || datapath->busy_fd < 0 ||
		control(datapath, EPOLL_CTL_ADD, datapath->busy_fd, 0) ||
		control(datapath, EPOLL_CTL_ADD, udp_fd, EPOLLIN) ||
		control(datapath, EPOLL_CTL_ADD, stoq_kernel_events_fd(datapath->routes), EPOLLIN))
		return failed(error);
	return 0;
}

void af_xdp_wait_close(struct stoq_af_xdp *datapath)
{
	if (datapath->epoll_fd >= 0)
		close(datapath->epoll_fd);
	if (datapath->busy_fd >= 0)
		close(datapath->busy_fd);
}

int af_xdp_wait_for_queue(
	struct stoq_af_xdp *datapath, struct af_xdp_queue *queue, struct stoq_error *error)
{
	queue->watched = true;
	return control(datapath, EPOLL_CTL_ADD, queue->xsk.fd, EPOLLIN) ? failed(error) : 0;
}

static void watch(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue)
{
	uint32_t events = EPOLLIN | (queue->wants_room ? EPOLLOUT : 0);

	queue->busy_frames = 0;
	if (queue->watched || control(datapath, EPOLL_CTL_ADD, queue->xsk.fd, events))
		return;
	queue->watched = true;
	datapath->busy_queues--;
	say_busy(datapath);
}

static void leave(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue)
{
	if (control(datapath, EPOLL_CTL_DEL, queue->xsk.fd, 0))
		return;
	queue->watched = false;
	datapath->busy_queues++;
	say_busy(datapath);
}

void af_xdp_wait_seen(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue, uint32_t frames)
{
	if (!frames) {
		watch(datapath, queue);
		return;
	}
	queue->busy_frames += frames;
	if (queue->watched && !queue->wants_room && queue->busy_frames >= BUSY_FRAMES)
		leave(datapath, queue);
}

void af_xdp_wait_room(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue, bool wanted)
{
	if (queue->wants_room == wanted)
		return;
	queue->wants_room = wanted;
	if (queue->watched)
		(void)control(
			datapath, EPOLL_CTL_MOD, queue->xsk.fd, EPOLLIN | (wanted ? EPOLLOUT : 0));
	else if (wanted)
		watch(datapath, queue);
}

void af_xdp_wait_socket_room(struct stoq_af_xdp *datapath)
{
	short events;
	int fd = stoq_datapath_descriptor(datapath->udp, &events);
	bool wanted = events & POLLOUT;

	if (datapath->udp_wants_room == wanted)
		return;
	datapath->udp_wants_room = wanted;
	(void)control(datapath, EPOLL_CTL_MOD, fd, EPOLLIN | (wanted ? EPOLLOUT : 0));
}

void af_xdp_wait_closed(struct stoq_af_xdp *datapath)
{
	if (!datapath->busy_queues)
		return;
	datapath->busy_queues = 0;
	say_busy(datapath);
}
