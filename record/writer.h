/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Writes a record: FILE, and FILE.1, which is what FILE was before it was full. Together they take
 * no more than the size that was asked for. Either can be read alone: what its commands refer to is in
 * it. Blocks are written when they are full or stoq_record_flush() is called, so that a machine that
 * goes down loses no more than that.
 */
#include "base/error.h"
#include "record/entry.h"

struct stoq_record_writer;

#define STOQ_RECORD_SIZE_MIN	 (8ull << 20)
#define STOQ_RECORD_SIZE_DEFAULT (256ull << 20)

/*
 * A file that is there is replaced if it is a record, or empty. flags: 0 or STOQ_RECORD_CHECKED; now_unix_ns: for the header. 0,
 * -EEXIST (FILE or FILE.1 is another file), -EBUSY (another writer has it) or what opening returns.
 */
int stoq_record_writer_open(struct stoq_record_writer **writer, const char *path,
	uint64_t size_bytes, uint32_t flags, uint64_t now_unix_ns, struct stoq_error *error);

/* The connection has ended: nothing more will be written of it. */
void stoq_record_forget(struct stoq_record_writer *writer, uint32_t uid);

/*
 * Adds an entry. A command comes behind its connection: stoq_record_knows(). 0 or a negative errno,
 * then and from then on; stoq_record_writer_close() gives the reason.
 */
int stoq_record_add(struct stoq_record_writer *writer, const struct stoq_record_entry *entry);

/*
 * Whether this connection is in the current file, as it is now. version: changes with what is known
 * of the connection.
 */
bool stoq_record_knows(struct stoq_record_writer *writer, uint32_t uid, uint32_t version);

/* Whether the connection is in the current file, as it is now or as it was. */
bool stoq_record_has(const struct stoq_record_writer *writer, uint32_t uid);

/* To be called after an entry for the connection was added: it is known from now on. */
void stoq_record_learn(struct stoq_record_writer *writer, uint32_t uid, uint32_t version);

int stoq_record_flush(struct stoq_record_writer *writer);

/*
 * Commands that were added and are lost: they found no room in a socket; the file in which they were was removed or truncated; the
 * record has failed.
 */
uint64_t stoq_record_lost(const struct stoq_record_writer *writer);

/* Whether another process has removed, renamed or truncated the file while it was written. */
bool stoq_record_strayed(const struct stoq_record_writer *writer);

/* How many commands were added, and bytes written. */
uint64_t stoq_record_commands(const struct stoq_record_writer *writer);
uint64_t stoq_record_bytes(const struct stoq_record_writer *writer);

/* Flushes, marks the end, closes, frees. NULL is fine. 0 or a negative errno. */
int stoq_record_writer_close(struct stoq_record_writer *writer, struct stoq_error *error);
