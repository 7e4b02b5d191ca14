// SPDX-License-Identifier: BSD-2-Clause
/* Calls that other threads have for a worker. */
#include <errno.h>
#include <stdlib.h>

#include "transport/connection.h"
#include "transport/endpoint.h"
#include "transport/handles.h"
#include "transport/inbox.h"
#include "transport/worker.h"

int stoq_transport_post(struct stoq_transport *transport, unsigned int worker,
	void (*call)(void *argument), void *argument)
{
	if (worker >= transport->worker_count)
		return -EINVAL;
	if (transport->destroying)
		return -ESHUTDOWN;
	return stoq_inbox_put_call(&transport->workers[worker]->inbox, call, argument);
}

struct posted {
	struct stoq_transport *transport;
	uint64_t id;
	void (*call)(struct stoq_connection *connection, void *argument);
	void *argument;
};

static void run_posted(void *argument)
{
	struct posted posted = *(struct posted *)argument;

	free(argument);
	posted.call(stoq_connection_find(posted.transport, posted.id), posted.argument);
}

int stoq_connection_post(struct stoq_transport *transport, uint64_t id,
	void (*call)(struct stoq_connection *connection, void *argument), void *argument)
{
	const struct stoq_worker *worker = stoq_handle_worker(transport, id);
	struct posted *posted;
	int status;

	if (!worker || !call)
		return -EINVAL;
	posted = malloc(sizeof(*posted));
	if (!posted)
		return -ENOMEM;
	*posted = (struct posted){transport, id, call, argument};
	status = stoq_transport_post(transport, worker->index, run_posted, posted);
	if (status)
		free(posted);
	return status;
}
