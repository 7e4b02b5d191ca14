// SPDX-License-Identifier: BSD-2-Clause
/*
 * One end of a QUIC connection that does what it is told, made of libstoq alone: for ends of a tunnel that keep to no protocol.
 *
 *   quic-script connect|listen ADDRESS:PORT NAME FOLDER [ALPN]
 *
 * Lines of standard input, streams by numbers of the script's:
 *   connect                 make a connection, another one if there is one
 *   open S | write S HEX | finish S | reset S CODE | stop S CODE | resume S | ask S
 *   many N HEX              N streams, each with these bytes
 *   deaf 0|1                take nothing of what comes from now on
 *   close CODE HEX          end the connection with this reason
 *   quit
 * Lines of standard output: connected, closed CODE REASON, opened S, got S HEX, finished S, was-reset S CODE, was-stopped S,
 * over S CODE, refused N (no stream was to be had), made N, acknowledged S BYTES.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stoq/transport.h>

#include "datapath/address.h"

#define STREAMS_MAX 65536u
#define LINE_BYTES  262144

static struct stoq_transport *transport;
static struct stoq_address address;
static struct stoq_connection *connection;
static struct stoq_stream *streams[STREAMS_MAX];
static const char *name;
static bool deaf, over;

static void die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

/* ---- what happens ---- */

static size_t number_of(const struct stoq_stream *stream)
{
	return (size_t)stoq_stream_user(stream);
}

static void on_connected(struct stoq_connection *made, void *user)
{
	connection = made;
	puts("connected");
}

static void on_closed(struct stoq_connection *ended, void *user)
{
	const struct stoq_close_info *info = stoq_connection_close_info(ended);

	printf("closed %llu %s\n", (unsigned long long)info->code, info->reason);
	if (connection == ended)
		connection = NULL;
}

/* A stream of the peer's has its QUIC number. */
static void on_opened(struct stoq_stream *stream, void *user)
{
	size_t number = (size_t)stoq_stream_id(stream) % STREAMS_MAX;

	streams[number] = stream;
	stoq_stream_set_user(stream, (void *)number);
	printf("opened %zu\n", number);
}

static size_t on_received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	if (deaf)
		return 0;
	if (size) {
		printf("got %zu ", number_of(stream));
		for (size_t i = 0; i < size; i++)
			printf("%02x", data[i]);
		puts("");
	}
	if (finished)
		printf("finished %zu\n", number_of(stream));
	return size;
}

static void on_reset(struct stoq_stream *stream, uint64_t code, void *user)
{
	printf("was-reset %zu %llu\n", number_of(stream), (unsigned long long)code);
}

static void on_stopped(struct stoq_stream *stream, void *user)
{
	printf("was-stopped %zu\n", number_of(stream));
}

static void on_stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	size_t number = number_of(stream);

	if (number < STREAMS_MAX && streams[number] == stream)
		streams[number] = NULL;
	printf("over %zu %llu\n", number, (unsigned long long)code);
}

/* ---- what it is told ---- */

static size_t from_hex(char *text)
{
	size_t size = strlen(text) / 2;

	for (size_t i = 0; i < size; i++) {
		char byte[3] = {text[2 * i], text[2 * i + 1]}, *end;

		text[i] = (char)strtoul(byte, &end, 16);
		if (*end)
			die("not hex");
	}
	return size;
}

static void connect_to_peer(void)
{
	struct stoq_connect_config config = {
		.remote = &address.sa, .remote_length = address.length, .name = name};
	struct stoq_connection *begun;
	struct stoq_error error;

	if (stoq_transport_connect(transport, 0, &config, stoq_now_ns(), &begun, &error))
		die(error.text);
}

static void open_many(unsigned long count, char *hex)
{
	size_t size = from_hex(hex);
	unsigned long made = 0;

	for (; made < count; made++) {
		struct stoq_stream *stream;

		if (!connection || stoq_stream_open(connection, STOQ_BIDIRECTIONAL, &stream))
			break;
		stoq_stream_set_user(stream, (void *)(size_t)STREAMS_MAX);
		stoq_stream_write(stream, hex, size, 0);
	}
	printf("made %lu\n", made);
}

static void act_on(const char *verb, struct stoq_stream *stream, char *rest)
{
	struct stoq_stream_info info;
	size_t size;

	if (strcmp(verb, "write") == 0) {
		size = from_hex(rest);
		if (stoq_stream_write(stream, rest, size, 0) != (ssize_t)size)
			puts("short");
	} else if (strcmp(verb, "finish") == 0) {
		stoq_stream_write(stream, NULL, 0, STOQ_FINISH);
	} else if (strcmp(verb, "reset") == 0) {
		stoq_stream_reset(stream, strtoull(rest, NULL, 10));
	} else if (strcmp(verb, "stop") == 0) {
		stoq_stream_stop(stream, strtoull(rest, NULL, 10));
	} else if (strcmp(verb, "resume") == 0) {
		stoq_stream_resume(stream);
	} else if (strcmp(verb, "ask") == 0) {
		stoq_stream_info(stream, &info);
		printf("acknowledged %zu %llu\n", number_of(stream),
			(unsigned long long)info.acknowledged);
	} else {
		die(verb);
	}
}

static void open_stream(unsigned long number)
{
	if (!connection || stoq_stream_open(connection, STOQ_BIDIRECTIONAL, &streams[number])) {
		printf("refused %lu\n", number);
		streams[number] = NULL;
		return;
	}
	stoq_stream_set_user(streams[number], (void *)number);
}

static void obey(char *line)
{
	char *verb = strtok(line, " \n"), *argument = strtok(NULL, " \n"), *rest;
	static char nothing[1];
	unsigned long number = argument ? strtoul(argument, NULL, 10) : 0;

	if (!verb)
		return;
	rest = strtok(NULL, " \n");
	if (!rest)
		rest = nothing;
	if (strcmp(verb, "connect") == 0) {
		connect_to_peer();
	} else if (strcmp(verb, "quit") == 0) {
		over = true;
	} else if (strcmp(verb, "many") == 0) {
		open_many(number, rest);
	} else if (strcmp(verb, "deaf") == 0) {
		deaf = number;
	} else if (strcmp(verb, "close") == 0) {
		rest[from_hex(rest)] = '\0';
		if (connection)
			stoq_connection_close(connection, number, rest);
	} else if (number < STREAMS_MAX && strcmp(verb, "open") == 0) {
		open_stream(number);
	} else if (number < STREAMS_MAX && streams[number]) {
		act_on(verb, streams[number], rest);
	}
}

/* ---- the loop ---- */

static void read_lines(void)
{
	static char text[LINE_BYTES];
	static size_t have;
	ssize_t size = read(STDIN_FILENO, text + have, sizeof(text) - 1 - have);
	char *start = text, *end;

	if (!size)
		over = true;
	if (size <= 0)
		return;
	have += (size_t)size;
	text[have] = '\0';
	while ((end = strchr(start, '\n'))) {
		*end = '\0';
		obey(start);
		start = end + 1;
	}
	have -= (size_t)(start - text);
	memmove(text, start, have);
	if (have == sizeof(text) - 1)
		die("the line is too long");
}

static void step(void)
{
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = stoq_transport_descriptor(transport, 0), .events = POLLIN}};
	uint64_t now_ns = stoq_now_ns(), due_ns = stoq_transport_next_ns(transport, 0);
	int wait_ms = due_ns <= now_ns		     ? 0
		      : due_ns - now_ns > 1000000000 ? 1000
						     : (int)((due_ns - now_ns) / 1000000 + 1);

	poll(fds, 2, wait_ms);
	if (fds[0].revents)
		read_lines();
	if (stoq_transport_process(transport, 0, stoq_now_ns()))
		die("the transport is broken");
	fflush(stdout);
}

static void open_transport(bool listen, const char *host, const char *folder, const char *alpn)
{
	static const char *const everybody[] = {"*"};
	static char ca[512], certificate[512], key[512];
	struct stoq_transport_config config;
	struct stoq_error error;

	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	snprintf(certificate, sizeof(certificate), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	stoq_transport_config_init(&config);
	config.datapath = STOQ_DATAPATH_SOCKET;
	config.listen = listen;
	config.bind_address = listen ? host : NULL;
	config.port = listen ? stoq_address_port(&address) : 0;
	config.alpn = &alpn;
	config.alpn_count = 1;
	config.keep_alive_ns = 5000000000ull;
	config.tls = (struct stoq_tls_config){.ca_file = ca,
		.certificate_file = certificate,
		.key_file = key,
		.peer_names = everybody,
		.peer_name_count = 1};
	config.callbacks = (struct stoq_transport_callbacks){.connected = on_connected,
		.accepted = on_connected,
		.closed = on_closed,
		.stream_opened = on_opened,
		.received = on_received,
		.stream_reset = on_reset,
		.stream_stopped = on_stopped,
		.stream_closed = on_stream_closed};
	if (stoq_transport_create(&config, &transport, &error))
		die(error.text);
}

int main(int argc, char **argv)
{
	char host[STOQ_ADDRESS_TEXT];
	struct stoq_error error;

	if (argc < 5)
		die("quic-script connect|listen ADDRESS:PORT NAME FOLDER [ALPN]");
	if (stoq_address_parse(&address, argv[2], STOQ_DEFAULT_PORT, &error))
		die(error.text);
	name = argv[3];
	stoq_address_host(host, &address);
	open_transport(
		strcmp(argv[1], "listen") == 0, host, argv[4], argc > 5 ? argv[5] : "stoq-nvme/1");
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	if (strcmp(argv[1], "listen") == 0)
		puts("listening");
	while (!over)
		step();
	stoq_transport_destroy(transport);
	return 0;
}
