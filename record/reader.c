// SPDX-License-Identifier: BSD-2-Clause
#include "record/reader.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FILES 2

struct stoq_record_reader {
	FILE *files[FILES]; /* in the order in which they were written */
	size_t file_count, current;
	char name[256]; /* for messages */
	char node[65];
	uint64_t id;
	uint32_t part;	  /* of the first file */
	bool ended;	  /* the last block marks the end */
	bool ends_marked; /* of each file */
	struct stoq_record_notes notes;
	/* The block at hand. */
	enum stoq_record_kind kind;
	uint32_t entries, next, entry_bytes;
	uint8_t *bytes, *stored;
};

/* ---- headers ---- */

/* 0, -EPROTO: not a record; -EBADMSG: cut, or damaged; -ENOTSUP: of a later version. */
static int read_header(FILE *file, struct stoq_record_wire_header *header)
{
	uint32_t bytes;

	if (fread(header, 1, sizeof(*header), file) < sizeof(header->magic) ||
		memcmp(header->magic, STOQ_RECORD_MAGIC, sizeof(header->magic)) != 0)
		return -EPROTO;
	if (ferror(file) || feof(file))
		return -EBADMSG;
	if (le32toh(header->version) != STOQ_RECORD_VERSION)
		return -ENOTSUP;
	bytes = le32toh(header->bytes);
	if (bytes < sizeof(*header) || bytes > 4096 ||
		le32toh(header->crc) != crc32(0, (const uint8_t *)header,
						offsetof(struct stoq_record_wire_header, crc)))
		return -EBADMSG;
	for (uint32_t i = sizeof(*header); i < bytes; i++)
		if (fgetc(file) == EOF)
			return -EBADMSG;
	return 0;
}

static int explain_header(const char *name, int code, struct stoq_error *error)
{
	if (code == -EPROTO)
		return stoq_error_set(error, code,
			"%s is not a record of stoq: record with `stoq watch --record FILE`", name);
	if (code == -ENOTSUP)
		return stoq_error_set(error, code,
			"%s was recorded by a version of stoq whose records this one cannot read: "
			"use that one, or a newer one",
			name);
	return stoq_error_set(error, code, "the header of %s is cut or damaged", name);
}

/* What it has of a machine's name; it is printed. */
static void copy_node(char node[65], const char field[64])
{
	for (size_t i = 0; i < 64 && field[i]; i++)
		node[i] = field[i] > ' ' && field[i] < 0x7f ? field[i] : '?';
}

int stoq_record_open_stream(
	struct stoq_record_reader **reader, FILE *file, const char *name, struct stoq_error *error)
{
	struct stoq_record_wire_header header = {0};
	int result = read_header(file, &header);
	struct stoq_record_reader *opened;

	if (result) {
		fclose(file);
		return explain_header(name, result, error);
	}
	opened = calloc(1, sizeof(*opened));
	if (opened) {
		opened->bytes = malloc(STOQ_RECORD_BLOCK_MAX);
		opened->stored = malloc(STOQ_RECORD_BLOCK_MAX);
	}
	if (!opened || !opened->bytes || !opened->stored) {
		fclose(file);
		stoq_record_close(opened);
		return stoq_error_set(error, -ENOMEM, "no memory to read %s", name);
	}
	opened->files[0] = file;
	opened->file_count = 1;
	snprintf(opened->name, sizeof(opened->name), "%s", name);
	copy_node(opened->node, header.node);
	opened->id = header.id;
	opened->part = le32toh(header.part);
	opened->ends_marked = le32toh(header.flags) & STOQ_RECORD_ENDED;
	opened->notes.checked = le32toh(header.flags) & STOQ_RECORD_CHECKED;
	opened->notes.begins_late = opened->part != 0;
	*reader = opened;
	return 0;
}

/* FILE.1 was written before FILE, if it has its id and the number before its own. */
static void add_older(struct stoq_record_reader *reader, const char *path)
{
	struct stoq_record_wire_header older = {0}, newer = {0};
	char name[4096 + 8];
	FILE *file;

	snprintf(name, sizeof(name), "%s.1", path);
	file = fopen(name, "rbe");
	if (!file)
		return;
	rewind(reader->files[0]);
	if (read_header(reader->files[0], &newer) || read_header(file, &older) ||
		older.id != newer.id || le32toh(older.part) + 1 != le32toh(newer.part)) {
		fclose(file);
		return;
	}
	reader->files[1] = reader->files[0];
	reader->files[0] = file;
	reader->file_count = 2;
	reader->notes.begins_late = older.part != 0;
}

int stoq_record_open(struct stoq_record_reader **reader, const char *path, struct stoq_error *error)
{
	FILE *file = fopen(path, "rbe");
	int result;

	if (!file)
		return stoq_error_set(error, -errno, "cannot open %s: %s", path, strerror(errno));
	result = stoq_record_open_stream(reader, file, path, error);
	if (!result)
		add_older(*reader, path);
	return result;
}

void stoq_record_close(struct stoq_record_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < reader->file_count; i++)
		fclose(reader->files[i]);
	free(reader->bytes);
	free(reader->stored);
	free(reader);
}

int stoq_record_rewind(struct stoq_record_reader *reader, struct stoq_error *error)
{
	bool begins_late = reader->notes.begins_late, checked = reader->notes.checked;

	for (size_t i = 0; i < reader->file_count; i++) {
		struct stoq_record_wire_header header;

		if (fseek(reader->files[i], 0, SEEK_SET) || read_header(reader->files[i], &header))
			return stoq_error_set(error, -EIO,
				"cannot read %s a second time: it has to be a file", reader->name);
	}
	reader->current = 0;
	reader->entries = reader->next = 0;
	reader->ended = false;
	reader->notes = (struct stoq_record_notes){.begins_late = begins_late, .checked = checked};
	return 0;
}

/* ---- blocks ---- */

/* Whether the lengths in the block's header agree with each other. */
static bool is_sound(const struct stoq_record_wire_block *block)
{
	size_t least = stoq_record_entry_bytes(le16toh(block->kind));
	uint64_t bytes = (uint64_t)le32toh(block->entries) * le16toh(block->entry_bytes);

	return le32toh(block->magic) == STOQ_RECORD_BLOCK_MAGIC && bytes <= STOQ_RECORD_BLOCK_MAX &&
	       le32toh(block->stored_bytes) <= STOQ_RECORD_BLOCK_MAX &&
	       (!least || le16toh(block->entry_bytes) >= least);
}

/* The entries of a block whose bytes were read. False: it is damaged. */
static bool unpack(struct stoq_record_reader *reader, const struct stoq_record_wire_block *block)
{
	uint32_t stored = le32toh(block->stored_bytes);
	uLongf bytes = (uLongf)le32toh(block->entries) * le16toh(block->entry_bytes);
	uLongf unpacked = bytes;

	if (le32toh(block->crc) != stoq_record_block_crc(block, reader->stored))
		return false;
	if (!(le32toh(block->flags) & STOQ_RECORD_DEFLATED)) {
		memcpy(reader->bytes, reader->stored, stored < bytes ? stored : bytes);
		return stored == bytes;
	}
	return uncompress(reader->bytes, &unpacked, reader->stored, stored) == Z_OK &&
	       unpacked == bytes;
}

static void begin_block(
	struct stoq_record_reader *reader, const struct stoq_record_wire_block *block)
{
	unsigned int kind = le16toh(block->kind);

	if (!unpack(reader, block)) {
		reader->notes.damaged++;
		return;
	}
	reader->ended = kind == STOQ_RECORD_END;
	if (!stoq_record_entry_bytes(kind))
		return; /* of a kind that a later version has */
	reader->kind = kind;
	reader->entry_bytes = le16toh(block->entry_bytes);
	reader->entries = le32toh(block->entries);
	reader->next = 0;
}

/* Goes on to the next bytes that are a block's header. False: there are none. */
static bool find_block(FILE *file, struct stoq_record_wire_block *block)
{
	uint8_t *bytes = (uint8_t *)block;

	while (!is_sound(block)) {
		int next = fgetc(file);

		if (next == EOF)
			return false;
		memmove(bytes, bytes + 1, sizeof(*block) - 1);
		bytes[sizeof(*block) - 1] = (uint8_t)next;
	}
	return true;
}

/* The next block of the current file. 1: read; 0: the file has ended; a negative errno. */
static int read_block(struct stoq_record_reader *reader, struct stoq_error *error)
{
	FILE *file = reader->files[reader->current];
	struct stoq_record_wire_block block;
	size_t length = fread(&block, 1, sizeof(block), file);

	if (ferror(file))
		return stoq_error_set(error, -EIO, "cannot read %s", reader->name);
	if (length < sizeof(block))
		return 0;
	if (!is_sound(&block)) {
		reader->notes.damaged++;
		if (!find_block(file, &block))
			return 0;
	}
	if (fread(reader->stored, 1, le32toh(block.stored_bytes), file) <
		le32toh(block.stored_bytes))
		return 0;
	begin_block(reader, &block);
	return 1;
}

static void note(struct stoq_record_reader *reader, const struct stoq_record_entry *entry)
{
	struct stoq_record_missed *sum = &reader->notes.missed;

	if (entry->kind == STOQ_RECORD_COMMAND) {
		reader->notes.commands++;
		reader->notes.unstaged += !entry->command.staged;
	} else if (entry->kind == STOQ_RECORD_CONNECTION) {
		reader->notes.connections++;
	} else if (entry->kind == STOQ_RECORD_COUNTS) {
		for (size_t i = 0; i < STOQ_VIOLATIONS_ROOM; i++)
			reader->notes.violations += entry->counts.violations[i];
		reader->notes.overlaps += entry->counts.overlaps.found;
	} else if (entry->kind == STOQ_RECORD_MISSED) {
		sum->lost += entry->missed.lost;
		sum->unmatched += entry->missed.unmatched;
		sum->unended += entry->missed.unended;
		sum->untracked += entry->missed.untracked;
		sum->unsynced_bytes += entry->missed.unsynced_bytes;
	}
}

int stoq_record_next(struct stoq_record_reader *reader, struct stoq_record_entry *entry,
	struct stoq_error *error)
{
	while (reader->next == reader->entries) {
		int result;

		result = read_block(reader, error);
		if (result < 0)
			return result;
		if (result)
			continue;
		if (reader->current + 1 == reader->file_count) {
			reader->notes.ends_early = !reader->ended;
			return 0;
		}
		reader->notes.older_cut = reader->ends_marked && !reader->ended;
		reader->ended = false;
		reader->current++;
	}
	stoq_record_decode(
		entry, reader->kind, reader->bytes + (size_t)reader->next++ * reader->entry_bytes);
	note(reader, entry);
	return 1;
}

const struct stoq_record_notes *stoq_record_notes(const struct stoq_record_reader *reader)
{
	return &reader->notes;
}

const char *stoq_record_node(const struct stoq_record_reader *reader)
{
	return reader->node;
}

uint64_t stoq_record_id(const struct stoq_record_reader *reader)
{
	return reader->id;
}
