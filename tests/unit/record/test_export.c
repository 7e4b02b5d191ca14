// SPDX-License-Identifier: BSD-2-Clause
/* A record as CSV and as fio's iolog. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/export.h"
#include "record/export_csv.h"
#include "record/export_iolog.h"
#include "record/writer.h"

static char path[] = "/tmp/stoq-test-export-XXXXXX";

static void add_command(struct stoq_record_writer *writer, uint8_t opcode, uint64_t start_us,
	uint64_t slba, uint32_t blocks, uint32_t bytes)
{
	const struct stoq_record_entry entry = {.kind = STOQ_RECORD_COMMAND,
		.command = {.uid = 1,
			.start_unix_ns = start_us * 1000,
			.latency_ns = 5,
			.nsid = 1,
			.opcode = opcode,
			.kind = NVME_QUEUE_IO,
			.cid = 9,
			.slba = slba,
			.blocks = blocks,
			.bytes = bytes,
			.sequence = 77}};

	assert_int_equal(stoq_record_add(writer, &entry), 0);
}

static int setup(void **state)
{
	struct stoq_record_entry connection = {.kind = STOQ_RECORD_CONNECTION,
		.connection = {.uid = 1,
			.connected = true,
			.qid = 2,
			.cntlid = STOQ_RECORD_UNKNOWN,
			.host_nqn = "=nqn\"h",
			.subsystem_nqn = "nqn.s",
			.host = {.address = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}, .port = 40000},
			.controller = {
				.address = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 2}, .port = 4420}}};
	struct stoq_record_writer *writer;
	struct stoq_error error;

	close(mkstemp(path));
	if (stoq_record_writer_open(&writer, path, STOQ_RECORD_SIZE_MIN, 0, 1, &error) ||
		stoq_record_add(writer, &connection))
		return -1;
	/* In the order in which they ended. */
	add_command(writer, NVME_NVM_READ, 2000, 8, 8, 4096);
	add_command(writer, NVME_NVM_WRITE, 1000, 100, 1, 512);
	add_command(writer, NVME_NVM_DATASET_MANAGEMENT, 2500, 0, 0, 16);
	add_command(writer, NVME_NVM_FLUSH, 3000, 0, 0, 0);
	return stoq_record_writer_close(writer, &error);
}

static int teardown(void **state)
{
	return unlink(path);
}

static void export_to(char **text, struct stoq_export_notes *notes,
	int (*export)(FILE *, struct stoq_record_reader *, struct stoq_export_notes *,
		struct stoq_error *))
{
	struct stoq_record_reader *reader;
	struct stoq_error error;
	size_t length;
	FILE *file = open_memstream(text, &length);

	assert_int_equal(stoq_record_open(&reader, path, &error), 0);
	assert_int_equal(export(file, reader, notes, &error), 0);
	stoq_record_close(reader);
	fclose(file);
}

static void test_iolog(void **state)
{
	struct stoq_export_notes notes;
	char *text;

	export_to(&text, &notes, stoq_export_iolog);
	assert_string_equal(text, "fio version 3 iolog\n"
				  "0 subsystem1-namespace1 add\n"
				  "0 subsystem1-namespace1 open\n"
				  "0 subsystem1-namespace1 write 51200 512\n"
				  "1000 subsystem1-namespace1 read 4096 4096\n"
				  "2000 subsystem1-namespace1 sync 0 0\n");
	assert_int_equal(notes.written, 3);
	assert_int_equal(notes.other, 1);
	assert_int_equal(notes.late, 0);
	free(text);
}

/* Names came over the wire: no spreadsheet runs them. */
static void test_csv(void **state)
{
	struct stoq_export_notes notes;
	char *text, *line;

	export_to(&text, &notes, stoq_export_csv);
	assert_int_equal(notes.written, 4);
	line = strchr(text, '\n') + 1;
	*strchr(line, '\n') = '\0';
	assert_string_equal(line, "\"_nqn\"\"h\",\"nqn.s\",\"10.0.0.1:40000\",\"10.0.0.2:4420\",,2,"
				  "2000000,5,\"Read\",io,2,9,1,8,8,4096,0,77,,,,");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iolog),
		cmocka_unit_test(test_csv),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
