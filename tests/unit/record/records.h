/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Records in a folder of their own, with commands that are known by their number. */
#include "record/reader.h"
#include "record/writer.h"

extern char record_folder[];
extern char record_path[64], record_older[64]; /* FILE and FILE.1 */

/* For a group of tests: cmocka's setup and teardown; for a test: its files are removed. */
int record_setup(void **state);
int record_teardown(void **state);
int record_forget(void **state);

struct stoq_record_writer *record_open_writer(uint64_t size);
struct stoq_record_entry record_connection(uint32_t uid);
/* Different in every field, and as random as traffic hardly is: it does not compress well. */
struct stoq_record_entry record_command(uint32_t i);

/* Adds command i, behind its connection. */
void record_add_command(struct stoq_record_writer *writer, uint32_t i);
/* A record of commands 0 to count - 1. */
void record_write_commands(uint32_t count, uint64_t size);
/* The commands are those from *first on, without a gap, each behind its connection. How many. */
uint32_t record_read_commands(
	struct stoq_record_reader *reader, uint32_t *first, struct stoq_error *error, int *result);
/* 0: it is not there. */
uint64_t record_size_of(const char *file);
