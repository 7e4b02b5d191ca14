// SPDX-License-Identifier: BSD-2-Clause
/* The status on a Unix socket: who connects gets it, and the end. */
#include "tunnel/status_socket.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tunnel/status.h"
#include "tunnel/tunnel_private.h"

/* A reader that does not read is given up. */
#define PATIENCE_SECONDS 5
#define RETRY_NS	 100000000

struct stoq_status_socket {
	struct stoq_tunnel *tunnel;
	struct sockaddr_un address;
	int fd;
	pthread_t thread;
};

static void give(struct stoq_status_socket *status, int fd)
{
	struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	char *text = stoq_tunnel_status(status->tunnel);
	size_t size = text ? strlen(text) : 0, sent = 0;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	while (sent < size) {
		ssize_t part = send(fd, text + sent, size - sent, MSG_NOSIGNAL);

		if (part <= 0)
			break;
		sent += (size_t)part;
	}
	free(text);
}

static void *serve(void *argument)
{
	struct stoq_status_socket *status = argument;

	for (;;) {
		int fd = accept4(status->fd, NULL, NULL, SOCK_CLOEXEC);

		/* After shutdown(). */
		if (fd < 0 && errno == EINVAL)
			return NULL;
		/* Without a free descriptor it waits for one: the question stays in the backlog. */
		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
		if (fd < 0)
			continue;
		give(status, fd);
		close(fd);
	}
}

/* A socket that is left from one that was killed is removed. 0, or -EADDRINUSE: someone serves there. */
static int make_way(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool left;

	if (fd < 0)
		return -errno;
	left = connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	       errno == ECONNREFUSED;
	close(fd);
	if (left)
		unlink(address->sun_path);
	return access(address->sun_path, F_OK) == 0 ? -EADDRINUSE : 0;
}

static int open_socket(struct stoq_status_socket *status)
{
	mode_t mask;
	int ret = make_way(&status->address);

	if (ret)
		return ret;
	status->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (status->fd < 0)
		return -errno;
	mask = umask(0177);
	ret = bind(status->fd, (const struct sockaddr *)&status->address, sizeof(status->address))
		      ? -errno
		      : 0;
	umask(mask);
	if (!ret && listen(status->fd, 16))
		ret = -errno;
	if (ret)
		close(status->fd);
	return ret;
}

int stoq_tunnel_serve_status(struct stoq_tunnel *tunnel, const char *path, struct stoq_error *error)
{
	struct stoq_status_socket *status = calloc(1, sizeof(*status));
	int ret;

	if (!status)
		return stoq_error_set(error, -ENOMEM, "no memory for the status socket");
	status->tunnel = tunnel;
	status->address.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(status->address.sun_path)) {
		free(status);
		return stoq_error_set(error, -ENAMETOOLONG,
			"status socket %.60s...: a path has at most %zu bytes", path,
			sizeof(status->address.sun_path) - 1);
	}
	strcpy(status->address.sun_path, path);
	ret = open_socket(status);
	if (!ret) {
		ret = -pthread_create(&status->thread, NULL, serve, status);
		if (ret)
			close(status->fd);
	}
	if (ret) {
		free(status);
		return stoq_error_set(error, ret, "cannot make the status socket %s: %s", path,
			ret == -EADDRINUSE
				? "a running tunnel, or a file that is no socket, is there; choose another path"
				: strerror(-ret));
	}
	tunnel->status = status;
	return 0;
}

void stoq_status_socket_close(struct stoq_status_socket *status)
{
	if (!status)
		return;
	unlink(status->address.sun_path);
	shutdown(status->fd, SHUT_RDWR);
	pthread_join(status->thread, NULL);
	close(status->fd);
	free(status);
}
