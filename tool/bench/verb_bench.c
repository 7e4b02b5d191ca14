// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/privileges.h"
#include "tool/bench/bench.h"
#include "tool/verb.h"

/* An hour: as long as anything is measured. */
#define SPIN_US 3600000000u

void bench_say(enum stoq_log_level level, const char *text, void *user)
{
	if (level == STOQ_LOG_WARNING)
		tool_notice("%s", text);
}

void bench_configure(struct stoq_transport_config *config, const struct bench_options *options,
	const struct bench_identity *identity)
{
	static const char *const everybody[] = {"*"};
	/* What comes to another application by mistake is refused, and the other way round. */
	static const char *const alpn[] = {"stoq-bench/1"};

	stoq_transport_config_init(config);
	config->tls.ca_file = identity->ca;
	config->tls.certificate_file = identity->certificate;
	config->tls.key_file = identity->key;
	config->tls.crl_file = identity->has_crl ? identity->crl : NULL;
	config->tls.peer_names = everybody;
	config->tls.peer_name_count = 1;
	config->alpn = alpn;
	config->alpn_count = 1;
	config->tls.insecure = options->insecure;
	config->congestion_control = options->congestion_control;
	config->pacing = !options->no_pacing;
	config->busy_poll_us = options->busy_poll_us;
	config->datapath = options->datapath;
	config->interface = options->interface;
	config->xdp_filter = options->xdp_filter;
	config->max_connections = 8192;
	/* What is measured is the transport, not this limit. */
	config->max_memory_bytes = 1ull << 40;
	config->max_bidirectional_streams = 2 * 4096 + 2;
	if (options->spin)
		config->spin_us = SPIN_US;
	if (options->max_payload_bytes)
		config->max_udp_payload_bytes = (uint16_t)options->max_payload_bytes;
	if (options->window_bytes) {
		config->max_window_bytes = options->window_bytes;
		config->max_stream_window_bytes = options->window_bytes;
	}
}

int bench_drop_privileges(struct stoq_transport *transport, struct stoq_error *error)
{
	struct stoq_ebpf_status status;

	stoq_transport_ebpf_status(transport, &status);
	return stoq_drop_privileges(status.interface[0] ? STOQ_KEEP_BPF : 0, error);
}

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
