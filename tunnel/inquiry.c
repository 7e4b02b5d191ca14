// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/inquiry.h"

#include <stdlib.h>
#include <time.h>

#define WAIT_SECONDS 2

/* The asker, and each worker that was asked, hold it. */
struct stoq_inquiry {
	const struct stoq_inquiry_kind *kind;
	void *subject;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	unsigned int users, missing;
};

struct question {
	struct stoq_inquiry *inquiry;
	struct stoq_tunnel_worker *worker;
};

/* The last one frees it. Called with the lock. */
static void leave(struct stoq_inquiry *inquiry)
{
	bool last = --inquiry->users == 0;

	pthread_mutex_unlock(&inquiry->lock);
	if (!last)
		return;
	inquiry->kind->free(inquiry->subject);
	pthread_cond_destroy(&inquiry->answered);
	pthread_mutex_destroy(&inquiry->lock);
	free(inquiry);
}

/* In a worker's thread. */
static void answer(void *argument)
{
	struct question *question = argument;
	struct stoq_inquiry *inquiry = question->inquiry;

	pthread_mutex_lock(&inquiry->lock);
	inquiry->kind->describe(question->worker, inquiry->subject);
	inquiry->missing--;
	pthread_cond_signal(&inquiry->answered);
	leave(inquiry);
	free(question);
}

static struct stoq_inquiry *new_inquiry(const struct stoq_inquiry_kind *kind, void *subject)
{
	struct stoq_inquiry *inquiry = calloc(1, sizeof(*inquiry));
	pthread_condattr_t clock;

	if (!inquiry)
		return NULL;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&inquiry->answered, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&inquiry->lock, NULL);
	inquiry->kind = kind;
	inquiry->subject = subject;
	inquiry->users = 1;
	return inquiry;
}

/* With the lock. */
static void ask(struct stoq_tunnel *tunnel, struct stoq_inquiry *inquiry)
{
	for (unsigned int i = 0; i < tunnel->worker_count; i++) {
		struct question *question = malloc(sizeof(*question));

		inquiry->missing++;
		if (!question)
			continue;
		*question = (struct question){inquiry, &tunnel->workers[i]};
		inquiry->users++;
		if (!stoq_transport_post(tunnel->transport, i, answer, question))
			continue;
		inquiry->users--;
		free(question);
	}
}

static void wait_for_all(struct stoq_inquiry *inquiry)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += WAIT_SECONDS;
	while (inquiry->missing)
		if (pthread_cond_timedwait(&inquiry->answered, &inquiry->lock, &end))
			return;
}

struct stoq_inquiry *stoq_inquire(struct stoq_tunnel *tunnel, const struct stoq_inquiry_kind *kind,
	void *subject, bool *complete)
{
	struct stoq_inquiry *inquiry = new_inquiry(kind, subject);

	if (!inquiry)
		return NULL;
	pthread_mutex_lock(&inquiry->lock);
	ask(tunnel, inquiry);
	wait_for_all(inquiry);
	*complete = !inquiry->missing;
	return inquiry;
}

void stoq_inquiry_end(struct stoq_inquiry *inquiry)
{
	leave(inquiry);
}
