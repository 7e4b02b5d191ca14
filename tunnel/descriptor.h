/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Descriptors that a worker waits for by its epoll. */
#include <stdint.h>
#include <sys/epoll.h>

/* A descriptor in a worker's epoll. Zero it, then stoq_tunnel_watch_add(). */
struct stoq_tunnel_watch {
	int fd;
	uint32_t events; /* asked for now */
	void (*ready)(struct stoq_tunnel_watch *watch, uint32_t events, uint64_t now_ns);
};

/* 0 or a negative errno. */
int stoq_tunnel_watch_add(int epoll_fd, struct stoq_tunnel_watch *watch, uint32_t events);
void stoq_tunnel_watch_change(int epoll_fd, struct stoq_tunnel_watch *watch, uint32_t events);
/* Takes it out and closes the descriptor. ready() may still come in this turn: look at fd < 0. */
void stoq_tunnel_watch_close(struct stoq_tunnel_watch *watch);
