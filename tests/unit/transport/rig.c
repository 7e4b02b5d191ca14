// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/transport/rig.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "datapath/address.h"
#include "pki/files.h"
#include "pki/material.h"
#include "transport/transport.h"

#define NETWORK_BYTES (256u << 20)

/* ---- certificates ---- */

static char folder[] = "/tmp/stoq-test-XXXXXX";
static const char *const names[] = {"server.test", "client.test"};

static pid_t maker;

/* A child that exits leaves its parent's files alone. */
static void remove_files(void)
{
	static const char *const files[] = {
		STOQ_PKI_CA_FILE, STOQ_PKI_CERT_FILE, STOQ_PKI_KEY_FILE};
	char path[256];

	if (getpid() != maker)
		return;
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 3; j++) {
			snprintf(path, sizeof(path), "%s/%s/%s", folder, names[i], files[j]);
			unlink(path);
		}
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		rmdir(path);
	}
	rmdir(folder);
}

static void make_files(void)
{
	struct stoq_pki_material pair[2];
	struct stoq_error error = {0};

	assert_non_null(mkdtemp(folder));
	maker = getpid();
	atexit(remove_files);
	assert_int_equal(stoq_pki_material_make_pair(pair, names, time(NULL), &error), 0);
	for (size_t i = 0; i < 2; i++) {
		const struct stoq_pki_file files[] = {
			{STOQ_PKI_CA_FILE, pair[i].ca},
			{STOQ_PKI_CERT_FILE, pair[i].certificate},
			{STOQ_PKI_KEY_FILE, pair[i].key},
		};
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (stoq_pki_write_folder(path, files, 3, NULL, &error))
			fail_msg("%s", error.text);
		stoq_pki_material_free(&pair[i]);
	}
}

const char *rig_file(const char *name)
{
	static char paths[16][256];
	static unsigned int next;
	static bool made;
	char *path = paths[next++ % 16];

	if (!made)
		make_files();
	made = true;
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

/* ---- callbacks ---- */

void rig_fill(uint8_t *data, size_t size, uint64_t offset)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)((offset + i) * 2654435761u >> 13);
}

uint64_t rig_hash(uint64_t hash, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 1099511628211u;
	return hash;
}

static void on_accepted(struct stoq_connection *connection, void *user)
{
	struct rig_side *side = user;

	side->accepted++;
	side->connection = connection;
	if (side->on_connection)
		side->on_connection(side, connection);
}

static void on_connected(struct stoq_connection *connection, void *user)
{
	struct rig_side *side = user;

	side->connected++;
	side->connection = connection;
	if (side->on_connection)
		side->on_connection(side, connection);
}

static void on_closed(struct stoq_connection *connection, void *user)
{
	struct rig_side *side = user;

	side->closed++;
	side->close = *stoq_connection_close_info(connection);
	if (side->connection == connection)
		side->connection = NULL;
}

static void on_stream_opened(struct stoq_stream *stream, void *user)
{
	struct rig_side *side = user;

	side->streams_opened++;
	side->stream = stream;
	if (side->on_stream)
		side->on_stream(side, stream);
}

static size_t on_received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct rig_side *side = user;
	size_t taken = size < side->take_max ? size : side->take_max;

	assert_non_null(data);
	if (side->echo) {
		ssize_t written =
			stoq_stream_write(stream, data, taken, finished ? STOQ_FINISH : 0);

		taken = written < 0 ? taken : (size_t)written;
	}
	side->hash = rig_hash(side->hash, data, taken);
	side->received += taken;
	if (finished && taken == size)
		side->finished++;
	return taken;
}

static void on_writable(struct stoq_stream *stream, void *user)
{
	struct rig_side *side = user;

	side->writable++;
	if (side->echo)
		stoq_stream_resume(stream);
}

static void on_stream_reset(struct stoq_stream *stream, uint64_t code, void *user)
{
	struct rig_side *side = user;

	side->resets++;
	side->stream_code = code;
}

static void on_stream_stopped(struct stoq_stream *stream, void *user)
{
	struct rig_side *side = user;

	side->stops++;
}

static void on_stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	struct rig_side *side = user;

	side->streams_closed++;
	side->close_code = code;
	if (side->stream == stream)
		side->stream = NULL;
}

static void on_streams_available(struct stoq_connection *connection, void *user)
{
	struct rig_side *side = user;

	side->available++;
}

static void on_datagram(
	struct stoq_connection *connection, const uint8_t *data, size_t size, void *user)
{
	struct rig_side *side = user;

	side->datagrams++;
	side->last_datagram = size;
}

static void on_datagram_settled(
	struct stoq_connection *connection, uint64_t id, bool acknowledged, void *user)
{
	struct rig_side *side = user;

	if (acknowledged)
		side->datagrams_arrived++;
	else
		side->datagrams_lost++;
}

static void on_session(
	struct stoq_connection *connection, const uint8_t *data, size_t size, void *user)
{
	struct rig_side *side = user;

	free(side->session);
	side->session = malloc(size);
	memcpy(side->session, data, size);
	side->session_size = size;
}

static void on_log(enum stoq_log_level level, const char *text, void *user)
{
	struct rig_side *side = user;

	side->warnings += level == STOQ_LOG_WARNING;
	snprintf(side->log, sizeof(side->log), "%s", text);
}

static const struct stoq_transport_callbacks callbacks = {
	.accepted = on_accepted,
	.connected = on_connected,
	.closed = on_closed,
	.stream_opened = on_stream_opened,
	.received = on_received,
	.writable = on_writable,
	.stream_reset = on_stream_reset,
	.stream_stopped = on_stream_stopped,
	.stream_closed = on_stream_closed,
	.streams_available = on_streams_available,
	.datagram = on_datagram,
	.datagram_settled = on_datagram_settled,
	.session = on_session,
	.log = on_log,
};

/* ---- the two sides ---- */

static void prepare_side(struct rig *rig, struct rig_side *side, const char *address,
	const char *const files[3], const char *const *peer)
{
	*side = (struct rig_side){.rig = rig, .take_max = SIZE_MAX};
	assert_int_equal(stoq_address_parse(&side->address, address, 0, NULL), 0);
	stoq_transport_config_init(&side->config);
	side->config.tls.ca_file = files[0];
	side->config.tls.certificate_file = files[1];
	side->config.tls.key_file = files[2];
	side->config.tls.peer_names = peer;
	side->config.tls.peer_name_count = 1;
	side->config.callbacks = callbacks;
	side->config.user = side;
}

void rig_prepare(struct rig *rig, uint64_t seed)
{
	const char *const server_files[] = {rig_file("server.test/ca.pem"),
		rig_file("server.test/cert.pem"), rig_file("server.test/key.pem")};
	const char *const client_files[] = {rig_file("client.test/ca.pem"),
		rig_file("client.test/cert.pem"), rig_file("client.test/key.pem")};

	*rig = (struct rig){.now_ns = RIG_S};
	assert_int_equal(stoq_memory_network_open(seed, NETWORK_BYTES, &rig->network), 0);
	prepare_side(rig, &rig->server, "192.0.2.1:9292", server_files, &names[1]);
	prepare_side(rig, &rig->client, "192.0.2.2:50000", client_files, &names[0]);
	rig->server.config.listen = true;
}

void rig_start_side(struct rig_side *side)
{
	struct stoq_error error = {0};

	if (stoq_memory_open(side->rig->network, &side->address, &side->datapath))
		fail_msg("the address is in use");
	if (stoq_transport_create_on(&side->config, &side->datapath, &side->transport, &error))
		fail_msg("%s", error.text);
}

void rig_stop_side(struct rig_side *side)
{
	stoq_transport_destroy(side->transport);
	side->transport = NULL;
	free(side->session);
	side->session = NULL;
}

void rig_start(struct rig *rig)
{
	rig_start_side(&rig->server);
	rig_start_side(&rig->client);
}

void rig_stop(struct rig *rig)
{
	rig_stop_side(&rig->client);
	rig_stop_side(&rig->server);
	stoq_memory_network_close(rig->network);
}

void rig_inject(struct rig *rig, const struct stoq_address *from, const struct stoq_address *to,
	const uint8_t *bytes, size_t size)
{
	uint8_t copy[4096];
	struct stoq_batch datagram = {
		.remote = *to,
		.local = *from,
		.data = copy,
		.size = (uint32_t)size,
		.capacity = sizeof(copy),
		.segment_size = (uint16_t)size,
	};

	assert_in_range(size, 1, sizeof(copy));
	memcpy(copy, bytes, size);
	stoq_memory_inject(rig->network, &datagram, rig->now_ns);
}

void rig_set_link(struct rig *rig, const struct stoq_memory_link *link)
{
	stoq_memory_set_link(rig->client.datapath, link);
	stoq_memory_set_link(rig->server.datapath, link);
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* One step: to when something happens, at most to limit_ns. */
static void step(struct rig *rig, uint64_t limit_ns)
{
	uint64_t next_ns = stoq_memory_next_ns(rig->network);

	if (rig->client.transport)
		next_ns = earlier(next_ns, stoq_transport_next_ns(rig->client.transport, 0));
	if (rig->server.transport)
		next_ns = earlier(next_ns, stoq_transport_next_ns(rig->server.transport, 0));
	next_ns = earlier(next_ns, limit_ns);
	/* Everything takes a while: a loop that is due at once must not stop the clock. */
	rig->now_ns = next_ns > rig->now_ns ? next_ns : rig->now_ns + 100;
	if (rig->client.transport)
		assert_int_equal(stoq_transport_process(rig->client.transport, 0, rig->now_ns), 0);
	if (rig->server.transport)
		assert_int_equal(stoq_transport_process(rig->server.transport, 0, rig->now_ns), 0);
}

bool rig_run_until(struct rig *rig, bool (*condition)(struct rig *rig), uint64_t limit_ns)
{
	uint64_t end_ns = rig->now_ns + limit_ns;

	while (!condition(rig)) {
		if (rig->now_ns >= end_ns)
			return false;
		step(rig, end_ns);
	}
	return true;
}

static bool never(struct rig *rig)
{
	return false;
}

void rig_run(struct rig *rig, uint64_t duration_ns)
{
	rig_run_until(rig, never, duration_ns);
}

bool rig_both_connected(struct rig *rig)
{
	return rig->client.connection && rig->server.connection && rig->client.connected &&
	       rig->server.accepted;
}

bool rig_both_closed(struct rig *rig)
{
	return rig->client.closed && rig->server.closed;
}

struct stoq_connect_config rig_connect_config(const struct rig *rig)
{
	return (struct stoq_connect_config){
		.remote = &rig->server.address.sa,
		.remote_length = rig->server.address.length,
		.name = names[0],
	};
}

struct stoq_connect_config rig_resume_config(const struct rig *rig)
{
	struct stoq_connect_config config = rig_connect_config(rig);

	config.session = rig->client.session;
	config.session_bytes = rig->client.session_size;
	return config;
}

struct stoq_connection *rig_connect(struct rig *rig)
{
	const struct stoq_connect_config config = rig_connect_config(rig);

	return rig_connect_as(rig, &config);
}

struct stoq_connection *rig_connect_as(struct rig *rig, const struct stoq_connect_config *config)
{
	struct stoq_connection *connection = NULL;
	struct stoq_error error = {0};

	if (stoq_transport_connect(
		    rig->client.transport, 0, config, rig->now_ns, &connection, &error))
		fail_msg("%s", error.text);
	rig->client.connection = connection;
	return connection;
}

void rig_connected(struct rig *rig)
{
	rig_connect(rig);
	rig_wait_connected(rig);
}

void rig_start_connected(struct rig *rig)
{
	rig_start(rig);
	rig_set_link(rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	rig_connected(rig);
}

bool rig_client_closed(struct rig *rig)
{
	return rig->client.closed > 0;
}

bool rig_server_closed(struct rig *rig)
{
	return rig->server.closed > 0;
}

void rig_wait_connected(struct rig *rig)
{
	if (!rig_run_until(rig, rig_both_connected, 10 * RIG_S))
		fail_msg("not connected: client '%s', server '%s', log '%s'",
			rig->client.close.reason, rig->server.close.reason, rig->server.log);
	/* The server may hear of it later than the client, and have others already. */
	rig_run(rig, 5 * RIG_MS);
}

struct stoq_transport_metrics rig_metrics(const struct rig_side *side)
{
	struct stoq_transport_metrics metrics;

	stoq_transport_metrics(side->transport, &metrics);
	return metrics;
}

static void assert_side_idle(const struct rig_side *side)
{
	struct stoq_transport_metrics metrics = rig_metrics(side);

	assert_int_equal(metrics.connections_handshaking, 0);
	assert_int_equal(metrics.connections_open, 0);
	assert_int_equal(metrics.connections_closing, 0);
	assert_int_equal(metrics.streams_open, 0);
	assert_int_equal(metrics.buffered_send_bytes, 0);
	assert_int_equal(metrics.buffered_receive_bytes, 0);
}

void rig_assert_idle(struct rig *rig)
{
	assert_side_idle(&rig->client);
	assert_side_idle(&rig->server);
}
