/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The files of a record: FILE, which becomes FILE.1. Others may remove, rename or truncate FILE while it is written: a new one begins
 * then, and what is lost is counted. Functions return 0 or a negative errno; -EEXIST: what stands in the place of FILE or FILE.1 is
 * not a record, and is left alone.
 */
#include "record/writer_private.h"

/* Whether FILE.1 is a record, or not there. */
bool stoq_record_file_may_rotate(const char *path);

/* Opens FILE, with a header. */
int stoq_record_file_begin(struct stoq_record_writer *writer);
int stoq_record_file_write(struct stoq_record_writer *writer, const void *bytes, size_t length);
/* The mark of the end. */
int stoq_record_file_end(struct stoq_record_writer *writer);

/* FILE becomes FILE.1, and a new FILE begins. */
int stoq_record_file_rotate(struct stoq_record_writer *writer);

/* Whether FILE is still there, as it was written; else begins a new one. */
int stoq_record_file_look_after(struct stoq_record_writer *writer);
