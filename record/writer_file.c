// SPDX-License-Identifier: BSD-2-Clause
#include "record/writer_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define OLDER_PATH (4096 + 8)

int stoq_record_file_write(struct stoq_record_writer *writer, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length) {
		ssize_t written = write(writer->fd, at, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		at += written;
		length -= (size_t)written;
		writer->written += (uint64_t)written;
		writer->all_written += (uint64_t)written;
	}
	return 0;
}

void stoq_record_fill_header(
	const struct stoq_record_writer *writer, struct stoq_record_wire_header *header)
{
	*header = (struct stoq_record_wire_header){.magic = STOQ_RECORD_MAGIC,
		.version = htole32(STOQ_RECORD_VERSION),
		.bytes = htole32(sizeof(*header)),
		.id = htole64(writer->id),
		.part = htole32(writer->part),
		.flags = htole32(writer->flags),
		.created_unix_ns = htole64(writer->created_unix_ns)};
	gethostname(header->node, sizeof(header->node) - 1);
	header->crc = htole32((uint32_t)crc32(
		0, (const uint8_t *)header, offsetof(struct stoq_record_wire_header, crc)));
}

static int write_header(struct stoq_record_writer *writer)
{
	struct stoq_record_wire_header header;

	stoq_record_fill_header(writer, &header);
	return stoq_record_file_write(writer, &header, sizeof(header));
}

/* Whether what is there may be replaced: a record, or nothing. */
static bool is_ours(int fd)
{
	char magic[sizeof(STOQ_RECORD_MAGIC) - 1];
	ssize_t length = pread(fd, magic, sizeof(magic), 0);

	return length == 0 || (length == (ssize_t)sizeof(magic) &&
				      memcmp(magic, STOQ_RECORD_MAGIC, sizeof(magic)) == 0);
}

/* Written at its end, so that one that is truncated stays too short. Names of hosts are for the owner only. A link is not followed: others may have put it there. */
static int open_file(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	int result = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status))
		result = -errno;
	if (!result && (!S_ISREG(status.st_mode) || !is_ours(fd)))
		result = -EEXIST;
	if (!result && flock(fd, LOCK_EX | LOCK_NB))
		result = -EBUSY;
	if (!result && ftruncate(fd, 0))
		result = -errno;
	if (!result)
		return fd;
	close(fd);
	return result;
}

/* Whether FILE.1 may be replaced, as FILE may. */
bool stoq_record_file_may_rotate(const char *path)
{
	char older[OLDER_PATH];
	struct stat status;
	bool may = false;
	int fd;

	snprintf(older, sizeof(older), "%s.1", path);
	if (lstat(older, &status))
		return true; /* if the folder cannot be looked into, renaming reports that */
	fd = open(older, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, &status) == 0)
		may = S_ISREG(status.st_mode) && is_ours(fd);
	close(fd);
	return may;
}

enum whereabouts {
	FILE_IS_THERE,
	FILE_IS_ELSEWHERE, /* renamed, or removed: another file may stand there */
	FILE_IS_CUT,	   /* shorter than what was written */
};

static enum whereabouts look(const struct stoq_record_writer *writer, struct stat *own)
{
	struct stat there;

	if (fstat(writer->fd, own))
		return FILE_IS_THERE;
	/* A folder that cannot be looked into now is no reason to end before the file is full. */
	if (lstat(writer->path, &there))
		return errno == ENOENT ? FILE_IS_ELSEWHERE : FILE_IS_THERE;
	if (there.st_dev != own->st_dev || there.st_ino != own->st_ino)
		return FILE_IS_ELSEWHERE;
	return (uint64_t)own->st_size < writer->written ? FILE_IS_CUT : FILE_IS_THERE;
}

void stoq_record_fill_lost(
	const struct stoq_record_writer *writer, struct stoq_record_lost_block *block)
{
	const struct stoq_record_entry entry = {.kind = STOQ_RECORD_MISSED,
		.missed = {.time_unix_ns = stoq_clock_unix_ns(),
			.lost = writer->lost - writer->lost_told}};

	block->wire = (struct stoq_record_wire_block){.magic = htole32(STOQ_RECORD_BLOCK_MAGIC),
		.kind = htole16(STOQ_RECORD_MISSED),
		.entry_bytes = htole16(sizeof(block->bytes)),
		.entries = htole32(1),
		.stored_bytes = htole32(sizeof(block->bytes))};
	stoq_record_encode(block->bytes, &entry);
	block->wire.crc = htole32(stoq_record_block_crc(&block->wire, block->bytes));
}

static int write_lost(struct stoq_record_writer *writer)
{
	struct stoq_record_lost_block block;
	int result;

	if (writer->lost == writer->lost_told)
		return 0;
	stoq_record_fill_lost(writer, &block);
	result = stoq_record_file_write(writer, &block.wire, sizeof(block.wire));
	if (!result)
		result = stoq_record_file_write(writer, block.bytes, sizeof(block.bytes));
	if (!result)
		writer->lost_told = writer->lost;
	return result;
}

int stoq_record_file_begin(struct stoq_record_writer *writer)
{
	int result;

	writer->fd = open_file(writer->path);
	if (writer->fd < 0)
		return writer->fd;
	writer->written = 0;
	writer->commands_before = writer->commands;
	result = write_header(writer);
	return result ? result : write_lost(writer);
}

static int begin_next(struct stoq_record_writer *writer)
{
	close(writer->fd);
	writer->part++;
	return stoq_record_file_begin(writer);
}

int stoq_record_file_end(struct stoq_record_writer *writer)
{
	struct stoq_record_wire_block wire = {
		.magic = htole32(STOQ_RECORD_BLOCK_MAGIC), .kind = htole16(STOQ_RECORD_END)};

	wire.crc = htole32(stoq_record_block_crc(&wire, ""));
	return stoq_record_file_write(writer, &wire, sizeof(wire));
}

/* A file that was renamed has what was written; one that was removed or cut has not. */
static int begin_again(
	struct stoq_record_writer *writer, enum whereabouts where, const struct stat *own)
{
	writer->strayed = true;
	if (where == FILE_IS_ELSEWHERE && own->st_nlink)
		(void)stoq_record_file_end(writer);
	else
		writer->lost += writer->commands - writer->commands_before;
	/* What came behind the cut has no header: as it is, it would pass for another file. */
	if (where == FILE_IS_CUT && ftruncate(writer->fd, 0))
		return -errno;
	return begin_next(writer);
}

int stoq_record_file_look_after(struct stoq_record_writer *writer)
{
	struct stat own = {0};
	enum whereabouts where = look(writer, &own);

	return where == FILE_IS_THERE ? 0 : begin_again(writer, where, &own);
}

/* What others have put in either place meanwhile is left alone. */
int stoq_record_file_rotate(struct stoq_record_writer *writer)
{
	char older[OLDER_PATH];
	struct stat own = {0};
	enum whereabouts where = look(writer, &own);
	int result;

	if (where != FILE_IS_THERE)
		return begin_again(writer, where, &own);
	if (!stoq_record_file_may_rotate(writer->path))
		return -EEXIST;
	result = stoq_record_file_end(writer);
	if (result)
		return result;
	snprintf(older, sizeof(older), "%s.1", writer->path);
	return rename(writer->path, older) ? -errno : begin_next(writer);
}
