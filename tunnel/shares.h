/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * How many of something each host end has open, queues or connections, by the name in its certificate: one host end must not take
 * all that there may be. Names without any take no memory. For all threads.
 */
#include <pthread.h>

struct stoq_share;

struct stoq_shares {
	pthread_mutex_t lock;
	struct stoq_share *first;
	unsigned int max; /* of one name */
};

void stoq_shares_init(struct stoq_shares *shares, unsigned int max);
void stoq_shares_destroy(struct stoq_shares *shares);

/* One more of this name. NULL: it has as many as it may, or there is no memory. */
struct stoq_share *stoq_share_take(struct stoq_shares *shares, const char *name);
/* That one is over. NULL is fine. */
void stoq_share_give(struct stoq_shares *shares, struct stoq_share *share);
