// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/descriptor.h"

#include <errno.h>
#include <unistd.h>

int stoq_tunnel_watch_add(int epoll_fd, struct stoq_tunnel_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, watch->fd, &event))
		return -errno;
	watch->events = events;
	return 0;
}

/* Without events it is taken out: else a connection that both sides ended would wake us all the
 * time. */
void stoq_tunnel_watch_change(int epoll_fd, struct stoq_tunnel_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};
	int how = !events ? EPOLL_CTL_DEL : watch->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (events == watch->events)
		return;
	epoll_ctl(epoll_fd, how, watch->fd, &event);
	watch->events = events;
}

void stoq_tunnel_watch_close(struct stoq_tunnel_watch *watch)
{
	/* Closing the last descriptor of a socket takes it out of the epoll. */
	close(watch->fd);
	watch->fd = -1;
}
