// SPDX-License-Identifier: BSD-2-Clause
#include "tool/bench/server.h"

/* The server's side of `stoq bench transport`: it does what each stream's header asks for. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/bench/common.h"
#include "tool/bench/wire.h"
#include "tool/message.h"

/* What is kept of a connection, and of a stream. */
struct served_connection {
	uint64_t received_bytes;
};

struct served_stream {
	uint8_t header_bytes[BENCH_HEADER_BYTES];
	unsigned int header_length;
	struct bench_header header;
	uint64_t request_got; /* bytes of a request that is not whole yet */
	uint64_t owed;	      /* of responses */
	bool finished;	      /* the client sends no more */
};

static struct stoq_transport *running; /* for the signal handler */

static void stop(int signal_number)
{
	stoq_transport_stop(running);
}

static void accepted(struct stoq_connection *connection, void *user)
{
	struct served_connection *served = calloc(1, sizeof(*served));

	if (!served)
		stoq_connection_close(connection, 1, "no memory");
	stoq_connection_set_user(connection, served);
}

static void closed(struct stoq_connection *connection, void *user)
{
	free(stoq_connection_user(connection));
}

static void stream_opened(struct stoq_stream *stream, void *user)
{
	struct served_stream *served = calloc(1, sizeof(*served));

	if (!served)
		stoq_connection_close(stoq_stream_connection(stream), 1, "no memory");
	stoq_stream_set_user(stream, served);
}

static void stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	free(stoq_stream_user(stream));
}

static void report(struct stoq_stream *stream, const struct served_connection *connection)
{
	struct bench_report values = {.now_ns = stoq_clock_now_ns(),
		.received_bytes = connection->received_bytes,
		.cpu = bench_own_cpu()};
	uint8_t bytes[BENCH_REPORT_BYTES];

	bench_write_report(bytes, &values);
	stoq_stream_write(stream, bytes, sizeof(bytes), STOQ_FINISH);
}

static void pay(struct stoq_stream *stream, struct served_stream *served)
{
	served->owed -= bench_write_zeros(stream, served->owed);
	if (!served->owed && served->finished)
		stoq_stream_write(stream, NULL, 0, STOQ_FINISH);
}

static void take_requests(struct stoq_stream *stream, struct served_stream *served, size_t size)
{
	served->request_got += size;
	served->owed +=
		served->request_got / served->header.request_bytes * served->header.response_bytes;
	served->request_got %= served->header.request_bytes;
	pay(stream, served);
}

/* What follows the header. */
static void serve(struct stoq_stream *stream, struct served_stream *served, size_t size)
{
	struct served_connection *connection = stoq_connection_user(stoq_stream_connection(stream));

	switch (served->header.kind) {
	case BENCH_SINK:
		connection->received_bytes += size;
		if (served->finished)
			stoq_stream_write(stream, NULL, 0, STOQ_FINISH);
		break;
	case BENCH_SOURCE:
		bench_pump(stream);
		break;
	case BENCH_ECHO:
		take_requests(stream, served, size);
		break;
	case BENCH_REPORT:
		if (served->finished)
			report(stream, connection);
		break;
	}
}

static size_t received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct served_stream *served = stoq_stream_user(stream);
	size_t missing, taken;

	if (!served)
		return size;
	missing = BENCH_HEADER_BYTES - served->header_length;
	taken = size < missing ? size : missing;
	if (taken) {
		memcpy(served->header_bytes + served->header_length, data, taken);
		served->header_length += (unsigned int)taken;
		if (taken == missing && bench_read_header(served->header_bytes, &served->header)) {
			stoq_connection_close(stoq_stream_connection(stream), 2,
				"this is not what stoq bench transport sends");
			return size;
		}
	}
	served->finished = finished;
	if (served->header_length == BENCH_HEADER_BYTES)
		serve(stream, served, size - taken);
	return size;
}

static void writable(struct stoq_stream *stream, void *user)
{
	struct served_stream *served = stoq_stream_user(stream);

	if (!served)
		return;
	if (served->header.kind == BENCH_SOURCE)
		bench_pump(stream);
	else if (served->header.kind == BENCH_ECHO)
		pay(stream, served);
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = stop};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Tells who waits for it which port it is. */
static void announce(const struct bench_options *options, int ready)
{
	struct stoq_address local = {.length = 0};
	struct sockaddr_storage storage;
	char text[STOQ_ADDRESS_TEXT];
	uint16_t port;

	stoq_transport_local_address(running, &storage, &local.length);
	memcpy(&local.in6, &storage, sizeof(local.in6));
	port = stoq_address_port(&local);
	if (ready >= 0) {
		if (write(ready, &port, sizeof(port)) != sizeof(port))
			stoq_transport_stop(running);
		close(ready);
	} else {
		tool_notice("listening on UDP %s", stoq_address_text(text, &local));
	}
}

int bench_serve(const struct bench_options *options, struct bench_identity *identity, int ready,
	struct stoq_error *error)
{
	struct stoq_transport_config config;
	char text[STOQ_ADDRESS_TEXT];
	int ret;

	bench_configure(&config, options, identity);
	stoq_address_host(text, &options->address);
	config.bind_address = text;
	config.port = stoq_address_port(&options->address);
	config.listen = true;
	config.workers = options->workers;
	config.callbacks = (struct stoq_transport_callbacks){.accepted = accepted,
		.closed = closed,
		.stream_opened = stream_opened,
		.stream_closed = stream_closed,
		.received = received,
		.writable = writable,
		.log = bench_say};
	ret = stoq_transport_create(&config, &running, error);
	bench_identity_remove(identity);
	if (ret)
		return ret;
	ret = bench_drop_privileges(running, error);
	if (!ret) {
		catch_signals();
		announce(options, ready);
		ret = stoq_transport_run(running, error);
	}
	stoq_transport_destroy(running);
	return ret;
}
