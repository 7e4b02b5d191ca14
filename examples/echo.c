// SPDX-License-Identifier: BSD-2-Clause
/*
 * echo: a server that sends back what it is sent, and a client that tries it.
 *
 *	stoq pki init && stoq pki issue server.example && stoq pki issue client.example
 *	echo listen  ::1 9292 CA CERTIFICATE KEY
 *	echo connect ::1 9292 CA CERTIFICATE KEY server.example "some text"
 *
 *	cc echo.c $(pkg-config --cflags --libs libstoq)
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stoq/transport.h>

#include "connect.h"

static struct stoq_transport *transport;
static bool connecting;
static const char *text; /* the client's */
static size_t bytes_back;
static bool went_well;

static void say(enum stoq_log_level level, const char *line, void *user)
{
	if (level == STOQ_LOG_WARNING)
		fprintf(stderr, "echo: %s\n", line);
}

static void stop(int signal_number)
{
	stoq_transport_stop(transport); // NOLINT(bugprone-signal-handler): meant for it
}

/* The client: one stream, the text, and nothing behind it. It fits the stream's buffer. */
static void connected(struct stoq_connection *connection, void *user)
{
	struct stoq_stream *stream;

	if (stoq_stream_open(connection, STOQ_BIDIRECTIONAL, &stream) ||
		stoq_stream_write(stream, text, strlen(text), STOQ_FINISH) != (ssize_t)strlen(text))
		stoq_connection_close(connection, 1, "cannot send");
}

/*
 * The server takes only what it can send on: the client, if it does not read, has to wait. The
 * client prints.
 */
static size_t received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	ssize_t written;

	if (!connecting) {
		written = stoq_stream_write(stream, data, size, finished ? STOQ_FINISH : 0);
		return written < 0 ? size : (size_t)written;
	}
	fwrite(data, 1, size, stdout);
	bytes_back += size;
	if (finished) {
		went_well = bytes_back == strlen(text);
		stoq_connection_shutdown(stoq_stream_connection(stream));
	}
	return size;
}

/* There is room again: offer what was left. */
static void writable(struct stoq_stream *stream, void *user)
{
	stoq_stream_resume(stream);
}

static void closed(struct stoq_connection *connection, void *user)
{
	if (connecting && !went_well)
		fprintf(stderr, "echo: %s\n", stoq_connection_close_info(connection)->reason);
	if (connecting)
		stoq_transport_stop(transport);
}

static bool connects(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "listen") == 0)
		return false;
	if (argc == 9 && strcmp(argv[1], "connect") == 0)
		return true;
	fputs("usage: echo listen ADDRESS PORT CA CERTIFICATE KEY\n"
	      "       echo connect ADDRESS PORT CA CERTIFICATE KEY NAME TEXT\n",
		stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	/* The server serves all whom the authority has certified. */
	static const char *const everybody[] = {"*"};
	struct stoq_transport_config config;
	struct stoq_error error;

	connecting = connects(argc, argv);
	stoq_transport_config_init(&config);
	config.tls.ca_file = argv[4];
	config.tls.certificate_file = argv[5];
	config.tls.key_file = argv[6];
	config.callbacks = (struct stoq_transport_callbacks){.connected = connected,
		.received = received,
		.writable = writable,
		.closed = closed,
		.log = say};
	if (!connecting) {
		config.listen = true;
		config.bind_address = argv[2];
		config.port = (uint16_t)strtoul(argv[3], NULL, 10);
		config.tls.peer_names = everybody;
		config.tls.peer_name_count = 1;
	}
	if (stoq_transport_create(&config, &transport, &error)) {
		fprintf(stderr, "echo: %s\n", error.text);
		return EXIT_FAILURE;
	}
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	if (connecting) {
		text = argv[8];
		if (example_connect(transport, argv[2], argv[3], argv[7]))
			return EXIT_FAILURE;
	}
	if (stoq_transport_run(transport, &error)) {
		fprintf(stderr, "echo: %s\n", error.text);
		return EXIT_FAILURE;
	}
	stoq_transport_destroy(transport);
	return connecting && !went_well ? EXIT_FAILURE : EXIT_SUCCESS;
}
