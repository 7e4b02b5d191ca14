// SPDX-License-Identifier: BSD-2-Clause
#include "transport/farewell.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "transport/close.h"
#include "transport/connection.h"
#include "transport/endpoint.h"
#include "transport/worker.h"

#define PATIENCE_MS 50

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct stoq_list transports = {&transports, &transports};

/*
 * Another thread may be in the middle of a round, which is short. A worker that this thread is in
 * itself, in a callback, can be used as it is.
 */
static bool claim(struct stoq_worker *worker)
{
	const struct timespec wait = {.tv_nsec = 1000000};

	for (unsigned int i = 0; i < PATIENCE_MS; i++) {
		if (stoq_worker_claim(worker) || pthread_equal(worker->user, pthread_self()))
			return true;
		nanosleep(&wait, NULL);
	}
	return false;
}

/* What ngtcp2 is reading for at this moment, it cannot write for. */
static void close_connections(struct stoq_worker *worker)
{
	struct stoq_list *link;

	for (link = worker->connections.next; link != &worker->connections; link = link->next) {
		struct stoq_connection *connection =
			STOQ_LIST_ENTRY(link, struct stoq_connection, link);

		if (connection->quic && !connection->in_quic)
			stoq_close_at_exit(connection);
	}
	stoq_outbox_flush(worker);
}

static void at_exit(void)
{
	struct stoq_list *link;

	pthread_mutex_lock(&lock);
	for (link = transports.next; link != &transports; link = link->next) {
		struct stoq_transport *transport =
			STOQ_LIST_ENTRY(link, struct stoq_transport, farewell);

		/* A child that was forked has our connections in its memory, but they are not its.
		 */
		if (transport->process != getpid())
			continue;
		for (unsigned int i = 0; i < transport->worker_count; i++)
			if (claim(transport->workers[i]))
				close_connections(transport->workers[i]);
	}
	pthread_mutex_unlock(&lock);
}

static void register_at_exit(void)
{
	/* Without it peers wait for the idle timeout. */
	(void)atexit(at_exit);
}

void stoq_farewell_register(struct stoq_transport *transport)
{
	pthread_once(&once, register_at_exit);
	pthread_mutex_lock(&lock);
	transport->process = getpid();
	stoq_list_append(&transports, &transport->farewell);
	pthread_mutex_unlock(&lock);
}

void stoq_farewell_forget(struct stoq_transport *transport)
{
	pthread_mutex_lock(&lock);
	stoq_list_remove(&transport->farewell);
	pthread_mutex_unlock(&lock);
}
