// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RECEIVE_BYTES (512u << 10)
#define EVENTS	      256

struct session {
	struct peer_connection connection;
	int fd;
	bool blocked;				/* the socket's buffer is full */
	struct session *next, **link;		/* of the worker's late ones */
	struct session *next_open, **link_open; /* of all, under the server's lock */
};

struct worker {
	struct peer_server *server;
	pthread_t thread;
	int epoll_fd;
	uint8_t *buffer;
	struct session *late;
	atomic_uint sessions;
};

struct peer_server {
	struct peer_target *target;
	struct peer_server_config config;
	int listen_fd, stop_fd;
	struct worker *workers;
	uint32_t worker_count;
	atomic_bool stopping;
	atomic_ullong accepted, failed;
	pthread_mutex_t lock;
	struct session *open;
};

static int watch(const struct worker *worker, int operation, int fd, uint32_t events, void *data)
{
	struct epoll_event event = {.events = events, .data.ptr = data};

	return epoll_ctl(worker->epoll_fd, operation, fd, &event) ? -errno : 0;
}

static void add_open(struct peer_server *server, struct session *session)
{
	pthread_mutex_lock(&server->lock);
	session->next_open = server->open;
	session->link_open = &server->open;
	if (session->next_open)
		session->next_open->link_open = &session->next_open;
	server->open = session;
	pthread_mutex_unlock(&server->lock);
}

static void remove_open(struct peer_server *server, struct session *session)
{
	pthread_mutex_lock(&server->lock);
	*session->link_open = session->next_open;
	if (session->next_open)
		session->next_open->link_open = session->link_open;
	pthread_mutex_unlock(&server->lock);
}

static void free_session(struct session *session)
{
	close(session->fd);
	peer_connection_free(&session->connection);
	free(session);
}

static void remember_late(struct worker *worker, struct session *session)
{
	if (session->link || !session->connection.late_count)
		return;
	session->next = worker->late;
	session->link = &worker->late;
	if (session->next)
		session->next->link = &session->next;
	worker->late = session;
}

static void forget_late(struct session *session)
{
	*session->link = session->next;
	if (session->next)
		session->next->link = session->link;
	session->link = NULL;
}

static void end_session(struct worker *worker, struct session *session)
{
	if (session->link)
		forget_late(session);
	remove_open(worker->server, session);
	free_session(session);
	atomic_fetch_sub(&worker->sessions, 1);
}

/* Sends until nothing is left or the socket is full; in that case waits for it. */
static int send_all(struct worker *worker, struct session *session)
{
	struct peer_connection *connection = &session->connection;
	int status = 0;
	bool blocked;

	do {
		peer_connection_pump(connection);
		if (connection->has_tx)
			status = peer_send(session->fd, &connection->tx);
	} while (!status && connection->has_tx && connection->tx.count + connection->ready_count);
	if (status && status != -EAGAIN)
		return status;
	blocked = status == -EAGAIN;
	if (blocked == session->blocked)
		return 0;
	session->blocked = blocked;
	return watch(
		worker, EPOLL_CTL_MOD, session->fd, EPOLLIN | (blocked ? EPOLLOUT : 0), session);
}

static int receive(struct worker *worker, struct session *session)
{
	ssize_t got = peer_receive(session->fd, worker->buffer, RECEIVE_BYTES);

	if (got <= 0)
		return (int)got;
	return peer_connection_receive(
		&session->connection, worker->buffer, (size_t)got, stoq_clock_now_ns());
}

static void serve(struct worker *worker, struct session *session, uint32_t events)
{
	int status = 0;

	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		status = receive(worker, session);
	if (!status)
		status = send_all(worker, session);
	if (!status) {
		remember_late(worker, session);
		return;
	}
	if (session->connection.problem) {
		atomic_fetch_add(&worker->server->failed, 1);
		if (worker->server->config.verbose)
			fprintf(stderr, "peer-target: connection ended: %s\n",
				session->connection.problem);
	}
	end_session(worker, session);
}

static struct worker *idlest(struct peer_server *server)
{
	struct worker *best = &server->workers[0];

	for (uint32_t i = 1; i < server->worker_count; i++) {
		if (atomic_load(&server->workers[i].sessions) < atomic_load(&best->sessions))
			best = &server->workers[i];
	}
	return best;
}

static void adopt(struct peer_server *server, int fd)
{
	struct worker *worker = idlest(server);
	struct session *session = calloc(1, sizeof(*session));
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!session || peer_connection_init(&session->connection, server->target)) {
		free(session);
		close(fd);
		return;
	}
	session->fd = fd;
	add_open(server, session);
	atomic_fetch_add(&worker->sessions, 1);
	atomic_fetch_add(&server->accepted, 1);
	if (watch(worker, EPOLL_CTL_ADD, fd, EPOLLIN, session))
		end_session(worker, session);
}

static void accept_all(struct peer_server *server)
{
	for (int i = 0; i < EVENTS; i++) {
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		adopt(server, fd);
	}
}

/* Ends late commands whose time has come. How long epoll may sleep, in ms; -1: no limit. */
static int tick(struct worker *worker)
{
	uint64_t now = worker->late ? stoq_clock_now_ns() : 0;
	uint64_t next = UINT64_MAX;

	for (struct session *session = worker->late, *after; session; session = after) {
		uint64_t due = peer_connection_tick(&session->connection, now);

		after = session->next;
		if (due && due < next)
			next = due;
		if (!due)
			forget_late(session);
		serve(worker, session, 0);
	}
	return next == UINT64_MAX ? -1 : (int)((next - now) / 1000000);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct peer_server *server = worker->server;
	struct epoll_event events[EVENTS];

	while (!atomic_load_explicit(&server->stopping, memory_order_relaxed)) {
		int timeout = tick(worker);
		bool spin = server->config.spin && atomic_load(&worker->sessions);
		int n = epoll_wait(worker->epoll_fd, events, EVENTS, spin ? 0 : timeout);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == server)
				accept_all(server);
			else if (events[i].data.ptr)
				serve(worker, events[i].data.ptr, events[i].events);
		}
	}
	return NULL;
}

static int start_worker(struct peer_server *server, struct worker *worker)
{
	bool first = worker == server->workers;
	int status;

	worker->server = server;
	worker->buffer = malloc(RECEIVE_BYTES);
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!worker->buffer || worker->epoll_fd < 0)
		return -ENOMEM;
	status = watch(worker, EPOLL_CTL_ADD, server->stop_fd, EPOLLIN, NULL);
	if (!status && first)
		status = watch(worker, EPOLL_CTL_ADD, server->listen_fd, EPOLLIN, server);
	if (!status)
		status = -pthread_create(&worker->thread, NULL, work, worker);
	return status;
}

static int start_workers(struct peer_server *server, struct stoq_error *error)
{
	/* The first one accepts and hands out: the others must be there. */
	for (uint32_t i = server->config.threads; i-- > 0;) {
		int status = start_worker(server, &server->workers[i]);

		if (status)
			return stoq_error_set(
				error, status, "Cannot start thread %u: %s", i, strerror(-status));
	}
	return 0;
}

int peer_server_start(struct peer_server **out, struct peer_target *target,
	const struct peer_server_config *config, struct stoq_error *error)
{
	struct peer_server *server = calloc(1, sizeof(*server));
	int status;

	if (!server)
		return stoq_error_set(error, -ENOMEM, "Out of memory");
	server->target = target;
	server->config = *config;
	pthread_mutex_init(&server->lock, NULL);
	server->workers = calloc(config->threads, sizeof(*server->workers));
	server->worker_count = config->threads;
	server->stop_fd = eventfd(0, EFD_CLOEXEC);
	server->listen_fd = peer_listen(&config->address, config->mptcp, error);
	if (server->listen_fd < 0) {
		status = server->listen_fd;
		close(server->stop_fd);
		free(server->workers);
		free(server);
		return status;
	}
	status = start_workers(server, error);
	if (status)
		peer_server_stop(server);
	else
		*out = server;
	return status;
}

struct peer_server_counts peer_server_stop(struct peer_server *server)
{
	struct peer_server_counts counts;
	uint64_t one = 1;

	atomic_store(&server->stopping, true);
	if (write(server->stop_fd, &one, sizeof(one)) < 0)
		perror("peer-target: eventfd");
	for (uint32_t i = 0; i < server->worker_count; i++) {
		struct worker *worker = &server->workers[i];

		if (worker->thread)
			pthread_join(worker->thread, NULL);
		if (worker->epoll_fd > 0)
			close(worker->epoll_fd);
		free(worker->buffer);
	}
	while (server->open) {
		struct session *session = server->open;

		server->open = session->next_open;
		free_session(session);
	}
	counts.connections = atomic_load(&server->accepted);
	counts.failed = atomic_load(&server->failed);
	close(server->listen_fd);
	close(server->stop_fd);
	free(server->workers);
	free(server);
	return counts;
}
