/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * How many queues each host end has open, by the name in its certificate: one of them must not take
 * all that --max-queues allows. Names without queues take no memory. For all threads.
 */
#include <pthread.h>

struct stoq_share;

struct stoq_shares {
	pthread_mutex_t lock;
	struct stoq_share *first;
	unsigned int max; /* queues of one name */
};

void stoq_shares_init(struct stoq_shares *shares, unsigned int max);
void stoq_shares_destroy(struct stoq_shares *shares);

/* One more queue of this name. NULL: it has as many as it may, or there is no memory. */
struct stoq_share *stoq_share_take(struct stoq_shares *shares, const char *name);
/* That queue is over. NULL is fine. */
void stoq_share_give(struct stoq_shares *shares, struct stoq_share *share);
