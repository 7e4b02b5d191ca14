/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Reads a record, block by block. A file that was cut is read up to the cut; a block that is damaged is
 * left out, and where its header is, reading goes on with the next one that can be found. Memory: one block.
 */
#include <stdio.h>

#include "base/error.h"
#include "record/entry.h"

struct stoq_record_reader;

/* What was remarkable about it, so far. */
struct stoq_record_notes {
	uint64_t commands, connections;
	uint64_t unstaged;		  /* of the commands: without stages */
	struct stoq_record_missed missed; /* sums */
	bool checked;			  /* recorded with --check: what was found is in it, ... */
	uint64_t violations, overlaps;	  /* ... and so much was; else 0 */
	uint64_t damaged;		  /* blocks with a wrong checksum or header */
	bool ends_early;  /* no mark of the end: cut, or it is still being written */
	bool older_cut;	  /* the same of FILE.1 */
	bool begins_late; /* the file before this one, FILE.1, is not there */
};

/* FILE, and before it FILE.1 if that belongs to it. */
int stoq_record_open(
	struct stoq_record_reader **reader, const char *path, struct stoq_error *error);

/* One file, from its first byte on; taken over. name: for messages. */
int stoq_record_open_stream(
	struct stoq_record_reader **reader, FILE *file, const char *name, struct stoq_error *error);
void stoq_record_close(struct stoq_record_reader *reader); /* NULL is fine */

/* From the start again; not for a stream that cannot be sought. 0 or a negative errno. */
int stoq_record_rewind(struct stoq_record_reader *reader, struct stoq_error *error);

/* 1: an entry; 0: that was the end; a negative errno: the file cannot be read. */
int stoq_record_next(struct stoq_record_reader *reader, struct stoq_record_entry *entry,
	struct stoq_error *error);

const struct stoq_record_notes *stoq_record_notes(const struct stoq_record_reader *reader);

/* A random number, the same in both files of a record. */
uint64_t stoq_record_id(const struct stoq_record_reader *reader);

/* The machine that recorded. */
const char *stoq_record_node(const struct stoq_record_reader *reader);

/* Whether a file that begins with this byte may be a record: no capture does. */
static inline bool stoq_record_begins_with(int byte)
{
	return byte == STOQ_RECORD_MAGIC[0];
}
