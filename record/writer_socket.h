/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A record that goes to another process as it is made, by a socket, in place of files. */
#include "record/writer.h"

/*
 * Writes to a socket that keeps messages apart (SOCK_SEQPACKET): the file's header, then a block in each. fd is taken
 * over. Nothing waits for the reader: a block that finds no room is lost, and the reader learns how many commands were in
 * it. Connections come again when they are needed. 0 or a negative errno.
 */
#define STOQ_RECORD_MESSAGE_MAX (48u << 10)
int stoq_record_writer_open_socket(
	struct stoq_record_writer **writer, int fd, uint64_t now_unix_ns, struct stoq_error *error);

/* A reader that has just come knows no connection. */
void stoq_record_forget_connections(struct stoq_record_writer *writer);
