// SPDX-License-Identifier: BSD-2-Clause
/* The event loops: ours, and what a caller's needs. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "transport/connection.h"
#include "transport/endpoint.h"
#include "transport/metrics_count.h"
#include "transport/worker.h"

#define SECOND_NS      1000000000ull
#define MS_NS	       1000000ull
#define USAGE_EVERY_NS 100000000ull

/* ---- the caller's ---- */

int stoq_transport_descriptor(const struct stoq_transport *transport, unsigned int worker)
{
	return worker < transport->worker_count ? transport->workers[worker]->epoll_fd : -EINVAL;
}

uint64_t stoq_transport_next_ns(const struct stoq_transport *transport, unsigned int worker)
{
	return worker < transport->worker_count ? stoq_worker_next_ns(transport->workers[worker])
						: STOQ_NEVER;
}

int stoq_transport_process(struct stoq_transport *transport, unsigned int worker, uint64_t now_ns)
{
	return worker < transport->worker_count
		       ? stoq_worker_process(transport->workers[worker], now_ns, true)
		       : -EINVAL;
}

int stoq_transport_flush(struct stoq_transport *transport, unsigned int worker, uint64_t now_ns)
{
	return worker < transport->worker_count
		       ? stoq_worker_process(transport->workers[worker], now_ns, false)
		       : -EINVAL;
}

/* ---- ours ---- */

struct runner {
	struct stoq_worker *worker;
	pthread_t thread;
	int status;
	uint64_t awake_until_ns; /* spinning */
	uint64_t packets_seen;
	uint64_t usage_due_ns;
	bool started;
};

/* What the thread costs; looked at rarely. */
static void note_usage(struct runner *runner, uint64_t now)
{
	if (now < runner->usage_due_ns)
		return;
	runner->usage_due_ns = now + USAGE_EVERY_NS;
	stoq_worker_note_usage(runner->worker);
}

static bool finished(const struct stoq_worker *worker)
{
	return worker->stopped && stoq_list_empty(&worker->dirty) && !worker->outbox.count;
}

/* Where there is no epoll_pwait2(): to the millisecond. */
static int wait_coarsely(int epoll_fd, struct epoll_event *events, int count, uint64_t wait_ns)
{
	uint64_t wait_ms = wait_ns / MS_NS + (wait_ns % MS_NS != 0);

	return epoll_wait(epoll_fd, events, count, wait_ms < INT32_MAX ? (int)wait_ms : -1);
}

static int sleep_until(struct stoq_worker *worker, uint64_t now, uint64_t due_ns)
{
	uint64_t wait_ns = due_ns > now ? due_ns - now : 0;
	struct timespec timeout = {.tv_sec = wait_ns / SECOND_NS, .tv_nsec = wait_ns % SECOND_NS};
	struct epoll_event events[4];
	int count = epoll_pwait2(
		worker->epoll_fd, events, 4, due_ns == STOQ_NEVER ? NULL : &timeout, NULL);

	if (count < 0 && errno == ENOSYS)
		count = wait_coarsely(worker->epoll_fd, events, 4,
			due_ns == STOQ_NEVER ? UINT64_MAX - MS_NS : wait_ns);
	return count < 0 && errno != EINTR ? -errno : 0;
}

/* Nothing to do now: look again for a while, if that is wished, then sleep. */
static int rest(struct runner *runner, uint64_t now)
{
	struct stoq_worker *worker = runner->worker;
	uint64_t spin_ns = worker->settings->config.spin_us * 1000ull;
	uint64_t due_ns = stoq_worker_next_ns(worker);

	if (due_ns <= now)
		return 0;
	if (spin_ns) {
		uint64_t packets = worker->metrics.packets_received;

		if (packets != runner->packets_seen) {
			runner->packets_seen = packets;
			runner->awake_until_ns = now + spin_ns;
		}
		if (now < runner->awake_until_ns)
			return 0;
	}
	return sleep_until(worker, now, due_ns);
}

static void *run_worker(void *argument)
{
	struct runner *runner = argument;

	while (!runner->status) {
		uint64_t now = stoq_clock_now_ns();

		runner->status = stoq_worker_process(runner->worker, now, true);
		note_usage(runner, now);
		if (finished(runner->worker))
			break;
		if (!runner->status)
			runner->status = rest(runner, now);
	}
	/* One that is broken ends the others. */
	if (runner->status)
		stoq_transport_stop(runner->worker->transport);
	return NULL;
}

static int join(struct stoq_transport *transport, struct runner *runners, struct stoq_error *error)
{
	int status = runners[0].status;

	for (unsigned int i = 1; i < transport->worker_count; i++) {
		if (!runners[i].started)
			continue;
		pthread_join(runners[i].thread, NULL);
		if (!status)
			status = runners[i].status;
	}
	if (status)
		stoq_error_set(
			error, status, "the transport's datapath failed: %s", strerror(-status));
	return status;
}

int stoq_transport_run(struct stoq_transport *transport, struct stoq_error *error)
{
	struct runner *runners = calloc(transport->worker_count, sizeof(*runners));
	int status = 0;

	if (!runners)
		return stoq_error_set(error, -ENOMEM, "no memory for the worker threads");
	for (unsigned int i = 0; i < transport->worker_count; i++)
		runners[i].worker = transport->workers[i];
	for (unsigned int i = 1; i < transport->worker_count && !status; i++) {
		status = -pthread_create(&runners[i].thread, NULL, run_worker, &runners[i]);
		runners[i].started = !status;
	}
	if (status)
		stoq_transport_stop(transport);
	run_worker(&runners[0]);
	if (status) {
		join(transport, runners, NULL);
		stoq_error_set(
			error, status, "a worker thread cannot be started: %s", strerror(-status));
	} else {
		status = join(transport, runners, error);
	}
	free(runners);
	return status;
}

void stoq_transport_stop(struct stoq_transport *transport)
{
	__atomic_store_n(&transport->stopping, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < transport->worker_count; i++)
		stoq_inbox_wake(&transport->workers[i]->inbox);
}
