// SPDX-License-Identifier: BSD-2-Clause
/*
 * tun-relay NAME NETNS NAME NETNS [SETTING...]: makes a tun interface in each of two network
 * namespaces (paths of files), prints "ready", and carries packets between them until it is ended.
 * What is sent on one is received on the other, as through a tunnel, without link layer headers
 * and without offloads. SETTINGs (wire.h, and "seed=N") hold for both directions; further ones are
 * read from standard input, one a line, and answered by "set". SIGTERM: prints what was carried,
 * as JSON, and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "tests/relay/wire.h"

#define PACKET_MAX  65536
#define TURN_MAX    64 /* packets of one direction before the other has its turn */
#define QUEUE_BYTES (64u << 20)

struct direction {
	int from, to;
	struct wire wire;
};

static struct direction directions[2];
static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static int open_tun(const char *name, const char *netns)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd, space = open(netns, O_RDONLY | O_CLOEXEC);

	if (space < 0 || setns(space, CLONE_NEWNET))
		fail(netns);
	close(space);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		fail("/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request))
		fail(name);
	return fd;
}

static int set(const char *text)
{
	uint64_t seed;

	if (strncmp(text, "seed=", 5) == 0) {
		int result = stoq_parse_number(text + 5, 0, UINT64_MAX, &seed);

		for (int i = 0; !result && i < 2; i++)
			directions[i].wire.seed = seed * 2 + (uint64_t)i;
		return result;
	}
	for (int i = 0; i < 2; i++)
		if (wire_set(&directions[i].wire.settings, text))
			return -EINVAL;
	return 0;
}

/* An interface that is down takes nothing: lost, as on any network. */
static void deliver(const struct direction *direction, const uint8_t *data, size_t bytes)
{
	ssize_t written = write(direction->to, data, bytes);

	(void)written;
}

static void deliver_due(struct direction *direction)
{
	struct wire_packet *packet;

	while ((packet = wire_take(&direction->wire, stoq_clock_now_ns()))) {
		deliver(direction, packet->data, packet->bytes);
		free(packet);
	}
}

static void carry(struct direction *direction)
{
	static uint8_t packet[PACKET_MAX];

	for (int i = 0; i < TURN_MAX; i++) {
		ssize_t length = read(direction->from, packet, sizeof(packet));
		uint64_t due_ns, now_ns = stoq_clock_now_ns();

		if (length <= 0)
			return;
		if (!wire_fate(&direction->wire, (size_t)length, now_ns, &due_ns))
			continue;
		if (due_ns <= now_ns)
			deliver(direction, packet, (size_t)length);
		else
			wire_put(&direction->wire, packet, (size_t)length, due_ns);
	}
}

/* Lines of settings. At the end of input the settings stay. */
static void obey(struct pollfd *input)
{
	static char line[256];
	static size_t filled;
	ssize_t length = read(input->fd, line + filled, sizeof(line) - 1 - filled);
	char *end;

	if (length <= 0) {
		input->fd = -1;
		return;
	}
	filled += (size_t)length;
	line[filled] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		puts(set(line) ? "not understood" : "set");
		fflush(stdout);
		filled -= (size_t)(end + 1 - line);
		memmove(line, end + 1, filled + 1);
	}
	if (filled == sizeof(line) - 1)
		filled = 0;
}

static void wait_for_more(struct pollfd fds[static 3])
{
	uint64_t due_ns = wire_due_ns(&directions[0].wire), now_ns = stoq_clock_now_ns();
	struct timespec wait;

	if (wire_due_ns(&directions[1].wire) < due_ns)
		due_ns = wire_due_ns(&directions[1].wire);
	due_ns = due_ns > now_ns ? due_ns - now_ns : 0;
	if (due_ns > 1000000000u)
		due_ns = 1000000000u;
	wait = (struct timespec){
		.tv_sec = (time_t)(due_ns / 1000000000u), .tv_nsec = (long)(due_ns % 1000000000u)};
	if (ppoll(fds, 3, &wait, NULL) < 0)
		for (int i = 0; i < 3; i++)
			fds[i].revents = 0;
}

static void report(void)
{
	const struct wire_counts *a = &directions[0].wire.counts, *b = &directions[1].wire.counts;

	printf("{\"carried\":[%lu,%lu],\"lost\":[%lu,%lu],\"late\":[%lu,%lu],\"overflowed\":[%lu,%"
	       "lu]}\n",
		a->carried, b->carried, a->lost, b->lost, a->late, b->late, a->overflowed,
		b->overflowed);
}

int main(int argc, char **argv)
{
	struct pollfd fds[3] = {{.events = POLLIN}, {.events = POLLIN}, {STDIN_FILENO, POLLIN, 0}};
	const struct sigaction action = {.sa_handler = on_signal};

	if (argc < 5) {
		fputs("usage: tun-relay NAME NETNS NAME NETNS [SETTING...]\n", stderr);
		return 2;
	}
	for (int i = 0; i < 2; i++)
		directions[i].wire = (struct wire){.settings.queue_bytes = QUEUE_BYTES,
			.settings.late_ns = 1000000,
			.seed = (uint64_t)i + 2};
	for (int i = 5; i < argc; i++)
		if (set(argv[i])) {
			fprintf(stderr, "tun-relay: %s: no such setting\n", argv[i]);
			return 2;
		}
	for (int i = 0; i < 2; i++)
		fds[i].fd = directions[i].from = open_tun(argv[1 + 2 * i], argv[2 + 2 * i]);
	directions[0].to = fds[1].fd;
	directions[1].to = fds[0].fd;
	prctl(PR_SET_TIMERSLACK, 1UL);
	sigaction(SIGTERM, &action, NULL);
	puts("ready");
	fflush(stdout);
	while (!ended) {
		wait_for_more(fds);
		for (int i = 0; i < 2; i++) {
			if (fds[i].revents)
				carry(&directions[i]);
			deliver_due(&directions[i]);
		}
		if (fds[2].revents)
			obey(&fds[2]);
	}
	report();
	for (int i = 0; i < 2; i++)
		wire_free(&directions[i].wire);
	return 0;
}
