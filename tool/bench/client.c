// SPDX-License-Identifier: BSD-2-Clause
#include "tool/bench/client.h"

/*
 * The client's side of `stoq bench transport`: connects, warms up, measures between two reports
 * of the server's, and closes. Its loop is its own, because it has times to keep.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/bench/common.h"
#include "tool/bench/wire.h"

#define CONNECT_TIMEOUT_NS 15000000000ull
#define REPORT_TIMEOUT_NS  15000000000ull
#define LEAVE_TIMEOUT_NS   1000000000ull

/* Set by a signal: the connections are closed, and the command fails. */
static volatile sig_atomic_t interrupted;

enum phase { CONNECTING, WARMING_UP, REPORTING_BEFORE, MEASURING, REPORTING_AFTER, DONE };

struct client_connection {
	struct client *client;
	struct stoq_connection *connection; /* NULL: closed */
	bool reported;			    /* in this phase */
	struct bench_report before, after;
};

struct client_stream {
	struct client *client;
	struct client_connection *connection;
	enum bench_kind kind;
	uint64_t begun_ns; /* the request under way */
	uint64_t got;	   /* of its response; or of the report */
	uint8_t report[BENCH_REPORT_BYTES];
};

struct client {
	const struct bench_options *options;
	struct stoq_transport *transport;
	enum phase phase;
	uint64_t phase_end_ns;
	uint32_t waiting; /* connections that have not connected, or not reported */
	struct client_connection *connections;
	struct bench_results *results;
	uint64_t received_bytes;
	uint64_t measured_from_ns;
	struct bench_cpu cpu;
	struct stoq_error error; /* code 0: none */
};

static void give_up(struct client *client, int code, const char *text)
{
	if (!client->error.code)
		stoq_error_set(&client->error, code, "%s", text);
	client->phase = DONE;
}

/* ---- streams ---- */

static struct client_stream *open_stream(
	struct client_connection *connection, enum bench_kind kind, struct stoq_stream **stream)
{
	const struct bench_options *options = connection->client->options;
	struct bench_header header = {.kind = kind,
		.request_bytes = options->request_bytes,
		.response_bytes = options->response_bytes};
	bool finished = kind == BENCH_SOURCE || kind == BENCH_REPORT;
	struct client_stream *state = calloc(1, sizeof(*state));
	uint8_t bytes[BENCH_HEADER_BYTES];

	if (!state) {
		give_up(connection->client, -ENOMEM, "no memory for a stream");
		return NULL;
	}
	if (stoq_stream_open(connection->connection, STOQ_BIDIRECTIONAL, stream)) {
		free(state);
		give_up(connection->client, -EAGAIN,
			"the server does not allow that many streams; --streams fewer");
		return NULL;
	}
	state->client = connection->client;
	state->connection = connection;
	state->kind = kind;
	stoq_stream_set_user(*stream, state);
	bench_write_header(bytes, &header);
	stoq_stream_write(*stream, bytes, sizeof(bytes), finished ? STOQ_FINISH : 0);
	return state;
}

static void request(struct stoq_stream *stream, struct client_stream *state)
{
	uint64_t bytes = state->client->options->request_bytes;

	state->begun_ns = stoq_clock_now_ns();
	state->got = 0;
	/* One at a time fits the stream's buffer, of which --request knows the limit. */
	if (bench_write_zeros(stream, bytes) != bytes)
		give_up(state->client, -ENOBUFS, "a request does not fit the stream's buffer");
}

static void open_streams(struct client_connection *connection)
{
	const struct bench_options *options = connection->client->options;
	struct client_stream *state;
	struct stoq_stream *stream;

	for (uint32_t i = 0; i < options->streams && connection->client->phase != DONE; i++) {
		if (options->mode == BENCH_REQUESTS) {
			state = open_stream(connection, BENCH_ECHO, &stream);
			if (state)
				request(stream, state);
			continue;
		}
		if (options->sends && open_stream(connection, BENCH_SINK, &stream))
			bench_pump(stream);
		if (options->receives)
			open_stream(connection, BENCH_SOURCE, &stream);
	}
}

static void take_response(struct stoq_stream *stream, struct client_stream *state, size_t size)
{
	struct client *client = state->client;

	state->got += size;
	if (state->got < client->options->response_bytes)
		return;
	if (client->phase == MEASURING) {
		stoq_histogram_record(
			&client->results->latency, stoq_clock_now_ns() - state->begun_ns);
		client->results->requests++;
	}
	request(stream, state);
}

static void take_report(struct client_stream *state, const uint8_t *data, size_t size)
{
	struct client_connection *connection = state->connection;
	struct client *client = state->client;

	if (state->got + size > sizeof(state->report))
		size = sizeof(state->report) - state->got;
	memcpy(state->report + state->got, data, size);
	state->got += size;
	if (state->got < sizeof(state->report) || connection->reported)
		return;
	connection->reported = true;
	client->waiting--;
	bench_read_report(state->report,
		client->phase == REPORTING_BEFORE ? &connection->before : &connection->after);
}

static size_t received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct client_stream *state = stoq_stream_user(stream);

	switch (state->kind) {
	case BENCH_SINK:
		break;
	case BENCH_SOURCE:
		state->client->received_bytes += size;
		break;
	case BENCH_ECHO:
		take_response(stream, state, size);
		break;
	case BENCH_REPORT:
		take_report(state, data, size);
		break;
	}
	return size;
}

static void writable(struct stoq_stream *stream, void *user)
{
	struct client_stream *state = stoq_stream_user(stream);

	if (state->kind == BENCH_SINK)
		bench_pump(stream);
}

static void stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	free(stoq_stream_user(stream));
}

/* ---- connections ---- */

static void connected(struct stoq_connection *connection, void *user)
{
	struct client_connection *state = stoq_connection_user(connection);

	state->client->waiting--;
	open_streams(state);
}

static void closed(struct stoq_connection *connection, void *user)
{
	struct client_connection *state = stoq_connection_user(connection);

	state->connection = NULL;
	if (state->client->phase != DONE)
		give_up(state->client, -ECONNRESET, stoq_connection_close_info(connection)->reason);
}

static int begin_to_connect(struct client *client, struct stoq_error *error)
{
	const struct bench_options *options = client->options;
	struct stoq_connect_config config = {.remote = &options->address.sa,
		.remote_length = options->address.length,
		.name = options->insecure ? NULL : options->name};
	int ret = 0;

	for (uint32_t i = 0; i < options->connections && !ret; i++) {
		struct client_connection *connection = &client->connections[i];

		connection->client = client;
		config.user = connection;
		ret = stoq_transport_connect(client->transport, 0, &config, stoq_clock_now_ns(),
			&connection->connection, error);
	}
	client->waiting = options->connections;
	client->phase_end_ns = stoq_clock_now_ns() + CONNECT_TIMEOUT_NS;
	return ret;
}

/* ---- phases ---- */

static void ask_for_reports(struct client *client, enum phase phase)
{
	struct stoq_stream *stream;

	client->phase = phase;
	client->phase_end_ns = stoq_clock_now_ns() + REPORT_TIMEOUT_NS;
	client->waiting = client->options->connections;
	for (uint32_t i = 0; i < client->options->connections && client->phase != DONE; i++) {
		client->connections[i].reported = false;
		open_stream(&client->connections[i], BENCH_REPORT, &stream);
	}
}

static struct bench_cpu cpu_since(const struct bench_cpu *then, const struct bench_cpu *now)
{
	return (struct bench_cpu){.user_ns = now->user_ns - then->user_ns,
		.system_ns = now->system_ns - then->system_ns};
}

static void begin_to_measure(struct client *client)
{
	client->phase = MEASURING;
	client->cpu = bench_own_cpu();
	stoq_transport_metrics(client->transport, &client->results->before);
	client->received_bytes = 0;
	client->measured_from_ns = stoq_clock_now_ns();
	client->phase_end_ns = client->measured_from_ns + client->options->duration_ns;
}

static void end_measuring(struct client *client)
{
	struct bench_results *results = client->results;
	struct bench_cpu now = bench_own_cpu();

	results->elapsed_ns = stoq_clock_now_ns() - client->measured_from_ns;
	results->received_bytes = client->received_bytes;
	results->client = cpu_since(&client->cpu, &now);
	stoq_transport_metrics(client->transport, &results->after);
	stoq_transport_ebpf_status(client->transport, &results->ebpf);
	stoq_connection_info(client->connections[0].connection, &results->connection);
	ask_for_reports(client, REPORTING_AFTER);
}

/* The server's figures: bytes of each connection by its own clock; its CPU time is one. */
static void sum_reports(struct client *client)
{
	const struct client_connection *first = &client->connections[0];
	struct bench_results *results = client->results;

	for (uint32_t i = 0; i < client->options->connections; i++)
		results->sent_bytes += client->connections[i].after.received_bytes -
				       client->connections[i].before.received_bytes;
	results->server = cpu_since(&first->before.cpu, &first->after.cpu);
	results->server_elapsed_ns = first->after.now_ns - first->before.now_ns;
	results->sent_elapsed_ns = results->server_elapsed_ns;
	client->phase = DONE;
}

static void step(struct client *client, uint64_t now_ns)
{
	bool due = now_ns >= client->phase_end_ns;

	if (client->phase == CONNECTING && !client->waiting) {
		client->phase = WARMING_UP;
		client->phase_end_ns = now_ns + client->options->warmup_ns;
	} else if (client->phase == REPORTING_BEFORE && !client->waiting) {
		begin_to_measure(client);
	} else if (client->phase == REPORTING_AFTER && !client->waiting) {
		sum_reports(client);
	} else if (client->phase == WARMING_UP && due) {
		ask_for_reports(client, REPORTING_BEFORE);
	} else if (client->phase == MEASURING && due) {
		end_measuring(client);
	} else if (due) {
		give_up(client, -ETIMEDOUT,
			client->phase == CONNECTING
				? "no connection after 15 s: is the server there, and does a "
				  "firewall let UDP through?"
				: "the server did not report within 15 s");
	}
}

static void interrupt(int signal)
{
	interrupted = signal;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void wait(const struct client *client)
{
	struct pollfd poll_fd = {
		.fd = stoq_transport_descriptor(client->transport, 0), .events = POLLIN};
	uint64_t next_ns = stoq_transport_next_ns(client->transport, 0);
	uint64_t now_ns = stoq_clock_now_ns(), wait_ns = 0;
	struct timespec timeout;

	if (client->phase_end_ns < next_ns)
		next_ns = client->phase_end_ns;
	if (next_ns > now_ns)
		wait_ns = next_ns - now_ns;
	timeout.tv_sec = (time_t)(wait_ns / 1000000000);
	timeout.tv_nsec = (long)(wait_ns % 1000000000);
	ppoll(&poll_fd, 1, &timeout, NULL);
}

static int run(struct client *client, struct stoq_error *error)
{
	while (client->phase != DONE) {
		uint64_t now_ns = stoq_clock_now_ns();
		int ret = stoq_transport_process(client->transport, 0, now_ns);

		if (ret)
			return stoq_error_set(
				error, ret, "the transport failed: %s", strerror(-ret));
		step(client, now_ns);
		if (interrupted)
			give_up(client, -EINTR, "interrupted before the end: there is no result");
		if (!client->options->spin && client->phase != DONE)
			wait(client);
	}
	if (client->error.code)
		*error = client->error;
	return client->error.code;
}

static bool is_connected(const struct client *client)
{
	for (uint32_t i = 0; i < client->options->connections; i++)
		if (client->connections[i].connection)
			return true;
	return false;
}

/* The server learns that this is over, and need not wait for its idle timeout. */
static void leave(struct client *client)
{
	client->phase = DONE;
	client->phase_end_ns = stoq_clock_now_ns() + LEAVE_TIMEOUT_NS;
	for (uint32_t i = 0; i < client->options->connections; i++)
		if (client->connections[i].connection)
			stoq_connection_close(client->connections[i].connection, 0, "measured");
	while (is_connected(client) && stoq_clock_now_ns() < client->phase_end_ns) {
		if (stoq_transport_process(client->transport, 0, stoq_clock_now_ns()))
			break;
		if (is_connected(client))
			wait(client);
	}
}

int bench_measure(const struct bench_options *options, struct bench_identity *identity,
	struct bench_results *results, struct stoq_error *error)
{
	struct client client = {.options = options, .results = results};
	struct stoq_transport_config config;
	int ret;

	memset(results, 0, sizeof(*results));
	catch_signals();
	bench_configure(&config, options, identity);
	config.callbacks = (struct stoq_transport_callbacks){.connected = connected,
		.closed = closed,
		.stream_closed = stream_closed,
		.received = received,
		.writable = writable,
		.log = bench_say};
	client.connections = calloc(options->connections, sizeof(client.connections[0]));
	if (!client.connections)
		return stoq_error_set(error, -ENOMEM, "no memory for connections");
	ret = stoq_transport_create(&config, &client.transport, error);
	bench_identity_remove(identity);
	if (!ret) {
		ret = bench_drop_privileges(client.transport, error);
		if (!ret)
			ret = begin_to_connect(&client, error);
		if (!ret)
			ret = run(&client, error);
		leave(&client);
		stoq_transport_destroy(client.transport);
	}
	free(client.connections);
	return ret;
}
