// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datapath/udp_private.h"

/* Packets that one busy poll may take; the kernel's NAPI weight. */
#define BUSY_POLL_BUDGET 64

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* Adds a sentence to the warning. */
__attribute__((format(printf, 2, 3))) static void warn(
	struct stoq_udp *udp, const char *format, ...)
{
	size_t used = strlen(udp->warning);
	va_list arguments;

	va_start(arguments, format);
	if (used && used + 1 < sizeof(udp->warning))
		udp->warning[used++] = ' ';
	vsnprintf(udp->warning + used, sizeof(udp->warning) - used, format, arguments);
	va_end(arguments);
}

/* The kernel doubles what it is told, for its own needs, and says the double when asked. */
static uint32_t set_buffer(int fd, int force, int option, uint32_t bytes)
{
	int value = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
	socklen_t length = sizeof(value);

	if (bytes && set_int(fd, SOL_SOCKET, force, value))
		set_int(fd, SOL_SOCKET, option, value);
	if (getsockopt(fd, SOL_SOCKET, option, &value, &length))
		return 0;
	return (uint32_t)value / 2;
}

static void set_buffers(struct stoq_udp *udp, const struct stoq_udp_config *config)
{
	udp->receive_buffer_bytes =
		set_buffer(udp->fd, SO_RCVBUFFORCE, SO_RCVBUF, config->receive_buffer_bytes);
	udp->send_buffer_bytes =
		set_buffer(udp->fd, SO_SNDBUFFORCE, SO_SNDBUF, config->send_buffer_bytes);
	if (udp->receive_buffer_bytes < config->receive_buffer_bytes)
		warn(udp,
			"The receive buffer is %u KiB instead of %u: bursts get lost. "
			"`sysctl -w net.core.rmem_max=%u` or CAP_NET_ADMIN helps.",
			udp->receive_buffer_bytes / 1024, config->receive_buffer_bytes / 1024,
			config->receive_buffer_bytes);
	if (udp->send_buffer_bytes < config->send_buffer_bytes)
		warn(udp,
			"The send buffer is %u KiB instead of %u: "
			"`sysctl -w net.core.wmem_max=%u` or CAP_NET_ADMIN helps.",
			udp->send_buffer_bytes / 1024, config->send_buffer_bytes / 1024,
			config->send_buffer_bytes);
}

static void set_busy_poll(struct stoq_udp *udp, const struct stoq_udp_config *config)
{
	int ret;

	if (!config->busy_poll_us)
		return;
	ret = set_int(udp->fd, SOL_SOCKET, SO_BUSY_POLL, (int)config->busy_poll_us);
	if (!ret)
		ret = set_int(udp->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, 1);
	if (!ret)
		ret = set_int(udp->fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, BUSY_POLL_BUDGET);
	if (ret)
		warn(udp, "Busy polling is off (%s): it needs CAP_NET_ADMIN.", strerror(-ret));
	else
		udp->busy_poll_us = config->busy_poll_us;
}

/*
 * Never fragment, and let packets out that are larger than what routers were heard to take:
 * finding the path's MTU is the transport's affair, by probing (RFC 8899).
 */
static int set_discovery(const struct stoq_udp *udp)
{
	int ret = set_int(udp->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);

	if (ret || udp->local.sa.sa_family == AF_INET)
		return ret;
	ret = set_int(udp->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
	return ret ? ret : set_int(udp->fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
}

static int ask_ipv4(const struct stoq_udp *udp)
{
	int ret = set_int(udp->fd, IPPROTO_IP, IP_RECVTOS, 1);

	if (!ret)
		ret = set_int(udp->fd, IPPROTO_IP, IP_RECVERR, 1);
	/* An IPv6 socket tells IPv4 addresses in IPV6_PKTINFO. */
	if (!ret && udp->wildcard && udp->local.sa.sa_family == AF_INET)
		ret = set_int(udp->fd, IPPROTO_IP, IP_PKTINFO, 1);
	return ret;
}

static int ask_ipv6(const struct stoq_udp *udp)
{
	int ret = set_int(udp->fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);

	if (!ret)
		ret = set_int(udp->fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	if (!ret && udp->wildcard)
		ret = set_int(udp->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	return ret;
}

/* What each packet shall tell beside its bytes. */
static int ask(const struct stoq_udp *udp)
{
	int ret = ask_ipv4(udp);

	if (!ret && udp->local.sa.sa_family == AF_INET6)
		ret = ask_ipv6(udp);
	return ret;
}

static void set_offload(struct stoq_udp *udp, const struct stoq_udp_config *config)
{
	/* 0: no segmentation unless a message asks for it; the answer says if it could. */
	udp->gso = !config->no_gso && !set_int(udp->fd, SOL_UDP, UDP_SEGMENT, 0);
	udp->gro = !config->no_gro && !set_int(udp->fd, SOL_UDP, UDP_GRO, 1);
	udp->joining = udp->gro;
	if (!udp->gso && !config->no_gso)
		warn(udp, "This kernel has no UDP segmentation offload (4.18 has it): sending "
			  "takes several times the CPU.");
	if (!udp->gro && !config->no_gro)
		warn(udp, "This kernel has no UDP receive offload (5.0 has it): receiving takes "
			  "several times the CPU.");
}

/* A control message for each packet costs more than an option of the socket. */
static int set_usual_ecn(const struct stoq_udp *udp)
{
	int ret = set_int(udp->fd, IPPROTO_IP, IP_TOS, UDP_USUAL_ECN);

	if (!ret && udp->local.sa.sa_family == AF_INET6)
		ret = set_int(udp->fd, IPPROTO_IPV6, IPV6_TCLASS, UDP_USUAL_ECN);
	return ret;
}

static int set_options(struct stoq_udp *udp, const struct stoq_udp_config *config)
{
	int ret = 0;

	if (udp->local.sa.sa_family == AF_INET6)
		ret = set_int(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, !udp->wildcard);
	/* Only those that join the first one: it must find the port free. */
	if (!ret && config->worker > 0)
		ret = set_int(udp->fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!ret)
		ret = set_discovery(udp);
	if (!ret)
		ret = ask(udp);
	if (!ret)
		ret = set_usual_ecn(udp);
	if (ret)
		return ret;
	set_offload(udp, config);
	set_buffers(udp, config);
	set_busy_poll(udp, config);
	return 0;
}

static int bind_socket(struct stoq_udp *udp, struct stoq_error *error)
{
	char text[STOQ_ADDRESS_TEXT];
	socklen_t length = sizeof(udp->local.in6);
	int ret;

	if (bind(udp->fd, &udp->local.sa, udp->local.length) == 0) {
		getsockname(udp->fd, &udp->local.sa, &length);
		udp->local.length = length;
		return 0;
	}
	ret = -errno;
	stoq_address_text(text, &udp->local);
	if (ret == -EADDRINUSE)
		return stoq_error_set(error, ret,
			"cannot use UDP %s: another program has it (`ss -ulnp` tells which); "
			"end it, or choose another port",
			text);
	if (ret == -EADDRNOTAVAIL)
		return stoq_error_set(error, ret,
			"cannot use UDP %s: no interface here has that address (`ip address` lists "
			"them)",
			text);
	if (ret == -EACCES)
		return stoq_error_set(error, ret,
			"cannot use UDP %s: ports below 1024 need CAP_NET_BIND_SERVICE", text);
	return stoq_error_set(error, ret, "cannot use UDP %s: %s", text, strerror(-ret));
}

/*
 * The port becomes one that others may join once it is ours alone: with SO_REUSEPORT from the
 * beginning, a second program of the same user would get it, too, and half of the packets. The
 * kernel forms the group when the second socket joins (net/ipv4/udp.c, udp_reuseport_add_sock()),
 * and takes a program from then on.
 */
static int share_port(
	struct stoq_udp *udp, const struct stoq_udp_config *config, struct stoq_error *error)
{
	int ret;

	if (config->worker_count < 2)
		return 0;
	if (config->worker == 1)
		udp->unsharded = udp_attach_shard_program(udp->fd, config->worker_count) != 0;
	if (config->worker > 0)
		return 0;
	ret = set_int(udp->fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (ret)
		return stoq_error_set(
			error, ret, "workers cannot share a UDP port: %s", strerror(-ret));
	return 0;
}

int udp_open_socket(
	struct stoq_udp *udp, const struct stoq_udp_config *config, struct stoq_error *error)
{
	int ret;

	udp->local = config->bind;
	stoq_address_unmap(&udp->local);
	udp->wildcard = stoq_address_is_wildcard(&udp->local);
	udp->fd = socket(
		udp->local.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	if (udp->fd < 0) {
		ret = -errno;
		return stoq_error_set(error, ret, "cannot open a UDP socket%s: %s",
			ret == -EAFNOSUPPORT ? " (is IPv6 off? bind an IPv4 address, then)" : "",
			strerror(-ret));
	}
	ret = set_options(udp, config);
	if (ret)
		return stoq_error_set(error, ret,
			"this kernel refuses an option of the UDP socket: %s; Linux 5.15 and later "
			"have all of them",
			strerror(-ret));
	ret = bind_socket(udp, error);
	return ret ? ret : share_port(udp, config, error);
}
