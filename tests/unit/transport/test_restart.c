// SPDX-License-Identifier: BSD-2-Clause
/*
 * A server that ends without a word and is started again: peers notice at once, by a stateless
 * reset. In memory, and with processes that are killed or exit.
 */
#include "tests/unit/transport/rig.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath/address.h"
#include "transport/connection.h"
#include "transport/transport.h"

static struct rig rig;
static char key_path[] = "/tmp/stoq-reset-key-XXXXXX";

static int setup(void **state)
{
	rig_prepare(&rig, 1);
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	unlink(key_path);
	return 0;
}

/* ---- in memory ---- */

static const struct stoq_memory_link usual = {.delay_ns = RIG_MS}, cut = {.loss_ppm = 1000000};

/* Nothing of what it says at its end gets out. */
static void crash_and_restart(void)
{
	stoq_memory_set_link(rig.server.datapath, &cut);
	rig_stop_side(&rig.server);
	rig_start_side(&rig.server);
	rig_set_link(&rig, &usual);
}

static void connect_idle(void)
{
	rig_start(&rig);
	rig_set_link(&rig, &usual);
	rig_connected(&rig);
	rig_run(&rig, RIG_S);
}

/* size: of what the client says next, which makes packets of any size. */
static void expect_reset_after(size_t size)
{
	static const uint8_t bytes[2000];
	struct stoq_stream *stream;

	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, bytes, size, 0), size);
	assert_true(rig_run_until(&rig, rig_client_closed, RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_STATELESS_RESET);
}

static void test_small_packet(void **state)
{
	connect_idle();
	crash_and_restart();
	expect_reset_after(1);
	assert_true(rig_metrics(&rig.server).stateless_resets_sent >= 1);
}

static void test_large_packet(void **state)
{
	connect_idle();
	crash_and_restart();
	expect_reset_after(2000);
}

/* A ping is the smallest packet there is: the answer has to be smaller still. */
static void test_ping(void **state)
{
	rig.client.config.keep_alive_ns = 5 * RIG_S;
	connect_idle();
	crash_and_restart();
	assert_true(rig_run_until(&rig, rig_client_closed, 6 * RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_STATELESS_RESET);
}

static void use_key_file(void)
{
	int fd;

	memset(key_path + strlen(key_path) - 6, 'X', 6);
	fd = mkstemp(key_path);
	assert_true(fd >= 0);
	close(fd);
	unlink(key_path);
	rig.server.config.reset_key_file = key_path;
}

/* It is made by the first, and outlives even the certificate. */
static void test_key_file(void **state)
{
	static const char *const names[] = {"client.test"};
	struct stat status;

	use_key_file();
	connect_idle();
	assert_int_equal(stat(key_path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(status.st_size, 32);
	rig.server.config.tls.certificate_file = rig_file("client.test/cert.pem");
	rig.server.config.tls.key_file = rig_file("client.test/key.pem");
	rig.server.config.tls.peer_names = names;
	crash_and_restart();
	expect_reset_after(10);
}

static void expect_refused(int code, const char *reason)
{
	struct stoq_transport *transport;
	struct stoq_datapath *datapath;
	struct stoq_address address;
	struct stoq_error error;

	assert_int_equal(stoq_address_parse(&address, "192.0.2.9:1", 0, NULL), 0);
	assert_int_equal(stoq_memory_open(rig.network, &address, &datapath), 0);
	assert_int_equal(
		stoq_transport_create_on(&rig.server.config, &datapath, &transport, &error), code);
	if (!strstr(error.text, reason))
		fail_msg("'%s' does not say '%s'", error.text, reason);
}

static void test_bad_key_files(void **state)
{
	FILE *file;

	use_key_file();
	rig_start(&rig);
	assert_int_equal(truncate(key_path, 31), 0);
	expect_refused(-EINVAL, "holds 31 bytes, and 32 are needed");
	file = fopen(key_path, "w");
	assert_non_null(file);
	fputs("twenty characters, and twenty more of them", file);
	fclose(file);
	assert_int_equal(chmod(key_path, 0644), 0);
	expect_refused(-EPERM, key_path);
	rig.server.config.reset_key_file = "/nonexistent/key";
	expect_refused(-ENOENT, "/nonexistent/key cannot be made");
}

/* Another transport must not be able to end the connections of this one. */
static void test_another_address_has_another_key(void **state)
{
	struct stoq_transport *transport;
	struct stoq_datapath *datapath;
	struct stoq_address address;
	struct stoq_error error;

	rig_start(&rig);
	assert_int_equal(stoq_address_parse(&address, "192.0.2.1:9293", 0, NULL), 0);
	assert_int_equal(stoq_memory_open(rig.network, &address, &datapath), 0);
	assert_int_equal(
		stoq_transport_create_on(&rig.server.config, &datapath, &transport, &error), 0);
	assert_memory_not_equal(transport->reset_secret, rig.server.transport->reset_secret,
		sizeof(transport->reset_secret));
	assert_memory_not_equal(
		transport->reset_secret, transport->token_secret, sizeof(transport->reset_secret));
	stoq_transport_destroy(transport);
}

static void test_another_certificate_is_another_server(void **state)
{
	rig.client.config.idle_timeout_ns = 5 * RIG_S;
	connect_idle();
	rig.server.config.tls.certificate_file = rig_file("client.test/cert.pem");
	rig.server.config.tls.key_file = rig_file("client.test/key.pem");
	crash_and_restart();
	assert_true(rig_run_until(&rig, rig_client_closed, 20 * RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_IDLE);
}

/* An address that was proven before the crash needs no Retry after it. */
static void test_address_tokens_survive(void **state)
{
	struct stoq_connect_config config;

	rig.server.config.retry = STOQ_RETRY_ALWAYS;
	connect_idle();
	assert_int_equal(rig_metrics(&rig.server).retries_sent, 1);
	crash_and_restart();
	config = rig_resume_config(&rig);
	rig.client.connected = rig.server.accepted = 0;
	rig.server.connection = NULL;
	rig_connect_as(&rig, &config);
	rig_wait_connected(&rig);
	assert_int_equal(rig_metrics(&rig.server).retries_sent, 0);
}

/* ---- processes ---- */

#define DEADLINE_NS (100 * RIG_S)

static struct stoq_transport *process_transport;
static struct stoq_close_info process_close;
static bool process_closed, process_confirmed;

static void on_confirmed(struct stoq_connection *connection, void *user)
{
	process_confirmed = true;
}

static void on_closed(struct stoq_connection *connection, void *user)
{
	process_close = *stoq_connection_close_info(connection);
	process_closed = true;
}

static struct stoq_transport_config config_of(const char *who, const char *const *peer)
{
	struct stoq_transport_config config;
	char name[64];

	stoq_transport_config_init(&config);
	snprintf(name, sizeof(name), "%s/ca.pem", who);
	config.tls.ca_file = rig_file(name);
	snprintf(name, sizeof(name), "%s/cert.pem", who);
	config.tls.certificate_file = rig_file(name);
	snprintf(name, sizeof(name), "%s/key.pem", who);
	config.tls.key_file = rig_file(name);
	config.tls.peer_names = peer;
	config.tls.peer_name_count = 1;
	config.bind_address = "127.0.0.1";
	config.port = 0;
	config.idle_timeout_ns = config.handshake_timeout_ns = DEADLINE_NS;
	config.callbacks.confirmed = on_confirmed;
	config.callbacks.closed = on_closed;
	return config;
}

static void end_by_exit(int signal_number)
{
	exit(0); // NOLINT: a program that does not know better
}

/* A server that runs until it is killed, or until SIGTERM makes it call exit(). */
static void serve(uint16_t port, int ready)
{
	static const char *const client[] = {"client.test"};
	struct stoq_transport_config config = config_of("server.test", client);
	struct sockaddr_storage address;
	struct stoq_error error;
	socklen_t length;

	config.listen = true;
	config.port = port;
	config.workers = 2;
	if (stoq_transport_create(&config, &process_transport, &error)) {
		fprintf(stderr, "%s\n", error.text);
		_exit(1);
	}
	stoq_transport_local_address(process_transport, &address, &length);
	port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	signal(SIGTERM, end_by_exit);
	if (write(ready, &port, sizeof(port)) != sizeof(port))
		_exit(1);
	stoq_transport_run(process_transport, &error);
	_exit(1);
}

static pid_t start_server(uint16_t *port)
{
	int pipes[2];
	pid_t child;

	rig_file("server.test/ca.pem"); /* they are made by the parent */
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(pipes[0]);
		serve(*port, pipes[1]);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], port, sizeof(*port)), sizeof(*port));
	close(pipes[0]);
	return child;
}

static void end_server(pid_t server, int how)
{
	int status;

	assert_int_equal(kill(server, how), 0);
	assert_int_equal(waitpid(server, &status, 0), server);
}

static void process_until(const bool *condition)
{
	uint64_t end_ns = stoq_now_ns() + DEADLINE_NS;

	while (!*condition && stoq_now_ns() < end_ns) {
		struct pollfd wait = {
			.fd = stoq_transport_descriptor(process_transport, 0), .events = POLLIN};

		poll(&wait, 1, 1);
		assert_int_equal(stoq_transport_process(process_transport, 0, stoq_now_ns()), 0);
	}
	assert_true(*condition);
}

static struct stoq_connection *connect_client(uint16_t port)
{
	static const char *const server[] = {"server.test"};
	struct stoq_transport_config config = config_of("client.test", server);
	struct stoq_connect_config how = {.name = "server.test"};
	struct stoq_connection *connection;
	struct sockaddr_storage address;
	struct stoq_error error;

	config.idle_timeout_ns = 2 * DEADLINE_NS;
	process_closed = process_confirmed = false;
	if (stoq_transport_create(&config, &process_transport, &error))
		fail_msg("%s", error.text);
	assert_int_equal(stoq_resolve("127.0.0.1", port, &address, 1, NULL), 1);
	how.remote = (const struct sockaddr *)&address;
	how.remote_length = sizeof(address);
	if (stoq_transport_connect(process_transport, 0, &how, stoq_now_ns(), &connection, &error))
		fail_msg("%s", error.text);
	process_until(&process_confirmed);
	return connection;
}

static void test_killed_server(void **state)
{
	struct stoq_connection *connection;
	struct stoq_stream *stream;
	uint16_t port = 0;
	pid_t server = start_server(&port);

	rig_start(&rig);
	connection = connect_client(port);
	end_server(server, SIGKILL);
	server = start_server(&port);
	assert_int_equal(stoq_stream_open(connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, "still there?", 12, 0), 12);
	process_until(&process_closed);
	assert_int_equal(process_close.origin, STOQ_CLOSE_STATELESS_RESET);
	end_server(server, SIGKILL);
	stoq_transport_destroy(process_transport);
}

static void test_server_that_exits(void **state)
{
	uint16_t port = 0;
	pid_t server = start_server(&port);

	rig_start(&rig);
	connect_client(port);
	end_server(server, SIGTERM);
	process_until(&process_closed);
	assert_int_equal(process_close.origin, STOQ_CLOSE_PEER_APPLICATION);
	assert_string_equal(process_close.reason, "the process ends");
	stoq_transport_destroy(process_transport);
}

/* A child has the connections in its memory, but they are its parent's. */
static void test_child_that_exits(void **state)
{
	uint16_t port = 0;
	pid_t server = start_server(&port), child;
	struct stoq_connection *connection;
	struct stoq_connection_info info;
	int status;

	rig_start(&rig);
	connection = connect_client(port);
	child = fork();
	if (!child)
		exit(0);
	assert_int_equal(waitpid(child, &status, 0), child);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(stoq_transport_process(process_transport, 0, stoq_now_ns()), 0);
		usleep(1000);
	}
	assert_false(process_closed);
	stoq_connection_info(connection, &info);
	assert_true(info.established);
	end_server(server, SIGKILL);
	stoq_transport_destroy(process_transport);
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_small_packet),
		with_rig(test_large_packet),
		with_rig(test_ping),
		with_rig(test_key_file),
		with_rig(test_bad_key_files),
		with_rig(test_another_address_has_another_key),
		with_rig(test_another_certificate_is_another_server),
		with_rig(test_address_tokens_survive),
		with_rig(test_killed_server),
		with_rig(test_server_that_exits),
		with_rig(test_child_that_exits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
