// SPDX-License-Identifier: BSD-2-Clause
#include "transport/send_queue.h"

/* What a stream has to send: copies in pooled blocks, and memory that the writer owns. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/budget.h"
#include "transport/ngtcp2_compat.h"
#include "transport/stream.h"

#define FIRST_CAPACITY 4

static struct stoq_chunk *chunk_at(const struct stoq_send_queue *queue, size_t place)
{
	return &queue->chunks[(queue->first + place) & (queue->capacity - 1)];
}

bool stoq_send_queue_unsent(const struct stoq_send_queue *queue)
{
	return queue->sent < queue->end;
}

uint64_t stoq_send_queue_held(const struct stoq_send_queue *queue)
{
	return queue->end - queue->acknowledged;
}

static int make_room(
	struct stoq_send_queue *queue, struct stoq_budget_account *account, size_t more)
{
	size_t capacity = queue->capacity ? queue->capacity : FIRST_CAPACITY;
	struct stoq_chunk *chunks;

	if (queue->count + more <= queue->capacity)
		return 0;
	while (capacity < queue->count + more)
		capacity *= 2;
	chunks = malloc(capacity * sizeof(chunks[0]));
	if (!chunks)
		return -ENOMEM;
	for (size_t i = 0; i < queue->count; i++)
		chunks[i] = *chunk_at(queue, i);
	free(queue->chunks);
	stoq_budget_add_own(account, (capacity - queue->capacity) * sizeof(chunks[0]));
	queue->chunks = chunks;
	queue->capacity = capacity;
	queue->first = 0;
	return 0;
}

/* What the last chunk takes, if it is a copy. */
static size_t room_in_last(const struct stoq_send_queue *queue)
{
	const struct stoq_chunk *last;

	if (!queue->count)
		return 0;
	last = chunk_at(queue, queue->count - 1);
	return last->capacity > last->size ? last->capacity - last->size : 0;
}

/* Fills up the last chunk; returns the bytes taken. */
static size_t fill_last(struct stoq_send_queue *queue, const uint8_t *data, size_t size)
{
	size_t room = room_in_last(queue);
	struct stoq_chunk *last;

	if (size > room)
		size = room;
	if (!size)
		return 0;
	last = chunk_at(queue, queue->count - 1);
	memcpy(last->data + last->size, data, size);
	last->size += size;
	queue->end += size;
	return size;
}

/* Small only for the first, or when there is no more memory: frames of few pieces are cheaper. */
static size_t block_bytes(
	const struct stoq_send_queue *queue, const struct stoq_budget_account *account, size_t size)
{
	bool small = (size <= STOQ_POOL_SMALL_BYTES && !queue->count) ||
		     stoq_budget_room(account) < STOQ_POOL_LARGE_BYTES;

	return small ? STOQ_POOL_SMALL_BYTES : STOQ_POOL_LARGE_BYTES;
}

static int append_block(
	struct stoq_send_queue *queue, struct stoq_budget_account *account, size_t size)
{
	size_t capacity = block_bytes(queue, account, size);
	uint8_t *block;
	int status = make_room(queue, account, 1);

	if (status)
		return status;
	block = stoq_budget_get_block(account, capacity);
	if (!block)
		return -ENOMEM;
	*chunk_at(queue, queue->count++) = (struct stoq_chunk){.data = block, .capacity = capacity};
	return 0;
}

uint64_t stoq_send_queue_room(
	const struct stoq_send_queue *queue, const struct stoq_budget_account *account)
{
	uint64_t blocks = stoq_budget_room(account) / STOQ_POOL_SMALL_BYTES;

	return room_in_last(queue) + blocks * STOQ_POOL_SMALL_BYTES;
}

size_t stoq_send_queue_copy(struct stoq_send_queue *queue, struct stoq_budget_account *account,
	const void *data, size_t size)
{
	const uint8_t *bytes = data;
	size_t taken = fill_last(queue, bytes, size);

	while (taken < size) {
		if (append_block(queue, account, size - taken))
			break;
		taken += fill_last(queue, bytes + taken, size - taken);
	}
	return taken;
}

int stoq_send_queue_own(struct stoq_send_queue *queue, struct stoq_budget_account *account,
	const void *data, size_t size, void (*release)(void *argument), void *argument)
{
	int status = make_room(queue, account, 1);

	if (status)
		return status;
	*chunk_at(queue, queue->count++) = (struct stoq_chunk){
		.data = (uint8_t *)data, .size = size, .release = release, .argument = argument};
	queue->end += size;
	return 0;
}

size_t stoq_send_queue_peek(const struct stoq_send_queue *queue, struct ngtcp2_vec *pieces,
	size_t max, size_t enough_bytes)
{
	size_t count = 0, skip = queue->sent_bytes, bytes = 0;

	for (size_t i = queue->sent_chunk; i < queue->count && count < max && bytes < enough_bytes;
		i++) {
		const struct stoq_chunk *chunk = chunk_at(queue, i);

		if (chunk->size > skip) {
			pieces[count++] = (struct ngtcp2_vec){
				.base = chunk->data + skip, .len = chunk->size - skip};
			bytes += chunk->size - skip;
		}
		skip = 0;
	}
	return count;
}

void stoq_send_queue_sent(struct stoq_send_queue *queue, size_t bytes)
{
	queue->sent += bytes;
	queue->sent_bytes += bytes;
	/* The last chunk stays the current one: it may be filled up. */
	while (queue->sent_chunk + 1 < queue->count) {
		size_t size = chunk_at(queue, queue->sent_chunk)->size;

		if (queue->sent_bytes < size)
			break;
		queue->sent_bytes -= size;
		queue->sent_chunk++;
	}
}

static void drop_first(struct stoq_send_queue *queue, struct stoq_budget_account *account)
{
	struct stoq_chunk chunk = *chunk_at(queue, 0);

	queue->first = (queue->first + 1) & (queue->capacity - 1);
	queue->count--;
	if (queue->sent_chunk)
		queue->sent_chunk--;
	else
		queue->sent_bytes = 0;
	if (chunk.capacity)
		stoq_budget_put_block(account, chunk.data, chunk.capacity);
	else if (chunk.release)
		chunk.release(chunk.argument);
}

void stoq_send_queue_acknowledge(
	struct stoq_send_queue *queue, struct stoq_budget_account *account, uint64_t bytes)
{
	queue->acknowledged += bytes;
	queue->acknowledged_bytes += bytes;
	while (queue->count && queue->acknowledged_bytes >= chunk_at(queue, 0)->size) {
		queue->acknowledged_bytes -= chunk_at(queue, 0)->size;
		drop_first(queue, account);
	}
}

void stoq_send_queue_rewind(struct stoq_send_queue *queue)
{
	queue->sent = queue->acknowledged;
	queue->sent_chunk = 0;
	queue->sent_bytes = queue->acknowledged_bytes;
}

void stoq_send_queue_clear(struct stoq_send_queue *queue, struct stoq_budget_account *account)
{
	while (queue->count)
		drop_first(queue, account);
	stoq_budget_subtract_own(account, queue->capacity * sizeof(queue->chunks[0]));
	free(queue->chunks);
	*queue = (struct stoq_send_queue){0};
}
