// SPDX-License-Identifier: BSD-2-Clause
#include "transport/receive.h"

/* From the datapath to the connection a packet belongs to. */
#include <string.h>

#include "transport/accept.h"
#include "transport/connection.h"
#include "transport/connection_work.h"
#include "transport/counter.h"
#include "transport/endpoint.h"
#include "transport/metrics_count.h"
#include "transport/worker.h"

#define BATCHES_MAX 8 /* in one round, so that sending and timers get their turn */

static struct stoq_connection *find(struct stoq_worker *worker, const ngtcp2_version_cid *ids)
{
	struct stoq_connection *connection;

	if (worker->last_found && worker->last_cid.datalen == ids->dcidlen &&
		memcmp(worker->last_cid.data, ids->dcid, ids->dcidlen) == 0)
		return worker->last_found;
	connection = stoq_cid_find(&worker->cids, ids->dcid, ids->dcidlen);
	if (connection) {
		worker->last_found = connection;
		ngtcp2_cid_init(&worker->last_cid, ids->dcid, ids->dcidlen);
	}
	return connection;
}

/*
 * A stateless reset looks like any packet with a short header; the token at its end tells whose
 * peer sent it. Its connection ID is random, so it may have come to any worker: *owner is set.
 */
static struct stoq_connection *find_reset(
	struct stoq_worker *worker, const uint8_t *data, size_t size, unsigned int *owner)
{
	struct stoq_connection *connection;

	if (data[0] & 0x80 || size < NGTCP2_STATELESS_RESET_TOKENLEN + 1)
		return NULL;
	connection = stoq_transport_find_token(
		worker->transport, data + size - NGTCP2_STATELESS_RESET_TOKENLEN, owner);
	return *owner == worker->index ? connection : NULL;
}

/* Another worker's: true if it went there, or got lost because that one is too slow. */
static bool hand_on(struct stoq_worker *worker, const struct stoq_batch *datagram,
	const uint8_t *data, size_t size, unsigned int owner)
{
	struct stoq_transport *transport = worker->transport;

	if (owner == worker->index)
		return false;
	if (stoq_inbox_put_packet(&transport->workers[owner]->inbox, datagram, data, size))
		stoq_counter_add(&worker->metrics.packets_dropped, 1);
	else
		stoq_counter_add(&worker->metrics.packets_handed_on, 1);
	return true;
}

void stoq_receive_packet(struct stoq_worker *worker, const struct stoq_batch *datagram,
	const uint8_t *data, size_t size, bool handed_on)
{
	struct stoq_connection *connection;
	ngtcp2_version_cid ids;
	unsigned int owner;
	int decoded = ngtcp2_pkt_decode_version_cid(&ids, data, size, STOQ_CID_BYTES);

	stoq_counter_add(&worker->metrics.packets_received, 1);
	stoq_counter_add(&worker->metrics.bytes_received, size);
	stoq_counter_add(&worker->metrics.packet_sizes_received[stoq_packet_size_class(size)], 1);
	/*
	 * A short header must have its fixed bit (RFC 9000 section 17.3.1; RFC 9287 is not offered). The filter at
	 * tc ingress takes it off what it would drop if it came alone, and nobody should answer that.
	 */
	if (!decoded && !(data[0] & 0xc0))
		decoded = NGTCP2_ERR_INVALID_ARGUMENT;
	if (decoded && decoded != NGTCP2_ERR_VERSION_NEGOTIATION) {
		stoq_counter_add(&worker->metrics.packets_dropped, 1);
		return;
	}
	connection = decoded ? NULL : find(worker, &ids);
	owner = ids.dcidlen ? stoq_cid_worker(ids.dcid[0], worker->transport->worker_count)
			    : worker->index;
	if (!connection && !decoded)
		connection = find_reset(worker, data, size, &owner);
	if (connection) {
		stoq_connection_receive(connection, datagram, data, size);
		return;
	}
	if (!handed_on && hand_on(worker, datagram, data, size, owner))
		return;
	stoq_accept_packet(worker, datagram, data, size, &ids, decoded);
}

static void receive_datagram(struct stoq_worker *worker, struct stoq_batch *datagram)
{
	uint32_t segment = datagram->segment_size ? datagram->segment_size : datagram->size;

	if (!datagram->local.length)
		datagram->local = worker->local;
	for (uint32_t at = 0; at < datagram->size; at += segment) {
		uint32_t left = datagram->size - at;

		stoq_receive_packet(worker, datagram, datagram->data + at,
			left < segment ? left : segment, false);
	}
}

/*
 * More is likely to be there: in a stream one acknowledgement then serves for all of it. A single
 * packet is answered first.
 */
static bool streams(const struct stoq_worker *worker, int count)
{
	const struct stoq_batch *last = &worker->received[count - 1];

	return count == STOQ_RECEIVE_BUFFERS || last->size > last->segment_size;
}

int stoq_receive(struct stoq_worker *worker)
{
	for (unsigned int i = 0; i < BATCHES_MAX; i++) {
		int count = stoq_datapath_receive(
			worker->datapath, worker->received, STOQ_RECEIVE_BUFFERS, worker->now_ns);

		if (count < 0)
			return count;
		for (int j = 0; j < count; j++)
			receive_datagram(worker, &worker->received[j]);
		if (!count || !streams(worker, count))
			return 0;
	}
	return 1;
}
