// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/record/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/nvme/sample_stream.h"

char record_folder[] = "/tmp/stoq-test-record-XXXXXX";
char record_path[64], record_older[64];

int record_setup(void **state)
{
	if (!mkdtemp(record_folder))
		return -1;
	snprintf(record_path, sizeof(record_path), "%s/a.rec", record_folder);
	snprintf(record_older, sizeof(record_older), "%s/a.rec.1", record_folder);
	return 0;
}

int record_forget(void **state)
{
	unlink(record_path);
	unlink(record_older);
	return 0;
}

int record_teardown(void **state)
{
	record_forget(state);
	return rmdir(record_folder);
}

struct stoq_record_writer *record_open_writer(uint64_t size)
{
	struct stoq_record_writer *writer;
	struct stoq_error error;

	assert_int_equal(stoq_record_writer_open(&writer, record_path, size, 0, 1, &error), 0);
	return writer;
}

struct stoq_record_entry record_connection(uint32_t uid)
{
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_CONNECTION,
		.connection = {.uid = uid,
			.connected = true,
			.kind = NVME_QUEUE_IO,
			.vlan_id = 12,
			.host = {.address = {1, 2, 3}, .port = 40000},
			.controller = {.address = {4, 5, 6}, .port = 4420},
			.qid = 3,
			.cntlid = 17,
			.time_unix_ns = 1234567890123456789}};

	snprintf(entry.connection.host_nqn, NVME_NQN_LENGTH, "nqn.2026-11.test:host%u", uid);
	snprintf(entry.connection.subsystem_nqn, NVME_NQN_LENGTH, "nqn.2026-11.test:subsystem");
	return entry;
}

/* Different in every field, and as random as traffic hardly is: it does not compress well. */
struct stoq_record_entry record_command(uint32_t i)
{
	uint32_t random = i * 2654435761u + 1;

	return (struct stoq_record_entry){.kind = STOQ_RECORD_COMMAND,
		.command = {.start_unix_ns = 1600000000000000000u + i * 1000ull,
			.latency_ns = sample_random(&random),
			.slba = (uint64_t)sample_random(&random) << 8 | i,
			.uid = 1 + i % 3,
			.sequence = sample_random(&random),
			.nsid = 1 + i % 2,
			.bytes = sample_random(&random),
			.blocks = 1 + i % 65536,
			.cid = (uint16_t)i,
			.status = i % 5 ? 0 : 0x281,
			.do_not_retry = i % 10 == 0,
			.opcode = NVME_NVM_READ,
			.kind = NVME_QUEUE_IO,
			.fctype = (uint8_t)(i % 7),
			.staged = i % 2,
			.stages = {{i % 2 * sample_random(&random), 0, i % 2 * 5ull << 40, 0}}}};
}

void record_add_command(struct stoq_record_writer *writer, uint32_t i)
{
	struct stoq_record_entry entry = record_command(i);
	uint32_t uid = entry.command.uid;

	if (!stoq_record_knows(writer, uid, 1)) {
		struct stoq_record_entry connection = record_connection(uid);

		assert_int_equal(stoq_record_add(writer, &connection), 0);
		stoq_record_learn(writer, uid, 1);
	}
	assert_int_equal(stoq_record_add(writer, &entry), 0);
}

void record_write_commands(uint32_t count, uint64_t size)
{
	struct stoq_record_writer *writer = record_open_writer(size);
	struct stoq_error error;

	for (uint32_t i = 0; i < count; i++)
		record_add_command(writer, i);
	assert_int_equal(stoq_record_commands(writer), count);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
}

/* The commands are those from *first on, without a gap, each behind its connection. How many. */
uint32_t record_read_commands(
	struct stoq_record_reader *reader, uint32_t *first, struct stoq_error *error, int *result)
{
	bool known[4] = {false};
	struct stoq_record_entry entry;
	uint32_t count = 0, index;

	while ((*result = stoq_record_next(reader, &entry, error)) == 1) {
		struct stoq_record_entry wanted;

		if (entry.kind == STOQ_RECORD_CONNECTION) {
			wanted = record_connection(entry.connection.uid);
			assert_memory_equal(
				&entry.connection, &wanted.connection, sizeof(entry.connection));
			known[entry.connection.uid] = true;
			continue;
		}
		if (entry.kind != STOQ_RECORD_COMMAND)
			continue;
		index = (uint32_t)((entry.command.start_unix_ns - 1600000000000000000u) / 1000);
		if (!count)
			*first = index;
		if (!stoq_record_notes(reader)->damaged)
			assert_int_equal(index, *first + count);
		wanted = record_command(index);
		count++;
		assert_memory_equal(&entry.command, &wanted.command, sizeof(entry.command));
		assert_true(known[entry.command.uid] || stoq_record_notes(reader)->damaged);
	}
	return count;
}

uint64_t record_size_of(const char *file)
{
	struct stat status;

	return stat(file, &status) ? 0 : (uint64_t)status.st_size;
}
