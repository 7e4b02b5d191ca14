// SPDX-License-Identifier: BSD-2-Clause
/*
 * tun-relay NAME NETNS NAME NETNS: makes a tun interface in each of two network namespaces (paths
 * of files), prints "ready", and carries packets between them until it is ended. What is sent on
 * one is received on the other, as through a tunnel, without link layer headers.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PACKET_MAX 65536

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
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request))
		fail(name);
	return fd;
}

static void carry(int from, int to)
{
	static char packet[PACKET_MAX];
	ssize_t length = read(from, packet, sizeof(packet));

	/* An interface that is down takes nothing: lost, as on any network. */
	if (length > 0 && write(to, packet, (size_t)length) < 0)
		return;
}

int main(int argc, char **argv)
{
	struct pollfd ends[2] = {{.events = POLLIN}, {.events = POLLIN}};

	if (argc != 5) {
		fputs("usage: tun-relay NAME NETNS NAME NETNS\n", stderr);
		return 2;
	}
	for (int i = 0; i < 2; i++)
		ends[i].fd = open_tun(argv[1 + 2 * i], argv[2 + 2 * i]);
	puts("ready");
	fflush(stdout);
	while (poll(ends, 2, -1) > 0) {
		if (ends[0].revents)
			carry(ends[0].fd, ends[1].fd);
		if (ends[1].revents)
			carry(ends[1].fd, ends[0].fd);
	}
	return EXIT_FAILURE;
}
