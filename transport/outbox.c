// SPDX-License-Identifier: BSD-2-Clause
#include "transport/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/address.h"
#include "transport/connection.h"
#include "transport/counter.h"
#include "transport/metrics_count.h"
#include "transport/worker.h"

int stoq_outbox_init(struct stoq_outbox *outbox)
{
	*outbox = (struct stoq_outbox){.sealed = true};
	outbox->memory = malloc((size_t)STOQ_OUTBOX_BUFFERS * STOQ_DATAGRAM_MAX_BYTES);
	return outbox->memory ? 0 : -ENOMEM;
}

void stoq_outbox_destroy(struct stoq_outbox *outbox)
{
	free(outbox->memory);
	outbox->memory = NULL;
}

static unsigned int slot_of(const struct stoq_outbox *outbox, unsigned int place)
{
	return (outbox->first + place) % STOQ_OUTBOX_BUFFERS;
}

static uint8_t *memory_of(const struct stoq_outbox *outbox, unsigned int slot)
{
	return outbox->memory + (size_t)slot * STOQ_DATAGRAM_MAX_BYTES;
}

static struct stoq_batch *last_of(struct stoq_outbox *outbox)
{
	return &outbox->datagrams[slot_of(outbox, outbox->count - 1)];
}

uint8_t *stoq_outbox_reserve(struct stoq_worker *worker, size_t size)
{
	struct stoq_outbox *outbox = &worker->outbox;

	/* One slot is left for a packet that turns out not to fit behind the last one. */
	if (outbox->count && !outbox->sealed && outbox->count < STOQ_OUTBOX_BUFFERS) {
		const struct stoq_batch *last = last_of(outbox);

		if (last->size + size <= STOQ_OUTBOX_BUFFER_BYTES)
			return last->data + last->size;
		outbox->sealed = true;
	}
	if (outbox->count >= STOQ_OUTBOX_BUFFERS - 1)
		stoq_outbox_flush(worker);
	if (outbox->count >= STOQ_OUTBOX_BUFFERS - 1)
		return NULL;
	return memory_of(outbox, slot_of(outbox, outbox->count));
}

static bool joins(const struct stoq_worker *worker, const struct stoq_batch *last, size_t size,
	const struct stoq_address *local, const struct stoq_address *remote, uint8_t ecn)
{
	return size <= last->segment_size && worker->outbox.segments < worker->max_segments &&
	       last->ecn == ecn && stoq_address_equal(&last->remote, remote) &&
	       stoq_address_equal(&last->local, local);
}

static void count_packet(struct stoq_worker *worker, size_t size)
{
	stoq_counter_add(&worker->metrics.packets_sent, 1);
	stoq_counter_add(&worker->metrics.bytes_sent, size);
	stoq_counter_add(&worker->metrics.packet_sizes[stoq_packet_size_class(size)], 1);
}

static void begin_buffer(struct stoq_outbox *outbox, struct stoq_connection *owner,
	const uint8_t *written, size_t size)
{
	unsigned int slot = slot_of(outbox, outbox->count);

	outbox->owners[slot] = owner;
	outbox->datagrams[slot].data = memory_of(outbox, slot);
	outbox->datagrams[slot].size = size;
	outbox->datagrams[slot].segment_size = size;
	if (written && written != outbox->datagrams[slot].data)
		memcpy(outbox->datagrams[slot].data, written, size);
	outbox->count++;
	outbox->segments = 1;
	outbox->sealed = false;
}

void stoq_outbox_commit(struct stoq_worker *worker, struct stoq_connection *owner, size_t size,
	const struct stoq_address *local, const struct stoq_address *remote, uint8_t ecn)
{
	struct stoq_outbox *outbox = &worker->outbox;
	const uint8_t *written = NULL;
	struct stoq_batch *last;

	count_packet(worker, size);
	if (outbox->count && !outbox->sealed) {
		last = last_of(outbox);
		written = last->data + last->size;
		if (joins(worker, last, size, local, remote, ecn)) {
			last->size += size;
			outbox->segments++;
			outbox->sealed = size < last->segment_size;
			return;
		}
	}
	begin_buffer(outbox, owner, written, size);
	last = last_of(outbox);
	last->local = *local;
	last->remote = *remote;
	last->ecn = ecn;
}

static void drop_first(struct stoq_outbox *outbox)
{
	outbox->first = slot_of(outbox, 1);
	outbox->count--;
}

/* The first buffer cannot be sent. Its connection learns it if packets are too large. */
static void failed(struct stoq_worker *worker, int error)
{
	struct stoq_outbox *outbox = &worker->outbox;
	struct stoq_connection *owner = outbox->owners[outbox->first];

	stoq_counter_add(&worker->metrics.send_errors, 1);
	if (error == -EMSGSIZE && owner &&
		outbox->datagrams[outbox->first].segment_size <= owner->path_size.current) {
		stoq_path_size_black_hole(&owner->path_size);
		stoq_connection_touch(owner);
	}
	drop_first(outbox);
}

/* The ring's buffers that lie in a row. */
static unsigned int in_a_row(const struct stoq_outbox *outbox)
{
	unsigned int behind = STOQ_OUTBOX_BUFFERS - outbox->first;

	return outbox->count < behind ? outbox->count : behind;
}

void stoq_outbox_flush(struct stoq_worker *worker)
{
	struct stoq_outbox *outbox = &worker->outbox;

	outbox->sealed = true;
	outbox->blocked = false;
	while (outbox->count) {
		int taken = stoq_datapath_send(worker->datapath, &outbox->datagrams[outbox->first],
			in_a_row(outbox), worker->now_ns);

		if (taken == -EAGAIN) {
			outbox->blocked = true;
			return;
		}
		if (taken < 0)
			failed(worker, taken);
		for (; taken > 0; taken--)
			drop_first(outbox);
	}
	/* So that the same memory, still in the cache, is used again. */
	outbox->first = 0;
}

void stoq_outbox_forget(struct stoq_outbox *outbox, const struct stoq_connection *owner)
{
	for (unsigned int i = 0; i < STOQ_OUTBOX_BUFFERS; i++)
		if (outbox->owners[i] == owner)
			outbox->owners[i] = NULL;
}
