// SPDX-License-Identifier: BSD-2-Clause
#include "transport/handles.h"

/*
 * Connections by number, for threads that must not keep pointers. The lowest bits are the worker's
 * index; the rest counts its connections from 1.
 */
#include <errno.h>
#include <stdlib.h>

#include "transport/connection.h"
#include "transport/endpoint.h"
#include "transport/worker.h"

#define WORKER_BITS 6 /* STOQ_DATAPATH_WORKERS_MAX */

_Static_assert(1u << WORKER_BITS == STOQ_DATAPATH_WORKERS_MAX, "a worker's index fits its bits");

static ngtcp2_cid key_of(uint64_t id)
{
	ngtcp2_cid key;

	ngtcp2_cid_init(&key, (const uint8_t *)&id, sizeof(id));
	return key;
}

int stoq_connection_give_id(struct stoq_connection *connection)
{
	struct stoq_worker *worker = connection->worker;
	uint64_t id = (worker->connections_made + 1) << WORKER_BITS | worker->index;
	ngtcp2_cid key = key_of(id);
	int status = stoq_cid_insert(&worker->ids, &key, connection);

	if (status)
		return status;
	worker->connections_made++;
	connection->id = id;
	return 0;
}

void stoq_connection_take_id(struct stoq_connection *connection)
{
	ngtcp2_cid key = key_of(connection->id);

	if (connection->id)
		stoq_cid_remove(&connection->worker->ids, &key);
}

uint64_t stoq_connection_id(const struct stoq_connection *connection)
{
	return connection->id;
}

struct stoq_worker *stoq_handle_worker(const struct stoq_transport *transport, uint64_t id)
{
	unsigned int index = id & ((1u << WORKER_BITS) - 1);

	return index < transport->worker_count && id >> WORKER_BITS ? transport->workers[index]
								    : NULL;
}

struct stoq_connection *stoq_connection_find(struct stoq_transport *transport, uint64_t id)
{
	const struct stoq_worker *worker = stoq_handle_worker(transport, id);

	return worker ? stoq_cid_find(&worker->ids, (const uint8_t *)&id, sizeof(id)) : NULL;
}
