// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "datapath/memory_private.h"

static bool before(const struct memory_packet *a, const struct memory_packet *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void swap(struct memory_queue *queue, size_t a, size_t b)
{
	struct memory_packet *packet = queue->packets[a];

	queue->packets[a] = queue->packets[b];
	queue->packets[b] = packet;
}

int memory_queue_push(struct memory_queue *queue, struct memory_packet *packet)
{
	size_t at = queue->count;
	void *packets = stoq_array_room(
		queue->packets, queue->count, &queue->capacity, sizeof(struct memory_packet *));

	if (!packets)
		return -ENOMEM;
	queue->packets = packets;
	queue->packets[queue->count++] = packet;
	while (at && before(queue->packets[at], queue->packets[(at - 1) / 2])) {
		swap(queue, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
	return 0;
}

static void sink(struct memory_queue *queue, size_t at)
{
	for (;;) {
		size_t first = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < queue->count;
			child++)
			if (before(queue->packets[child], queue->packets[first]))
				first = child;
		if (first == at)
			return;
		swap(queue, at, first);
		at = first;
	}
}

struct memory_packet *memory_queue_pop(struct memory_queue *queue)
{
	struct memory_packet *packet = queue->packets[0];

	queue->packets[0] = queue->packets[--queue->count];
	sink(queue, 0);
	return packet;
}

void memory_queue_free(struct memory_queue *queue)
{
	free(queue->packets);
	*queue = (struct memory_queue){.packets = NULL};
}
