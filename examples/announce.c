// SPDX-License-Identifier: BSD-2-Clause
/*
 * announce: a server that sends each line of its input to all clients, the time every second, and
 * keeps a record of the peers that came and those that were refused, and how many bytes each has acknowledged.
 *
 *	announce ::1 9292 CA CERTIFICATE KEY
 *
 * A thread of its own reads the input. It knows connections by number, because a pointer could be
 * invalid at any moment there. `echo connect` shows what comes if it is told to send something.
 *
 *	cc -pthread announce.c $(pkg-config --cflags --libs libstoq)
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <stoq/transport.h>

#define CLIENTS_MAX 64
#define SECOND_NS   1000000000ull

static struct stoq_transport *transport;

/* The numbers of those who are connected; 0: free. Both threads use them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t clients[CLIENTS_MAX];

static void replace(uint64_t from, uint64_t to)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (clients[i] == from) {
			clients[i] = to;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
}

static void print_address(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	char text[INET6_ADDRSTRLEN] = "?";

	if (address->ss_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	printf("%s", text);
}

/* ---- in the worker's thread ---- */

/* One stream for each line; the time may overtake what others wait for. */
static void send_text(struct stoq_connection *connection, const char *text, unsigned int urgency)
{
	struct stoq_stream *stream;

	if (stoq_stream_open(connection, STOQ_UNIDIRECTIONAL, &stream))
		return; /* it does not keep up: it misses this one */
	stoq_stream_set_urgency(stream, urgency);
	if (stoq_stream_write(stream, text, strlen(text), STOQ_FINISH) != (ssize_t)strlen(text))
		stoq_stream_reset(stream, 0);
}

static void send_line(struct stoq_connection *connection, void *line)
{
	if (connection)
		send_text(connection, line, STOQ_URGENCY_DEFAULT);
	free(line);
}

static void tick(void *unused)
{
	time_t now = time(NULL);
	char text[64];

	strftime(text, sizeof(text), "%H:%M:%S\n", localtime(&now));
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct stoq_connection *connection = stoq_connection_find(transport, clients[i]);

		if (connection)
			send_text(connection, text, 0);
	}
	stoq_alarm_set(transport, 0, stoq_now_ns() + SECOND_NS, tick, NULL, NULL);
}

static void confirmed(struct stoq_connection *connection, void *user)
{
	struct stoq_peer_name names[8];
	struct stoq_connection_info info;
	int count = stoq_connection_names(connection, names, 8);

	stoq_connection_info(connection, &info);
	print_address(&info.remote);
	printf(" connected with %s:", info.cipher);
	for (int i = 0; i < count && i < 8; i++)
		printf(" %s", names[i].text);
	printf("\n");
	replace(0, stoq_connection_id(connection));
}

static void refused(const struct stoq_refusal *refusal, void *user)
{
	print_address(&refusal->remote);
	printf(" refused: %s\n", refusal->close->reason);
}

static void stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	struct stoq_stream_info info;

	stoq_stream_info(stream, &info);
	if (info.acknowledged < info.written)
		printf("%llu bytes did not arrive\n",
			(unsigned long long)(info.written - info.acknowledged));
}

static void closed(struct stoq_connection *connection, void *user)
{
	struct stoq_connection_info info;

	stoq_connection_info(connection, &info);
	print_address(&info.remote);
	printf(" left: %s\n", stoq_connection_close_info(connection)->reason);
	replace(info.id, 0);
}

/* ---- the thread that reads ---- */

static void *read_lines(void *unused)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) >= 0) {
		pthread_mutex_lock(&lock);
		for (int i = 0; i < CLIENTS_MAX; i++) {
			char *copy = clients[i] ? strdup(line) : NULL;

			if (copy && stoq_connection_post(transport, clients[i], send_line, copy))
				free(copy);
		}
		pthread_mutex_unlock(&lock);
	}
	free(line);
	stoq_transport_stop(transport);
	return NULL;
}

/* ---- both ---- */

/* As if it came from a vault: text, not the name of a file. */
static struct stoq_pem load(const char *path)
{
	struct stoq_pem pem = {0};
	FILE *file = fopen(path, "r");
	char *text = malloc(65536);

	if (!file || !text) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	pem.size = fread(text, 1, 65536, file);
	pem.data = text;
	fclose(file);
	return pem;
}

static void forget(struct stoq_pem pem)
{
	explicit_bzero((void *)pem.data, pem.size);
	free((void *)pem.data);
}

static int create(char **argv)
{
	static const char *const everybody[] = {"*"};
	struct stoq_transport_config config;
	struct stoq_error error;
	int ret;

	stoq_transport_config_init(&config);
	config.listen = true;
	config.bind_address = argv[1];
	config.port = (uint16_t)strtoul(argv[2], NULL, 10);
	config.max_connections = CLIENTS_MAX;
	config.tls.ca = load(argv[3]);
	config.tls.certificate = load(argv[4]);
	config.tls.key = load(argv[5]);
	config.tls.peer_names = everybody;
	config.tls.peer_name_count = 1;
	config.callbacks = (struct stoq_transport_callbacks){.confirmed = confirmed,
		.refused = refused,
		.stream_closed = stream_closed,
		.closed = closed};
	ret = stoq_transport_create(&config, &transport, &error);
	if (ret)
		fprintf(stderr, "announce: %s\n", error.text);
	/* The transport has copies. */
	forget(config.tls.ca);
	forget(config.tls.certificate);
	forget(config.tls.key);
	return ret;
}

int main(int argc, char **argv)
{
	struct stoq_error error;
	pthread_t reader;

	if (argc != 6) {
		fputs("usage: announce ADDRESS PORT CA CERTIFICATE KEY\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (create(argv) || stoq_alarm_set(transport, 0, stoq_now_ns(), tick, NULL, NULL) ||
		pthread_create(&reader, NULL, read_lines, NULL))
		return EXIT_FAILURE;
	if (stoq_transport_run(transport, &error)) {
		fprintf(stderr, "announce: %s\n", error.text);
		return EXIT_FAILURE;
	}
	pthread_join(reader, NULL);
	stoq_transport_destroy(transport);
	return EXIT_SUCCESS;
}
