// SPDX-License-Identifier: BSD-2-Clause
#include "tool/records/serve.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/privileges.h"
#include "record/entry.h"
#include "record/writer_socket.h"
#include "tool/message.h"
#include "tool/records/options.h"
#include "tool/records/verb_records.h"

/*
 * Two threads: one reads the watch's messages and posts each to the other, in which QUIC runs. A client whose stream
 * has no room for a message misses it, and learns how many commands were in it; so does each client if the
 * queue between the threads is full.
 */

#define LINGER_NS  2000000000ull /* how long clients have to take the end */
#define REFUSED_NS 1000000000ull /* between two messages about that */

struct message {
	struct server *server;
	size_t length;
	uint8_t bytes[];
};

struct client {
	struct client *next;
	struct stoq_connection *connection;
	struct stoq_stream *stream;
	uint64_t lost; /* commands that it was not told of yet */
	bool missed;   /* a message: there may have been connections in it */
};

struct server {
	struct stoq_transport *transport;
	struct client *clients;
	uint64_t skipped; /* commands of messages that were not posted; both threads */
	bool ending;
	uint64_t refused_ns; /* when that was last said */
	size_t header_length;
	uint8_t header[STOQ_RECORD_MESSAGE_MAX]; /* what each client gets first */
};

/* ---- clients, in the transport's thread ---- */

/* The watch writes connections again before their next commands. */
static void ask_for_connections(void)
{
	const char any = 1;

	(void)send(RECORDS_FD, &any, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static uint64_t commands_of(const uint8_t *bytes, size_t length)
{
	struct stoq_record_wire_block block;

	if (length < sizeof(block))
		return 0;
	memcpy(&block, bytes, sizeof(block));
	return le16toh(block.kind) == STOQ_RECORD_COMMAND ? le32toh(block.entries) : 0;
}

static uint64_t commands_in(const struct message *message)
{
	return commands_of(message->bytes, message->length);
}

/* All or nothing. */
static bool put(struct client *client, const void *bytes, size_t length)
{
	ssize_t written;

	if (stoq_stream_room(client->stream) < length)
		return false;
	written = stoq_stream_write(client->stream, bytes, length, 0);
	if (written > 0 && (size_t)written < length)
		stoq_connection_close(client->connection, 1, "no memory");
	return written == (ssize_t)length;
}

static bool tell_lost(struct client *client)
{
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_MISSED,
		.missed = {.time_unix_ns = stoq_clock_unix_ns(), .lost = client->lost}};
	struct {
		struct stoq_record_wire_block block;
		struct stoq_record_wire_missed missed;
	} wire = {.block = {.magic = htole32(STOQ_RECORD_BLOCK_MAGIC),
			  .kind = htole16(STOQ_RECORD_MISSED),
			  .entry_bytes = htole16(sizeof(wire.missed)),
			  .entries = htole32(1),
			  .stored_bytes = htole32(sizeof(wire.missed))}};

	if (!client->lost)
		return true;
	stoq_record_encode(&wire.missed, &entry);
	wire.block.crc = htole32(stoq_record_block_crc(&wire.block, &wire.missed));
	if (!put(client, &wire, sizeof(wire)))
		return false;
	client->lost = 0;
	return true;
}

static void hand_on(struct client *client, const struct message *message)
{
	if (tell_lost(client) && put(client, message->bytes, message->length)) {
		if (client->missed)
			ask_for_connections();
		client->missed = false;
		return;
	}
	client->lost += commands_in(message);
	client->missed = true;
}

static void spread(void *argument)
{
	struct message *message = argument;
	struct server *server = message->server;
	uint64_t skipped = __atomic_exchange_n(&server->skipped, 0, __ATOMIC_RELAXED);

	for (struct client *client = server->clients; client; client = client->next) {
		client->lost += skipped;
		client->missed |= skipped != 0;
		hand_on(client, message);
	}
	free(message);
}

static void accepted(struct stoq_connection *connection, void *user)
{
	struct server *server = user;
	struct client *client = calloc(1, sizeof(*client));

	if (!client || server->ending ||
		stoq_stream_open(connection, STOQ_UNIDIRECTIONAL, &client->stream)) {
		free(client);
		stoq_connection_close(connection, 1, "the watch cannot serve one more");
		return;
	}
	client->connection = connection;
	client->next = server->clients;
	server->clients = client;
	put(client, server->header, server->header_length);
	ask_for_connections();
}

static void closed(struct stoq_connection *connection, void *user)
{
	struct server *server = user;

	for (struct client **at = &server->clients; *at; at = &(*at)->next) {
		struct client *client = *at;

		if (client->connection != connection)
			continue;
		*at = client->next;
		free(client);
		break;
	}
	if (server->ending && !server->clients)
		stoq_transport_stop(server->transport);
}

static void refused(const struct stoq_refusal *refusal, void *user)
{
	struct server *server = user;

	if (stoq_now_ns() - server->refused_ns < REFUSED_NS)
		return; /* strangers do not fill the screen */
	server->refused_ns = stoq_now_ns();
	tool_notice("a reader of the record was refused: %s",
		refusal->close->reason[0] ? refusal->close->reason
					  : "it did not complete the handshake");
}

static void give_up(void *argument)
{
	struct server *server = argument;

	stoq_transport_stop(server->transport);
}

/* The watch has ended: clients get what is written, and then the end. */
static void end(void *argument)
{
	struct server *server = argument;

	server->ending = true;
	for (struct client *client = server->clients; client; client = client->next) {
		tell_lost(client);
		stoq_stream_write(client->stream, NULL, 0, STOQ_FINISH);
		stoq_connection_shutdown(client->connection);
	}
	if (!server->clients || stoq_alarm_set(server->transport, 0, stoq_now_ns() + LINGER_NS,
					give_up, server, NULL))
		stoq_transport_stop(server->transport);
}

/* ---- the watch's messages, in a thread of their own ---- */

static void post(struct server *server, const uint8_t *bytes, size_t length)
{
	struct message *message = malloc(sizeof(*message) + length);

	if (!message) {
		__atomic_fetch_add(&server->skipped, commands_of(bytes, length), __ATOMIC_RELAXED);
		return;
	}
	message->server = server;
	message->length = length;
	memcpy(message->bytes, bytes, length);
	if (stoq_transport_post(server->transport, 0, spread, message) == 0)
		return;
	__atomic_fetch_add(&server->skipped, commands_in(message), __ATOMIC_RELAXED);
	free(message);
}

static void *read_watch(void *argument)
{
	static uint8_t bytes[STOQ_RECORD_MESSAGE_MAX];
	struct server *server = argument;
	ssize_t length;

	for (;;) {
		length = recv(RECORDS_FD, bytes, sizeof(bytes), 0);
		if (length > 0)
			post(server, bytes, (size_t)length);
		else if (!length || errno != EINTR)
			break;
	}
	while (stoq_transport_post(server->transport, 0, end, server) == -EAGAIN)
		usleep(1000);
	return NULL;
}

/* ---- the whole ---- */

static int run(struct server *server, struct stoq_error *error)
{
	pthread_t reader;
	ssize_t length = recv(RECORDS_FD, server->header, sizeof(server->header), 0);
	int result;

	if (length <= 0)
		return 0; /* the watch did not begin */
	server->header_length = (size_t)length;
	result = pthread_create(&reader, NULL, read_watch, server);
	if (result)
		return stoq_error_set(
			error, -result, "cannot start a thread: %s", strerror(result));
	result = stoq_transport_run(server->transport, error);
	shutdown(RECORDS_FD, SHUT_RDWR);
	pthread_join(reader, NULL);
	return result;
}

/* The watch waits for a byte: then clients can connect. */
static int begin(
	struct server *server, const struct records_options *options, struct stoq_error *error)
{
	struct stoq_transport_config config;
	int result;

	records_configure(&config, options);
	config.listen = true;
	config.bind_address = options->host;
	config.port = options->port;
	config.user = server;
	config.callbacks.accepted = accepted;
	config.callbacks.closed = closed;
	config.callbacks.refused = refused;
	result = stoq_transport_create(&config, &server->transport, error);
	if (!result)
		result = stoq_drop_privileges(0, error);
	if (!result)
		ask_for_connections();
	return result;
}

int records_serve(int argc, char **argv)
{
	static struct records_options options;
	static struct server server;
	struct stoq_error error;
	int status, result;

	if (records_options_parse(&options, argc, argv, &status))
		return status;
	result = begin(&server, &options, &error);
	if (!result)
		result = run(&server, &error);
	stoq_transport_destroy(server.transport);
	return result ? tool_fail(&error) : EXIT_SUCCESS;
}
