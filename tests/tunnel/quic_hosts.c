// SPDX-License-Identifier: BSD-2-Clause
/*
 * Host ends of a tunnel, many at once, made of libstoq alone. Each has a QUIC connection with queues, and a queue
 * has lanes, as `stoq tunnel connect` makes them. With --lies they do what host ends do not.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stoq/transport.h>

#include "datapath/address.h"
#include "nvme/nvme_tcp_encode.h"
#include "tunnel/lane_header.h"

#define SECOND_NS    1000000000ull
#define LANES	     8
#define LANE_BYTES   4096
#define PDU_BYTES    STOQ_LANE_RECORD_MAX
#define LIES_AT_ONCE 64

static const struct nvme_tcp_format plain = {0};

struct queue;
struct lane {
	struct queue *queue;
	struct stoq_stream *stream;
};

/* An admin queue: the test target lets each have one. */
struct queue {
	struct host *host;
	struct lane lanes[LANES];
	uint64_t number;
	uint8_t got[128]; /* of the PDU that is awaited */
	size_t have;
	unsigned int answers;
};

struct host {
	struct stoq_connection *connection;
	struct queue *queues;
	unsigned int index;
};

static struct options {
	const char *connect, *name, *folder, *nqn;
	unsigned int hosts, queues, seconds, rounds;
	const char *end; /* fin, reset, half, close */
	unsigned int lies;
	unsigned int seed;
} options = {.hosts = 1, .queues = 1, .rounds = 1, .end = "fin", .seed = 1};

static struct stoq_transport *transport;
static struct stoq_address remote;
static struct host *hosts;
static unsigned int connected, closed, ready, over;

static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static unsigned int chance(unsigned int below)
{
	return (unsigned int)random() % below;
}

/* ---- an honest queue ---- */

static void write_to(const struct lane *lane, const void *data, size_t size, unsigned int flags)
{
	if (lane->stream)
		stoq_stream_write(lane->stream, data, size, flags);
}

static void open_lane(struct queue *queue, unsigned int index)
{
	struct stoq_lane_header header = {.queue = queue->number, .lane = (uint8_t)index};
	struct lane *lane = &queue->lanes[index];
	uint8_t out[STOQ_LANE_HEADER_MAX];

	lane->queue = queue;
	if (stoq_stream_open(queue->host->connection, STOQ_BIDIRECTIONAL, &lane->stream))
		die("no stream for host %u", queue->host->index);
	stoq_stream_set_user(lane->stream, lane);
	write_to(lane, out, stoq_lane_header_encode(out, &header), 0);
}

static size_t encode_connect(uint8_t out[static PDU_BYTES])
{
	struct nvme_connect_fields fields = {
		.sqsize_zero_based = 31, .cattr = NVME_CONNECT_CATTR_DISABLE_SQ_FLOW};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	size_t front =
		nvme_tcp_encode_capsule_cmd(out, &plain, &sqe, sizeof(struct nvme_connect_data));
	static const uint8_t hostid[16];
	struct nvme_connect_data data;

	nvme_encode_connect_data(
		&data, hostid, 0xffff, "nqn.2014-08.org.nvmexpress:stoq-peer", options.nqn);
	memcpy(out + front, &data, sizeof(data));
	return front + sizeof(data);
}

static void open_all_lanes(struct queue *queue)
{
	uint8_t record[STOQ_LANE_RECORD_MAX];

	write_to(&queue->lanes[0], record, stoq_lane_record_encode_lanes(record, LANES), 0);
	for (unsigned int i = 1; i < LANES; i++)
		open_lane(queue, i);
}

/* ICResp, Connect's answer: what follows them. */
static void answered(struct queue *queue)
{
	uint8_t pdu[PDU_BYTES];

	if (++queue->answers == 1) {
		write_to(&queue->lanes[0], pdu, encode_connect(pdu), 0);
	} else if (queue->answers == 2) {
		open_all_lanes(queue);
		ready++;
	}
}

static void take(struct queue *queue, const uint8_t *data, size_t size)
{
	while (size) {
		struct nvme_tcp_hdr hdr;
		size_t want = sizeof(hdr), part;

		if (queue->have >= sizeof(hdr)) {
			memcpy(&hdr, queue->got, sizeof(hdr));
			want = nvme_le32(hdr.plen);
		}
		if (want > sizeof(queue->got))
			return; /* not one of those that are awaited */
		part = want - queue->have < size ? want - queue->have : size;
		memcpy(queue->got + queue->have, data, part);
		queue->have += part;
		data += part;
		size -= part;
		memcpy(&hdr, queue->got, sizeof(hdr));
		if (queue->have < sizeof(hdr) || queue->have < nvme_le32(hdr.plen))
			continue;
		queue->have = 0;
		if (hdr.type == NVME_TCP_ICRESP || hdr.type == NVME_TCP_CAPSULE_RESP)
			answered(queue);
	}
}

static void begin_queue(struct host *host, unsigned int index)
{
	struct queue *queue = &host->queues[index];
	uint8_t pdu[PDU_BYTES];

	*queue = (struct queue){.host = host, .number = index + 1};
	open_lane(queue, 0);
	write_to(&queue->lanes[0], pdu, nvme_tcp_encode_icreq(pdu, &plain, 0), 0);
}

static void end_queue(struct queue *queue)
{
	bool half = strcmp(options.end, "half") == 0;
	bool reset = strcmp(options.end, "reset") == 0;

	for (unsigned int i = 0; i < LANES; i++) {
		struct stoq_stream *stream = queue->lanes[i].stream;

		if (!stream)
			continue;
		if (reset || (half && i == 1)) {
			stoq_stream_reset(stream, STOQ_LANE_TCP_RESET);
			stoq_stream_stop(stream, STOQ_LANE_TCP_RESET);
		} else {
			stoq_stream_write(stream, NULL, 0, STOQ_FINISH);
		}
	}
}

/* ---- lies ---- */

static size_t lie_of_a_header(uint8_t out[static STOQ_LANE_HEADER_MAX])
{
	struct stoq_lane_header header = {
		.queue = chance(4), .lane = (uint8_t)chance(STOQ_LANES_MAX)};
	size_t size;

	if (chance(3))
		header.lane = 0;
	if (!header.lane && !chance(8))
		strcpy(header.target, "elsewhere");
	header.bytes = !header.lane && !chance(6);
	size = stoq_lane_header_encode(out, &header);
	if (!chance(10))
		out[chance((unsigned int)size)] ^= (uint8_t)(1 + chance(255));
	return chance(8) ? size : chance((unsigned int)size);
}

/* A PDU that may be right, but for some of its bytes. */
static size_t lie_of_a_pdu(uint8_t out[static PDU_BYTES])
{
	struct nvme_sqe sqe = {.opcode = (uint8_t)chance(16),
		.flags = (uint8_t)chance(3),
		.command_id = nvme_to_le16((uint16_t)chance(40))};
	size_t size = 0;

	switch (chance(7)) {
	case 0:
		size = nvme_tcp_encode_icreq(out, &plain, (uint8_t)chance(32));
		break;
	case 1:
		size = encode_connect(out);
		break;
	case 2:
		size = stoq_lane_record_encode_lanes(out, chance(40));
		break;
	case 3:
		size = stoq_lane_record_encode_times(out, &(struct stoq_lane_times){1, 2});
		break;
	case 4:
		for (size = chance(200); size && chance(2);)
			out[--size] = (uint8_t)random();
		memset(out, (int)chance(256), size);
		break;
	default:
		size = nvme_tcp_encode_capsule_cmd(out, &plain, &sqe, 0);
	}
	if (size && !chance(4))
		out[chance((unsigned int)size)] = (uint8_t)random();
	return size;
}

static void lie_on(struct stoq_stream *stream, bool fresh)
{
	uint8_t out[PDU_BYTES];
	size_t size = fresh ? lie_of_a_header(out) : lie_of_a_pdu(out);

	stoq_stream_write(stream, out, size, chance(12) ? 0 : STOQ_FINISH);
	if (!chance(20))
		stoq_stream_reset(stream, chance(12));
	if (!chance(20))
		stoq_stream_stop(stream, chance(12));
}

static struct stoq_stream *lying[LIES_AT_ONCE];

static void forget_lies(const struct stoq_stream *stream)
{
	for (unsigned int i = 0; i < LIES_AT_ONCE; i++)
		if (!stream || lying[i] == stream)
			lying[i] = NULL;
}

static void lie(struct host *host)
{
	struct stoq_stream **slot = &lying[chance(LIES_AT_ONCE)];
	uint8_t pdu[PDU_BYTES];

	if (*slot) {
		lie_on(*slot, false);
		if (!chance(30))
			stoq_connection_close(host->connection, chance(10), "enough");
		return;
	}
	if (stoq_stream_open(host->connection, STOQ_BIDIRECTIONAL, slot)) {
		*slot = NULL;
		return;
	}
	lie_on(*slot, true);
	if (*slot && chance(2)) {
		stoq_stream_write(*slot, pdu, nvme_tcp_encode_icreq(pdu, &plain, 0), 0);
		stoq_stream_write(*slot, pdu, chance(3) ? encode_connect(pdu) : 0, 0);
	}
}

/* ---- connections ---- */

static void connect_host(struct host *host)
{
	struct stoq_connect_config config = {.remote = &remote.sa,
		.remote_length = remote.length,
		.name = options.name,
		.user = host};
	struct stoq_error error;

	if (stoq_transport_connect(transport, 0, &config, stoq_now_ns(), &host->connection, &error))
		die("host %u: %s", host->index, error.text);
}

static void on_connected(struct stoq_connection *connection, void *user)
{
	struct host *host = user;

	connected++;
	for (unsigned int i = 0; !options.lies && i < options.queues; i++)
		begin_queue(host, i);
}

static void on_closed(struct stoq_connection *connection, void *user)
{
	struct host *host = user;

	if (options.lies && !chance(50))
		fprintf(stderr, "closed: %s\n", stoq_connection_close_info(connection)->reason);
	closed++;
	host->connection = NULL;
	forget_lies(NULL);
}

static size_t on_received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct lane *lane = stoq_stream_user(stream);

	if (lane)
		take(lane->queue, data, size);
	/* One that reads nothing of some of its streams. */
	return options.lies && stoq_stream_id(stream) % 3 == 0 ? 0 : size;
}

static void on_stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	struct lane *lane = stoq_stream_user(stream);

	forget_lies(stream);
	if (!lane)
		return;
	lane->stream = NULL;
	over++;
}

static void open_transport(void)
{
	static const char *const alpn[] = {STOQ_LANE_ALPN}, *const everybody[] = {"*"};
	static char ca[512], certificate[512], key[512];
	struct stoq_transport_config config;
	struct stoq_error error;

	snprintf(ca, sizeof(ca), "%s/ca.pem", options.folder);
	snprintf(certificate, sizeof(certificate), "%s/cert.pem", options.folder);
	snprintf(key, sizeof(key), "%s/key.pem", options.folder);
	stoq_transport_config_init(&config);
	config.datapath = STOQ_DATAPATH_SOCKET;
	config.alpn = alpn;
	config.alpn_count = 1;
	config.keep_alive_ns = 5 * SECOND_NS;
	config.handshake_timeout_ns = 120 * SECOND_NS;
	config.tls = (struct stoq_tls_config){.ca_file = ca,
		.certificate_file = certificate,
		.key_file = key,
		.peer_names = everybody,
		.peer_name_count = 1};
	config.callbacks = (struct stoq_transport_callbacks){.connected = on_connected,
		.closed = on_closed,
		.received = on_received,
		.stream_closed = on_stream_closed};
	if (stoq_transport_create(&config, &transport, &error))
		die("%s", error.text);
}

static void step(void)
{
	if (stoq_transport_next_ns(transport, 0) > stoq_now_ns())
		usleep(200);
	if (stoq_transport_process(transport, 0, stoq_now_ns()))
		die("the transport is broken");
}

/* ---- what it does ---- */

static void wait_for(const unsigned int *count, unsigned int want, const char *what)
{
	uint64_t end_ns = stoq_now_ns() + 240 * SECOND_NS;

	while (*count < want) {
		step();
		if (stoq_now_ns() > end_ns)
			die("%u of %u %s", *count, want, what);
	}
}

static void hold(void)
{
	uint64_t end_ns = stoq_now_ns() + options.seconds * SECOND_NS;

	while (stoq_now_ns() < end_ns)
		step();
}

static void one_round(unsigned int round)
{
	connected = closed = ready = over = 0;
	for (unsigned int i = 0; i < options.hosts; i++) {
		connect_host(&hosts[i]);
		/* So that no more handshakes are under way than the listener takes without a Retry. */
		if (i % 32 == 31)
			wait_for(&connected, i + 1, "host ends are connected");
	}
	wait_for(&ready, options.hosts * options.queues, "queues are connected");
	printf("round %u: %u queues\n", round, ready);
	fflush(stdout);
	hold();
	for (unsigned int i = 0; i < options.hosts; i++)
		for (unsigned int j = 0; j < options.queues; j++)
			if (strcmp(options.end, "close") != 0)
				end_queue(&hosts[i].queues[j]);
	if (strcmp(options.end, "close") != 0)
		wait_for(&over, options.hosts * options.queues * LANES, "lanes are over");
	for (unsigned int i = 0; i < options.hosts; i++)
		stoq_connection_close(hosts[i].connection, 0, "");
	wait_for(&closed, options.hosts, "connections are closed");
}

static void tell_lies(void)
{
	for (unsigned int i = 0; i < options.lies; i++) {
		if (!hosts[0].connection) {
			connected = 0;
			connect_host(&hosts[0]);
			wait_for(&connected, 1, "host ends are connected");
		}
		if (hosts[0].connection)
			lie(&hosts[0]);
		step();
	}
}

static const struct option known[] = {
	{"connect", required_argument, NULL, 'c'},
	{"name", required_argument, NULL, 'n'},
	{"certificates", required_argument, NULL, 'f'},
	{"nqn", required_argument, NULL, 'q'},
	{"hosts", required_argument, NULL, 'h'},
	{"queues", required_argument, NULL, 'u'},
	{"rounds", required_argument, NULL, 'r'},
	{"hold", required_argument, NULL, 's'},
	{"end", required_argument, NULL, 'e'},
	{"lies", required_argument, NULL, 'l'},
	{"seed", required_argument, NULL, 'd'},
	{NULL, 0, NULL, 0},
};

static void take_option(int option)
{
	unsigned int number = (unsigned int)strtoul(optarg, NULL, 10);

	switch (option) {
	case 'c':
		options.connect = optarg;
		break;
	case 'n':
		options.name = optarg;
		break;
	case 'f':
		options.folder = optarg;
		break;
	case 'q':
		options.nqn = optarg;
		break;
	case 'h':
		options.hosts = number;
		break;
	case 'u':
		options.queues = number;
		break;
	case 'r':
		options.rounds = number;
		break;
	case 's':
		options.seconds = number;
		break;
	case 'e':
		options.end = optarg;
		break;
	case 'l':
		options.lies = number;
		break;
	default:
		options.seed = number;
	}
}

int main(int argc, char **argv)
{
	struct stoq_error error;
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == '?')
			return 2;
		take_option(option);
	}
	if (!options.connect || !options.name || !options.folder || !options.nqn)
		die("--connect, --name, --certificates and --nqn are needed");
	if (stoq_address_parse(&remote, options.connect, STOQ_DEFAULT_PORT, &error))
		die("%s", error.text);
	srandom(options.seed);
	hosts = calloc(options.hosts, sizeof(*hosts));
	for (unsigned int i = 0; hosts && i < options.hosts; i++) {
		hosts[i].index = i;
		hosts[i].queues = calloc(options.queues, sizeof(struct queue));
		if (!hosts[i].queues)
			die("no memory");
	}
	open_transport();
	if (options.lies)
		tell_lies();
	for (unsigned int i = 0; !options.lies && i < options.rounds; i++)
		one_round(i + 1);
	stoq_transport_destroy(transport);
	return 0;
}
