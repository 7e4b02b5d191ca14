// SPDX-License-Identifier: BSD-2-Clause
/*
 * send_file: copies a file to another machine, encrypted, both ends authenticated.
 *
 *	send_file receive ::1 9292 CA CERTIFICATE KEY FOLDER
 *	send_file send    ::1 9292 CA CERTIFICATE KEY NAME FILE
 *
 * One stream carries a file: its name, a zero byte, and its bytes. The receiver writes it into
 * FOLDER (a file that is there already is not touched) and answers with one line when all is on
 * the disk: "stored N bytes", or what went wrong.
 *
 *	cc send_file.c $(pkg-config --cflags --libs libstoq)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stoq/transport.h>

#include "connect.h"

#define PIECE (256 * 1024) /* bytes handed to the transport at once */

/* What a receiver knows of a file on its way. */
struct incoming {
	char name[256];
	size_t name_length;
	bool named; /* the zero byte was there */
	int fd;
	uint64_t bytes;
	char failure[320];
};

static struct stoq_transport *transport;
static int folder = -1; /* the receiver's */

/* The sender's. */
static const char *file_path;
static const uint8_t *file_data;
static size_t file_size, file_sent;
static char answer_text[512];
static bool went_well;

static void say(enum stoq_log_level level, const char *line, void *user)
{
	if (level == STOQ_LOG_WARNING)
		fprintf(stderr, "send_file: %s\n", line);
}

static void stop(int signal_number)
{
	stoq_transport_stop(transport); // NOLINT(bugprone-signal-handler): meant for it
}

/* ---- the sender ---- */

static void acknowledged(void *argument)
{
	/* The file stays mapped until the end. */
}

/* As much as the stream takes, without copying; the rest when it is writable again. */
static void send_more(struct stoq_stream *stream, void *user)
{
	while (file_sent < file_size) {
		size_t size = file_size - file_sent < PIECE ? file_size - file_sent : PIECE;
		unsigned int flags = file_sent + size == file_size ? STOQ_FINISH : 0;

		if (stoq_stream_write_owned(
			    stream, file_data + file_sent, size, flags, acknowledged, NULL))
			return;
		file_sent += size;
	}
}

static void connected(struct stoq_connection *connection, void *user)
{
	const char *slash = strrchr(file_path, '/');
	const char *name = slash ? slash + 1 : file_path;
	struct stoq_stream *stream;
	ssize_t size = (ssize_t)strlen(name) + 1;

	if (stoq_stream_open(connection, STOQ_BIDIRECTIONAL, &stream) ||
		stoq_stream_write(stream, name, (size_t)size, file_size ? 0 : STOQ_FINISH) !=
			size) {
		stoq_connection_close(connection, 1, "cannot send");
		return;
	}
	send_more(stream, NULL);
}

static size_t take_answer(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished)
{
	size_t used = strlen(answer_text), room = sizeof(answer_text) - 1 - used;
	char expected[64];

	memcpy(answer_text + used, data, size < room ? size : room);
	if (!finished)
		return size;
	snprintf(expected, sizeof(expected), "stored %zu bytes\n", file_size);
	went_well = strcmp(answer_text, expected) == 0;
	fputs(answer_text, stdout);
	stoq_connection_shutdown(stoq_stream_connection(stream));
	return size;
}

static int map_file(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *data;

	if (fd < 0 || fstat(fd, &status)) {
		fprintf(stderr, "send_file: %s: %s\n", path, strerror(errno));
		return -1;
	}
	file_path = path;
	file_size = (size_t)status.st_size;
	if (!file_size)
		return 0;
	data = mmap(NULL, file_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED) {
		fprintf(stderr, "send_file: %s: %s\n", path, strerror(errno));
		return -1;
	}
	file_data = data;
	return 0;
}

/* ---- the receiver ---- */

static void stream_opened(struct stoq_stream *stream, void *user)
{
	struct incoming *file = calloc(1, sizeof(*file));

	if (!file) {
		stoq_stream_stop(stream, 1);
		stoq_stream_reset(stream, 1);
		return;
	}
	file->fd = -1;
	stoq_stream_set_user(stream, file);
}

static void fail(struct incoming *file, const char *why)
{
	if (!file->failure[0])
		snprintf(file->failure, sizeof(file->failure), "%s\n", why);
}

/* A name comes from the peer: it must not lead out of the folder. */
static void create(struct incoming *file)
{
	if (!file->name[0] || file->name[0] == '.' || strchr(file->name, '/')) {
		fail(file, "not a name for a file");
		return;
	}
	file->fd = openat(
		folder, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->fd < 0)
		fail(file, strerror(errno));
}

/* The name's part of the bytes; how many those are. */
static size_t take_name(struct incoming *file, const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < size && !file->named; i++) {
		if (file->name_length == sizeof(file->name)) {
			fail(file, "the name is too long");
			file->named = true;
			break;
		}
		file->name[file->name_length++] = (char)data[i];
		file->named = !data[i];
	}
	if (file->named && !file->failure[0])
		create(file);
	return i;
}

static void store(struct incoming *file, const uint8_t *data, size_t size)
{
	while (size && !file->failure[0]) {
		ssize_t written = write(file->fd, data, size);

		if (written < 0) {
			fail(file, strerror(errno));
			return;
		}
		data += written;
		size -= (size_t)written;
		file->bytes += (uint64_t)written;
	}
}

static void answer(struct stoq_stream *stream, struct incoming *file)
{
	char text[352];

	if (!file->named)
		fail(file, "there is no name");
	if (!file->failure[0] && fsync(file->fd))
		fail(file, strerror(errno));
	snprintf(text, sizeof(text), "stored %llu bytes\n", (unsigned long long)file->bytes);
	if (file->failure[0])
		snprintf(text, sizeof(text), "%s", file->failure);
	stoq_stream_write(stream, text, strlen(text), STOQ_FINISH);
	fprintf(stderr, "send_file: %.255s: %s", file->name, text);
}

static size_t received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct incoming *file = stoq_stream_user(stream);
	size_t taken = 0;

	if (folder < 0)
		return take_answer(stream, data, size, finished);
	if (!file)
		return size;
	if (!file->named)
		taken = take_name(file, data, size);
	store(file, data + taken, size - taken);
	if (finished)
		answer(stream, file);
	return size;
}

static void stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	struct incoming *file = stoq_stream_user(stream);

	if (folder < 0 || !file)
		return;
	if (file->fd >= 0)
		close(file->fd);
	free(file);
}

/* ---- both ---- */

static void closed(struct stoq_connection *connection, void *user)
{
	if (folder >= 0)
		return;
	if (!went_well)
		fprintf(stderr, "send_file: %s\n", stoq_connection_close_info(connection)->reason);
	stoq_transport_stop(transport);
}

static bool sends(int argc, char **argv)
{
	if (argc == 8 && strcmp(argv[1], "receive") == 0)
		return false;
	if (argc == 9 && strcmp(argv[1], "send") == 0)
		return true;
	fputs("usage: send_file receive ADDRESS PORT CA CERTIFICATE KEY FOLDER\n"
	      "       send_file send ADDRESS PORT CA CERTIFICATE KEY NAME FILE\n",
		stderr);
	exit(2);
}

static int prepare(bool sending, char **argv, struct stoq_transport_config *config)
{
	/* The receiver takes files of all whom the authority has certified. */
	static const char *const everybody[] = {"*"};

	if (sending)
		return map_file(argv[8]);
	config->listen = true;
	config->bind_address = argv[2];
	config->port = (uint16_t)strtoul(argv[3], NULL, 10);
	config->tls.peer_names = everybody;
	config->tls.peer_name_count = 1;
	folder = open(argv[7], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		fprintf(stderr, "send_file: %s: %s\n", argv[7], strerror(errno));
	return folder < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	bool sending = sends(argc, argv);
	struct stoq_transport_config config;
	struct stoq_error error;

	stoq_transport_config_init(&config);
	config.tls.ca_file = argv[4];
	config.tls.certificate_file = argv[5];
	config.tls.key_file = argv[6];
	config.callbacks = (struct stoq_transport_callbacks){.connected = connected,
		.stream_opened = stream_opened,
		.received = received,
		.writable = send_more,
		.stream_closed = stream_closed,
		.closed = closed,
		.log = say};
	if (prepare(sending, argv, &config))
		return EXIT_FAILURE;
	if (stoq_transport_create(&config, &transport, &error)) {
		fprintf(stderr, "send_file: %s\n", error.text);
		return EXIT_FAILURE;
	}
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	if (sending && example_connect(transport, argv[2], argv[3], argv[7]))
		return EXIT_FAILURE;
	if (stoq_transport_run(transport, &error)) {
		fprintf(stderr, "send_file: %s\n", error.text);
		return EXIT_FAILURE;
	}
	stoq_transport_destroy(transport);
	return sending && !went_well ? EXIT_FAILURE : EXIT_SUCCESS;
}
