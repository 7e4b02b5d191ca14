// SPDX-License-Identifier: BSD-2-Clause
#include "tool/bench/verb_bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool/bench/client.h"
#include "tool/bench/identity.h"
#include "tool/bench/options.h"
#include "tool/bench/report.h"
#include "tool/bench/server.h"
#include "tool/command.h"
#include "tool/message.h"

/* Figures of another CPU than the one asked for would mislead. */
static int use_cpu(int cpu, struct stoq_error *error)
{
	cpu_set_t set;
	int ret;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		return 0;
	ret = -errno;
	return stoq_error_set(error, ret, "--cpus: cannot run on CPU %d: %s", cpu,
		ret == -EINVAL ? "there is none, or this process may not use it" : strerror(-ret));
}

/* ---- both ends here ---- */

/* The server, in a process of its own that ends with this one. Does not return. */
static void serve_child(
	const struct bench_options *options, struct bench_identity *identity, int ready)
{
	struct stoq_error error;

	int ret;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	ret = use_cpu(options->cpus[1], &error);
	if (!ret)
		ret = bench_serve(options, identity, ready, &error);
	_exit(ret ? tool_fail(&error) : EXIT_SUCCESS);
}

/* Its process, and the port it listens on. */
static int start_server(struct bench_options *options, struct bench_identity *identity,
	pid_t *child, struct stoq_error *error)
{
	uint16_t port = 0;
	int ends[2], ret;

	if (pipe(ends)) {
		ret = -errno;
		return stoq_error_set(error, ret, "cannot make a pipe: %s", strerror(-ret));
	}
	*child = fork();
	if (*child < 0) {
		ret = -errno;
		close(ends[0]);
		close(ends[1]);
		return stoq_error_set(error, ret, "cannot fork: %s", strerror(-ret));
	}
	if (!*child) {
		close(ends[0]);
		serve_child(options, identity, ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &port, sizeof(port)) != sizeof(port)) {
		close(ends[0]);
		waitpid(*child, NULL, 0);
		return stoq_error_set(error, -EPIPE, "the server did not start: see above");
	}
	close(ends[0]);
	stoq_address_set_port(&options->address, port);
	return 0;
}

static int end_server(pid_t child, struct stoq_error *error)
{
	int status = 0;

	kill(child, SIGTERM);
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return stoq_error_set(error, -EPIPE, "the server ended with an error (status %d)", status);
}

static int measure_both(
	struct bench_options *options, struct bench_results *results, struct stoq_error *error)
{
	struct bench_identity pair[2];
	int ret = bench_identity_make(pair, error);
	pid_t child = -1;

	if (ret)
		return ret;
	ret = start_server(options, &pair[1], &child, error);
	if (!ret) {
		struct stoq_error second;

		ret = use_cpu(options->cpus[0], error);
		if (!ret)
			ret = bench_measure(options, &pair[0], results, error);
		if (end_server(child, ret ? &second : error) && !ret)
			ret = error->code;
	}
	for (int i = 0; i < 2; i++)
		bench_identity_remove(&pair[i]);
	return ret;
}

/* ---- one end ---- */

/* TLS needs a server to have a certificate, even if nobody looks at it. */
static int open_identity(const struct bench_options *options, struct bench_identity pair[static 2],
	struct stoq_error *error)
{
	if (!options->certificates)
		return bench_identity_make(pair, error);
	memset(&pair[1], 0, sizeof(pair[1]));
	bench_identity_open(&pair[0], options->certificates);
	return 0;
}

static int one_end(
	struct bench_options *options, struct bench_results *results, struct stoq_error *error)
{
	struct bench_identity pair[2];
	int ret = open_identity(options, pair, error);

	if (ret)
		return ret;
	if (options->role == BENCH_LISTEN)
		ret = bench_serve(options, &pair[0], -1, error);
	else
		ret = bench_measure(options, &pair[0], results, error);
	for (int i = 0; i < 2; i++)
		bench_identity_remove(&pair[i]);
	return ret;
}

static int transport(int argc, char **argv)
{
	static struct bench_results results;
	struct bench_options options;
	struct stoq_error error;
	int status, ret;

	if (bench_parse(argc, argv, &options, &status))
		return status;
	ret = options.role == BENCH_BOTH ? measure_both(&options, &results, &error)
					 : one_end(&options, &results, &error);
	if (!ret && options.role != BENCH_LISTEN)
		ret = bench_print(&options, &results, &error);
	return ret ? tool_fail(&error) : EXIT_SUCCESS;
}

int verb_bench(int argc, char **argv)
{
	static const struct tool_command commands[] = {{"transport", transport}, {NULL, NULL}};

	return tool_run_command(argc, argv, bench_help, commands, "transport");
}
