// SPDX-License-Identifier: BSD-2-Clause
#include "record/writer.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "record/writer_file.h"
#include "record/writer_private.h"

#define KNOWN_MAX	 65536 /* connections; one more is written again when it is needed */
#define CLOSE_PATIENCE_S 1     /* how long the end of a record waits for the reader of a socket */
#define LEVEL		 1     /* of compression: the fastest */

struct known {
	uint32_t part, version;
};

/* ---- blocks ---- */

/* 0: they do not become smaller. */
static size_t pack(struct stoq_record_writer *writer)
{
	z_stream *deflating = &writer->deflate;

	if (deflateReset(deflating) != Z_OK)
		return 0;
	deflating->next_in = writer->block.bytes;
	deflating->avail_in = (uInt)writer->block.used;
	deflating->next_out = writer->packed;
	deflating->avail_out = sizeof(writer->packed);
	if (deflate(deflating, Z_FINISH) != Z_STREAM_END ||
		deflating->total_out >= writer->block.used)
		return 0;
	return deflating->total_out;
}

static int write_block(struct stoq_record_writer *writer)
{
	const struct stoq_record_pending *block = &writer->block;
	size_t packed = pack(writer), stored = packed ? packed : block->used;
	const uint8_t *bytes = packed ? writer->packed : block->bytes;
	struct stoq_record_wire_block wire = {.magic = htole32(STOQ_RECORD_BLOCK_MAGIC),
		.kind = htole16((uint16_t)block->kind),
		.entry_bytes = htole16((uint16_t)stoq_record_entry_bytes(block->kind)),
		.entries = htole32(block->entries),
		.stored_bytes = htole32((uint32_t)stored),
		.flags = htole32(packed ? STOQ_RECORD_DEFLATED : 0)};
	int result;

	wire.crc = htole32(stoq_record_block_crc(&wire, bytes));
	if (writer->socket)
		return stoq_record_socket_send_block(writer, &wire, bytes, stored);
	result = stoq_record_file_write(writer, &wire, sizeof(wire));
	return result ? result : stoq_record_file_write(writer, bytes, stored);
}

static int flush(struct stoq_record_writer *writer)
{
	if (!writer->failed && writer->block.entries)
		writer->failed = write_block(writer);
	if (writer->failed && writer->block.kind == STOQ_RECORD_COMMAND)
		writer->lost += writer->block.entries;
	writer->block.entries = 0;
	writer->block.used = 0;
	return writer->failed;
}

/* Called once an interval: where nothing happens it is long until the file is full. */
int stoq_record_flush(struct stoq_record_writer *writer)
{
	if (!flush(writer) && !writer->socket)
		writer->failed = stoq_record_file_look_after(writer);
	return writer->failed;
}

/* The entry begins a block: the last one is written. A file ends between two blocks. */
static int begin_block(struct stoq_record_writer *writer, enum stoq_record_kind kind)
{
	int result = flush(writer);

	writer->block.kind = kind;
	return result;
}

static int begin_file(struct stoq_record_writer *writer)
{
	writer->failed = flush(writer);
	if (!writer->failed)
		writer->failed = stoq_record_file_rotate(writer);
	return writer->failed;
}

/*
 * There is room in the current file for a full block more. Asked when a connection is looked up, so that it
 * and its command get into the same file.
 */
static int make_room(struct stoq_record_writer *writer)
{
	uint64_t waiting = writer->block.used + sizeof(struct stoq_record_wire_block);

	if (writer->failed ||
		writer->written + waiting + STOQ_RECORD_BLOCK_BYTES / 2 <= writer->limit)
		return writer->failed;
	return begin_file(writer);
}

/* The limit holds for entries without a connection, too, for which make_room() was not called. */
static int keep_limit(struct stoq_record_writer *writer, size_t bytes)
{
	uint64_t blocks = 3 * sizeof(struct stoq_record_wire_block); /* this, the next, the end */

	if (writer->failed ||
		writer->written + writer->block.used + bytes + blocks <= writer->limit)
		return writer->failed;
	return begin_file(writer);
}

static size_t block_room(const struct stoq_record_writer *writer)
{
	return writer->socket ? stoq_record_socket_room() : STOQ_RECORD_BLOCK_BYTES;
}

int stoq_record_add(struct stoq_record_writer *writer, const struct stoq_record_entry *entry)
{
	struct stoq_record_pending *block = &writer->block;
	size_t bytes = stoq_record_entry_bytes(entry->kind);

	if (keep_limit(writer, bytes)) {
		writer->commands += entry->kind == STOQ_RECORD_COMMAND;
		writer->lost += entry->kind == STOQ_RECORD_COMMAND;
		return writer->failed;
	}
	if ((block->entries && block->kind != entry->kind) ||
		block->used + bytes > block_room(writer) || !block->entries)
		begin_block(writer, entry->kind);
	block->used += stoq_record_encode(&block->bytes[block->used], entry);
	block->entries++;
	writer->commands += entry->kind == STOQ_RECORD_COMMAND;
	return writer->failed;
}

bool stoq_record_knows(struct stoq_record_writer *writer, uint32_t uid, uint32_t version)
{
	const struct known *known;

	make_room(writer);
	known = stoq_table_find(writer->known, &uid);
	return known && known->part == writer->part && known->version == version;
}

bool stoq_record_has(const struct stoq_record_writer *writer, uint32_t uid)
{
	const struct known *known = stoq_table_find(writer->known, &uid);

	return known && known->part == writer->part;
}

void stoq_record_learn(struct stoq_record_writer *writer, uint32_t uid, uint32_t version)
{
	const struct known known = {writer->part, version};

	stoq_table_put(writer->known, &uid, &known, false);
}

void stoq_record_forget(struct stoq_record_writer *writer, uint32_t uid)
{
	stoq_table_remove(writer->known, &uid);
}

/* ---- the whole ---- */

static int open_failed(const char *path, int code, struct stoq_error *error)
{
	if (code == -EEXIST || code == -ELOOP)
		return stoq_error_set(error, code,
			"%s is there and is not a record: remove it, or record to another file",
			path);
	if (code == -EBUSY)
		return stoq_error_set(error, code,
			"another stoq records to %s: end it, or record to another file", path);
	if (code == -EACCES && geteuid() == 0)
		return stoq_error_set(error, code,
			"cannot record to %s: stoq has given up root's right to write to folders of others: "
			"record to one that belongs to root",
			path);
	return stoq_error_set(error, code, "cannot record to %s: %s", path, strerror(-code));
}

int stoq_record_writer_prepare(struct stoq_record_writer *writer, const char *path)
{
	if (deflateInit(&writer->deflate, LEVEL) != Z_OK)
		return -ENOMEM;
	writer->path = strdup(path);
	writer->known =
		stoq_table_new(STOQ_TABLE_LRU, sizeof(uint32_t), sizeof(struct known), KNOWN_MAX);
	if (!writer->path || !writer->known)
		return -ENOMEM;
	if (strlen(path) >= 4096)
		return -ENAMETOOLONG;
	if (getrandom(&writer->id, sizeof(writer->id), 0) != sizeof(writer->id))
		return -errno;
	return 0;
}

static int start(struct stoq_record_writer *writer, const char *path)
{
	int result = stoq_record_writer_prepare(writer, path);

	if (result)
		return result;
	return stoq_record_file_begin(writer);
}

void stoq_record_writer_release(struct stoq_record_writer *writer)
{
	if (writer->fd >= 0)
		close(writer->fd);
	deflateEnd(&writer->deflate);
	stoq_table_free(writer->known);
	free(writer->path);
	free(writer);
}

int stoq_record_writer_open(struct stoq_record_writer **writer, const char *path,
	uint64_t size_bytes, uint32_t flags, uint64_t now_unix_ns, struct stoq_error *error)
{
	struct stoq_record_writer *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return stoq_error_set(error, -ENOMEM, "no memory to record");
	if (!stoq_record_file_may_rotate(path)) {
		free(opened);
		return stoq_error_set(error, -EEXIST,
			"%s.1 is there and is not a record, and the record's older part would "
			"replace it: remove it, or record to another file",
			path);
	}
	opened->fd = -1;
	opened->limit = size_bytes / 2;
	opened->flags = flags | STOQ_RECORD_ENDED;
	opened->created_unix_ns = now_unix_ns;
	result = start(opened, path);
	if (result) {
		stoq_record_writer_release(opened);
		return open_failed(path, result, error);
	}
	*writer = opened;
	return 0;
}

int stoq_record_writer_close(struct stoq_record_writer *writer, struct stoq_error *error)
{
	const struct timeval patience = {.tv_sec = CLOSE_PATIENCE_S};
	int result;

	if (!writer)
		return 0;
	if (writer->socket)
		setsockopt(writer->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	writer->closing = true;
	result = stoq_record_flush(writer);
	writer->block.kind = STOQ_RECORD_END;
	if (!result)
		result = writer->socket ? write_block(writer) : stoq_record_file_end(writer);
	if (!result && !writer->socket && fsync(writer->fd))
		result = -errno;
	if (result)
		stoq_error_set(error, result,
			"the record %s ends early: %s. What was written before can be read",
			writer->path, strerror(-result));
	stoq_record_writer_release(writer);
	return result;
}

uint64_t stoq_record_commands(const struct stoq_record_writer *writer)
{
	return writer->commands;
}

uint64_t stoq_record_bytes(const struct stoq_record_writer *writer)
{
	return writer->all_written;
}

uint64_t stoq_record_lost(const struct stoq_record_writer *writer)
{
	return writer->lost;
}

bool stoq_record_strayed(const struct stoq_record_writer *writer)
{
	return writer->strayed;
}
