// SPDX-License-Identifier: BSD-2-Clause
/* Real sockets over loopback: several worker threads, our event loop and the caller's. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/transport/rig.h"
#include "transport/connection.h"
#include "transport/worker.h"

#define WORKERS	      3
#define CONNECTIONS   12
#define MESSAGE_BYTES 100000
#define DEADLINE_NS   (100 * RIG_S) /* valgrind on a busy machine is slow */

struct server {
	struct stoq_transport *transport;
	pthread_t thread;
	unsigned int by_worker[WORKERS]; /* changed by its worker only */
	unsigned int posted;		 /* atomic */
};

static struct server server;
static unsigned int answers;
static uint8_t message[MESSAGE_BYTES];

/* ---- the server: echo, in whichever worker has the connection ---- */

static void on_accepted(struct stoq_connection *connection, void *user)
{
	server.by_worker[stoq_connection_worker(connection)]++;
}

static size_t echo(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	ssize_t written = stoq_stream_write(stream, data, size, finished ? STOQ_FINISH : 0);

	return written < 0 ? size : (size_t)written;
}

static void resume(struct stoq_stream *stream, void *user)
{
	stoq_stream_resume(stream);
}

static void *run_server(void *unused)
{
	struct stoq_error error = {0};

	assert_int_equal(stoq_transport_run(server.transport, &error), 0);
	return NULL;
}

/* ---- the client ---- */

static void ask(struct stoq_connection *connection, void *user)
{
	struct stoq_stream *stream;

	assert_int_equal(stoq_stream_open(connection, STOQ_BIDIRECTIONAL, &stream), 0);
	stoq_stream_set_user(stream, message);
	assert_int_equal(
		stoq_stream_write(stream, message, sizeof(message), STOQ_FINISH), sizeof(message));
}

static size_t on_answer(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	const uint8_t *expected = stoq_stream_user(stream);

	assert_memory_equal(data, expected, size);
	stoq_stream_set_user(stream, (void *)(expected + size));
	if (finished) {
		assert_ptr_equal(expected + size, message + MESSAGE_BYTES);
		answers++;
	}
	return size;
}

/* A program's own loop: waits for the descriptor or the time, then lets the worker work. */
static void loop_until_answered(struct stoq_transport *client)
{
	uint64_t end_ns = stoq_clock_now_ns() + DEADLINE_NS;

	while (answers < CONNECTIONS && stoq_clock_now_ns() < end_ns) {
		struct pollfd wait = {.fd = stoq_transport_descriptor(client, 0), .events = POLLIN};
		uint64_t due_ns = stoq_transport_next_ns(client, 0), now = stoq_clock_now_ns();
		uint64_t wait_ms = due_ns <= now ? 0 : (due_ns - now) / RIG_MS + 1;

		assert_true(poll(&wait, 1, wait_ms < 100 ? (int)wait_ms : 100) >= 0);
		assert_int_equal(stoq_transport_process(client, 0, stoq_clock_now_ns()), 0);
	}
}

static void configure(
	struct stoq_transport_config *config, const char *who, const char *const *peer)
{
	char name[64];

	stoq_transport_config_init(config);
	snprintf(name, sizeof(name), "%s/ca.pem", who);
	config->tls.ca_file = rig_file(name);
	snprintf(name, sizeof(name), "%s/cert.pem", who);
	config->tls.certificate_file = rig_file(name);
	snprintf(name, sizeof(name), "%s/key.pem", who);
	config->tls.key_file = rig_file(name);
	config->tls.peer_names = peer;
	config->tls.peer_name_count = 1;
	config->handshake_timeout_ns = config->idle_timeout_ns = DEADLINE_NS;
	config->bind_address = "127.0.0.1";
	config->port = 0;
}

static void start_server(void)
{
	static const char *const names[] = {"client.test"};
	struct stoq_transport_config config;
	struct stoq_error error = {0};

	configure(&config, "server.test", names);
	config.listen = true;
	config.workers = WORKERS;
	config.callbacks.accepted = on_accepted;
	config.callbacks.received = echo;
	config.callbacks.writable = resume;
	if (stoq_transport_create(&config, &server.transport, &error))
		fail_msg("%s", error.text);
	assert_int_equal(pthread_create(&server.thread, NULL, run_server, NULL), 0);
}

/* ---- a stateless reset, whose connection ID is random, comes to any worker ---- */

static struct stoq_close_info reset_close;
static bool reset_connected;

static void on_reset_connected(struct stoq_connection *connection, void *user)
{
	reset_connected = true;
}

static void on_reset_closed(struct stoq_connection *connection, void *user)
{
	reset_close = *stoq_connection_close_info(connection);
}

static struct stoq_transport *reset_transport(
	const char *who, const char *const *peer, unsigned int workers)
{
	struct stoq_transport_config config;
	struct stoq_transport *transport;
	struct stoq_error error = {0};

	configure(&config, who, peer);
	config.listen = true;
	config.workers = workers;
	config.callbacks.connected = on_reset_connected;
	config.callbacks.closed = on_reset_closed;
	if (stoq_transport_create(&config, &transport, &error))
		fail_msg("%s", error.text);
	return transport;
}

static void process_all(struct stoq_transport *transport, unsigned int workers)
{
	for (unsigned int i = 0; transport && i < workers; i++)
		assert_int_equal(stoq_transport_process(transport, i, stoq_clock_now_ns()), 0);
}

static struct stoq_connection *reset_connect(
	struct stoq_transport *transport, unsigned int worker, const struct sockaddr_storage *to)
{
	struct stoq_connect_config config = {.remote = (const struct sockaddr *)to,
		.remote_length = sizeof(struct sockaddr_in),
		.name = "server.test"};
	struct stoq_connection *connection;
	struct stoq_error error = {0};

	if (stoq_transport_connect(
		    transport, worker, &config, stoq_clock_now_ns(), &connection, &error))
		fail_msg("%s", error.text);
	return connection;
}

/* What it still has to say goes nowhere. */
static void cut_off(struct stoq_transport *transport)
{
	short events;
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	int socket_fd = stoq_datapath_descriptor(transport->workers[0]->datapath, &events);

	assert_true(nowhere >= 0 && dup2(nowhere, socket_fd) == socket_fd);
	close(nowhere);
}

static void test_a_reset_reaches_its_worker(void **state)
{
	static const char *const to_server[] = {"server.test"}, *const to_client[] = {
									"client.test"};
	struct stoq_transport *peer = reset_transport("server.test", to_client, 1);
	struct stoq_transport *transport = reset_transport("client.test", to_server, WORKERS);
	struct sockaddr_storage peer_address, address;
	struct stoq_connection *connection;
	uint8_t reset[41] = {0x40};
	uint64_t end_ns = stoq_clock_now_ns() + DEADLINE_NS;
	socklen_t length;
	int fd;

	stoq_transport_local_address(peer, &peer_address, &length);
	stoq_transport_local_address(transport, &address, &length);
	connection = reset_connect(transport, 1, &peer_address);
	while (!(reset_connected && connection->confirmed) && stoq_clock_now_ns() < end_ns) {
		process_all(transport, WORKERS);
		process_all(peer, 1);
	}
	assert_true(connection->confirmed && connection->reset_token_count);
	memcpy(reset + sizeof(reset) - NGTCP2_STATELESS_RESET_TOKENLEN,
		connection->reset_tokens[0].data, NGTCP2_STATELESS_RESET_TOKENLEN);

	/* Without a word; then somebody at its address knows nothing of the connection. */
	cut_off(peer);
	stoq_transport_destroy(peer);
	memset(&reset_close, 0, sizeof(reset_close));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&peer_address, length), 0);
	reset[1] = 2; /* the ID's first byte: worker 2 */
	assert_int_equal(sendto(fd, reset, sizeof(reset), 0, (struct sockaddr *)&address, length),
		sizeof(reset));
	while (!reset_close.reason[0] && stoq_clock_now_ns() < end_ns)
		process_all(transport, WORKERS);
	assert_int_equal(reset_close.origin, STOQ_CLOSE_STATELESS_RESET);
	close(fd);
	stoq_transport_destroy(transport);
}

static struct stoq_transport *start_client(void)
{
	static const char *const names[] = {"server.test"};
	struct stoq_transport_config config;
	struct stoq_transport *client;
	struct stoq_error error = {0};

	configure(&config, "client.test", names);
	config.callbacks.connected = ask;
	config.callbacks.received = on_answer;
	if (stoq_transport_create(&config, &client, &error))
		fail_msg("%s", error.text);
	return client;
}

static void count_post(void *unused)
{
	__atomic_add_fetch(&server.posted, 1, __ATOMIC_RELAXED);
}

static void connect_all(struct stoq_transport *client)
{
	struct sockaddr_storage address;
	struct stoq_error error = {0};
	socklen_t length;

	stoq_transport_local_address(server.transport, &address, &length);
	for (unsigned int i = 0; i < CONNECTIONS; i++) {
		const struct stoq_connect_config config = {
			.remote = (const struct sockaddr *)&address,
			.remote_length = length,
			.name = "server.test",
		};
		struct stoq_connection *connection;

		if (stoq_transport_connect(
			    client, 0, &config, stoq_clock_now_ns(), &connection, &error))
			fail_msg("%s", error.text);
	}
}

static void test_connections_are_spread_over_workers(void **state)
{
	struct stoq_transport_metrics metrics;
	struct stoq_transport *client;
	unsigned int total = 0, busy = 0;

	rig_fill(message, sizeof(message), 0);
	start_server();
	client = start_client();
	connect_all(client);
	loop_until_answered(client);
	assert_int_equal(answers, CONNECTIONS);
	for (unsigned int i = 0; i < WORKERS; i++)
		assert_int_equal(stoq_transport_post(server.transport, i, count_post, NULL), 0);
	stoq_transport_metrics(server.transport, &metrics);
	assert_int_equal(metrics.connections_accepted, CONNECTIONS);
	assert_int_equal(metrics.stream_bytes_received, CONNECTIONS * MESSAGE_BYTES);
	stoq_transport_stop(server.transport);
	pthread_join(server.thread, NULL);
	for (unsigned int i = 0; i < WORKERS; i++) {
		total += server.by_worker[i];
		busy += server.by_worker[i] > 0;
	}
	assert_int_equal(total, CONNECTIONS);
	/* By chance all could have gone to one: once in 3^11. */
	assert_true(busy > 1);
	stoq_transport_destroy(client);
	stoq_transport_destroy(server.transport);
	/* What is still queued runs at the end. */
	assert_int_equal(server.posted, WORKERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections_are_spread_over_workers),
		cmocka_unit_test(test_a_reset_reaches_its_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
