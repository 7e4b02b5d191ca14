/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a stream has to send: copies in pooled blocks, and memory that the writer owns. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the send queue. They stay where they are until they are acknowledged. */
struct stoq_chunk {
	uint8_t *data;
	size_t size;
	size_t capacity;		 /* of a pool's block; 0: the writer owns the memory */
	void (*release)(void *argument); /* of owned memory */
	void *argument;
};

/* A ring of chunks, oldest first. */
struct stoq_send_queue {
	struct stoq_chunk *chunks;
	size_t capacity; /* a power of two, or 0 */
	size_t first, count;

	/* Offsets of the stream; acknowledged <= sent <= end. */
	uint64_t acknowledged, sent, end;
	size_t sent_chunk;	   /* the chunk that offset sent lies in, counted from first */
	size_t sent_bytes;	   /* of that chunk */
	size_t acknowledged_bytes; /* of the first chunk */
};

struct stoq_budget_account;

bool stoq_send_queue_unsent(const struct stoq_send_queue *queue);
/* Bytes between acknowledged and end. */
uint64_t stoq_send_queue_held(const struct stoq_send_queue *queue);
/* How many bytes the account allows to be copied. */
uint64_t stoq_send_queue_room(
	const struct stoq_send_queue *queue, const struct stoq_budget_account *account);
/* How many bytes were taken; fewer than size: no memory. */
size_t stoq_send_queue_copy(struct stoq_send_queue *queue, struct stoq_budget_account *account,
	const void *data, size_t size);
/* 0 or -ENOMEM. */
int stoq_send_queue_own(struct stoq_send_queue *queue, struct stoq_budget_account *account,
	const void *data, size_t size, void (*release)(void *argument), void *argument);
/* Up to max pieces of what comes next, as many as hold enough_bytes; how many pieces. */
struct ngtcp2_vec;
size_t stoq_send_queue_peek(const struct stoq_send_queue *queue, struct ngtcp2_vec *pieces,
	size_t max, size_t enough_bytes);
void stoq_send_queue_sent(struct stoq_send_queue *queue, size_t bytes);
void stoq_send_queue_acknowledge(
	struct stoq_send_queue *queue, struct stoq_budget_account *account, uint64_t bytes);
/* Early data were refused: all goes out again. */
void stoq_send_queue_rewind(struct stoq_send_queue *queue);
void stoq_send_queue_clear(struct stoq_send_queue *queue, struct stoq_budget_account *account);
