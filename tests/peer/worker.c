// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_NS 5000000 /* how soon a sleeping worker sees that it is to pause */

static int on_data(
	void *context, struct peer_host_command *command, const uint8_t *bytes, uint32_t length)
{
	struct peer_load *load = context;

	return peer_workload_check(
		&load->workload, &command->sqe, command->received, bytes, length);
}

static int on_completed(void *context, struct peer_host_command *command,
	const struct peer_host_completion *completion)
{
	struct peer_load *load = context;

	peer_workload_done(&load->workload, &command->sqe, !completion->status);
	return peer_stats_record(load->stats, NVME_QUEUE_IO, command, completion);
}

static const struct peer_host_ops load_ops = {.completed = on_completed};
static const struct peer_host_ops verify_ops = {.data = on_data, .completed = on_completed};

/* How many commands the rate allows by now. */
static uint64_t allowance(
	const struct peer_worker *worker, const struct peer_load *load, uint64_t now)
{
	uint64_t due;

	if (!worker->config.rate)
		return load->left;
	due = (uint64_t)((unsigned __int128)(now - load->began_ns) * worker->config.rate /
			 1000000000u) +
	      1;
	due = due > load->submitted ? due - load->submitted : 0;
	return due < load->left ? due : load->left;
}

static void submit(const struct peer_worker *worker, struct peer_load *load)
{
	struct peer_host *host = &load->queue->host;
	uint64_t allowed;

	if (!peer_host_can_submit(host))
		return;
	allowed = allowance(worker, load, worker->config.rate ? stoq_clock_now_ns() : 0);
	while (allowed && peer_host_can_submit(host)) {
		struct peer_pick pick;

		peer_workload_next(
			&load->workload, host->free_commands[host->free_count - 1], &pick);
		peer_host_submit(host, &pick.sqe, pick.length, pick.data_out, pick.in_capsule);
		load->submitted++;
		load->left--;
		allowed--;
	}
}

static int send_all(struct peer_load *load)
{
	struct peer_host *host = &load->queue->host;
	int status;

	if (!host->tx.count && !host->asked_count)
		return 0;
	do {
		peer_host_pump(host, stoq_clock_now_ns());
		status = peer_send(load->queue->fd, &host->tx);
	} while (!status && (host->asked_count || host->tx.count));
	return status == -EAGAIN ? 0 : status;
}

static int receive(struct peer_worker *worker, struct peer_load *load)
{
	ssize_t got = peer_receive(load->queue->fd, worker->buffer, PEER_RECEIVE_BYTES);

	if (got <= 0)
		return (int)got;
	return peer_host_receive(
		&load->queue->host, worker->buffer, (size_t)got, stoq_clock_now_ns());
}

/* True in busy if the queue still has something to do. */
static int serve(struct peer_worker *worker, struct peer_load *load, bool running, bool *busy)
{
	int status = receive(worker, load);

	if (!status && running && load->left)
		submit(worker, load);
	if (!status)
		status = send_all(load);
	if (status) {
		load->queue->host.problem =
			load->workload.problem ? load->workload.problem : load->queue->host.problem;
		return peer_queue_error(load->queue, status, "An I/O queue", &worker->error);
	}
	*busy |= load->queue->host.free_count < load->queue->host.depth || (running && load->left);
	return 0;
}

static void sleep_until_ready(const struct peer_worker *worker, struct pollfd *fds)
{
	struct timespec timeout = {.tv_nsec = worker->config.rate ? 50000 : IDLE_NS};

	for (uint32_t i = 0; i < worker->load_count; i++) {
		const struct peer_queue *queue = worker->loads[i].queue;

		fds[i].fd = queue->fd;
		fds[i].events = POLLIN | (queue->host.tx.count ? POLLOUT : 0);
	}
	ppoll(fds, worker->load_count, &timeout, NULL);
}

static void restart_rate(struct peer_worker *worker)
{
	for (uint32_t i = 0; i < worker->load_count; i++) {
		worker->loads[i].began_ns = stoq_clock_now_ns();
		worker->loads[i].submitted = 0;
	}
}

static bool anything_left(const struct peer_worker *worker)
{
	for (uint32_t i = 0; i < worker->load_count; i++) {
		if (worker->loads[i].left)
			return true;
	}
	return false;
}

static void work_until_stopped(struct peer_worker *worker, struct pollfd *fds)
{
	enum peer_run before = PEER_PAUSE;

	for (;;) {
		enum peer_run run = atomic_load(worker->run);
		bool busy = false;
		int status = 0;

		if (run == PEER_RUN && before != PEER_RUN) {
			atomic_store(&worker->idle, false);
			restart_rate(worker);
		}
		before = run;
		for (uint32_t i = 0; !status && i < worker->load_count; i++)
			status = serve(worker, &worker->loads[i], run == PEER_RUN, &busy);
		if (status || (!busy && (run == PEER_STOP || !anything_left(worker))))
			return;
		if (!busy)
			atomic_store(&worker->idle, true);
		if (!busy || !worker->config.spin)
			sleep_until_ready(worker, fds);
	}
}

static void *work(void *argument)
{
	struct peer_worker *worker = argument;
	struct pollfd *fds = calloc(worker->load_count, sizeof(*fds));

	if (fds)
		work_until_stopped(worker, fds);
	else
		stoq_error_set(&worker->error, -ENOMEM, "Out of memory");
	free(fds);
	worker->ended_ns = stoq_clock_now_ns();
	atomic_store(&worker->idle, true);
	atomic_store(&worker->ended, true);
	return NULL;
}

int peer_worker_start(struct peer_worker *worker)
{
	int status;

	worker->buffer = malloc(PEER_RECEIVE_BYTES);
	if (!worker->buffer)
		return -ENOMEM;
	for (uint32_t i = 0; i < worker->load_count; i++) {
		struct peer_load *load = &worker->loads[i];

		load->stats = &worker->stats;
		load->queue->host.ops = load->workload.config.verify ? &verify_ops : &load_ops;
		load->queue->host.context = load;
	}
	status = -pthread_create(&worker->thread, NULL, work, worker);
	worker->started = !status;
	return status;
}

void peer_worker_join(struct peer_worker *worker)
{
	if (worker->started)
		pthread_join(worker->thread, NULL);
	free(worker->buffer);
}
