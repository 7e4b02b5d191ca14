// SPDX-License-Identifier: BSD-2-Clause
/*
 * udp-relay: hands UDP datagrams of one client on to a server and back, badly: with loss,
 * reordering, duplicates, corruption and jitter, as the network in memory (datapath/memory.h) does
 * it. For tests where a real network shall be a poor one. When it is ended with SIGTERM it says
 * what it did.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "datapath/address.h"
#include "datapath/memory.h"
#include "datapath/udp.h"
#include "tests/peer/net.h"

#define BUFFERS	     16
#define MEMORY_BYTES (64u << 20)

/* One of the two directions. */
struct side {
	struct stoq_datapath *socket;
	struct stoq_datapath *memory; /* where it puts what it received */
	struct stoq_address peer;     /* to whom the socket sends; length 0: nobody yet */
};

struct relay {
	struct stoq_memory_network *network;
	struct side client, server;
	uint8_t *buffers;
};

struct options {
	struct stoq_address listen, connect;
	struct stoq_memory_link link;
	uint64_t seed;
};

static int usage(const char *why)
{
	fprintf(stderr,
		"udp-relay: %s\n"
		"usage: udp-relay --listen ADDRESS:PORT --connect ADDRESS:PORT [--loss PPM]\n"
		"       [--reorder PPM] [--duplicate PPM] [--corrupt PPM] [--delay TIME]\n"
		"       [--jitter TIME] [--seed N]\n",
		why);
	return 2;
}

static int take_option(
	struct options *options, int option, const char *text, struct stoq_error *error)
{
	struct stoq_memory_link *link = &options->link;
	uint32_t *const shares[] = {
		&link->loss_ppm, &link->reorder_ppm, &link->duplicate_ppm, &link->corrupt_ppm};
	uint64_t value;

	switch (option) {
	case 0:
		return stoq_address_parse(&options->listen, text, 0, error);
	case 1:
		return stoq_address_parse(&options->connect, text, 0, error);
	case 6:
		return stoq_parse_duration_ns(text, &link->delay_ns);
	case 7:
		return stoq_parse_duration_ns(text, &link->jitter_ns);
	case 8:
		return stoq_parse_number(text, 0, UINT64_MAX, &options->seed);
	default:
		if (stoq_parse_number(text, 0, 1000000, &value))
			return -EINVAL;
		*shares[option - 2] = (uint32_t)value;
		return 0;
	}
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {{"listen", required_argument, NULL, 0},
		{"connect", required_argument, NULL, 1}, {"loss", required_argument, NULL, 2},
		{"reorder", required_argument, NULL, 3}, {"duplicate", required_argument, NULL, 4},
		{"corrupt", required_argument, NULL, 5}, {"delay", required_argument, NULL, 6},
		{"jitter", required_argument, NULL, 7}, {"seed", required_argument, NULL, 8},
		{NULL, 0, NULL, 0}};
	struct stoq_error error = {.text = "a value is wrong"};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == '?' || take_option(options, option, optarg, &error)) {
			usage(error.text);
			return -EINVAL;
		}
	}
	if (options->listen.length && options->connect.length && optind == argc)
		return 0;
	usage("--listen and --connect are needed, and nothing else");
	return -EINVAL;
}

/* What the socket received goes into the network; the client is whoever sent last. */
static void take_in(
	struct relay *relay, struct side *side, const struct side *other, uint64_t now_ns)
{
	struct stoq_batch datagrams[BUFFERS];
	struct stoq_datapath_info info;
	int count;

	stoq_datapath_info(other->memory, &info);
	for (unsigned int i = 0; i < BUFFERS; i++)
		datagrams[i] = (struct stoq_batch){
			.data = relay->buffers + (size_t)i * STOQ_DATAGRAM_MAX_BYTES,
			.capacity = STOQ_DATAGRAM_MAX_BYTES};
	count = stoq_datapath_receive(side->socket, datagrams, BUFFERS, now_ns);
	for (int i = 0; i < count; i++) {
		if (side == &relay->client)
			side->peer = datagrams[i].remote;
		datagrams[i].remote = info.local;
		datagrams[i].local.length = 0;
		stoq_datapath_send(side->memory, &datagrams[i], 1, now_ns);
	}
}

/* What is due goes out. What the socket does not take is lost, which is what we are for. */
static void hand_out(struct relay *relay, struct side *side, uint64_t now_ns)
{
	struct stoq_batch datagram;

	for (;;) {
		datagram = (struct stoq_batch){
			.data = relay->buffers, .capacity = STOQ_DATAGRAM_MAX_BYTES};
		if (stoq_datapath_receive(side->memory, &datagram, 1, now_ns) <= 0)
			return;
		if (!side->peer.length)
			continue;
		datagram.remote = side->peer;
		datagram.local.length = 0;
		stoq_datapath_send(side->socket, &datagram, 1, now_ns);
	}
}

static void wait(const struct relay *relay)
{
	uint64_t due_ns = stoq_memory_next_ns(relay->network), now_ns = stoq_clock_now_ns();
	struct timespec timeout = {.tv_sec = 1};
	struct pollfd poll_fds[2];

	poll_fds[0].fd = stoq_datapath_descriptor(relay->client.socket, &poll_fds[0].events);
	poll_fds[1].fd = stoq_datapath_descriptor(relay->server.socket, &poll_fds[1].events);
	if (due_ns <= now_ns)
		return;
	if (due_ns - now_ns < 1000000000) {
		timeout.tv_sec = 0;
		timeout.tv_nsec = (long)(due_ns - now_ns);
	}
	ppoll(poll_fds, 2, &timeout, NULL);
}

static int open_side(struct relay *relay, struct side *side, const struct stoq_address *bind,
	const char *place, const struct stoq_memory_link *link, struct stoq_error *error)
{
	struct stoq_udp_config config = {
		.bind = *bind, .receive_buffer_bytes = 8u << 20, .send_buffer_bytes = 8u << 20};
	struct stoq_address address;
	int ret = stoq_udp_open(&config, &side->socket, error);

	if (!ret)
		ret = stoq_address_parse(&address, place, 0, error);
	if (!ret)
		ret = stoq_memory_open(relay->network, &address, &side->memory);
	if (!ret)
		stoq_memory_set_link(side->memory, link);
	return ret;
}

static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = 1;
}

static void report(const struct relay *relay)
{
	struct stoq_memory_counters counters;

	stoq_memory_counters(relay->network, &counters);
	printf("%" PRIu64 " datagrams, of which lost %" PRIu64 ", reordered %" PRIu64
	       ", duplicated %" PRIu64 ", corrupted %" PRIu64 "\n",
		counters.sent, counters.lost + counters.queue_full, counters.reordered,
		counters.duplicated, counters.corrupted);
}

int main(int argc, char **argv)
{
	const struct sigaction on_end = {.sa_handler = end};
	struct stoq_address anywhere = {.length = 0};
	struct stoq_error error = {.text = "no memory"};
	struct relay relay = {.network = NULL};
	struct options options = {.seed = 1, .link = {.reorder_ns = 1000000}};
	int ret;

	if (parse(argc, argv, &options))
		return 2;
	relay.server.peer = options.connect;
	stoq_address_parse(&anywhere,
		options.connect.sa.sa_family == AF_INET ? "0.0.0.0:0" : "[::]:0", 0, &error);
	relay.buffers = malloc((size_t)BUFFERS * STOQ_DATAGRAM_MAX_BYTES);
	ret = relay.buffers ? stoq_memory_network_open(options.seed, MEMORY_BYTES, &relay.network)
			    : -ENOMEM;
	if (!ret)
		ret = open_side(&relay, &relay.client, &options.listen, "192.0.2.1:1",
			&options.link, &error);
	if (!ret)
		ret = open_side(
			&relay, &relay.server, &anywhere, "192.0.2.2:2", &options.link, &error);
	if (ret) {
		fprintf(stderr, "udp-relay: %s\n", error.text);
		return EXIT_FAILURE;
	}
	sigaction(SIGTERM, &on_end, NULL);
	while (!ended) {
		uint64_t now_ns = stoq_clock_now_ns();

		take_in(&relay, &relay.client, &relay.server, now_ns);
		take_in(&relay, &relay.server, &relay.client, now_ns);
		hand_out(&relay, &relay.client, now_ns);
		hand_out(&relay, &relay.server, now_ns);
		wait(&relay);
	}
	report(&relay);
	return EXIT_SUCCESS;
}
