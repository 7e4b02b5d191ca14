// SPDX-License-Identifier: BSD-2-Clause
/*
 * ebpf_demo: moves bytes over STOQ's transport, by sockets or by AF_XDP, checks every one of them,
 * and shows what eBPF did for it.
 *
 *	ebpf_demo listen ADDRESS PORT FOLDER DATAPATH INTERFACE [METRICS-PORT]
 *	ebpf_demo send   ADDRESS PORT FOLDER DATAPATH INTERFACE NAME MEGABYTES
 *
 * FOLDER holds ca.pem, cert.pem and key.pem (stoq pki issue makes it); DATAPATH is auto, socket or
 * af_xdp, with "+filter" behind it for a filter in front, or "+filter=xdp", "+filter=tc"; INTERFACE is the one for
 * eBPF, or "-" for the one that has the address. NAME is the server's. With auto and without rights
 * it works as well: it says what it does without, and why; rights that it had it gives up once it
 * is ready. With METRICS-PORT, metrics are served there: curl http://127.0.0.1:METRICS-PORT/metrics
 *
 *	cc ebpf_demo.c $(pkg-config --cflags --libs libstoq)
 */
#include <ctype.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stoq/metrics.h>
#include <stoq/transport.h>

#include "connect.h"

#define PIECE	 65536
#define HASH_NEW 0xcbf29ce484222325ull

static struct stoq_transport *transport;

/* The sender's. */
static uint64_t to_send, sent, sent_hash = HASH_NEW;
static char answer[96];
static int result = EXIT_FAILURE;

/* What a receiver knows of a stream. */
struct incoming {
	uint64_t bytes;
	uint64_t hash;
};

static void say(enum stoq_log_level level, const char *line, void *user)
{
	if (level != STOQ_LOG_DEBUG)
		fprintf(stderr, "ebpf_demo: %s\n", line);
}

static void stop(int signal_number)
{
	stoq_transport_stop(transport); // NOLINT(bugprone-signal-handler): meant for it
}

/* FNV-1a. It need not be cryptographic: TLS is that. */
static uint64_t hash_bytes(uint64_t hash, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 0x100000001b3ull;
	return hash;
}

/* Bytes that depend on their place in the stream. */
static void fill(uint8_t *data, size_t size, uint64_t offset)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(((offset + i) * 0x9e3779b97f4a7c15ull) >> 56);
}

/* ---- what eBPF does ---- */

static const char *kind_name(enum stoq_datapath_kind kind)
{
	static const char *const names[] = {"auto", "socket", "af_xdp"};

	return names[kind];
}

/* Interfaces can have any name, and a reason may quote one. */
static void print_text(const char *name, const char *text)
{
	printf("\"%s\":\"", name);
	for (; *text; text++)
		printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	printf("\",");
}

static void print_status(void)
{
	struct stoq_transport_metrics metrics;
	struct stoq_ebpf_status status;

	stoq_transport_ebpf_status(transport, &status);
	stoq_transport_metrics(transport, &metrics);
	printf("{\"asked\":\"%s\",\"datapath\":\"%s\",", kind_name(status.asked),
		kind_name(status.datapath));
	print_text("reason", status.reason);
	print_text("interface", status.interface);
	printf("\"filter\":%s,\"queues\":%u,\"zero_copy_queues\":%u,\"frames_sent\":%llu,"
	       "\"frames_received\":%llu,\"socket_sent\":%llu,\"socket_received\":%llu,",
		status.filter ? "true" : "false", status.queues, status.zero_copy_queues,
		(unsigned long long)status.frames_sent, (unsigned long long)status.frames_received,
		(unsigned long long)status.socket_sent, (unsigned long long)status.socket_received);
	printf("\"zero_copy_operations\":%llu,\"copied_operations\":%llu,\"wakeups\":%llu,"
	       "\"umem_bytes\":%llu,\"packets_sent\":%llu,\"packets_received\":%llu,"
	       "\"retransmitted\":%llu",
		(unsigned long long)status.zero_copy_operations,
		(unsigned long long)status.copied_operations, (unsigned long long)status.wakeups,
		(unsigned long long)status.umem_bytes, (unsigned long long)metrics.packets_sent,
		(unsigned long long)metrics.packets_received,
		(unsigned long long)metrics.packets_retransmitted);
	if (metrics.rtt.count)
		printf(",\"rtt_p50_us\":%.1f,\"rtt_p99_us\":%.1f", metrics.rtt.p50 / 1e3,
			metrics.rtt.p99 / 1e3);
	printf("}\n");
	fflush(stdout);
}

/* ---- the sender ---- */

static void send_more(struct stoq_stream *stream, void *user)
{
	uint8_t piece[PIECE];

	while (sent < to_send) {
		size_t size = to_send - sent < PIECE ? to_send - sent : PIECE;
		ssize_t taken;

		fill(piece, size, sent);
		taken = stoq_stream_write(
			stream, piece, size, sent + size == to_send ? STOQ_FINISH : 0);
		if (taken < 0)
			return;
		sent_hash = hash_bytes(sent_hash, piece, (size_t)taken);
		sent += (uint64_t)taken;
		if ((size_t)taken < size)
			return;
	}
}

static void connected(struct stoq_connection *connection, void *user)
{
	struct stoq_stream *stream;

	if (stoq_stream_open(connection, STOQ_BIDIRECTIONAL, &stream))
		stoq_connection_close(connection, 1, "cannot open a stream");
	else
		send_more(stream, NULL);
}

static size_t take_answer(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished)
{
	size_t used = strlen(answer), room = sizeof(answer) - 1 - used;
	char expected[sizeof(answer)];

	memcpy(answer + used, data, size < room ? size : room);
	if (!finished)
		return size;
	snprintf(expected, sizeof(expected), "%llu bytes, hash %016llx",
		(unsigned long long)to_send, (unsigned long long)sent_hash);
	if (strcmp(answer, expected) == 0)
		result = EXIT_SUCCESS;
	fprintf(stderr, "ebpf_demo: the peer got %s: %s\n", answer,
		result == EXIT_SUCCESS ? "right" : "wrong");
	print_status();
	stoq_connection_shutdown(stoq_stream_connection(stream));
	return size;
}

/* ---- the receiver ---- */

static void stream_opened(struct stoq_stream *stream, void *user)
{
	struct incoming *incoming = calloc(1, sizeof(*incoming));

	if (!incoming) {
		stoq_stream_stop(stream, 1);
		return;
	}
	incoming->hash = HASH_NEW;
	stoq_stream_set_user(stream, incoming);
}

static size_t received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct incoming *incoming = stoq_stream_user(stream);
	char text[sizeof(answer)];

	if (to_send)
		return take_answer(stream, data, size, finished);
	if (!incoming)
		return size;
	incoming->bytes += size;
	incoming->hash = hash_bytes(incoming->hash, data, size);
	if (finished) {
		snprintf(text, sizeof(text), "%llu bytes, hash %016llx",
			(unsigned long long)incoming->bytes, (unsigned long long)incoming->hash);
		stoq_stream_write(stream, text, strlen(text), STOQ_FINISH);
	}
	return size;
}

static void stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	if (!to_send)
		free(stoq_stream_user(stream));
}

/* ---- both ---- */

static void closed(struct stoq_connection *connection, void *user)
{
	if (!to_send) {
		print_status();
		return;
	}
	if (result != EXIT_SUCCESS)
		fprintf(stderr, "ebpf_demo: %s\n", stoq_connection_close_info(connection)->reason);
	stoq_transport_stop(transport);
}

/* "filter", "filter=xdp", "filter=tc". */
static int set_filter(struct stoq_transport_config *config, const char *text)
{
	static const char *const places[] = {
		[STOQ_FILTER_AUTO] = "filter",
		[STOQ_FILTER_XDP] = "filter=xdp",
		[STOQ_FILTER_TC] = "filter=tc",
	};

	for (int place = 0; place < 3; place++)
		if (strcmp(text, places[place]) == 0) {
			config->xdp_filter = true;
			config->filter_place = place;
			return 0;
		}
	return -1;
}

static int set_datapath(struct stoq_transport_config *config, const char *text)
{
	const char *behind = strchr(text, '+');
	size_t length = behind ? (size_t)(behind - text) : strlen(text);

	for (int kind = 0; kind < 3; kind++)
		if (length == strlen(kind_name(kind)) &&
			strncmp(text, kind_name(kind), length) == 0 &&
			(!behind || set_filter(config, behind + 1) == 0)) {
			config->datapath = kind;
			return 0;
		}
	fprintf(stderr,
		"ebpf_demo: '%s' is no datapath: auto, socket or af_xdp, with +filter, "
		"+filter=xdp, +filter=tc or without\n",
		text);
	return -1;
}

/* 1 to most. */
static int take_number(const char *what, const char *text, uint64_t most, uint64_t *number)
{
	char *end = NULL;

	*number = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
	if (*number && *number <= most && !*end)
		return 0;
	fprintf(stderr, "ebpf_demo: '%s' is no %s: 1 to %llu\n", text, what,
		(unsigned long long)most);
	return -1;
}

static int usage(void)
{
	fputs("usage: ebpf_demo listen ADDRESS PORT FOLDER DATAPATH INTERFACE [METRICS-PORT]\n"
	      "       ebpf_demo send ADDRESS PORT FOLDER DATAPATH INTERFACE NAME MEGABYTES\n",
		stderr);
	return 2;
}

static void configure(
	struct stoq_transport_config *config, char **argv, uint64_t port, char files[3][512])
{
	/* The server serves all whom the authority has certified. */
	static const char *const everybody[] = {"*"};
	static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};

	for (int i = 0; i < 3; i++)
		snprintf(files[i], 512, "%s/%s", argv[4], names[i]);
	stoq_transport_config_init(config);
	config->tls.ca_file = files[0];
	config->tls.certificate_file = files[1];
	config->tls.key_file = files[2];
	config->tls.peer_names = everybody;
	config->tls.peer_name_count = 1;
	config->interface = strcmp(argv[6], "-") ? argv[6] : NULL;
	config->listen = !to_send;
	config->bind_address = to_send ? NULL : argv[2];
	config->port = to_send ? 0 : (uint16_t)port;
	config->callbacks = (struct stoq_transport_callbacks){.connected = connected,
		.stream_opened = stream_opened,
		.received = received,
		.writable = send_more,
		.stream_closed = stream_closed,
		.closed = closed,
		.log = say};
}

/* Runs until everything is sent, or a signal comes. metrics_port 0: nothing is served. */
static int run(uint64_t metrics_port)
{
	struct stoq_metrics_endpoint *endpoint = NULL;
	struct stoq_error error;
	int status = 0;

	if (metrics_port)
		status = stoq_metrics_endpoint_open(
			transport, (uint16_t)metrics_port, &endpoint, &error);
	if (!status)
		status = stoq_transport_run(transport, &error);
	if (status)
		fprintf(stderr, "ebpf_demo: %s\n", error.text);
	stoq_metrics_endpoint_close(endpoint);
	return status;
}

/*
 * Programs are loaded and sockets are open: from now on no capability is needed (before Linux 5.19
 * the filter's counters would want CAP_BPF). Threads that begin later have none either.
 */
static int give_up_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	if (syscall(SYS_capset, &header, none) == 0)
		return 0;
	perror("ebpf_demo: capset");
	return -1;
}

int main(int argc, char **argv)
{
	bool sending = argc == 9 && strcmp(argv[1], "send") == 0;
	struct stoq_transport_config config;
	struct stoq_ebpf_status status;
	uint64_t port, metrics_port = 0;
	struct stoq_error error;
	char files[3][512];

	if (!sending && !((argc == 7 || argc == 8) && strcmp(argv[1], "listen") == 0))
		return usage();
	if (take_number("port", argv[3], 65535, &port) ||
		(sending && take_number("number of megabytes", argv[8], 1 << 24, &to_send)) ||
		(argc == 8 && take_number("port", argv[7], 65535, &metrics_port)))
		return 2;
	to_send <<= 20;
	configure(&config, argv, port, files);
	if (set_datapath(&config, argv[5]))
		return 2;
	if (stoq_transport_create(&config, &transport, &error)) {
		fprintf(stderr, "ebpf_demo: %s\n", error.text);
		return EXIT_FAILURE;
	}
	if (give_up_capabilities())
		return EXIT_FAILURE;
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	stoq_transport_ebpf_status(transport, &status);
	fprintf(stderr, "ebpf_demo: ready: %s\n", status.reason);
	if (sending && example_connect(transport, argv[2], argv[3], argv[7]))
		return EXIT_FAILURE;
	if (run(metrics_port))
		return EXIT_FAILURE;
	stoq_transport_destroy(transport);
	return sending ? result : EXIT_SUCCESS;
}
