// SPDX-License-Identifier: BSD-2-Clause
/*
 * tcp-ping: 64 bytes there and back over one TCP connection, one at a time; what `stoq bench
 * transport --mode ping` is compared with. Prints percentiles as one line of JSON.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/histogram.h"
#include "base/units.h"
#include "tests/peer/net.h"

#define MESSAGE_BYTES 64

struct options {
	struct peer_address address;
	bool listens, connects, spin;
	uint64_t seconds;
};

static int usage(void)
{
	fputs("usage: tcp-ping --listen ADDRESS:PORT [--spin]\n"
	      "       tcp-ping --connect ADDRESS:PORT [--spin] [--seconds N]\n",
		stderr);
	return 2;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {{"listen", required_argument, NULL, 'l'},
		{"connect", required_argument, NULL, 'c'}, {"spin", no_argument, NULL, 's'},
		{"seconds", required_argument, NULL, 't'}, {NULL, 0, NULL, 0}};
	struct stoq_error error;
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == '?' ||
			(option == 't' && stoq_parse_number(optarg, 1, 3600, &options->seconds)))
			return -EINVAL;
		options->spin |= option == 's';
		if (option != 'l' && option != 'c')
			continue;
		*(option == 'l' ? &options->listens : &options->connects) = true;
		if (peer_address_parse(&options->address, optarg, &error)) {
			fprintf(stderr, "tcp-ping: %s\n", error.text);
			return -EINVAL;
		}
	}
	return options->listens != options->connects && optind == argc ? 0 : -EINVAL;
}

/* A whole message; 0, or -ENOTCONN when the other end has closed. */
static int receive(int fd, uint8_t message[static MESSAGE_BYTES], bool spin)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	size_t got = 0;

	while (got < MESSAGE_BYTES) {
		ssize_t ret = peer_receive(fd, message + got, MESSAGE_BYTES - got);

		if (ret < 0)
			return (int)ret;
		got += (size_t)ret;
		if (ret == 0 && !spin)
			poll(&poll_fd, 1, -1);
	}
	return 0;
}

static int transmit(int fd, const uint8_t message[static MESSAGE_BYTES])
{
	return send(fd, message, MESSAGE_BYTES, MSG_NOSIGNAL) == MESSAGE_BYTES ? 0 : -EPIPE;
}

/* One connection after the other, until it is killed. */
static __attribute__((noreturn)) void serve(int listener, bool spin)
{
	uint8_t message[MESSAGE_BYTES];

	for (;;) {
		struct pollfd poll_fd = {.fd = listener, .events = POLLIN};
		int fd;

		poll(&poll_fd, 1, -1);
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		while (receive(fd, message, spin) == 0 && transmit(fd, message) == 0)
			;
		close(fd);
	}
}

static int measure(int fd, const struct options *options)
{
	static struct stoq_histogram histogram;
	uint64_t end_ns = stoq_clock_now_ns() + options->seconds * 1000000000;
	uint8_t message[MESSAGE_BYTES] = {0};
	uint64_t now_ns = stoq_clock_now_ns();
	int ret = 0;

	while (!ret && now_ns < end_ns) {
		uint64_t begin_ns = now_ns;

		ret = transmit(fd, message);
		if (!ret)
			ret = receive(fd, message, options->spin);
		now_ns = stoq_clock_now_ns();
		stoq_histogram_record(&histogram, now_ns - begin_ns);
	}
	if (ret)
		return ret;
	printf("{\"round_trips\":%llu,\"p50_ns\":%llu,\"p95_ns\":%llu,\"p99_ns\":%llu,"
	       "\"max_ns\":%llu}\n",
		(unsigned long long)histogram.count,
		(unsigned long long)stoq_histogram_percentile_ns(&histogram, 0.5),
		(unsigned long long)stoq_histogram_percentile_ns(&histogram, 0.95),
		(unsigned long long)stoq_histogram_percentile_ns(&histogram, 0.99),
		(unsigned long long)histogram.max_ns);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {.seconds = 5};
	struct stoq_error error = {.text = ""};
	int fd, ret;

	if (parse(argc, argv, &options))
		return usage();
	fd = options.listens ? peer_listen(&options.address, false, &error)
			     : peer_connect(&options.address, &error);
	if (fd < 0) {
		fprintf(stderr, "tcp-ping: %s\n", error.text);
		return EXIT_FAILURE;
	}
	if (options.listens)
		serve(fd, options.spin);
	ret = measure(fd, &options);
	if (ret)
		fprintf(stderr, "tcp-ping: %s\n", strerror(-ret));
	close(fd);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
