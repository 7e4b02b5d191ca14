// SPDX-License-Identifier: BSD-2-Clause
#include "tool/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_LEAST 40
#define CAPACITY    65536
#define CHUNK_MAX   4096 /* PIPE_BUF: when a pipe polls writable, this much does not block */

unsigned int tool_output_width(unsigned int width)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_LEAST)
		return size.ws_col;
	return width;
}

int tool_output_init(struct tool_output *output, int fd, int stop_fd)
{
	*output = (struct tool_output){.fd = fd, .stop_fd = stop_fd, .capacity = CAPACITY};
	output->data = malloc(output->capacity);
	return output->data ? 0 : -ENOMEM;
}

static void free_output(struct tool_output *output)
{
	free(output->data);
	output->data = NULL;
}

/* True when fd takes bytes. */
static bool wait_for_room(struct tool_output *output, int timeout_ms)
{
	struct pollfd polls[] = {
		{.fd = output->fd, .events = POLLOUT}, {.fd = output->stop_fd, .events = POLLIN}};

	for (;;) {
		int ready = poll(polls, 2, timeout_ms);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		/* A reader that went away shows as POLLERR: let write() say so. */
		if (polls[0].revents)
			return true;
		return false;
	}
}

static void flush(struct tool_output *output, int timeout_ms)
{
	size_t done = 0;

	while (done < output->used && !output->closed) {
		size_t chunk = output->used - done < CHUNK_MAX ? output->used - done : CHUNK_MAX;
		ssize_t written = -1;

		if (!wait_for_room(output, timeout_ms)) {
			output->closed = true;
			break;
		}
		written = write(output->fd, output->data + done, chunk);
		if (written > 0) {
			done += (size_t)written;
		} else if (written < 0 && errno != EINTR && errno != EAGAIN) {
			output->closed = true;
			/* A reader may leave when it has seen enough. */
			output->error = errno == EPIPE ? 0 : -errno;
		}
	}
	output->used = 0;
}

void tool_output_flush(struct tool_output *output)
{
	flush(output, -1);
}

int tool_output_end(struct tool_output *output, int timeout_ms)
{
	output->stop_fd = -1;
	flush(output, timeout_ms);
	free_output(output);
	return output->error;
}

int tool_output_explain(int result, struct stoq_error *error)
{
	return result ? stoq_error_set(
				error, result, "cannot write the output: %s", strerror(-result))
		      : 0;
}

static void add_bytes(struct tool_output *output, const char *bytes, size_t length)
{
	while (length && !output->closed) {
		size_t room = output->capacity - output->used;
		size_t part = length < room ? length : room;

		memcpy(output->data + output->used, bytes, part);
		output->used += part;
		bytes += part;
		length -= part;
		if (output->used == output->capacity)
			tool_output_flush(output);
	}
}

void tool_output_add(struct tool_output *output, const char *text, bool line)
{
	add_bytes(output, text, strlen(text));
	if (line)
		add_bytes(output, "\n", 1);
}
