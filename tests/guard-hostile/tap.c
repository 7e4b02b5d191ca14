// SPDX-License-Identifier: BSD-2-Clause
#include "tests/guard-hostile/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define RECEIVE_BUFFER (16 << 20)

int tap_open(struct tap *tap, const char *interface, struct stoq_error *error)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int size = RECEIVE_BUFFER, status;

	tap->fd = -1;
	if (!address.sll_ifindex)
		return stoq_error_set(error, -ENODEV, "There is no interface %s", interface);
	tap->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (tap->fd < 0 || setsockopt(tap->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
		bind(tap->fd, (struct sockaddr *)&address, sizeof(address))) {
		status = -errno;
		tap_close(tap);
		return stoq_error_set(error, status, "Cannot open a packet socket on %s: %s",
			interface, strerror(-status));
	}
	return 0;
}

void tap_close(struct tap *tap)
{
	if (tap->fd >= 0)
		close(tap->fd);
	tap->fd = -1;
}

void tap_send_frame(const struct tap *tap, const uint8_t *frame, size_t length)
{
	while (send(tap->fd, frame, length, 0) != (ssize_t)length) {
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
			perror("guard-hostile: cannot send a frame");
			exit(2);
		}
		usleep(1000);
	}
}

void tap_send(const struct tap *tap, const struct packet *packet)
{
	static uint8_t frame[PACKET_FRAME_MAX];

	tap_send_frame(tap, frame, packet_build(frame, packet));
}

/* One frame; false: it is our own, or no TCP. */
static bool receive_one(const struct tap *tap, struct packet *packet)
{
	static uint8_t frame[PACKET_FRAME_MAX];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t got = recvfrom(
		tap->fd, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&from, &size);

	return got > 0 && from.sll_pkttype != PACKET_OUTGOING &&
	       packet_parse(packet, frame, (size_t)got);
}

bool tap_receive(const struct tap *tap, struct packet *packet, int timeout_ms)
{
	uint64_t end = stoq_clock_now_ns() + (uint64_t)timeout_ms * 1000000;
	struct pollfd poll_fd = {.fd = tap->fd, .events = POLLIN};

	for (;;) {
		uint64_t now = stoq_clock_now_ns();

		if (poll(&poll_fd, 1, now < end ? (int)((end - now + 999999) / 1000000) : 0) <= 0)
			return false;
		if (receive_one(tap, packet))
			return true;
		if (now >= end)
			return false;
	}
}
