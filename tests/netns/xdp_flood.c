// SPDX-License-Identifier: BSD-2-Clause

/*
 * xdp-flood INTERFACE KIND [options]: sends frames as fast as it can, past the kernel's IP.
 *
 *   initial   well-formed Initials        forged   short headers, connection IDs not sealed
 *   garbage   random UDP payload          sealed   short headers of one connection, sealed
 *   other     UDP for another port        mixed    initial, forged and garbage in turn
 *
 *   --count N       frames (1000)         --seconds S      for so long instead
 *   --rate N        frames a second at most
 *   --sources N     made-up IPv4 sources, in 192.168.0.0/16 (1); ports change with them
 *   --to ADDRESS    destination (10.0.0.1)        --mac MAC   its MAC (broadcast)
 *   --port N        its port (9292)
 *
 * At the end it prints {"sent": ..., "seconds": ..., "per_second": ...}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "tests/bpf/xdp_frames.h"
#include "tests/netns/xdp_key.h"
#include "tests/unit/nvme/sample_stream.h"

#define BATCH	    64
#define FRAME_BYTES 1600
#define MAC_BYTES   6
#define IP_AT	    14
#define SOURCE_AT   26
#define PORT_AT	    34
#define PAYLOAD_AT  42

enum kind { INITIAL, FORGED, GARBAGE, SEALED, OTHER, MIXED, KINDS };
static const char *const kind_names[KINDS] = {
	"initial", "forged", "garbage", "sealed", "other", "mixed"};

static struct {
	enum kind kind;
	uint64_t count, seconds_ns, rate, sources, port;
	struct ether_addr mac;
	struct in_addr to;
} options = {.count = 1000, .sources = 1, .port = 9292};

static uint32_t random_state = 0x5eed5eed;

/* ---- frames ---- */

static size_t make_payload(enum kind kind, uint8_t *payload)
{
	struct stoq_cid cid = {0x1111, 0x2222};
	struct xdp_quic quic = {.type = XDP_INITIAL,
		.version = 1,
		.dcid_bytes = 18,
		.scid_bytes = 16,
		.body_bytes = 1180};

	if (kind == INITIAL)
		return xdp_quic_make_long(payload, &quic);
	if (kind == GARBAGE) {
		memset(payload, 0x99, 1200);
		return 1200;
	}
	if (kind == SEALED)
		cid = xdp_sealed_cid(&xdp_test_key, 0x42);
	return xdp_quic_make_short(payload, &cid, 1200);
}

static void put_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	ip[10] = ip[11] = 0;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static size_t make_frame(enum kind kind, uint8_t *to)
{
	static uint8_t frame[XDP_FRAME_MAX];
	struct xdp_path path = {.source = 0xc0a80001,
		.source_port = 4000,
		.port = (uint16_t)(options.port + (kind == OTHER))};
	uint8_t payload[FRAME_BYTES];
	size_t length = xdp_frame_make(frame, &path, payload, make_payload(kind, payload));

	memcpy(frame, &options.mac, MAC_BYTES);
	memcpy(frame + SOURCE_AT + 4, &options.to, sizeof(options.to));
	put_checksum(frame + IP_AT);
	memcpy(to, frame, length);
	return length;
}

/* What makes each frame another one: source, port, and what the sender chose at random. */
static void vary(enum kind kind, uint8_t *frame)
{
	uint32_t source = (uint32_t)(sample_random(&random_state) % options.sources);
	uint32_t random = sample_random(&random_state);

	frame[SOURCE_AT + 2] = (uint8_t)(source >> 8);
	frame[SOURCE_AT + 3] = (uint8_t)(source + 1);
	if (options.sources > 1)
		frame[PORT_AT] = (uint8_t)(16 + random % 200);
	put_checksum(frame + IP_AT);
	if (kind == INITIAL)
		memcpy(frame + PAYLOAD_AT + 6, &random, sizeof(random));
	else if (kind == FORGED || kind == GARBAGE)
		memcpy(frame + PAYLOAD_AT + 1, &random, sizeof(random));
	if (kind == GARBAGE)
		frame[PAYLOAD_AT] = (uint8_t)(random >> 8);
}

/* ---- sending ---- */

static struct {
	uint8_t frames[BATCH][FRAME_BYTES];
	enum kind kinds[BATCH];
	struct iovec vectors[BATCH];
	struct mmsghdr messages[BATCH];
} batch;

static void make_batch(void)
{
	static const enum kind mix[] = {INITIAL, FORGED, GARBAGE};

	for (int i = 0; i < BATCH; i++) {
		batch.kinds[i] = options.kind == MIXED ? mix[i % 3] : options.kind;
		batch.vectors[i].iov_base = batch.frames[i];
		batch.vectors[i].iov_len = make_frame(batch.kinds[i], batch.frames[i]);
		batch.messages[i].msg_hdr.msg_iov = &batch.vectors[i];
		batch.messages[i].msg_hdr.msg_iovlen = 1;
	}
}

/* Of `want` frames, how many went; waits while the interface is full. Negative errno. */
static int send_some(int fd, unsigned int want)
{
	int sent;

	for (unsigned int i = 0; i < want; i++)
		vary(batch.kinds[i], batch.frames[i]);
	do
		sent = sendmmsg(fd, batch.messages, want, 0);
	while (sent < 0 && (errno == ENOBUFS || errno == EAGAIN || errno == EINTR));
	return sent < 0 ? -errno : sent;
}

static int flood(int fd)
{
	uint64_t start_ns = stoq_clock_now_ns(), sent = 0, elapsed_ns = 0;

	while (options.seconds_ns ? elapsed_ns < options.seconds_ns : sent < options.count) {
		uint64_t want = BATCH;
		int result;

		if (!options.seconds_ns && options.count - sent < want)
			want = options.count - sent;
		if (options.rate && sent * 1000000000u / options.rate > elapsed_ns) {
			usleep(100);
			elapsed_ns = stoq_clock_now_ns() - start_ns;
			continue;
		}
		result = send_some(fd, (unsigned int)want);
		if (result < 0) {
			fprintf(stderr, "xdp-flood: %s\n", strerror(-result));
			return 1;
		}
		sent += (uint64_t)result;
		elapsed_ns = stoq_clock_now_ns() - start_ns;
	}
	printf("{\"sent\": %llu, \"seconds\": %.3f, \"per_second\": %.0f}\n",
		(unsigned long long)sent, (double)elapsed_ns / 1e9,
		(double)sent * 1e9 / (double)(elapsed_ns ? elapsed_ns : 1));
	return 0;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || !address.sll_ifindex ||
		bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		fprintf(stderr, "xdp-flood: %s: %s\n", name, strerror(errno));
		return -1;
	}
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	return fd;
}

/* ---- the command line ---- */

static const struct option long_options[] = {
	{"count", required_argument, NULL, 'c'},
	{"seconds", required_argument, NULL, 's'},
	{"rate", required_argument, NULL, 'r'},
	{"sources", required_argument, NULL, 'S'},
	{"to", required_argument, NULL, 't'},
	{"mac", required_argument, NULL, 'm'},
	{"port", required_argument, NULL, 'p'},
	{NULL, 0, NULL, 0},
};

static int take(int option, const char *text)
{
	switch (option) {
	case 'c':
		return stoq_parse_number(text, 1, UINT32_MAX, &options.count);
	case 's':
		if (stoq_parse_number(text, 1, 3600, &options.seconds_ns))
			return -1;
		options.seconds_ns *= 1000000000u;
		return 0;
	case 'r':
		return stoq_parse_number(text, 1, UINT32_MAX, &options.rate);
	case 'S':
		return stoq_parse_number(text, 1, 65000, &options.sources);
	case 't':
		return inet_pton(AF_INET, text, &options.to) == 1 ? 0 : -1;
	case 'm':
		return ether_aton_r(text, &options.mac) ? 0 : -1;
	case 'p':
		return stoq_parse_number(text, 1, 65534, &options.port);
	default:
		return -1;
	}
}

static int parse(int argc, char **argv)
{
	int option;

	memset(&options.mac, 0xff, sizeof(options.mac));
	options.to.s_addr = htonl(0x0a000001);
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (take(option, optarg))
			return -1;
	if (optind + 2 != argc)
		return -1;
	while (options.kind < KINDS && strcmp(argv[optind + 1], kind_names[options.kind]) != 0)
		options.kind++;
	return options.kind < KINDS ? 0 : -1;
}

int main(int argc, char **argv)
{
	int fd;

	if (parse(argc, argv)) {
		fprintf(stderr,
			"usage: xdp-flood INTERFACE initial|forged|garbage|sealed|other|mixed "
			"[--count N | --seconds S] [--rate N] [--sources N] [--to ADDRESS] "
			"[--mac MAC] [--port N]\n");
		return 2;
	}
	fd = open_interface(argv[optind]);
	if (fd < 0)
		return 1;
	make_batch();
	return flood(fd);
}
