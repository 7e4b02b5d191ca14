// SPDX-License-Identifier: BSD-2-Clause
#include "record/writer_socket.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "record/writer_private.h"

#define MESSAGE_OVERHEAD 4096 /* of a block's message, more than its header and zlib need */

size_t stoq_record_socket_room(void)
{
	return STOQ_RECORD_MESSAGE_MAX - MESSAGE_OVERHEAD;
}

/* 0; -EAGAIN: there is no room; another negative errno. */
static int send_message(struct stoq_record_writer *writer, const void *front, size_t front_bytes,
	const void *rest, size_t rest_bytes)
{
	struct iovec parts[] = {{(void *)front, front_bytes}, {(void *)rest, rest_bytes}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t sent;

	do
		sent = sendmsg(
			writer->fd, &message, MSG_NOSIGNAL | (writer->closing ? 0 : MSG_DONTWAIT));
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -errno;
	writer->all_written += (uint64_t)sent;
	return 0;
}

/* How many commands were lost since that was last said. */
static int tell_lost(struct stoq_record_writer *writer)
{
	struct stoq_record_lost_block block;
	int result;

	if (writer->lost == writer->lost_told)
		return 0;
	stoq_record_fill_lost(writer, &block);
	result = send_message(
		writer, &block.wire, sizeof(block.wire), block.bytes, sizeof(block.bytes));
	if (!result)
		writer->lost_told = writer->lost;
	return result;
}

/* A block that finds no room is lost. */
int stoq_record_socket_send_block(struct stoq_record_writer *writer,
	const struct stoq_record_wire_block *wire, const void *bytes, size_t length)
{
	int result = tell_lost(writer);

	if (!result)
		result = send_message(writer, wire, sizeof(*wire), bytes, length);
	if (result != -EAGAIN)
		return result;
	if (writer->block.kind == STOQ_RECORD_COMMAND)
		writer->lost += writer->block.entries;
	stoq_record_forget_connections(writer); /* there may have been some in it */
	return 0;
}

static int send_header(struct stoq_record_writer *writer)
{
	struct stoq_record_wire_header header;

	stoq_record_fill_header(writer, &header);
	return send_message(writer, &header, sizeof(header), NULL, 0);
}

int stoq_record_writer_open_socket(
	struct stoq_record_writer **writer, int fd, uint64_t now_unix_ns, struct stoq_error *error)
{
	struct stoq_record_writer *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened) {
		close(fd);
		return stoq_error_set(error, -ENOMEM, "no memory to record");
	}
	opened->fd = fd;
	opened->socket = true;
	opened->limit = UINT64_MAX / 2;
	opened->created_unix_ns = now_unix_ns;
	result = stoq_record_writer_prepare(opened, "socket");
	if (!result)
		result = send_header(opened);
	if (result) {
		stoq_record_writer_release(opened);
		return stoq_error_set(
			error, result, "cannot hand records on: %s", strerror(-result));
	}
	*writer = opened;
	return 0;
}

void stoq_record_forget_connections(struct stoq_record_writer *writer)
{
	writer->part++;
}
