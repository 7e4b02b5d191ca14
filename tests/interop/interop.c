// SPDX-License-Identifier: BSD-2-Clause
/*
 * interop: libstoq's end of a conversation with another QUIC implementation; the drivers beside
 *this file are the other end, with the same command line.
 *
 *	interop server ADDRESS PORT NODE [retry]
 *	interop client ADDRESS PORT NODE NAME CASE
 *
 * NODE: a folder as `stoq pki issue` makes it. The server sends back what comes on each stream, and
 * closes the connection with code 43 when a stream begins with "close". The client sends bytes that
 * depend on their place, compares what comes back, closes with code 42, and prints one line: "ok",
 *or "FAILED" and why. Cases: handshake, big, streams, keys, migrate, resume, close.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stoq/transport.h>

#define MB	       (1000ull * 1000)
#define PIECE	       65536
#define CODE_OF_CLIENT 42
#define CODE_OF_SERVER 43
#define TIME_LIMIT_NS  (120 * 1000000000ull)
#define OTHER_ADDRESS  "127.0.0.3"

static struct stoq_transport *transport;

static void stop(int signal_number)
{
	stoq_transport_stop(transport); // NOLINT(bugprone-signal-handler): meant for it
}

/* ---- the server ---- */

static size_t echo(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct stoq_stream_info info;
	ssize_t written;

	stoq_stream_info(stream, &info);
	if (!info.taken && size >= 5 && memcmp(data, "close", 5) == 0) {
		stoq_connection_close(
			stoq_stream_connection(stream), CODE_OF_SERVER, "as the client wished");
		return size;
	}
	written = stoq_stream_write(stream, data, size, finished ? STOQ_FINISH : 0);
	return written < 0 ? size : (size_t)written;
}

static void resume(struct stoq_stream *stream, void *user)
{
	stoq_stream_resume(stream);
}

static void say_end(struct stoq_connection *connection, void *user)
{
	const struct stoq_close_info *close = stoq_connection_close_info(connection);
	struct stoq_connection_info info;

	stoq_connection_info(connection, &info);
	printf("closed origin=%d code=%" PRIu64 " peer='%s' resumed=%d early=%d keys=%" PRIu64
	       " reason='%s'\n",
		close->origin, close->code, info.peer_name, info.resumed, info.early_data_accepted,
		info.key_updates, close->reason);
}

static void say_refusal(const struct stoq_refusal *refusal, void *user)
{
	printf("refused: %s\n", refusal->close->reason);
}

/* ---- the client ---- */

struct test {
	const char *name;
	unsigned int streams;
	uint64_t bytes; /* of each */
	bool keys, migrates, resumes, closes;
};

static const struct test tests[] = {
	{.name = "handshake", .streams = 1, .bytes = 10},
	{.name = "big", .streams = 1, .bytes = 100 * MB},
	{.name = "streams", .streams = 200, .bytes = 5000},
	{.name = "keys", .streams = 1, .bytes = 20 * MB, .keys = true},
	{.name = "migrate", .streams = 1, .bytes = 20 * MB, .migrates = true},
	{.name = "resume", .streams = 1, .bytes = 10, .resumes = true},
	{.name = "close", .streams = 1, .bytes = 5, .closes = true},
};

/* What a stream has sent and got back. */
struct progress {
	uint64_t sent, received;
};

static const struct test *test;
static struct stoq_connect_config connect_config;
static struct sockaddr_storage remote;
static unsigned int opened, finished_streams, rounds;
static bool migration_begun, migration_forbidden, went_well;
static uint8_t *session;
static char failure[sizeof(((struct stoq_error *)0)->text)];

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 2654435761u >> 13);
}

static void fail(struct stoq_connection *connection, const char *why)
{
	if (!failure[0])
		snprintf(failure, sizeof(failure), "%s", why);
	stoq_connection_close(connection, 1, why);
}

static void send_more(struct stoq_stream *stream, void *user)
{
	struct progress *progress = stoq_stream_user(stream);
	uint8_t piece[PIECE];

	while (progress->sent < test->bytes) {
		uint64_t left = test->bytes - progress->sent;
		size_t size = left < PIECE ? left : PIECE;
		ssize_t written;

		for (size_t i = 0; i < size; i++)
			piece[i] =
				test->closes ? (uint8_t) "close"[i] : byte_at(progress->sent + i);
		written = stoq_stream_write(stream, piece, size, size == left ? STOQ_FINISH : 0);
		if (written > 0)
			progress->sent += (uint64_t)written;
		if (written < (ssize_t)size)
			return;
	}
}

static void open_streams(struct stoq_connection *connection, void *user)
{
	while (opened < test->streams) {
		struct stoq_stream *stream;
		struct progress *progress;

		if (stoq_stream_open(connection, STOQ_BIDIRECTIONAL, &stream))
			return; /* streams_available() follows */
		progress = calloc(1, sizeof(*progress));
		if (!progress)
			abort();
		opened++;
		stoq_stream_set_user(stream, progress);
		send_more(stream, user);
	}
}

/* All came back. What the case is about must have happened, too. */
static void judge(struct stoq_connection *connection)
{
	struct stoq_transport_metrics metrics;
	struct stoq_connection_info info;

	stoq_connection_info(connection, &info);
	stoq_transport_metrics(transport, &metrics);
	if (test->keys && info.key_updates < 3)
		fail(connection, "fewer than three key updates");
	else if (test->migrates && !migration_forbidden && !metrics.migrations)
		fail(connection, "no migration");
	else if (test->resumes && rounds == 1 && !info.resumed)
		fail(connection, "the session was not resumed");
	if (failure[0])
		return;
	went_well = !test->closes;
	/* A ticket may come after the answer. */
	if (!test->resumes || rounds == 1 || session)
		stoq_connection_close(connection, CODE_OF_CLIENT, "done");
}

static void migrate(struct stoq_connection *connection)
{
	struct sockaddr_storage other;
	int status;

	if (stoq_resolve(OTHER_ADDRESS, 0, &other, 1, NULL) != 1)
		return;
	status =
		stoq_connection_migrate(connection, (const struct sockaddr *)&other, sizeof(other));
	if (status == -EAGAIN)
		return; /* the peer has given no spare connection ID yet */
	migration_begun = true;
	migration_forbidden = status == -ENOTSUP;
	if (status && !migration_forbidden)
		fail(connection, "the migration cannot begin");
}

static void disturb(struct stoq_connection *connection, uint64_t received)
{
	if (test->keys)
		(void)stoq_connection_update_keys(connection);
	if (test->migrates && !migration_begun && received >= MB)
		migrate(connection);
}

static size_t compare(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct stoq_connection *connection = stoq_stream_connection(stream);
	struct progress *progress = stoq_stream_user(stream);

	for (size_t i = 0; i < size; i++) {
		if (data[i] != byte_at(progress->received + i)) {
			fail(connection, "other bytes came back");
			return size;
		}
	}
	progress->received += size;
	disturb(connection, progress->received);
	if (!finished)
		return size;
	if (progress->received != test->bytes)
		fail(connection, "not as many bytes came back");
	if (++finished_streams == test->streams)
		judge(connection);
	return size;
}

static void forget(struct stoq_stream *stream, uint64_t code, void *user)
{
	free(stoq_stream_user(stream));
}

static void keep_session(
	struct stoq_connection *connection, const uint8_t *data, size_t size, void *user)
{
	if (!test->resumes || rounds)
		return;
	free(session);
	session = malloc(size);
	if (!session)
		abort();
	memcpy(session, data, size);
	connect_config.session = session;
	connect_config.session_bytes = size;
	if (finished_streams == test->streams)
		stoq_connection_close(connection, CODE_OF_CLIENT, "done");
}

static void connect_again(void *unused)
{
	struct stoq_connection *connection;
	struct stoq_error error;

	if (stoq_transport_connect(
		    transport, 0, &connect_config, stoq_now_ns(), &connection, &error)) {
		snprintf(failure, sizeof(failure), "%s", error.text);
		stoq_transport_stop(transport);
	}
}

static void over(struct stoq_connection *connection, void *user)
{
	const struct stoq_close_info *close = stoq_connection_close_info(connection);

	if (test->closes)
		went_well = close->origin == STOQ_CLOSE_PEER_APPLICATION &&
			    close->code == CODE_OF_SERVER;
	if (!went_well && !failure[0])
		snprintf(failure, sizeof(failure), "origin %d, code %" PRIu64 ": %s", close->origin,
			close->code, close->reason);
	if (went_well && test->resumes && !rounds++) {
		opened = finished_streams = 0;
		went_well = false;
		stoq_alarm_set(transport, 0, 0, connect_again, NULL, NULL);
		return;
	}
	stoq_transport_stop(transport);
}

static void time_is_up(void *unused)
{
	snprintf(failure, sizeof(failure), "not done in time: %u of %u streams", finished_streams,
		test ? test->streams : 0);
	stoq_transport_stop(transport);
}

/* ---- both ---- */

static const char *file_in(const char *node, const char *name)
{
	static char paths[3][4096];
	static unsigned int next;

	snprintf(paths[next], sizeof(paths[0]), "%s/%s", node, name);
	return paths[next++];
}

static void configure(struct stoq_transport_config *config, bool listens, char **argv)
{
	static const char *const all[] = {"*"};

	stoq_transport_config_init(config);
	config->listen = listens;
	config->bind_address = listens ? argv[2] : "0.0.0.0";
	config->port = listens ? (uint16_t)strtoul(argv[3], NULL, 10) : 0;
	config->tls.ca_file = file_in(argv[4], "ca.pem");
	config->tls.certificate_file = file_in(argv[4], "cert.pem");
	config->tls.key_file = file_in(argv[4], "key.pem");
	config->tls.peer_names = all;
	config->tls.peer_name_count = 1;
	config->tls.keylog_file = getenv("STOQ_INTEROP_KEYLOG");
	config->qlog_directory = getenv("STOQ_INTEROP_QLOG");
	config->callbacks = (struct stoq_transport_callbacks){.received = listens ? echo : compare,
		.writable = listens ? resume : send_more,
		.closed = listens ? say_end : over};
	if (listens) {
		config->callbacks.refused = say_refusal;
		config->early_data = true; /* echoing twice does no harm */
		return;
	}
	config->callbacks.connected = open_streams;
	config->callbacks.streams_available = open_streams;
	config->callbacks.stream_closed = forget;
	config->callbacks.session = keep_session;
}

static void choose(char **argv)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (strcmp(tests[i].name, argv[6]) == 0)
			test = &tests[i];
	if (!test || stoq_resolve(argv[2], (uint16_t)strtoul(argv[3], NULL, 10), &remote, 1,
			     NULL) != 1) {
		fprintf(stderr, "interop: there is no case '%s', or no host '%s'\n", argv[6],
			argv[2]);
		exit(2);
	}
	connect_config.remote = (const struct sockaddr *)&remote;
	connect_config.remote_length = sizeof(remote);
	connect_config.name = argv[5];
}

static int report(void)
{
	free(session);
	if (!test)
		return EXIT_SUCCESS;
	if (went_well && !failure[0])
		printf(migration_forbidden ? "skipped %s: the peer forbids it\n" : "ok %s\n",
			test->name);
	else
		printf("FAILED %s: %s\n", test->name, failure);
	return went_well && !failure[0] ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	bool listens = argc >= 5 && strcmp(argv[1], "server") == 0;
	struct stoq_transport_config config;
	struct stoq_error error;

	if (!listens && (argc != 7 || strcmp(argv[1], "client") != 0)) {
		fputs("usage: interop server ADDRESS PORT NODE [retry]\n"
		      "       interop client ADDRESS PORT NODE NAME CASE\n",
			stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!listens)
		choose(argv);
	configure(&config, listens, argv);
	if (listens && argc > 5)
		config.retry = STOQ_RETRY_ALWAYS;
	if (stoq_transport_create(&config, &transport, &error)) {
		fprintf(stderr, "interop: %s\n", error.text);
		return EXIT_FAILURE;
	}
	signal(SIGTERM, stop);
	if (!listens) {
		stoq_alarm_set(transport, 0, 0, connect_again, NULL, NULL);
		stoq_alarm_set(transport, 0, stoq_now_ns() + TIME_LIMIT_NS, time_is_up, NULL, NULL);
	}
	if (stoq_transport_run(transport, &error))
		fprintf(stderr, "interop: %s\n", error.text);
	stoq_transport_destroy(transport);
	return report();
}
