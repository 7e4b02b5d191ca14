// SPDX-License-Identifier: BSD-2-Clause

/* UDP's offloads, AF_XDP and busy polling, by trying, on loopback. */
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/capabilities.h"
#include "probe/facts.h"
#include "probe/probe_private.h"

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif

#define SEGMENT_BYTES 1000
#define SEGMENTS      4
#define WAIT_MS	      1000

/* ---- segmentation ---- */

/* A UDP socket on loopback, with its address. A descriptor or a negative errno. */
static int open_udp(struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	*address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(fd, (struct sockaddr *)address, sizeof(*address)) ||
		getsockname(fd, (struct sockaddr *)address, &length)) {
		int result = -errno;

		close(fd);
		return result;
	}
	return fd;
}

/* Sends some datagrams by one call. 0 or a negative errno. */
static int send_segments(int fd, const struct sockaddr_in *to)
{
	char data[SEGMENT_BYTES * SEGMENTS] = {0};
	int segment = SEGMENT_BYTES;

	if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)))
		return -errno;
	return sendto(fd, data, sizeof(data), 0, (const struct sockaddr *)to, sizeof(*to)) < 0
		       ? -errno
		       : 0;
}

/* What one call receives, in bytes; 0: nothing came. */
static ssize_t receive_once(int fd)
{
	char data[SEGMENT_BYTES * SEGMENTS * 2];
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	return poll(&wait, 1, WAIT_MS) == 1 ? recv(fd, data, sizeof(data), 0) : 0;
}

static void answer_gso(struct stoq_probe *probe, int sent)
{
	if (sent)
		stoq_probe_no(probe, "udp_gso", "Linux 4.18 or newer", "UDP_SEGMENT: %s",
			strerror(-sent));
	else
		stoq_probe_yes(probe, "udp_gso", "%d datagrams sent by one call", SEGMENTS);
}

static void answer_gro(struct stoq_probe *probe, int gro, ssize_t got)
{
	if (gro)
		stoq_probe_no(
			probe, "udp_gro", "Linux 5.0 or newer", "UDP_GRO: %s", strerror(-gro));
	else if (got > SEGMENT_BYTES)
		stoq_probe_yes(probe, "udp_gro", "%zd datagrams received by one call",
			got / SEGMENT_BYTES);
	else if (got <= 0)
		stoq_probe_unknown(
			probe, "udp_gro", "ip link set lo up", "nothing came over loopback");
	else
		stoq_probe_no(probe, "udp_gro", "Linux 5.0 or newer", "datagrams came one by one");
}

static void probe_segmentation(struct stoq_probe *probe)
{
	struct sockaddr_in address, unused;
	int receiver = open_udp(&address), sender = open_udp(&unused), on = 1, gro, sent;

	if (receiver < 0 || sender < 0) {
		stoq_probe_unknown(probe, "udp_gso", "ip link set lo up",
			"no UDP sockets on loopback: %s",
			strerror(receiver < 0 ? -receiver : -sender));
	} else {
		gro = setsockopt(receiver, SOL_UDP, UDP_GRO, &on, sizeof(on)) ? -errno : 0;
		sent = send_segments(sender, &address);
		answer_gso(probe, sent);
		answer_gro(probe, gro, sent ? 0 : receive_once(receiver));
	}
	if (receiver >= 0)
		close(receiver);
	if (sender >= 0)
		close(sender);
}

/* ---- AF_XDP and busy polling ---- */

int stoq_probe_try_af_xdp(void)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : close(fd);
}

static void probe_af_xdp(struct stoq_probe *probe)
{
	int result = stoq_probe_try_af_xdp();

	if (result == 0)
		stoq_probe_yes(probe, "af_xdp", "sockets can be made");
	else if (result == -EPERM)
		stoq_probe_forbidden(probe, "af_xdp", 1ULL << CAP_NET_RAW);
	else
		stoq_probe_no(probe, "af_xdp", "a kernel with CONFIG_XDP_SOCKETS", "%s",
			strerror(-result));
}

static void probe_busy_poll(struct stoq_probe *probe)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1, microseconds = 50;

	if (fd < 0) {
		stoq_probe_unknown(probe, "busy_poll", "", "no UDP socket: %s", strerror(errno));
		return;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &microseconds, sizeof(microseconds)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof(on)) == 0)
		stoq_probe_yes(probe, "busy_poll", "SO_BUSY_POLL and SO_PREFER_BUSY_POLL");
	else if (errno == EPERM)
		stoq_probe_lacks(probe, "busy_poll", 1ULL << CAP_NET_ADMIN,
			"only a process that has it may poll longer than net.core.busy_read says");
	else
		stoq_probe_no(probe, "busy_poll", "a kernel with CONFIG_NET_RX_BUSY_POLL", "%s",
			strerror(errno));
	close(fd);
}

void stoq_probe_sockets(struct stoq_probe *probe)
{
	stoq_probe_topic(probe, "sockets", NULL);
	if (!stoq_probe_is_real(probe))
		return;
	probe_segmentation(probe);
	probe_af_xdp(probe);
	probe_busy_poll(probe);
}
