// SPDX-License-Identifier: BSD-2-Clause
#include "target/ready.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_encode.h"
#include "target/clock.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Length of the address, 0 if the text is not one. */
static socklen_t parse_address(const char *text, uint16_t port, union socket_address *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		return sizeof(out->v4);
	}
	if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(port);
		return sizeof(out->v6);
	}
	return 0;
}

/* A listener on every address is reached through loopback. */
static void aim_at_loopback(union socket_address *address)
{
	if (address->any.sa_family == AF_INET && address->v4.sin_addr.s_addr == INADDR_ANY)
		address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr))
		address->v6.sin6_addr = in6addr_loopback;
}

static int connect_by(
	int fd, const union socket_address *address, socklen_t length, uint64_t deadline_ns)
{
	int code = 0, ret;

	if (connect(fd, &address->any, length) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	ret = stoq_clock_poll(fd, POLLOUT, deadline_ns);
	if (ret)
		return ret;
	length = sizeof(code);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length))
		return -errno;
	return -code;
}

static int read_exactly(int fd, void *buffer, size_t size, uint64_t deadline_ns)
{
	uint8_t *at = buffer;

	while (size) {
		int ret = stoq_clock_poll(fd, POLLIN, deadline_ns);
		ssize_t length;

		if (ret)
			return ret;
		length = recv(fd, at, size, 0);
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (length <= 0)
			return length ? -errno : -ECONNRESET;
		at += length;
		size -= (size_t)length;
	}
	return 0;
}

static int exchange_ic(int fd, uint64_t deadline_ns)
{
	const struct nvme_tcp_format offer = {0};
	uint8_t request[NVME_TCP_FRONT_MAX];
	struct nvme_tcp_icresp_pdu response;
	size_t length = nvme_tcp_encode_icreq(request, &offer, 0);
	int ret;

	if (send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length)
		return -errno;
	ret = read_exactly(fd, &response, sizeof(response), deadline_ns);
	if (ret)
		return ret;
	if (response.hdr.type != NVME_TCP_ICRESP || !nvme_tcp_check_common(&response.hdr))
		return -EPROTO;
	return 0;
}

int stoq_target_greet(
	const char *address, uint16_t port, unsigned int timeout_ms, struct stoq_error *error)
{
	uint64_t deadline_ns = stoq_clock_deadline_ns(timeout_ms);
	union socket_address to;
	socklen_t length = parse_address(address, port, &to);
	int fd = -1, ret = -EINVAL;

	if (length) {
		aim_at_loopback(&to);
		fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		ret = fd < 0 ? -errno : connect_by(fd, &to, length, deadline_ns);
	}
	if (!ret)
		ret = exchange_ic(fd, deadline_ns);
	if (fd >= 0)
		close(fd);
	return ret ? stoq_error_set(error, ret, "no NVMe/TCP answer from %s port %u: %s", address,
			     port, strerror(-ret))
		   : 0;
}

int stoq_target_check_port(const char *address, uint16_t port, struct stoq_error *error)
{
	const int on = 1;
	union socket_address at;
	socklen_t length = parse_address(address, port, &at);
	int fd, ret = 0;

	if (!length)
		return stoq_error_set(error, -EINVAL, "%s is not a numeric IP address", address);
	fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* With SO_REUSEADDR old connections in TIME_WAIT do not count, listeners still do. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
		bind(fd, &at.any, length) || listen(fd, 1))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	if (ret == -EADDRINUSE)
		return stoq_error_set(error, ret,
			"port %u on %s is in use already; choose another with --port", port,
			address);
	if (ret)
		return stoq_error_set(error, ret, "cannot listen on %s port %u: %s", address, port,
			strerror(-ret));
	return 0;
}
