// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/shares.h"

#include <stdlib.h>
#include <string.h>

struct stoq_share {
	struct stoq_share *next, **slot;
	unsigned int count;
	char name[];
};

void stoq_shares_init(struct stoq_shares *shares, unsigned int max)
{
	*shares = (struct stoq_shares){.max = max};
	pthread_mutex_init(&shares->lock, NULL);
}

void stoq_shares_destroy(struct stoq_shares *shares)
{
	while (shares->first) {
		struct stoq_share *share = shares->first;

		shares->first = share->next;
		free(share);
	}
	pthread_mutex_destroy(&shares->lock);
}

static struct stoq_share *find(struct stoq_shares *shares, const char *name)
{
	struct stoq_share *share = shares->first;

	while (share && strcmp(share->name, name) != 0)
		share = share->next;
	return share;
}

static struct stoq_share *add(struct stoq_shares *shares, const char *name)
{
	size_t size = strlen(name) + 1;
	struct stoq_share *share = calloc(1, sizeof(*share) + size);

	if (!share)
		return NULL;
	memcpy(share->name, name, size);
	share->slot = &shares->first;
	share->next = shares->first;
	if (share->next)
		share->next->slot = &share->next;
	shares->first = share;
	return share;
}

struct stoq_share *stoq_share_take(struct stoq_shares *shares, const char *name)
{
	struct stoq_share *share;

	pthread_mutex_lock(&shares->lock);
	share = find(shares, name);
	if (!share)
		share = add(shares, name);
	if (share && share->count >= shares->max)
		share = NULL;
	if (share)
		share->count++;
	pthread_mutex_unlock(&shares->lock);
	return share;
}

void stoq_share_give(struct stoq_shares *shares, struct stoq_share *share)
{
	if (!share)
		return;
	pthread_mutex_lock(&shares->lock);
	if (!--share->count) {
		*share->slot = share->next;
		if (share->next)
			share->next->slot = share->slot;
		free(share);
	}
	pthread_mutex_unlock(&shares->lock);
}
