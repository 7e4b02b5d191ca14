// SPDX-License-Identifier: BSD-2-Clause
/*
 * pcap-decode FILE PORT: the NVMe/TCP PDUs of a capture as the decoder of nvme/ finds them, a
 * line (see line.h) for each. Fails, after all lines, when it cannot vouch for them: bytes are
 * missing, a digest is wrong, something is not a PDU, a connection began before the capture
 * or went on after it.
 */
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/nvme_tcp_stream.h"
#include "tests/judge/line.h"
#include "tests/judge/packet.h"
#include "tests/judge/reassembly.h"

#define CONNECTIONS_MAX 1024

struct direction {
	struct connection *connection;
	bool started, finished;
	struct reassembly reassembly;
	struct nvme_tcp_stream stream;
};

struct connection {
	struct tcp_end host, controller;
	struct line_connection line;
	struct direction directions[NVME_TCP_SIDES];
};

struct capture {
	uint16_t port;
	struct connection *connections[CONNECTIONS_MAX];
	size_t connection_count;
	unsigned int complaints;
};

static void on_pdu(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	struct direction *direction = context;

	line_print(stdout, &direction->connection->line, hdr, offset);
}

static const struct nvme_tcp_stream_events stream_events = {.pdu = on_pdu};

static void on_bytes(void *context, const uint8_t *bytes, size_t length)
{
	struct direction *direction = context;

	nvme_tcp_stream_feed(&direction->stream, bytes, length);
}

static void complain(
	struct capture *capture, const struct connection *connection, int side, const char *what)
{
	fprintf(stderr, "pcap-decode: connection %u (host's port %u), from the %s: %s\n",
		connection->line.id, connection->host.port,
		side == NVME_TCP_FROM_HOST ? "host" : "controller", what);
	capture->complaints++;
}

static bool same_end(const struct tcp_end *one, const struct tcp_end *other)
{
	return one->port == other->port &&
	       memcmp(one->address, other->address, sizeof(one->address)) == 0;
}

/* The newest of these two ends: ports are used again. */
static struct connection *find_connection(
	struct capture *capture, const struct tcp_end *host, const struct tcp_end *controller)
{
	for (size_t i = capture->connection_count; i > 0; i--) {
		struct connection *connection = capture->connections[i - 1];

		if (same_end(&connection->host, host) &&
			same_end(&connection->controller, controller))
			return connection;
	}
	return NULL;
}

static void start_direction(struct connection *connection, enum nvme_tcp_side side, uint32_t syn)
{
	struct direction *direction = &connection->directions[side];

	direction->connection = connection;
	direction->started = true;
	reassembly_start(&direction->reassembly, syn + 1);
	nvme_tcp_stream_init(&direction->stream, side, true, &stream_events, direction);
	direction->stream.check_digests = true;
}

static struct connection *new_connection(struct capture *capture, const struct tcp_segment *segment)
{
	struct connection *connection;

	if (capture->connection_count == CONNECTIONS_MAX)
		return NULL;
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return NULL;
	connection->host = segment->source;
	connection->controller = segment->target;
	connection->line.id = segment->sequence + 1;
	capture->connections[capture->connection_count++] = connection;
	return connection;
}

/* A SYN again, with the same number, is a retransmission. */
static int begin_connection(struct capture *capture, const struct tcp_segment *segment)
{
	struct connection *connection =
		find_connection(capture, &segment->source, &segment->target);

	if (connection && connection->line.id == segment->sequence + 1)
		return 0;
	connection = new_connection(capture, segment);
	if (!connection)
		return -ENOMEM;
	start_direction(connection, NVME_TCP_FROM_HOST, segment->sequence);
	return 0;
}

static int add_segment(struct capture *capture, const struct tcp_segment *segment)
{
	bool from_host = segment->target.port == capture->port;
	const struct tcp_end *host = from_host ? &segment->source : &segment->target;
	const struct tcp_end *controller = from_host ? &segment->target : &segment->source;
	enum nvme_tcp_side side = from_host ? NVME_TCP_FROM_HOST : NVME_TCP_FROM_CONTROLLER;
	struct connection *connection;
	struct direction *direction;

	if (segment->syn && !segment->ack)
		return begin_connection(capture, segment);
	connection = find_connection(capture, host, controller);
	if (!connection) {
		fprintf(stderr, "pcap-decode: a connection began before the capture\n");
		return -EPROTO;
	}
	direction = &connection->directions[side];
	if (segment->syn && !direction->started)
		start_direction(connection, side, segment->sequence);
	if (segment->fin)
		direction->finished = true;
	if (segment->rst) /* ends both directions */
		connection->directions[0].finished = connection->directions[1].finished = true;
	if (!direction->started || segment->syn)
		return 0;
	return reassembly_add(&direction->reassembly, segment->sequence, segment->payload,
		segment->length, on_bytes, direction);
}

static int read_frames(struct capture *capture, pcap_t *pcap)
{
	struct pcap_pkthdr *header;
	const uint8_t *frame;
	int result;

	while ((result = pcap_next_ex(pcap, &header, &frame)) == 1) {
		struct tcp_segment segment;

		if (header->caplen != header->len) {
			fprintf(stderr, "pcap-decode: a frame was not captured whole\n");
			return -EPROTO;
		}
		if (!packet_parse(frame, header->caplen, &segment) ||
			(segment.source.port != capture->port &&
				segment.target.port != capture->port))
			continue;
		result = add_segment(capture, &segment);
		if (result) {
			fprintf(stderr, "pcap-decode: %s\n", strerror(-result));
			return result;
		}
	}
	if (result == PCAP_ERROR_BREAK)
		return 0;
	fprintf(stderr, "pcap-decode: %s\n", pcap_geterr(pcap));
	return -EIO;
}

static void check_direction(
	struct capture *capture, const struct connection *connection, enum nvme_tcp_side side)
{
	const struct direction *direction = &connection->directions[side];
	const struct nvme_tcp_stream *stream = &direction->stream;

	if (!direction->finished)
		complain(capture, connection, side, "not closed when the capture ended");
	if (!direction->started)
		return;
	if (reassembly_has_gap(&direction->reassembly))
		complain(capture, connection, side, "bytes are missing");
	if (stream->counters.bad_headers)
		complain(capture, connection, side, "there is no PDU where one has to be");
	if (stream->counters.bad_data_digests)
		complain(capture, connection, side, "a data digest is wrong");
	if (stream->phase != NVME_TCP_STREAM_HEADER || stream->at != stream->end)
		complain(capture, connection, side, "ends within a PDU");
}

/* One line, as numbers that scripts can take. */
static void print_totals(const struct capture *capture)
{
	uint64_t pdus = 0, retransmitted = 0, early = 0;

	for (size_t i = 0; i < capture->connection_count; i++) {
		for (int side = 0; side < NVME_TCP_SIDES; side++) {
			const struct direction *direction =
				&capture->connections[i]->directions[side];

			pdus += direction->stream.counters.pdus;
			retransmitted += direction->reassembly.retransmitted_bytes;
			early += direction->reassembly.early_segments;
		}
	}
	fprintf(stderr,
		"pcap-decode: %zu connections, %" PRIu64 " PDUs, %" PRIu64
		" bytes retransmitted, %" PRIu64 " segments out of order\n",
		capture->connection_count, pdus, retransmitted, early);
}

static void check_and_free(struct capture *capture)
{
	for (size_t i = 0; i < capture->connection_count; i++) {
		struct connection *connection = capture->connections[i];

		check_direction(capture, connection, NVME_TCP_FROM_HOST);
		check_direction(capture, connection, NVME_TCP_FROM_CONTROLLER);
		reassembly_free(&connection->directions[NVME_TCP_FROM_HOST].reassembly);
		reassembly_free(&connection->directions[NVME_TCP_FROM_CONTROLLER].reassembly);
		free(connection);
	}
}

static int decode(pcap_t *pcap, uint16_t port)
{
	struct capture capture = {.port = port};
	int result;

	if (pcap_datalink(pcap) != DLT_EN10MB) {
		fprintf(stderr, "pcap-decode: not a capture of Ethernet frames\n");
		return -EPROTO;
	}
	result = read_frames(&capture, pcap);
	print_totals(&capture);
	check_and_free(&capture);
	return result || capture.complaints ? -EPROTO : 0;
}

int main(int argc, char **argv)
{
	char message[PCAP_ERRBUF_SIZE];
	unsigned long port = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	pcap_t *pcap;
	int result;

	if (!port || port > UINT16_MAX) {
		fprintf(stderr, "usage: pcap-decode FILE PORT\n");
		return 2;
	}
	pcap = pcap_open_offline(argv[1], message);
	if (!pcap) {
		fprintf(stderr, "pcap-decode: cannot read %s: %s\n", argv[1], message);
		return 1;
	}
	result = decode(pcap, (uint16_t)port);
	pcap_close(pcap);
	return result ? 1 : 0;
}
