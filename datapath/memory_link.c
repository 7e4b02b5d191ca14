// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/memory_private.h"

#define NS_PER_SECOND 1000000000ull
#define PPM	      1000000u

/* SplitMix64. */
static uint64_t next_random(struct stoq_memory_network *network)
{
	uint64_t value = network->random += 0x9e3779b97f4a7c15;

	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
	value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
	return value ^ (value >> 31);
}

static bool chance(struct stoq_memory_network *network, uint32_t ppm, uint64_t *count)
{
	if (!ppm || next_random(network) % PPM >= ppm)
		return false;
	(*count)++;
	return true;
}

void memory_packet_free(struct stoq_memory_network *network, struct memory_packet *packet)
{
	network->bytes -= sizeof(*packet) + packet->size;
	free(packet);
}

static struct memory_packet *new_packet(
	struct stoq_memory_network *network, const struct stoq_batch *datagram)
{
	size_t bytes = sizeof(struct memory_packet) + datagram->size;
	struct memory_packet *packet;

	if (network->bytes + bytes > network->max_bytes)
		return NULL;
	packet = malloc(bytes);
	if (!packet)
		return NULL;
	network->bytes += bytes;
	packet->size = datagram->size;
	memcpy(packet->data, datagram->data, datagram->size);
	return packet;
}

void memory_deliver(struct stoq_memory_network *network, const struct stoq_address *from,
	const struct stoq_batch *datagram, uint8_t ecn, uint64_t due_ns)
{
	struct stoq_address local;
	struct memory_endpoint *to = memory_find(network, &datagram->remote, &local);
	struct memory_packet *packet;

	if (!to) {
		network->counters.unreachable++;
		return;
	}
	packet = new_packet(network, datagram);
	if (!packet) {
		network->counters.queue_full++;
		return;
	}
	packet->due_ns = due_ns;
	packet->number = network->next_number++;
	packet->remote = *from;
	packet->local = local;
	packet->ecn = ecn;
	if (memory_queue_push(&to->queue, packet)) {
		network->counters.queue_full++;
		memory_packet_free(network, packet);
	}
}

/* How many bytes wait for the bottleneck. */
static uint64_t waiting_bytes(const struct memory_endpoint *from, uint64_t now_ns)
{
	uint64_t wait_ns = from->link_free_ns > now_ns ? from->link_free_ns - now_ns : 0;

	return (uint64_t)((double)wait_ns * (double)from->link.bytes_per_second / NS_PER_SECOND);
}

/*
 * The packet's turn at the bottleneck: sets when it has passed. False: there is no room for it.
 * An empty queue takes any packet, however small the queue.
 */
static bool pass_bottleneck(
	struct memory_endpoint *from, uint32_t size, uint64_t now_ns, uint64_t *passed_ns)
{
	const struct stoq_memory_link *link = &from->link;
	uint64_t start_ns = from->link_free_ns > now_ns ? from->link_free_ns : now_ns;
	uint64_t waiting;

	*passed_ns = now_ns;
	if (!link->bytes_per_second)
		return true;
	waiting = waiting_bytes(from, now_ns);
	if (link->queue_bytes && waiting && waiting + size > link->queue_bytes)
		return false;
	from->link_free_ns = start_ns + size * NS_PER_SECOND / link->bytes_per_second;
	*passed_ns = from->link_free_ns;
	return true;
}

static uint8_t mark(struct memory_endpoint *from, uint8_t ecn, uint64_t waiting)
{
	const struct stoq_memory_link *link = &from->link;
	uint64_t *marked = &from->network->counters.marked;

	if (ecn == STOQ_ECN_NOT_ECT || ecn == STOQ_ECN_CE)
		return ecn;
	if (link->ce_queue_bytes && waiting > link->ce_queue_bytes) {
		(*marked)++;
		return STOQ_ECN_CE;
	}
	return chance(from->network, link->ce_ppm, marked) ? STOQ_ECN_CE : ecn;
}

static uint64_t travel_ns(struct memory_endpoint *from)
{
	const struct stoq_memory_link *link = &from->link;
	uint64_t ns = link->delay_ns;

	if (link->jitter_ns)
		ns += next_random(from->network) % (link->jitter_ns + 1);
	if (chance(from->network, link->reorder_ppm, &from->network->counters.reordered))
		ns += link->reorder_ns;
	return ns;
}

static const struct stoq_address *source_of(
	const struct memory_endpoint *from, const struct stoq_batch *datagram)
{
	if (from->outside.length)
		return &from->outside;
	for (unsigned int i = 1; i < from->address_count; i++)
		if (stoq_address_equal(&from->addresses[i], &datagram->local))
			return &from->addresses[i];
	return &from->addresses[0];
}

/* A bit of it is another, for as long as it takes to copy it. */
static void flip(const struct stoq_batch *datagram, uint64_t bit)
{
	datagram->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void deliver(struct memory_endpoint *from, const struct stoq_batch *datagram, uint8_t ecn,
	uint64_t due_ns)
{
	struct stoq_memory_network *network = from->network;
	uint64_t bit;

	if (!chance(network, from->link.corrupt_ppm, &network->counters.corrupted)) {
		memory_deliver(network, source_of(from, datagram), datagram, ecn, due_ns);
		return;
	}
	bit = next_random(network) % (8ull * datagram->size);
	flip(datagram, bit);
	memory_deliver(network, source_of(from, datagram), datagram, ecn, due_ns);
	flip(datagram, bit);
}

int memory_link_send(
	struct memory_endpoint *from, const struct stoq_batch *datagram, uint64_t now_ns)
{
	struct stoq_memory_counters *counters = &from->network->counters;
	const struct stoq_memory_link *link = &from->link;
	uint64_t waiting = waiting_bytes(from, now_ns), passed_ns;
	uint8_t ecn;

	if (link->interface_max_bytes && datagram->size > link->interface_max_bytes)
		return -EMSGSIZE;
	if (!pass_bottleneck(from, datagram->size, now_ns, &passed_ns)) {
		if (link->queue_refuses) {
			from->room_ns = from->link_free_ns;
			return -EAGAIN;
		}
		counters->queue_full++;
		return 0;
	}
	counters->sent++;
	if (link->path_max_bytes && datagram->size > link->path_max_bytes) {
		counters->too_large++;
		return 0;
	}
	if (chance(from->network, link->loss_ppm, &counters->lost))
		return 0;
	ecn = mark(from, datagram->ecn, waiting);
	if (chance(from->network, link->duplicate_ppm, &counters->duplicated))
		deliver(from, datagram, ecn, passed_ns + travel_ns(from));
	deliver(from, datagram, ecn, passed_ns + travel_ns(from));
	return 0;
}
