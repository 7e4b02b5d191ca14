// SPDX-License-Identifier: BSD-2-Clause
#include "transport/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int stoq_inbox_init(struct stoq_inbox *inbox)
{
	inbox->first = 0;
	inbox->count = 0;
	inbox->packet_bytes = 0;
	inbox->filled = false;
	inbox->woken = false;
	inbox->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (inbox->event_fd < 0)
		return -errno;
	pthread_mutex_init(&inbox->lock, NULL);
	return 0;
}

void stoq_inbox_finish(struct stoq_inbox *inbox)
{
	struct stoq_inbox_item item;

	while (stoq_inbox_take(inbox, &item)) {
		if (item.call)
			item.call(item.argument);
		free(item.packet);
	}
}

void stoq_inbox_destroy(struct stoq_inbox *inbox)
{
	if (inbox->event_fd < 0)
		return;
	pthread_mutex_destroy(&inbox->lock);
	close(inbox->event_fd);
	inbox->event_fd = -1;
}

static int put(struct stoq_inbox *inbox, const struct stoq_inbox_item *item)
{
	size_t bytes = item->packet ? item->packet->size : 0;
	int status = -EAGAIN;
	bool first = false;

	pthread_mutex_lock(&inbox->lock);
	if (inbox->count < STOQ_INBOX_ITEMS &&
		inbox->packet_bytes + bytes <= STOQ_INBOX_PACKET_BYTES) {
		inbox->items[(inbox->first + inbox->count) % STOQ_INBOX_ITEMS] = *item;
		first = inbox->count++ == 0;
		inbox->packet_bytes += bytes;
		__atomic_store_n(&inbox->filled, true, __ATOMIC_RELEASE);
		status = 0;
	}
	pthread_mutex_unlock(&inbox->lock);
	if (first)
		stoq_inbox_wake(inbox);
	return status;
}

int stoq_inbox_put_call(struct stoq_inbox *inbox, void (*call)(void *argument), void *argument)
{
	return put(inbox, &(struct stoq_inbox_item){.call = call, .argument = argument});
}

int stoq_inbox_put_packet(struct stoq_inbox *inbox, const struct stoq_batch *datagram,
	const uint8_t *data, size_t size)
{
	struct stoq_batch *copy = malloc(sizeof(*copy) + size);
	int status;

	if (!copy)
		return -ENOMEM;
	*copy = *datagram;
	copy->data = (uint8_t *)(copy + 1);
	copy->size = size;
	copy->segment_size = size;
	memcpy(copy->data, data, size);
	status = put(inbox, &(struct stoq_inbox_item){.packet = copy});
	if (status)
		free(copy);
	return status;
}

void stoq_inbox_wake(struct stoq_inbox *inbox)
{
	uint64_t one = 1;
	int interrupted = errno;

	/* It fails only when the counter is full: then the worker is awake anyway. */
	if (write(inbox->event_fd, &one, sizeof(one)) < 0)
		errno = interrupted;
	/* Said after it is so: else the worker might look, find nothing, and not look again. */
	__atomic_store_n(&inbox->woken, true, __ATOMIC_RELEASE);
}

void stoq_inbox_drain_wakes(struct stoq_inbox *inbox)
{
	uint64_t wakes;

	/* A system call a round is too many. */
	if (!__atomic_load_n(&inbox->woken, __ATOMIC_RELAXED) ||
		!__atomic_exchange_n(&inbox->woken, false, __ATOMIC_ACQ_REL))
		return;
	if (read(inbox->event_fd, &wakes, sizeof(wakes)) < 0)
		return; /* there was none */
}

bool stoq_inbox_take(struct stoq_inbox *inbox, struct stoq_inbox_item *item)
{
	bool taken = false;

	if (!__atomic_load_n(&inbox->filled, __ATOMIC_ACQUIRE))
		return false;
	pthread_mutex_lock(&inbox->lock);
	if (inbox->count) {
		*item = inbox->items[inbox->first];
		inbox->first = (inbox->first + 1) % STOQ_INBOX_ITEMS;
		inbox->count--;
		if (item->packet)
			inbox->packet_bytes -= item->packet->size;
		taken = true;
	}
	if (!inbox->count)
		__atomic_store_n(&inbox->filled, false, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&inbox->lock);
	return taken;
}
