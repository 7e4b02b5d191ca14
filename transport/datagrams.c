// SPDX-License-Identifier: BSD-2-Clause
#include "transport/datagrams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/budget.h"

static int prepare(struct stoq_datagrams *datagrams, uint32_t max)
{
	if (datagrams->ring)
		return 0;
	datagrams->ring = calloc(max, sizeof(datagrams->ring[0]));
	if (!datagrams->ring)
		return -ENOMEM;
	stoq_budget_add_own(datagrams->account, max * sizeof(datagrams->ring[0]));
	datagrams->capacity = max;
	datagrams->next_id = 1;
	return 0;
}

int stoq_datagrams_put(
	struct stoq_datagrams *datagrams, uint32_t max, const void *data, size_t size, uint64_t *id)
{
	struct stoq_queued_datagram *slot;
	int status = prepare(datagrams, max);

	if (status)
		return status;
	if (datagrams->count >= datagrams->capacity)
		return -EAGAIN;
	slot = &datagrams->ring[(datagrams->first + datagrams->count) % datagrams->capacity];
	if (!stoq_budget_hold(datagrams->account, size))
		return -EAGAIN;
	slot->data = malloc(size ? size : 1);
	if (!slot->data) {
		stoq_budget_release(datagrams->account, size);
		return -ENOMEM;
	}
	if (size)
		memcpy(slot->data, data, size);
	slot->size = size;
	slot->id = datagrams->next_id++;
	datagrams->count++;
	if (id)
		*id = slot->id;
	return 0;
}

const struct stoq_queued_datagram *stoq_datagrams_first(const struct stoq_datagrams *datagrams)
{
	return datagrams->count ? &datagrams->ring[datagrams->first] : NULL;
}

void stoq_datagrams_drop_first(struct stoq_datagrams *datagrams)
{
	struct stoq_queued_datagram *first = &datagrams->ring[datagrams->first];

	free(first->data);
	stoq_budget_release(datagrams->account, first->size);
	datagrams->first = (datagrams->first + 1) % datagrams->capacity;
	datagrams->count--;
}

void stoq_datagrams_clear(struct stoq_datagrams *datagrams)
{
	while (datagrams->count)
		stoq_datagrams_drop_first(datagrams);
	free(datagrams->ring);
	datagrams->ring = NULL;
}
