// SPDX-License-Identifier: BSD-2-Clause
#include "transport/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"
#include "transport/close.h"
#include "transport/close_want.h"
#include "transport/connection.h"
#include "transport/connection_end.h"
#include "transport/connection_work.h"
#include "transport/counter.h"
#include "transport/endpoint.h"
#include "transport/keep_alive.h"
#include "transport/metrics_count.h"
#include "transport/receive.h"
#include "transport/stream.h"
#include "transport/tls_verify.h"

#define POOL_KEEP_BYTES (16u << 20)

static void set_budget(struct stoq_worker *worker)
{
	const struct stoq_transport_config *config = &worker->settings->config;

	stoq_budget_set(&worker->budget, config->max_memory_bytes / worker->transport->worker_count,
		stoq_transport_share(worker->transport, config->max_connections));
}

/* ---- what to wait for ---- */

static int watch_datapath(struct stoq_worker *worker)
{
	struct epoll_event event = {0};
	short wanted = 0;
	int descriptor = stoq_datapath_descriptor(worker->datapath, &wanted);
	int how = worker->polled_events < 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (descriptor < 0 || wanted == worker->polled_events)
		return 0;
	event.events = (wanted & POLLIN ? EPOLLIN : 0) | (wanted & POLLOUT ? EPOLLOUT : 0);
	if (epoll_ctl(worker->epoll_fd, how, descriptor, &event))
		return -errno;
	worker->polled_events = wanted;
	return 0;
}

static int watch_inbox(struct stoq_worker *worker)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->inbox.event_fd, &event);
}

/* ---- beginning and end ---- */

static int prepare_receiving(struct stoq_worker *worker)
{
	worker->receive_memory = malloc((size_t)STOQ_RECEIVE_BUFFERS * STOQ_DATAGRAM_MAX_BYTES);
	if (!worker->receive_memory)
		return -ENOMEM;
	for (size_t i = 0; i < STOQ_RECEIVE_BUFFERS; i++) {
		worker->received[i].data = worker->receive_memory + i * STOQ_DATAGRAM_MAX_BYTES;
		worker->received[i].capacity = STOQ_DATAGRAM_MAX_BYTES;
	}
	return 0;
}

static int prepare(struct stoq_worker *worker)
{
	int status = stoq_inbox_init(&worker->inbox);

	if (!status)
		status = stoq_cid_table_init(&worker->cids, &worker->transport->hash_key);
	if (!status)
		status = stoq_cid_table_init(&worker->ids, &worker->transport->hash_key);
	if (!status)
		status = stoq_outbox_init(&worker->outbox);
	if (!status)
		status = prepare_receiving(worker);
	if (!status) {
		worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		status = worker->epoll_fd < 0 || watch_inbox(worker) ? -errno : 0;
	}
	return status ? status : watch_datapath(worker);
}

static void describe(struct stoq_worker *worker)
{
	struct stoq_datapath_info info = {0};

	stoq_datapath_info(worker->datapath, &info);
	worker->local = info.local;
	worker->described = worker->datapath->changes;
	pthread_mutex_lock(&worker->metrics.lock);
	snprintf(worker->description, sizeof(worker->description), "%s", info.description);
	pthread_mutex_unlock(&worker->metrics.lock);
	worker->max_segments = info.max_segments ? info.max_segments : 1;
	worker->joins = info.joins;
	if (info.warning[0])
		stoq_transport_log(worker->transport, STOQ_LOG_WARNING, "%s", info.warning);
}

int stoq_worker_new(struct stoq_worker **result, struct stoq_transport *transport,
	unsigned int index, struct stoq_datapath *datapath, struct stoq_error *error)
{
	struct stoq_worker *worker = calloc(1, sizeof(*worker));
	int status;

	if (!worker) {
		stoq_datapath_close(datapath);
		return stoq_error_set(error, -ENOMEM, "no memory for worker %u", index);
	}
	worker->transport = transport;
	worker->index = index;
	worker->datapath = datapath;
	worker->settings = stoq_transport_settings(transport);
	worker->settings_version = transport->settings_version;
	worker->credentials_version = transport->credentials_version;
	worker->epoll_fd = -1;
	worker->polled_events = -1;
	worker->inbox.event_fd = -1;
	worker->metrics.rtt_min_ns = UINT64_MAX;
	pthread_mutex_init(&worker->metrics.lock, NULL);
	stoq_list_init(&worker->connections);
	stoq_list_init(&worker->dirty);
	stoq_alarms_init(&worker->alarms);
	stoq_pool_init(&worker->pool, POOL_KEEP_BYTES);
	stoq_budget_init(&worker->budget, &worker->pool);
	set_budget(worker);
	status = prepare(worker);
	if (status) {
		stoq_worker_free(worker);
		return stoq_error_set(
			error, status, "worker %u cannot be made: %s", index, strerror(-status));
	}
	describe(worker);
	*result = worker;
	return 0;
}

bool stoq_worker_claim(struct stoq_worker *worker)
{
	if (__atomic_exchange_n(&worker->busy, true, __ATOMIC_ACQUIRE))
		return false;
	worker->user = pthread_self();
	return true;
}

void stoq_worker_release(struct stoq_worker *worker)
{
	__atomic_store_n(&worker->busy, false, __ATOMIC_RELEASE);
}

void stoq_worker_end(struct stoq_worker *worker)
{
	ngtcp2_ccerr error;

	stoq_inbox_finish(&worker->inbox);
	ngtcp2_ccerr_default(&error);
	ngtcp2_ccerr_set_application_error(&error, 0, NULL, 0);
	while (!stoq_list_empty(&worker->connections)) {
		struct stoq_connection *connection =
			STOQ_LIST_ENTRY(worker->connections.next, struct stoq_connection, link);

		/* Then it is gone, or only repeats CONNECTION_CLOSE. */
		stoq_close_want(
			connection, STOQ_CLOSE_LOCAL, &error, "the transport was destroyed");
		if (connection->quic)
			stoq_close_now(connection);
		else
			stoq_connection_free(connection);
	}
	stoq_outbox_flush(worker);
}

void stoq_worker_free(struct stoq_worker *worker)
{
	stoq_inbox_destroy(&worker->inbox);
	stoq_datapath_close(worker->datapath);
	stoq_outbox_destroy(&worker->outbox);
	stoq_cid_table_destroy(&worker->cids);
	stoq_cid_table_destroy(&worker->ids);
	stoq_alarms_destroy(&worker->alarms);
	stoq_timers_destroy(&worker->timers);
	stoq_pool_destroy(&worker->pool);
	if (worker->epoll_fd >= 0)
		close(worker->epoll_fd);
	stoq_settings_release(worker->settings);
	pthread_mutex_destroy(&worker->metrics.lock);
	free(worker->receive_memory);
	free(worker);
}

/* ---- a round ---- */

static void adopt_settings(struct stoq_worker *worker)
{
	struct stoq_transport *transport = worker->transport;
	unsigned int version = __atomic_load_n(&transport->settings_version, __ATOMIC_ACQUIRE);
	struct stoq_list *link;
	uint64_t keep_alive_ns;

	if (version == worker->settings_version)
		return;
	keep_alive_ns = worker->settings->config.keep_alive_ns;
	stoq_settings_release(worker->settings);
	worker->settings = stoq_transport_settings(transport);
	worker->settings_version = version;
	set_budget(worker);
	if (keep_alive_ns == worker->settings->config.keep_alive_ns)
		return;
	for (link = worker->connections.next; link != &worker->connections; link = link->next) {
		struct stoq_connection *connection =
			STOQ_LIST_ENTRY(link, struct stoq_connection, link);

		if (connection->quic)
			(void)stoq_connection_keep_alive(connection);
	}
}

static void empty_inbox(struct stoq_worker *worker)
{
	struct stoq_inbox_item item;

	/* As many as fit at once: what is put there meanwhile waits for the next round. */
	for (unsigned int i = 0; i < STOQ_INBOX_ITEMS; i++) {
		if (!stoq_inbox_take(&worker->inbox, &item))
			return;
		if (item.call)
			item.call(item.argument);
		if (item.packet)
			stoq_receive_packet(
				worker, item.packet, item.packet->data, item.packet->size, true);
		free(item.packet);
	}
	/* Only what comes into an empty one wakes us. */
	stoq_inbox_wake(&worker->inbox);
}

static void expire_timers(struct stoq_worker *worker)
{
	struct stoq_timer *timer;

	while ((timer = stoq_timers_expire(&worker->timers, worker->now_ns)))
		stoq_connection_expire(STOQ_LIST_ENTRY(timer, struct stoq_connection, timer));
}

/* Connections that waited for memory, to be written or received, and may find some now. */
static void tell_waiting(struct stoq_worker *worker)
{
	struct stoq_list waiting;

	stoq_budget_take_waiting(&worker->budget, &waiting);
	while (!stoq_list_empty(&waiting)) {
		struct stoq_connection *connection = STOQ_LIST_ENTRY(
			stoq_list_take_first(&waiting), struct stoq_connection, account.waiting);

		stoq_streams_tell_writers(connection);
		stoq_connection_lend_again(connection);
	}
}

/* Our files were read again: who is revoked by now has to go. */
static void adopt_credentials(struct stoq_worker *worker)
{
	unsigned int version =
		__atomic_load_n(&worker->transport->credentials_version, __ATOMIC_ACQUIRE);
	struct stoq_list *link;

	if (version == worker->credentials_version)
		return;
	worker->credentials_version = version;
	for (link = worker->connections.next; link != &worker->connections; link = link->next)
		stoq_connection_review(STOQ_LIST_ENTRY(link, struct stoq_connection, link));
}

/* Each one that was touched gets its turn once. */
static void work(struct stoq_worker *worker)
{
	struct stoq_list todo;

	/* What is touched meanwhile waits. */
	stoq_list_take_all(&todo, &worker->dirty);
	while (!stoq_list_empty(&todo)) {
		struct stoq_connection *connection =
			STOQ_LIST_ENTRY(stoq_list_take_first(&todo), struct stoq_connection, dirty);

		if (!stoq_connection_work(connection))
			stoq_connection_touch(connection);
	}
}

/* stoq_transport_stop(): closes all connections, once. */
static void stop(struct stoq_worker *worker)
{
	struct stoq_list *link;

	if (worker->stopped || !__atomic_load_n(&worker->transport->stopping, __ATOMIC_RELAXED))
		return;
	worker->stopped = true;
	for (link = worker->connections.next; link != &worker->connections; link = link->next)
		stoq_connection_close(STOQ_LIST_ENTRY(link, struct stoq_connection, link), 0,
			"the transport stops");
}

static int process(struct stoq_worker *worker, uint64_t now_ns, bool receive)
{
	int more = 0;

	if (now_ns > worker->now_ns)
		worker->now_ns = now_ns;
	adopt_settings(worker);
	adopt_credentials(worker);
	stoq_inbox_drain_wakes(&worker->inbox);
	if (worker->outbox.count)
		stoq_outbox_flush(worker);
	empty_inbox(worker);
	if (receive)
		more = stoq_receive(worker);
	if (more < 0)
		return more;
	if (worker->described != worker->datapath->changes)
		describe(worker);
	expire_timers(worker);
	stoq_alarms_expire(&worker->alarms, worker->now_ns);
	stop(worker);
	tell_waiting(worker);
	work(worker);
	stoq_outbox_flush(worker);
	stoq_worker_note_datapath(worker);
	return watch_datapath(worker);
}

int stoq_worker_process(struct stoq_worker *worker, uint64_t now_ns, bool receive)
{
	int status;

	if (!stoq_worker_claim(worker))
		return -EBUSY;
	status = process(worker, now_ns, receive);
	stoq_worker_release(worker);
	return status;
}

uint64_t stoq_worker_next_ns(const struct stoq_worker *worker)
{
	uint64_t next_ns = stoq_timers_next_ns(&worker->timers);
	uint64_t alarm_ns = stoq_timers_next_ns(&worker->alarms.timers);

	if (alarm_ns < next_ns)
		next_ns = alarm_ns;

	/* While the datapath takes nothing, its descriptor says when to go on. */
	if (worker->outbox.blocked)
		return next_ns;
	return stoq_list_empty(&worker->dirty) ? next_ns : 0;
}
