// SPDX-License-Identifier: BSD-2-Clause
/* peer-load: an NVMe/TCP load generator that counts what it does. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/peer/load_options.h"

#define TICK_MS 20

struct run {
	const struct peer_load_options *options;
	struct peer_session session;
	struct peer_load *loads; /* one per queue */
	struct peer_worker *workers;
	uint8_t *pattern;
	_Atomic(enum peer_run) state;
	struct peer_stats *total; /* of all sessions */
	uint64_t busy_ns;	  /* total time of running */
	uint64_t began_ns;	  /* of running now */
	uint64_t kept_alive_ns;
	char input[64];
	size_t input_length;
	struct stoq_error error;
};

/* ---- workers ---- */

static int prepare_load(struct run *run, uint32_t index)
{
	const struct peer_load_options *options = run->options;
	const struct peer_session *session = &run->session;
	struct peer_workload_config config = options->workload;
	int status;

	config.namespaces = session->namespaces;
	config.namespace_bytes = session->namespace_bytes;
	config.block_bytes = session->block_bytes;
	config.in_capsule_bytes = session->in_capsule_bytes;
	config.queue = index;
	config.queues = session->queue_count;
	for (uint32_t i = 0; i < config.size_count; i++) {
		if (config.sizes[i].last > session->max_transfer_bytes ||
			config.sizes[i].first % config.block_bytes)
			return stoq_error_set(&run->error, -EINVAL,
				"The controller does not take I/O of %u bytes",
				config.sizes[i].last);
	}
	run->loads[index].queue = &run->session.queues[index];
	status = peer_workload_init(
		&run->loads[index].workload, &config, run->pattern, options->session.host.depth);
	if (status)
		return stoq_error_set(&run->error, status, "Queue %u cannot work: %s", index + 1,
			status == -EINVAL ? "its part of the namespace is smaller than an I/O"
					  : strerror(-status));
	return 0;
}

/* Queues and commands are shared out as evenly as they can be. */
static uint64_t share(uint64_t total, uint32_t parts, uint32_t part)
{
	return total / parts + (part < total % parts);
}

static int start_workers(struct run *run)
{
	const struct peer_load_options *options = run->options;
	struct peer_load *loads = run->loads;
	int status = 0;

	for (uint32_t i = 0; !status && i < run->session.queue_count; i++) {
		run->loads[i].left = options->count == UINT64_MAX
					     ? UINT64_MAX
					     : share(options->count, run->session.queue_count, i);
		status = prepare_load(run, i);
	}
	for (uint32_t i = 0; !status && i < options->threads; i++) {
		struct peer_worker *worker = &run->workers[i];

		worker->config = options->worker;
		worker->run = &run->state;
		worker->loads = loads;
		worker->load_count = (uint32_t)share(run->session.queue_count, options->threads, i);
		loads += worker->load_count;
		status = peer_worker_start(worker);
		if (status)
			stoq_error_set(&run->error, status, "Cannot start a thread: %s",
				strerror(-status));
	}
	return status;
}

static bool all(const struct run *run, bool ended)
{
	for (uint32_t i = 0; i < run->options->threads; i++) {
		const struct peer_worker *worker = &run->workers[i];

		if (!atomic_load(ended ? &worker->ended : &worker->idle))
			return false;
	}
	return true;
}

static void clock_running(struct run *run)
{
	if (run->began_ns)
		run->busy_ns += stoq_clock_now_ns() - run->began_ns;
	run->began_ns = 0;
}

static void set_state(struct run *run, enum peer_run state)
{
	atomic_store(&run->state, state);
	if (state == PEER_RUN && !run->began_ns)
		run->began_ns = stoq_clock_now_ns();
}

/* ---- while they work ---- */

static void print_now(struct run *run)
{
	struct peer_stats sum = {0};
	int status = peer_stats_add(&sum, run->total);

	if (!status)
		status = peer_stats_add(&sum, &run->session.stats);
	for (uint32_t i = 0; !status && i < run->options->threads; i++)
		status = peer_stats_add(&sum, &run->workers[i].stats);
	if (!status)
		peer_stats_print_json(&sum, run->busy_ns, stdout);
	peer_stats_free(&sum);
}

static void pause_and_print(struct run *run)
{
	set_state(run, PEER_PAUSE);
	while (!all(run, false))
		usleep(1000);
	clock_running(run);
	print_now(run);
}

static void obey(struct run *run, const char *line)
{
	if (strcmp(line, "run") == 0)
		set_state(run, PEER_RUN);
	else if (strcmp(line, "pause") == 0)
		pause_and_print(run);
	else if (strcmp(line, "quit") == 0)
		set_state(run, PEER_STOP);
	else
		fprintf(stderr, "peer-load: %s is not one of run, pause, quit\n", line);
}

static void read_input(struct run *run)
{
	ssize_t got = read(STDIN_FILENO, run->input + run->input_length,
		sizeof(run->input) - run->input_length - 1);
	char *end;

	if (got <= 0) {
		set_state(run, PEER_STOP);
		return;
	}
	run->input_length += (size_t)got;
	run->input[run->input_length] = 0;
	while ((end = strchr(run->input, '\n'))) {
		*end = 0;
		obey(run, run->input);
		run->input_length -= (size_t)(end + 1 - run->input);
		memmove(run->input, end + 1, run->input_length + 1);
	}
	if (run->input_length == sizeof(run->input) - 1)
		run->input_length = 0;
}

static int keep_alive(struct run *run)
{
	uint64_t now = stoq_clock_now_ns();
	uint64_t period = run->options->session.kato_ms * 500000ull;

	if (!period || now < run->kept_alive_ns + period)
		return 0;
	run->kept_alive_ns = now;
	return peer_session_keep_alive(&run->session, &run->error);
}

static int attend(struct run *run)
{
	const struct peer_load_options *options = run->options;
	struct pollfd input = {.fd = options->control ? STDIN_FILENO : -1, .events = POLLIN};
	int status = 0;

	set_state(run, options->control ? PEER_PAUSE : PEER_RUN);
	if (options->control)
		pause_and_print(run);
	while (!status && !all(run, true)) {
		if (atomic_load(&run->state) == PEER_STOP)
			input.fd = -1;
		poll(&input, 1, TICK_MS);
		if (input.fd >= 0 && input.revents)
			read_input(run);
		status = keep_alive(run);
		if (options->duration_ns && run->began_ns &&
			run->busy_ns + stoq_clock_now_ns() - run->began_ns >= options->duration_ns)
			set_state(run, PEER_STOP);
	}
	return status;
}

/* ---- a session ---- */

static int join_workers(struct run *run, int status)
{
	uint64_t end = 0;

	set_state(run, PEER_STOP);
	for (uint32_t i = 0; i < run->options->threads; i++) {
		struct peer_worker *worker = &run->workers[i];

		peer_worker_join(worker);
		if (worker->ended_ns > end)
			end = worker->ended_ns;
		if (!status && worker->error.code) {
			status = worker->error.code;
			run->error = worker->error;
		}
		if (!status)
			status = peer_stats_add(run->total, &worker->stats);
		peer_stats_free(&worker->stats);
	}
	if (run->began_ns && end > run->began_ns)
		run->busy_ns += end - run->began_ns;
	run->began_ns = 0;
	return status;
}

static int run_session(struct run *run)
{
	int status = peer_session_open(&run->session, &run->options->session, &run->error);

	memset(run->loads, 0, run->options->session.queues * sizeof(*run->loads));
	memset(run->workers, 0, run->options->threads * sizeof(*run->workers));
	atomic_store(&run->state, PEER_PAUSE);
	if (!status) {
		status = start_workers(run);
		if (!status)
			status = attend(run);
		status = join_workers(run, status);
		if (!status)
			status = peer_stats_add(run->total, &run->session.stats);
	}
	for (uint32_t i = 0; i < run->options->session.queues; i++)
		peer_workload_free(&run->loads[i].workload);
	peer_session_close(&run->session);
	return status;
}

static int run_sessions(const struct peer_load_options *options, struct peer_stats *total)
{
	struct run run = {.options = options, .total = total};
	int status = 0;

	run.loads = calloc(options->session.queues, sizeof(*run.loads));
	run.workers = calloc(options->threads, sizeof(*run.workers));
	run.pattern = peer_pattern_new();
	if (!run.loads || !run.workers || !run.pattern)
		status = stoq_error_set(&run.error, -ENOMEM, "Out of memory");
	for (uint32_t i = 0; !status && i < options->repeat; i++)
		status = run_session(&run);
	if (status)
		fprintf(stderr, "peer-load: %s\n", run.error.text);
	else if (options->json || options->control)
		peer_stats_print_json(total, run.busy_ns, stdout);
	else
		peer_stats_print(total, run.busy_ns, stdout);
	peer_pattern_free(run.pattern);
	free(run.loads);
	free(run.workers);
	return status;
}

int main(int argc, char **argv)
{
	struct peer_load_options options;
	struct peer_stats total = {0};
	int status = peer_load_parse(&options, argc, argv);

	if (status)
		return status < 0 ? 2 : 0;
	status = run_sessions(&options, &total);
	peer_stats_free(&total);
	return status ? 1 : 0;
}
