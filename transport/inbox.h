/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What other threads have for a worker: calls to run, and packets of its connections that the
 * kernel gave to another worker. Bounded: what does not fit is refused.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/datapath.h"

#define STOQ_INBOX_ITEMS	1024
#define STOQ_INBOX_PACKET_BYTES (4u << 20)

struct stoq_inbox_item {
	void (*call)(void *argument); /* NULL: a packet */
	void *argument;
	struct stoq_batch *packet; /* one datagram; its data lie behind it */
};

struct stoq_inbox {
	pthread_mutex_t lock;
	struct stoq_inbox_item items[STOQ_INBOX_ITEMS];
	size_t first, count;
	size_t packet_bytes;
	bool filled;  /* read without the lock: worth a look */
	bool woken;   /* the same of event_fd */
	int event_fd; /* written to when it is no longer empty */
};

/* 0 or a negative errno. */
int stoq_inbox_init(struct stoq_inbox *inbox);
/* Runs the calls that are left, drops the packets. */
void stoq_inbox_finish(struct stoq_inbox *inbox);
void stoq_inbox_destroy(struct stoq_inbox *inbox);

/* From any thread: 0, -EAGAIN: full, -ENOMEM. */
int stoq_inbox_put_call(struct stoq_inbox *inbox, void (*call)(void *argument), void *argument);
/* One segment of a datagram: data[0..size). */
int stoq_inbox_put_packet(struct stoq_inbox *inbox, const struct stoq_batch *datagram,
	const uint8_t *data, size_t size);

/* Wakes the worker. From a signal handler too. */
void stoq_inbox_wake(struct stoq_inbox *inbox);

/* The worker: forgets wakes. */
void stoq_inbox_drain_wakes(struct stoq_inbox *inbox);
/* Takes the first; false: empty. Who takes a packet frees it. */
bool stoq_inbox_take(struct stoq_inbox *inbox, struct stoq_inbox_item *item);
