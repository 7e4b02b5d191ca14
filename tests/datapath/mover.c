// SPDX-License-Identifier: BSD-2-Clause
/*
 * datapath-mover: moves numbered datagrams over a datapath, without a transport, and counts which
 * came back, twice, changed or not at all.
 *
 *   datapath-mover echo  OPTIONS             sends everything back, until SIGTERM
 *   datapath-mover load  OPTIONS --to A:P    sends, waits for the echoes, prints what became of
 * them
 *
 * The datagrams look like QUIC packets with a short header, so that the XDP filter lets them pass.
 * They print one line of JSON at the end; SIGUSR1 prints one in between, SIGUSR2 changes from
 * AF_XDP to the socket or back.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "datapath/address.h"
#include "datapath/af_xdp.h"
#include "datapath/choose.h"
#include "xdp/filter.h"

#define BATCH	      32
#define BUFFER_BYTES  STOQ_DATAGRAM_MAX_BYTES
#define HEADER_BYTES  21 /* a first byte with the fixed bit, an ID of 20 */
#define NUMBER_OFFSET HEADER_BYTES
#define SIZE_MIN      (HEADER_BYTES + 8)
#define SECOND_NS     1000000000ULL

struct mover {
	struct stoq_datapath_request request;
	struct stoq_datapath_choice choice;
	struct stoq_datapath *datapath;
	struct stoq_address to;
	bool load, hold;
	bool light;	 /* neither write nor check all bytes: for measuring */
	uint64_t count;	 /* datagrams to send */
	uint64_t window; /* sent and not back, at most */
	uint64_t size;	 /* bytes of each */
	uint64_t segments;
	uint64_t lose_after_ns; /* an echo that takes longer counts as lost */
	uint64_t pause_ns;	/* between batches */

	uint8_t *memory;
	struct stoq_batch receive[BATCH];
	uint8_t *came; /* a bit for each number */
	uint64_t sent, back, duplicate, corrupt, echoed, unsent;
	uint64_t last_back_ns, elapsed_ns;
};

static volatile sig_atomic_t stop, report, change;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		report = 1;
	else if (number == SIGUSR2)
		change = 1;
	else
		stop = 1;
}

/* Every byte depends on the number and the place. */
static uint8_t byte_of(uint64_t number, uint64_t place)
{
	return (uint8_t)((number + 1) * 0x9e3779b1 >> place % 24) ^ (uint8_t)place;
}

static void write_datagram(uint8_t *data, uint64_t number, uint64_t size, bool light)
{
	for (uint64_t i = 0; i < size && !light; i++)
		data[i] = byte_of(number, i);
	data[0] = 0x40;
	memset(data + 1, 0x5a, HEADER_BYTES - 1);
	memcpy(data + NUMBER_OFFSET, &number, sizeof(number));
}

static bool is_right(const uint8_t *data, uint64_t number, uint64_t size)
{
	for (uint64_t i = SIZE_MIN; i < size; i++)
		if (data[i] != byte_of(number, i))
			return false;
	return true;
}

static void take_echo(struct mover *mover, const uint8_t *data, uint64_t size)
{
	uint64_t number;

	if (size != mover->size) {
		mover->corrupt++;
		return;
	}
	memcpy(&number, data + NUMBER_OFFSET, sizeof(number));
	if (number >= mover->count || (!mover->light && !is_right(data, number, size)))
		mover->corrupt++;
	else if (mover->came[number / 8] & 1 << number % 8)
		mover->duplicate++;
	else
		mover->back++;
	if (number < mover->count)
		mover->came[number / 8] |= 1 << number % 8;
	mover->last_back_ns = stoq_clock_now_ns();
}

static void wait_ready(struct mover *mover, int timeout_ms)
{
	struct pollfd ready = {0};

	ready.fd = stoq_datapath_descriptor(mover->datapath, &ready.events);
	(void)poll(&ready, 1, timeout_ms);
}

/* Sends all of it, waiting for room; what cannot be sent is counted and dropped. */
static void send_all(struct mover *mover, struct stoq_batch *datagrams, unsigned int count)
{
	int taken;

	while (count && !stop) {
		taken = stoq_datapath_send(mover->datapath, datagrams, count, stoq_clock_now_ns());
		if (taken == -EAGAIN) {
			wait_ready(mover, 100);
			continue;
		}
		if (taken < 0) {
			mover->unsent += (datagrams->size + datagrams->segment_size - 1) /
					 datagrams->segment_size;
			taken = 1;
		}
		datagrams += taken;
		count -= taken;
	}
}

static void reset_buffers(struct mover *mover)
{
	for (int i = 0; i < BATCH; i++) {
		mover->receive[i].data = mover->memory + (size_t)i * BUFFER_BYTES;
		mover->receive[i].capacity = BUFFER_BYTES;
	}
}

static int receive(struct mover *mover)
{
	int count;

	reset_buffers(mover);
	count = stoq_datapath_receive(mover->datapath, mover->receive, BATCH, stoq_clock_now_ns());
	if (count < 0) {
		fprintf(stderr, "receiving failed: %s\n", strerror(-count));
		stop = 1;
	}
	return count;
}

static uint64_t segments_of(const struct stoq_batch *datagram)
{
	return (datagram->size + datagram->segment_size - 1) / datagram->segment_size;
}

static void print_status(struct mover *mover)
{
	struct stoq_datapath_counters counters;
	struct stoq_af_xdp_counters xdp = {.active = false};
	struct stoq_datapath_info info;

	stoq_datapath_counters(mover->datapath, &counters);
	stoq_datapath_info(mover->datapath, &info);
	if (mover->choice.kind == STOQ_DATAPATH_AF_XDP)
		stoq_af_xdp_counters(mover->datapath, &xdp);
	printf("{\"kind\":\"%s\",\"active\":%s,\"zero_copy\":%s,\"queues\":%u,"
	       "\"sent\":%llu,\"back\":%llu,\"lost\":%llu,\"duplicate\":%llu,\"corrupt\":%llu,"
	       "\"echoed\":%llu,\"unsent\":%llu,\"elapsed_ns\":%llu,",
		info.kind, xdp.active ? "true" : "false",
		xdp.queue_count && xdp.queues[0].zero_copy ? "true" : "false", xdp.queue_count,
		(unsigned long long)mover->sent, (unsigned long long)mover->back,
		(unsigned long long)(mover->sent - mover->back - mover->unsent),
		(unsigned long long)mover->duplicate, (unsigned long long)mover->corrupt,
		(unsigned long long)mover->echoed, (unsigned long long)mover->unsent,
		(unsigned long long)mover->elapsed_ns);
	printf("\"frames_sent\":%llu,\"frames_received\":%llu,\"socket_sent\":%llu,"
	       "\"socket_received\":%llu,\"malformed\":%llu,\"dropped\":%llu,"
	       "\"zero_copy_operations\":%llu,\"copied_operations\":%llu,"
	       "\"reason\":\"%s\",\"why\":\"%s\",\"warning\":\"%s\"}\n",
		(unsigned long long)(counters.sent_datagrams - xdp.by_socket_sent),
		(unsigned long long)(counters.received_datagrams - xdp.by_socket_received),
		(unsigned long long)xdp.by_socket_sent, (unsigned long long)xdp.by_socket_received,
		(unsigned long long)xdp.malformed, (unsigned long long)counters.dropped_receiving,
		(unsigned long long)counters.zero_copy_operations,
		(unsigned long long)counters.copied_operations, xdp.reason, mover->choice.reason,
		info.warning);
	fflush(stdout);
}

/* To the socket; or from it, with AF_XDP sockets that are new. */
static void change_datapath(struct mover *mover)
{
	struct stoq_af_xdp_config config = {.mode = STOQ_XSK_AUTO};
	struct stoq_af_xdp_counters counters;
	struct stoq_datapath *udp;
	struct stoq_error error;

	stoq_af_xdp_counters(mover->datapath, &counters);
	if (counters.active) {
		stoq_af_xdp_stop(mover->datapath);
		return;
	}
	memcpy(config.interface, mover->choice.interface, IF_NAMESIZE);
	config.xsks_fd = stoq_xdp_filter_maps(mover->choice.filter)->fd[STOQ_XDP_MAP_XSKS];
	udp = stoq_af_xdp_unwrap(mover->datapath);
	if (stoq_af_xdp_open(&config, udp, &mover->datapath, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	mover->choice.datapaths[0] = mover->datapath;
}

static void report_if_asked(struct mover *mover)
{
	if (change) {
		change = 0;
		change_datapath(mover);
	}
	if (report) {
		report = 0;
		print_status(mover);
	}
}

static void run_echo(struct mover *mover)
{
	int count;

	while (!stop) {
		report_if_asked(mover);
		count = receive(mover);
		if (count <= 0) {
			wait_ready(mover, 100);
			continue;
		}
		for (int i = 0; i < count; i++)
			mover->echoed += segments_of(&mover->receive[i]);
		send_all(mover, mover->receive, (unsigned int)count);
	}
}

static void take_echoes(struct mover *mover)
{
	int count = receive(mover);
	uint32_t size;

	for (int i = 0; i < count; i++)
		while (mover->receive[i].size) {
			size = mover->receive[i].size < mover->receive[i].segment_size
				       ? mover->receive[i].size
				       : mover->receive[i].segment_size;
			take_echo(mover, mover->receive[i].data, size);
			mover->receive[i].data += size;
			mover->receive[i].size -= size;
		}
	if (count <= 0)
		wait_ready(mover, 10);
}

/* One buffer of as many segments as the window lets out. */
static void send_some(struct mover *mover, uint8_t *buffer)
{
	uint64_t out = mover->sent - mover->back - mover->unsent, segments = mover->segments;
	struct stoq_batch datagram = {.remote = mover->to, .data = buffer};

	if (out >= mover->window || mover->sent == mover->count)
		return;
	if (segments > BUFFER_BYTES / mover->size)
		segments = BUFFER_BYTES / mover->size;
	if (segments > mover->window - out)
		segments = mover->window - out;
	if (segments > mover->count - mover->sent)
		segments = mover->count - mover->sent;
	for (uint64_t i = 0; i < segments; i++)
		write_datagram(
			buffer + i * mover->size, mover->sent + i, mover->size, mover->light);
	datagram.size = segments * mover->size;
	datagram.segment_size = mover->size;
	mover->sent += segments;
	send_all(mover, &datagram, 1);
}

/* Echoes that do not come leave the window only at the very end: loss shows. */
static void run_load(struct mover *mover)
{
	uint8_t *buffer = calloc(1, BUFFER_BYTES);
	uint64_t begin_ns = stoq_clock_now_ns(), next_ns = begin_ns, lost;

	mover->last_back_ns = begin_ns;
	while (buffer && !stop && mover->back + mover->unsent < mover->count) {
		report_if_asked(mover);
		if (stoq_clock_now_ns() >= next_ns) {
			send_some(mover, buffer);
			next_ns += mover->pause_ns;
		}
		take_echoes(mover);
		lost = mover->sent - mover->back - mover->unsent;
		if (stoq_clock_now_ns() - mover->last_back_ns > mover->lose_after_ns) {
			if (mover->sent == mover->count)
				break;
			mover->window += lost; /* go on without them */
			mover->last_back_ns = stoq_clock_now_ns();
		}
	}
	mover->elapsed_ns = mover->last_back_ns - begin_ns;
	free(buffer);
}

static void fail(const char *text)
{
	fprintf(stderr, "%s\n", text);
	exit(1);
}

static uint64_t number_of(const char *text, uint64_t max)
{
	uint64_t value;

	if (stoq_parse_number(text, 0, max, &value))
		fail("not a number");
	return value;
}

static struct stoq_address address_of(const char *text)
{
	struct stoq_address address;
	struct stoq_error error;

	if (stoq_address_parse(&address, text, 9292, &error))
		fail(error.text);
	return address;
}

static void parse(struct mover *mover, int argc, char **argv)
{
	static const struct option options[] = {
		{"bind", required_argument, NULL, 'b'},
		{"to", required_argument, NULL, 't'},
		{"interface", required_argument, NULL, 'i'},
		{"datapath", required_argument, NULL, 'd'},
		{"copy", no_argument, NULL, 'c'},
		{"zero-copy", no_argument, NULL, 'z'},
		{"count", required_argument, NULL, 'n'},
		{"window", required_argument, NULL, 'w'},
		{"size", required_argument, NULL, 's'},
		{"segments", required_argument, NULL, 'g'},
		{"pause-us", required_argument, NULL, 'p'},
		{"lose-after-ms", required_argument, NULL, 'l'},
		{"busy-poll-us", required_argument, NULL, 'u'},
		{"no-gso", no_argument, NULL, 'o'},
		{"light", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct stoq_error error;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			mover->request.udp.bind = address_of(optarg);
			break;
		case 't':
			mover->to = address_of(optarg);
			break;
		case 'i':
			strncpy(mover->request.interface, optarg, IF_NAMESIZE - 1);
			break;
		case 'd':
			if (stoq_datapath_kind_parse(&mover->request.kind, optarg, &error))
				fail(error.text);
			break;
		case 'c':
			mover->request.copy_only = true;
			break;
		case 'z':
			mover->request.zero_copy_only = true;
			break;
		case 'n':
			mover->count = number_of(optarg, 100000000);
			break;
		case 'w':
			mover->window = number_of(optarg, 1000000);
			break;
		case 's':
			mover->size = number_of(optarg, 9000);
			break;
		case 'g':
			mover->segments = number_of(optarg, 64);
			break;
		case 'p':
			mover->pause_ns = number_of(optarg, 1000000) * 1000;
			break;
		case 'l':
			mover->lose_after_ns = number_of(optarg, 100000) * 1000000;
			break;
		case 'u':
			mover->request.udp.busy_poll_us = number_of(optarg, 1000);
			break;
		case 'h':
			mover->light = true;
			break;
		case 'o':
			mover->request.udp.no_gso = true;
			mover->request.udp.no_gro = true;
			break;
		default:
			exit(2);
		}
	}
	if (optind >= argc || mover->size < SIZE_MIN)
		fail("usage: datapath-mover echo|load OPTIONS");
	mover->load = strcmp(argv[optind], "load") == 0;
	mover->hold = strcmp(argv[optind], "hold") == 0;
	mover->request.towards = mover->to;
}

static void hold(const struct mover *mover)
{
	struct stoq_xsk_config config = {
		.interface = mover->request.interface,
		.ifindex = (int)if_nametoindex(mover->request.interface),
		.mode = STOQ_XSK_COPY,
		.frame_bytes = 2048,
		.frame_count = 64,
	};
	struct stoq_error error;
	struct stoq_xsk xsk;

	if (stoq_xsk_open(&xsk, &config, &error))
		fail(error.text);
	fprintf(stderr, "ready: holds queue 0 of %s\n", mover->request.interface);
	while (!stop)
		(void)poll(NULL, 0, 100);
	stoq_xsk_close(&xsk);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct mover mover = {.count = 1000,
		.window = 64,
		.size = 1200,
		.segments = 8,
		.lose_after_ns = SECOND_NS};
	struct stoq_error error;

	mover.request.udp.bind = address_of("0.0.0.0:9292");
	mover.request.udp.receive_buffer_bytes = 8 << 20;
	mover.request.udp.send_buffer_bytes = 8 << 20;
	parse(&mover, argc, argv);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	if (mover.hold) {
		hold(&mover);
		return 0;
	}
	if (stoq_datapath_choose(&mover.request, &mover.choice, &error))
		fail(error.text);
	mover.datapath = mover.choice.datapaths[0];
	mover.memory = malloc((size_t)BATCH * BUFFER_BYTES);
	mover.came = calloc(1, mover.count / 8 + 1);
	if (!mover.memory || !mover.came)
		fail("out of memory");
	fprintf(stderr, "ready: %s\n", mover.choice.reason);
	if (mover.load)
		run_load(&mover);
	else
		run_echo(&mover);
	print_status(&mover);
	stoq_datapath_choice_close(&mover.choice);
	free(mover.memory);
	free(mover.came);
	return 0;
}
