// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#define SEND_PIECES 1024 /* what the kernel takes at once: UIO_MAXIOV */

static int resolve(
	struct peer_address *address, const char *host, const char *port, struct stoq_error *error)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *result;
	int status = getaddrinfo(host, port, &hints, &result);

	if (status)
		return stoq_error_set(error, -EINVAL, "Cannot use address %s, port %s: %s", host,
			port, gai_strerror(status));
	memcpy(&address->storage, result->ai_addr, result->ai_addrlen);
	address->length = result->ai_addrlen;
	freeaddrinfo(result);
	return 0;
}

int peer_address_parse(struct peer_address *address, const char *text, struct stoq_error *error)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;

	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (!length || length >= sizeof(host))
		return stoq_error_set(error, -EINVAL,
			"%s is not an address and a port: write 127.0.0.1:4420 or [::1]:4420",
			text);
	memcpy(host, text, length);
	host[length] = 0;
	return resolve(address, host, colon + 1, error);
}

static int new_socket(const struct peer_address *address, int protocol, struct stoq_error *error)
{
	int on = 1;
	int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return stoq_error_set(error, -errno, "Cannot make a socket: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

static int fail(int fd, const char *what, struct stoq_error *error)
{
	int code = -errno;

	close(fd);
	return stoq_error_set(error, code, "Cannot %s: %s", what, strerror(-code));
}

int peer_listen(const struct peer_address *address, bool mptcp, struct stoq_error *error)
{
	int fd = new_socket(address, mptcp ? IPPROTO_MPTCP : IPPROTO_TCP, error);

	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&address->storage, address->length))
		return fail(fd, "bind", error);
	if (listen(fd, 4096) || fcntl(fd, F_SETFL, O_NONBLOCK))
		return fail(fd, "listen", error);
	return fd;
}

int peer_connect(const struct peer_address *address, struct stoq_error *error)
{
	int fd = new_socket(address, IPPROTO_TCP, error);

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&address->storage, address->length))
		return fail(fd, "connect", error);
	return fd;
}

int peer_send(int fd, struct peer_tx *tx)
{
	struct iovec iov[SEND_PIECES];

	while (tx->count) {
		struct msghdr message = {
			.msg_iov = iov, .msg_iovlen = peer_tx_peek(tx, iov, SEND_PIECES)};
		ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0)
			return -errno;
		peer_tx_consume(tx, (size_t)sent);
	}
	return 0;
}

ssize_t peer_receive(int fd, uint8_t *buffer, size_t size)
{
	ssize_t got = recv(fd, buffer, size, MSG_DONTWAIT);

	if (got > 0)
		return got;
	if (got == 0)
		return -ENOTCONN;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}
