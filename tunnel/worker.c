// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/worker.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tunnel/link.h"
#include "tunnel/patience.h"
#include "tunnel/reload.h"

#define EVENTS	   64
#define ROUNDS_MAX 4
#define SECOND_NS  1000000000ull
#define MS_NS	   1000000ull

/* ---- a turn ---- */

static int look(struct stoq_tunnel_worker *worker, struct epoll_event *events)
{
	return epoll_wait(worker->epoll_fd, events, EVENTS, 0);
}

static int sleep_until(struct stoq_tunnel_worker *worker, struct epoll_event *events,
	uint64_t now_ns, uint64_t due_ns)
{
	uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(wait_ns / SECOND_NS), .tv_nsec = (long)(wait_ns % SECOND_NS)};
	int count = epoll_pwait2(
		worker->epoll_fd, events, EVENTS, due_ns == STOQ_NEVER ? NULL : &timeout, NULL);

	if (count < 0 && errno == ENOSYS)
		count = epoll_wait(worker->epoll_fd, events, EVENTS,
			due_ns == STOQ_NEVER ? -1 : (int)((wait_ns + MS_NS - 1) / MS_NS));
	return count;
}

static uint64_t poll_until_ns(
	const struct stoq_tunnel_worker *worker, uint64_t now_ns, uint64_t due_ns)
{
	uint64_t until_ns = now_ns + worker->poll.window_ns;

	if (stoq_tunnel_worker_is_busy(worker) || worker->now_ns >= worker->brisk_until_ns)
		return now_ns;
	return until_ns < due_ns ? until_ns : due_ns;
}

/* Looks for work as long as it may come soon. Others that share the CPU go first: they may be who brings it. */
static int poll_then_sleep(
	struct stoq_tunnel_worker *worker, struct epoll_event *events, uint64_t due_ns)
{
	uint64_t begin_ns = stoq_now_ns(), now_ns = begin_ns;
	uint64_t until_ns = poll_until_ns(worker, begin_ns, due_ns);
	int count = 0;

	while (now_ns < until_ns) {
		count = look(worker, events);
		if (count)
			break;
		sched_yield();
		now_ns = stoq_now_ns();
	}
	if (!count)
		count = sleep_until(worker, events, now_ns, due_ns);
	stoq_poll_window_note(&worker->poll, stoq_now_ns() - begin_ns);
	return count;
}

static int wait_for(struct stoq_tunnel_worker *worker, struct epoll_event *events, uint64_t due_ns)
{
	int count = worker->now_ns < worker->awake_until_ns || due_ns <= worker->now_ns
			    ? look(worker, events)
			    : poll_then_sleep(worker, events, due_ns);

	return count < 0 && errno == EINTR ? 0 : count;
}

static void work_links(struct stoq_tunnel_worker *worker)
{
	struct stoq_tunnel_link *link;

	while ((link = worker->dirty)) {
		worker->dirty = link->next_dirty;
		link->dirty = false;
		stoq_link_work(link, worker->now_ns);
	}
}

static void bury(struct stoq_tunnel_worker *worker)
{
	struct stoq_tunnel_link *link;

	while ((link = worker->graveyard)) {
		worker->graveyard = link->next;
		stoq_link_free(link);
	}
}

/* What was noted goes out, what came is noted and goes to TCP. */
static int work(struct stoq_tunnel_worker *worker, bool readable)
{
	struct stoq_transport *transport = worker->tunnel->transport;
	int status = readable ? stoq_transport_process(transport, worker->index, worker->now_ns)
			      : stoq_transport_flush(transport, worker->index, worker->now_ns);

	/* The transport often asks for one more round, which finds that nothing is left. */
	for (int i = 0; i < ROUNDS_MAX && !status; i++) {
		work_links(worker);
		if (stoq_transport_next_ns(transport, worker->index))
			break;
		status = stoq_transport_flush(transport, worker->index, worker->now_ns);
	}
	work_links(worker);
	bury(worker);
	return status;
}

/*
 * With many commands under way, those who bring the next ones may run first if they share our CPU:
 * a turn costs as much for one command as for ten.
 */
static int turn(struct stoq_tunnel_worker *worker)
{
	struct epoll_event events[EVENTS];
	int count = wait_for(
		worker, events, stoq_transport_next_ns(worker->tunnel->transport, worker->index));
	bool readable = false;

	if (count < 0)
		return -errno;
	if (worker->crowded)
		sched_yield();
	worker->crowded = false;
	worker->now_ns = stoq_now_ns();
	if (count && worker->tunnel->config.spin_us)
		worker->awake_until_ns = worker->now_ns + worker->tunnel->config.spin_us * 1000ull;
	for (int i = 0; i < count; i++) {
		struct stoq_tunnel_watch *watch = events[i].data.ptr;

		if (watch)
			watch->ready(watch, events[i].events, worker->now_ns);
		else
			readable = true;
	}
	return work(worker, readable);
}

/* ---- life ---- */

static void woken(struct stoq_tunnel_watch *watch, uint32_t events, uint64_t now_ns)
{
	struct stoq_tunnel_worker *worker =
		(struct stoq_tunnel_worker *)((char *)watch -
					      offsetof(struct stoq_tunnel_worker, wake));
	uint64_t count;

	if (read(watch->fd, &count, sizeof(count)) == sizeof(count) && worker->index == 0)
		stoq_tunnel_answer(worker->tunnel);
}

int stoq_tunnel_worker_open(struct stoq_tunnel_worker *worker, struct stoq_error *error)
{
	struct epoll_event event = {.events = EPOLLIN};
	int transport_fd = stoq_transport_descriptor(worker->tunnel->transport, worker->index);

	worker->poll.limit_ns = worker->tunnel->config.poll_us * 1000ull;
	worker->read_buffer = malloc(STOQ_TCP_READ_BYTES);
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	worker->wake = (struct stoq_tunnel_watch){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = woken};
	if (!worker->read_buffer || worker->epoll_fd < 0 || worker->wake.fd < 0 ||
		epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, transport_fd, &event) ||
		stoq_tunnel_watch_add(worker->epoll_fd, &worker->wake, EPOLLIN))
		return stoq_error_set(error, -errno, "worker %u cannot be made: %s", worker->index,
			strerror(errno));
	if (stoq_patience_begin(worker))
		return stoq_error_set(error, -ENOMEM, "no memory for worker %u", worker->index);
	stoq_block_pool_init(
		&worker->pool, worker->tunnel->config.memory_bytes / worker->tunnel->worker_count);
	return 0;
}

void stoq_tunnel_worker_close(struct stoq_tunnel_worker *worker)
{
	while (worker->links)
		stoq_link_reset(worker->links, STOQ_LANE_STOPPED, NULL);
	worker->dirty = NULL;
	bury(worker);
	stoq_block_pool_destroy(&worker->pool);
	free(worker->read_buffer);
	if (worker->epoll_fd >= 0)
		close(worker->epoll_fd);
	if (worker->wake.fd >= 0)
		stoq_tunnel_watch_close(&worker->wake);
}

int stoq_tunnel_worker_run(struct stoq_tunnel_worker *worker)
{
	int status = 0;

	while (!status && !worker->tunnel->stopping)
		status = turn(worker);
	return status;
}
