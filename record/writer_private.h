/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What writing a record to files (writer.c) and to a socket (writer_socket.c) share. */
#include <zlib.h>

#include "capture/table.h"
#include "record/format.h"
#include "record/writer.h"

#define STOQ_RECORD_BLOCK_BYTES (256u << 10) /* of entries, before they are compressed */

/* Entries of one kind that wait to be written. */
struct stoq_record_pending {
	enum stoq_record_kind kind;
	uint32_t entries;
	size_t used;
	uint8_t bytes[STOQ_RECORD_BLOCK_BYTES];
};

struct stoq_record_writer {
	int fd;
	char *path;
	uint64_t limit; /* of one file */
	uint64_t id, created_unix_ns;
	uint32_t part, flags;
	uint64_t written, all_written, commands;
	uint64_t commands_before; /* of these, those of earlier files */
	bool strayed;		  /* another process has removed, renamed or truncated the file */
	int failed;		  /* the first failure, a negative errno */
	bool socket;		  /* of messages; else it is a file */
	bool closing;		  /* what is written now may wait for the reader */
	uint64_t lost, lost_told; /* commands; of these, those that the record has as lost */
	z_stream deflate;
	struct stoq_table *known;
	struct stoq_record_pending block;
	uint8_t packed[STOQ_RECORD_BLOCK_BYTES + STOQ_RECORD_BLOCK_BYTES / 8 + 64];
};

/* What every writer has; path: for messages. 0 or a negative errno. */
int stoq_record_writer_prepare(struct stoq_record_writer *writer, const char *path);
/* Closes and frees. */
void stoq_record_writer_release(struct stoq_record_writer *writer);
/* The header of a file. */
void stoq_record_fill_header(
	const struct stoq_record_writer *writer, struct stoq_record_wire_header *header);

/* writer_socket.c: how much a block may have; and sending one, which is lost if there is no room for it. */
size_t stoq_record_socket_room(void);
int stoq_record_socket_send_block(struct stoq_record_writer *writer,
	const struct stoq_record_wire_block *wire, const void *bytes, size_t length);

/* A block that has how many commands were lost and are not in the record as lost yet. */
struct stoq_record_lost_block {
	struct stoq_record_wire_block wire;
	uint8_t bytes[sizeof(struct stoq_record_wire_missed)];
};
void stoq_record_fill_lost(
	const struct stoq_record_writer *writer, struct stoq_record_lost_block *block);
