// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/writer_socket.h"
#include "tool/message.h"
#include "tool/quic.h"
#include "tool/watch/node_options.h"

#define SEND_BYTES	  (8 << 20) /* that wait for the child, if the system allows that many */
#define START_PATIENCE_MS 10000
#define END_PATIENCE_MS	  5000
#define ARGUMENTS	  (16 + 2 * WATCH_NODE_ALLOWED)

/* Both ends close when a program is started; the child's comes again as its descriptor 3. */
static int open_pair(int type, int fds[static 2], struct stoq_error *error)
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0)
		return 0;
	return stoq_error_set(error, -errno, "cannot make a socket: %s", strerror(errno));
}

static int start(struct watch_link *link, const char **argv, const int fds[static 2],
	struct stoq_error *error)
{
	int result = tool_quic_spawn((char **)argv, fds[1], &link->pid, error);

	close(fds[1]);
	if (result) {
		close(fds[0]);
		link->pid = 0;
		return result;
	}
	link->fd = fds[0];
	return 0;
}

/* The command line of both: an array that argv points into. */
static size_t common(const char **argv, char port[static 8], const char *command,
	const struct watch_node_address *address, const struct watch_node_options *options)
{
	size_t count = 0;

	snprintf(port, 8, "%u", address->port);
	argv[count++] = "stoq";
	argv[count++] = "records";
	argv[count++] = command;
	argv[count++] = "--host";
	argv[count++] = address->host;
	argv[count++] = "--port";
	argv[count++] = port;
	argv[count++] = "--certificates";
	argv[count++] = options->certificates;
	return count;
}

/* The child sends a byte when it listens; if it cannot, it explains that and ends. */
static int wait_for_child(struct watch_link *link, struct stoq_error *error)
{
	struct pollfd waiting = {.fd = link->fd, .events = POLLIN};
	char any;

	if (poll(&waiting, 1, START_PATIENCE_MS) == 1 && recv(link->fd, &any, 1, 0) == 1)
		return 0;
	return stoq_error_set(error, -EIO, "the record cannot be served");
}

int watch_link_serve(struct watch_link *link, struct stoq_record_writer **writer,
	const struct watch_node_options *options, struct stoq_error *error)
{
	const char *argv[ARGUMENTS] = {NULL};
	char port[8];
	size_t count = common(argv, port, "serve", &options->listen, options);
	const int bytes = SEND_BYTES;
	int fds[2], result, fd;

	for (size_t i = 0; i < options->allowed_count; i++) {
		argv[count++] = "--allow";
		argv[count++] = options->allowed[i];
	}
	result = open_pair(SOCK_SEQPACKET, fds, error);
	if (result)
		return result;
	if (setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	result = start(link, argv, fds, error);
	if (!result)
		result = wait_for_child(link, error);
	if (result)
		return result;
	fd = fcntl(link->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return stoq_error_set(
			error, -errno, "cannot serve the record: %s", strerror(errno));
	return stoq_record_writer_open_socket(writer, fd, stoq_clock_unix_ns(), error);
}

bool watch_link_has_news(struct watch_link *link, bool *ended)
{
	bool news = false;
	ssize_t length = -1;
	char any;

	while (link->pid && (length = recv(link->fd, &any, 1, MSG_DONTWAIT)) == 1)
		news = true;
	*ended = length == 0;
	return news;
}

int watch_link_fetch(
	struct watch_link *link, const struct watch_node_options *options, struct stoq_error *error)
{
	const char *argv[ARGUMENTS] = {NULL};
	char port[8];
	size_t count = common(argv, port, "fetch", &options->node, options);
	int fds[2], result = open_pair(SOCK_STREAM, fds, error);

	argv[count++] = "--name";
	argv[count++] = (options->name ? options->name : options->node.host);
	return result ? result : start(link, argv, fds, error);
}

void watch_link_close(struct watch_link *link)
{
	uint64_t end_ns = stoq_clock_now_ns() + END_PATIENCE_MS * 1000000ull;

	if (!link->pid)
		return;
	shutdown(link->fd, SHUT_RDWR);
	close(link->fd);
	while (waitpid(link->pid, NULL, WNOHANG) == 0) {
		if (stoq_clock_now_ns() > end_ns)
			kill(link->pid, SIGKILL);
		usleep(2000);
	}
	link->pid = 0;
}
