// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/memory_private.h"

/* ---- the network ---- */

int stoq_memory_network_open(uint64_t seed, size_t max_bytes, struct stoq_memory_network **network)
{
	struct stoq_memory_network *new_network = calloc(1, sizeof(*new_network));

	if (!new_network)
		return -ENOMEM;
	new_network->random = seed;
	new_network->max_bytes = max_bytes;
	*network = new_network;
	return 0;
}

void stoq_memory_network_close(struct stoq_memory_network *network)
{
	free(network);
}

struct memory_endpoint *memory_find(const struct stoq_memory_network *network,
	const struct stoq_address *address, struct stoq_address *local)
{
	for (struct memory_endpoint *endpoint = network->endpoints; endpoint;
		endpoint = endpoint->next) {
		if (endpoint->outside.length) {
			if (!stoq_address_equal(&endpoint->outside, address))
				continue;
			*local = endpoint->addresses[0];
			return endpoint;
		}
		for (unsigned int i = 0; i < endpoint->address_count; i++) {
			if (!stoq_address_equal(&endpoint->addresses[i], address))
				continue;
			*local = *address;
			return endpoint;
		}
	}
	return NULL;
}

void stoq_memory_inject(
	struct stoq_memory_network *network, const struct stoq_batch *datagram, uint64_t now_ns)
{
	memory_deliver(network, &datagram->local, datagram, datagram->ecn, now_ns);
}

uint64_t stoq_memory_next_ns(const struct stoq_memory_network *network)
{
	uint64_t next_ns = UINT64_MAX;

	for (const struct memory_endpoint *endpoint = network->endpoints; endpoint;
		endpoint = endpoint->next) {
		if (endpoint->queue.count && endpoint->queue.packets[0]->due_ns < next_ns)
			next_ns = endpoint->queue.packets[0]->due_ns;
		if (endpoint->room_ns && endpoint->room_ns < next_ns)
			next_ns = endpoint->room_ns;
	}
	return next_ns;
}

void stoq_memory_counters(
	const struct stoq_memory_network *network, struct stoq_memory_counters *counters)
{
	*counters = network->counters;
}

/* ---- sending ---- */

/* One segment; 0, or -EMSGSIZE, -EAGAIN. */
static int send_segment(
	struct memory_endpoint *endpoint, const struct stoq_batch *from, uint64_t now_ns)
{
	uint8_t copy[STOQ_DATAGRAM_MAX_BYTES];
	struct stoq_batch segment = *from;

	if (segment.size > segment.segment_size)
		segment.size = segment.segment_size;
	if (endpoint->filter) {
		memcpy(copy, segment.data, segment.size);
		segment.data = copy;
		if (!endpoint->filter(endpoint->filter_context, &segment)) {
			endpoint->network->counters.filtered++;
			return 0;
		}
	}
	return memory_link_send(endpoint, &segment, now_ns);
}

static int send_datagram(
	struct memory_endpoint *endpoint, struct stoq_batch *datagram, uint64_t now_ns)
{
	while (datagram->size) {
		uint32_t size = datagram->size < datagram->segment_size ? datagram->size
									: datagram->segment_size;
		int ret = send_segment(endpoint, datagram, now_ns);

		if (ret)
			return ret;
		endpoint->counters.sent_datagrams++;
		endpoint->counters.sent_bytes += size;
		datagram->data += size;
		datagram->size -= size;
	}
	return 0;
}

static int memory_send_batch(struct stoq_datapath *datapath, struct stoq_batch *datagrams,
	unsigned int count, uint64_t now_ns)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(datapath);

	endpoint->counters.sent_batches++;
	endpoint->room_ns = 0;
	for (unsigned int i = 0; i < count; i++) {
		int ret = send_datagram(endpoint, &datagrams[i], now_ns);

		if (ret && i)
			return (int)i;
		if (ret != 0 && ret != -EAGAIN)
			endpoint->counters.dropped_sending += stoq_datagram_segments(
				datagrams[i].size, datagrams[i].segment_size);
		if (ret)
			return ret;
	}
	return (int)count;
}

/* ---- receiving ---- */

/* The first packet if it is due; a packet to an address that is no longer ours is lost. */
static struct memory_packet *peek(struct memory_endpoint *endpoint, uint64_t now_ns)
{
	while (endpoint->queue.count && endpoint->queue.packets[0]->due_ns <= now_ns) {
		struct memory_packet *packet = endpoint->queue.packets[0];

		for (unsigned int i = 0; i < endpoint->address_count; i++)
			if (stoq_address_equal(&packet->local, &endpoint->addresses[i]))
				return packet;
		endpoint->network->counters.unreachable++;
		memory_packet_free(endpoint->network, memory_queue_pop(&endpoint->queue));
	}
	return NULL;
}

/* Whether GRO would put it behind what is in the buffer. */
static bool joins(const struct memory_endpoint *endpoint, const struct stoq_batch *datagram,
	const struct memory_packet *packet)
{
	return packet->size <= datagram->segment_size &&
	       datagram->size % datagram->segment_size == 0 &&
	       datagram->size + packet->size <= datagram->capacity &&
	       datagram->size / datagram->segment_size < endpoint->joined &&
	       packet->ecn == datagram->ecn &&
	       stoq_address_equal(&packet->remote, &datagram->remote) &&
	       stoq_address_equal(&packet->local, &datagram->local);
}

static void take(struct memory_endpoint *endpoint, struct stoq_batch *datagram)
{
	struct memory_packet *packet = memory_queue_pop(&endpoint->queue);

	memcpy(datagram->data + datagram->size, packet->data, packet->size);
	datagram->size += packet->size;
	endpoint->counters.received_datagrams++;
	endpoint->counters.received_bytes += packet->size;
	endpoint->network->counters.received++;
	memory_packet_free(endpoint->network, packet);
}

static void drop_truncated(struct memory_endpoint *endpoint)
{
	endpoint->counters.dropped_receiving++;
	memory_packet_free(endpoint->network, memory_queue_pop(&endpoint->queue));
}

/* False: nothing is due. */
static bool receive_one(
	struct memory_endpoint *endpoint, struct stoq_batch *datagram, uint64_t now_ns)
{
	struct memory_packet *packet = peek(endpoint, now_ns);

	while (packet && (packet->size > datagram->capacity || !packet->size)) {
		drop_truncated(endpoint);
		packet = peek(endpoint, now_ns);
	}
	if (!packet)
		return false;
	datagram->remote = packet->remote;
	datagram->local = packet->local;
	datagram->ecn = packet->ecn;
	datagram->segment_size = (uint16_t)packet->size;
	datagram->size = 0;
	do {
		take(endpoint, datagram);
		packet = peek(endpoint, now_ns);
	} while (packet && joins(endpoint, datagram, packet));
	return true;
}

static int memory_receive_batch(struct stoq_datapath *datapath, struct stoq_batch *datagrams,
	unsigned int count, uint64_t now_ns)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(datapath);
	unsigned int filled = 0;

	endpoint->counters.received_batches++;
	while (filled < count && receive_one(endpoint, &datagrams[filled], now_ns))
		filled++;
	return (int)filled;
}

/* ---- the rest of the interface ---- */

static int memory_descriptor(struct stoq_datapath *datapath, short *events)
{
	*events = memory_endpoint_of(datapath)->room_ns ? POLLIN | POLLOUT : POLLIN;
	return -1;
}

static int memory_route(struct stoq_datapath *datapath, const struct stoq_address *remote,
	struct stoq_datapath_route *route)
{
	const struct memory_endpoint *endpoint = memory_endpoint_of(datapath);

	if (remote->sa.sa_family != endpoint->addresses[0].sa.sa_family)
		return -EAFNOSUPPORT;
	route->local = endpoint->addresses[0];
	route->max_payload_bytes = endpoint->link.interface_max_bytes;
	return 0;
}

static void memory_info(struct stoq_datapath *datapath, struct stoq_datapath_info *info)
{
	const struct memory_endpoint *endpoint = memory_endpoint_of(datapath);
	char text[STOQ_ADDRESS_TEXT];

	memset(info, 0, sizeof(*info));
	info->kind = "memory";
	info->local = endpoint->addresses[0];
	info->max_segments = MEMORY_SEGMENTS;
	snprintf(info->description, sizeof(info->description), "in memory, %s",
		stoq_address_text(text, &endpoint->addresses[0]));
}

static void memory_counters(struct stoq_datapath *datapath, struct stoq_datapath_counters *counters)
{
	*counters = memory_endpoint_of(datapath)->counters;
	counters->zero_copy_operations = UINT64_MAX;
	counters->copied_operations = UINT64_MAX;
}

static void memory_close(struct stoq_datapath *datapath)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(datapath);
	struct memory_endpoint **at = &endpoint->network->endpoints;

	while (*at != endpoint)
		at = &(*at)->next;
	*at = endpoint->next;
	while (endpoint->queue.count)
		memory_packet_free(endpoint->network, memory_queue_pop(&endpoint->queue));
	memory_queue_free(&endpoint->queue);
	free(endpoint);
}

static const struct stoq_datapath_operations operations = {
	.send_batch = memory_send_batch,
	.receive_batch = memory_receive_batch,
	.descriptor = memory_descriptor,
	.route = memory_route,
	.info = memory_info,
	.counters = memory_counters,
	.close = memory_close,
};

/* ---- endpoints ---- */

int stoq_memory_open(struct stoq_memory_network *network, const struct stoq_address *address,
	struct stoq_datapath **datapath)
{
	struct memory_endpoint *endpoint;
	struct stoq_address local;

	if (memory_find(network, address, &local))
		return -EADDRINUSE;
	endpoint = calloc(1, sizeof(*endpoint));
	if (!endpoint)
		return -ENOMEM;
	endpoint->base.operations = &operations;
	endpoint->network = network;
	endpoint->addresses[0] = *address;
	endpoint->address_count = 1;
	endpoint->joined = MEMORY_SEGMENTS;
	endpoint->next = network->endpoints;
	network->endpoints = endpoint;
	*datapath = &endpoint->base;
	return 0;
}

void stoq_memory_set_link(struct stoq_datapath *datapath, const struct stoq_memory_link *link)
{
	memory_endpoint_of(datapath)->link = *link;
}

void stoq_memory_set_joined(struct stoq_datapath *datapath, uint32_t segments)
{
	memory_endpoint_of(datapath)->joined = segments;
}

int stoq_memory_add_address(struct stoq_datapath *datapath, const struct stoq_address *address)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(datapath);

	if (endpoint->address_count == MEMORY_ADDRESSES)
		return -ENOSPC;
	endpoint->addresses[endpoint->address_count++] = *address;
	return 0;
}

void stoq_memory_move(struct stoq_datapath *datapath, const struct stoq_address *address)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(datapath);

	endpoint->addresses[0] = *address;
	endpoint->address_count = 1;
}

void stoq_memory_set_outside(struct stoq_datapath *datapath, const struct stoq_address *outside)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(datapath);

	endpoint->outside = outside ? *outside : (struct stoq_address){.length = 0};
}

void stoq_memory_set_filter(struct stoq_datapath *datapath,
	bool (*filter)(void *context, struct stoq_batch *datagram), void *context)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(datapath);

	endpoint->filter = filter;
	endpoint->filter_context = context;
}
