// SPDX-License-Identifier: BSD-2-Clause
/* Records: written, rotated, cut, damaged, read. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/reader.h"
#include "record/writer.h"
#include "tests/unit/nvme/sample_stream.h"

static char folder[] = "/tmp/stoq-test-record-XXXXXX";
static char path[64], older[64];

static int setup(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/a.rec", folder);
	snprintf(older, sizeof(older), "%s/a.rec.1", folder);
	return 0;
}

static int forget(void **state)
{
	unlink(path);
	unlink(older);
	return 0;
}

static int teardown(void **state)
{
	forget(state);
	return rmdir(folder);
}

static struct stoq_record_writer *open_writer(uint64_t size)
{
	struct stoq_record_writer *writer;
	struct stoq_error error;

	assert_int_equal(stoq_record_writer_open(&writer, path, size, 1, &error), 0);
	return writer;
}

static struct stoq_record_entry connection_of(uint32_t uid)
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
static struct stoq_record_entry command_of(uint32_t i)
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

static void add_command(struct stoq_record_writer *writer, uint32_t i)
{
	struct stoq_record_entry entry = command_of(i);
	uint32_t uid = entry.command.uid;

	if (!stoq_record_knows(writer, uid, 1)) {
		struct stoq_record_entry connection = connection_of(uid);

		assert_int_equal(stoq_record_add(writer, &connection), 0);
		stoq_record_learn(writer, uid, 1);
	}
	assert_int_equal(stoq_record_add(writer, &entry), 0);
}

static void write_commands(uint32_t count, uint64_t size)
{
	struct stoq_record_writer *writer = open_writer(size);
	struct stoq_error error;

	for (uint32_t i = 0; i < count; i++)
		add_command(writer, i);
	assert_int_equal(stoq_record_commands(writer), count);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
}

/* The commands are those from *first on, without a gap, each behind its connection. How many. */
static uint32_t read_commands(
	struct stoq_record_reader *reader, uint32_t *first, struct stoq_error *error, int *result)
{
	bool known[4] = {false};
	struct stoq_record_entry entry;
	uint32_t count = 0, index;

	while ((*result = stoq_record_next(reader, &entry, error)) == 1) {
		struct stoq_record_entry wanted;

		if (entry.kind == STOQ_RECORD_CONNECTION) {
			wanted = connection_of(entry.connection.uid);
			assert_memory_equal(
				&entry.connection, &wanted.connection, sizeof(entry.connection));
			known[entry.connection.uid] = true;
			continue;
		}
		index = (uint32_t)((entry.command.start_unix_ns - 1600000000000000000u) / 1000);
		if (!count)
			*first = index;
		if (!stoq_record_notes(reader)->damaged)
			assert_int_equal(index, *first + count);
		wanted = command_of(index);
		count++;
		assert_memory_equal(&entry.command, &wanted.command, sizeof(entry.command));
		assert_true(known[entry.command.uid] || stoq_record_notes(reader)->damaged);
	}
	return count;
}

static void test_what_is_written_is_read(void **state)
{
	struct stoq_record_reader *reader;
	struct stoq_error error;
	struct stat status;
	uint32_t first;
	int result;

	write_commands(20000, STOQ_RECORD_SIZE_DEFAULT);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(stoq_record_open(&reader, path, &error), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(read_commands(reader, &first, &error, &result), 20000);
		assert_int_equal(result, 0);
		assert_int_equal(first, 0);
		assert_int_equal(stoq_record_notes(reader)->commands, 20000);
		assert_int_equal(stoq_record_notes(reader)->connections, 3);
		assert_false(stoq_record_notes(reader)->ends_early);
		assert_false(stoq_record_notes(reader)->begins_late);
		assert_int_equal(stoq_record_rewind(reader, &error), 0);
	}
	stoq_record_close(reader);
}

static uint64_t size_of(const char *file)
{
	struct stat status;

	return stat(file, &status) ? 0 : (uint64_t)status.st_size;
}

/* More than there is room for: the newest half at least is there, in two files, within the size. */
static void test_rotation(void **state)
{
	const uint32_t count = 300000;
	struct stoq_record_reader *reader;
	struct stoq_error error;
	uint32_t first, found;
	int result;

	write_commands(count, STOQ_RECORD_SIZE_MIN);
	assert_in_range(
		size_of(path) + size_of(older), STOQ_RECORD_SIZE_MIN / 2, STOQ_RECORD_SIZE_MIN);
	assert_int_equal(stoq_record_open(&reader, path, &error), 0);
	found = read_commands(reader, &first, &error, &result);
	assert_int_equal(result, 0);
	assert_int_equal(first + found, count);
	assert_in_range(found, count / 10, count - 1);
	assert_true(stoq_record_notes(reader)->begins_late);
	assert_false(stoq_record_notes(reader)->ends_early);
	stoq_record_close(reader);
	/* Each file has the connections of its commands. */
	assert_int_equal(unlink(older), 0);
	assert_int_equal(stoq_record_open(&reader, path, &error), 0);
	assert_true(read_commands(reader, &first, &error, &result) > 0);
	assert_true(stoq_record_notes(reader)->begins_late);
	stoq_record_close(reader);
}

/* FILE.1 of another record is not taken for the beginning of this one. */
static void test_a_file_of_another_record(void **state)
{
	struct stoq_record_reader *reader;
	struct stoq_error error;
	uint32_t first;
	int result;

	write_commands(100, STOQ_RECORD_SIZE_MIN);
	assert_int_equal(rename(path, older), 0);
	write_commands(50, STOQ_RECORD_SIZE_MIN);
	assert_int_equal(stoq_record_open(&reader, path, &error), 0);
	assert_int_equal(read_commands(reader, &first, &error, &result), 50);
	stoq_record_close(reader);
}

static size_t slurp(uint8_t **bytes)
{
	size_t length = size_of(path);
	FILE *file = fopen(path, "rb");

	*bytes = malloc(length + 1);
	assert_int_equal(fread(*bytes, 1, length, file), length);
	fclose(file);
	return length;
}

/* 1 and up: how much was read of these bytes; -1: they were not opened. */
static int read_bytes(uint8_t *bytes, size_t length, struct stoq_record_notes *notes)
{
	FILE *file = fmemopen(bytes, length, "rb");
	struct stoq_record_reader *reader;
	struct stoq_error error;
	uint32_t first, count;
	int result;

	if (stoq_record_open_stream(&reader, file, "test", &error))
		return -1;
	count = read_commands(reader, &first, &error, &result);
	*notes = *stoq_record_notes(reader);
	stoq_record_close(reader);
	return (int)count;
}

/* Of a record with gaps: how many commands, each of them behind its connection. */
static int read_lossy(uint8_t *bytes, size_t length, struct stoq_record_notes *notes)
{
	struct stoq_record_reader *reader;
	struct stoq_record_entry entry;
	struct stoq_error error;
	bool known[4] = {false};
	int count = 0;

	assert_int_equal(
		stoq_record_open_stream(&reader, fmemopen(bytes, length, "rb"), "test", &error), 0);
	while (stoq_record_next(reader, &entry, &error) == 1) {
		if (entry.kind == STOQ_RECORD_CONNECTION)
			known[entry.connection.uid] = true;
		if (entry.kind != STOQ_RECORD_COMMAND)
			continue;
		assert_true(known[entry.command.uid]);
		count++;
	}
	*notes = *stoq_record_notes(reader);
	stoq_record_close(reader);
	return count;
}

static void test_cut_anywhere(void **state)
{
	struct stoq_record_notes notes;
	uint8_t *bytes;
	size_t length;
	int before = 0;

	write_commands(8000, STOQ_RECORD_SIZE_DEFAULT);
	length = slurp(&bytes);
	for (size_t cut = 1; cut < length; cut += 1 + length / 150) {
		int count = read_bytes(bytes, cut, &notes);

		if (cut < sizeof(struct stoq_record_wire_header)) {
			assert_int_equal(count, -1);
			continue;
		}
		assert_true(count >= before);
		assert_true(notes.ends_early);
		before = count;
	}
	assert_in_range(before, 1, 8000);
	free(bytes);
}

/* One bit: its block is left out, or reading ends there; what is read is right. */
static void test_damaged_anywhere(void **state)
{
	struct stoq_record_notes notes;
	uint8_t *bytes;
	size_t length;

	write_commands(400, STOQ_RECORD_SIZE_DEFAULT);
	length = slurp(&bytes);
	for (size_t at = 0; at < length; at += 1 + length / 400) {
		bytes[at] ^= 0x10;
		(void)read_bytes(bytes, length, &notes);
		bytes[at] ^= 0x10;
	}
	/* The block with all commands but the two before the third connection. */
	bytes[length - sizeof(struct stoq_record_wire_block) - 5] ^= 1;
	assert_int_equal(read_bytes(bytes, length, &notes), 2);
	assert_int_equal(notes.damaged, 1);
	free(bytes);
}

/* A block's header: that block is lost, and no other. */
static void test_reading_goes_on_behind_a_damaged_header(void **state)
{
	struct stoq_record_writer *writer = open_writer(STOQ_RECORD_SIZE_DEFAULT);
	struct stoq_record_notes notes;
	struct stoq_error error;
	uint8_t *bytes;
	size_t length, second = 0;

	for (uint32_t i = 0; i < 3; i++)
		add_command(writer, i);
	for (uint32_t i = 3; i < 400; i++) {
		add_command(writer, i);
		if (i == 99 || i == 199)
			assert_int_equal(stoq_record_flush(writer), 0);
		if (i == 99)
			second = size_of(path);
	}
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
	length = slurp(&bytes);
	for (size_t at = 0; at < 8; at++) { /* magic, kind, and an entry's size */
		bytes[second + at] ^= 0x40;
		assert_int_equal(read_bytes(bytes, length, &notes), 300);
		assert_int_equal(notes.damaged, 1);
		assert_false(notes.ends_early);
		bytes[second + at] ^= 0x40;
	}
	free(bytes);
}

/* Commands whose connection is not known take no more room than others. */
static void test_limit_without_connections(void **state)
{
	struct stoq_record_writer *writer = open_writer(STOQ_RECORD_SIZE_MIN);
	struct stoq_error error;

	for (uint32_t i = 0; i < 300000; i++) {
		struct stoq_record_entry entry = command_of(i);

		assert_int_equal(stoq_record_add(writer, &entry), 0);
	}
	assert_true(stoq_record_bytes(writer) > STOQ_RECORD_SIZE_MIN);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
	assert_in_range(
		size_of(path) + size_of(older), STOQ_RECORD_SIZE_MIN / 2, STOQ_RECORD_SIZE_MIN);
}

/* A connection that is known by an older version is in the file, too: so that its end can be written. */
static void test_older_versions_of_connections(void **state)
{
	struct stoq_record_writer *writer = open_writer(STOQ_RECORD_SIZE_MIN);
	struct stoq_error error;

	assert_false(stoq_record_has(writer, 1));
	add_command(writer, 0);
	assert_true(stoq_record_has(writer, 1));
	assert_false(stoq_record_knows(writer, 1, 2));
	assert_true(stoq_record_has(writer, 1));
	stoq_record_forget(writer, 1);
	assert_false(stoq_record_has(writer, 1));
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
}

static void test_two_writers(void **state)
{
	struct stoq_record_writer *writer = open_writer(STOQ_RECORD_SIZE_MIN), *second;
	struct stoq_error error;

	assert_int_equal(
		stoq_record_writer_open(&second, path, STOQ_RECORD_SIZE_MIN, 1, &error), -EBUSY);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
}

/* What a reader gets that reads nothing until the writer has written all, but for the end. */
static size_t drain(int fd, uint8_t *bytes, size_t room)
{
	size_t length = 0;
	ssize_t message;

	while ((message = recv(fd, bytes + length, room - length, MSG_DONTWAIT)) > 0)
		length += (size_t)message;
	return length;
}

/* A reader that is slow loses commands, and learns how many; nothing waits for it. */
static void test_socket(void **state)
{
	const size_t room = 4 << 20;
	uint8_t *bytes = malloc(room);
	struct stoq_record_writer *writer;
	struct stoq_record_notes notes;
	struct stoq_error error;
	int fds[2], count;
	size_t length;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_int_equal(stoq_record_writer_open_socket(&writer, fds[0], 1, &error), 0);
	for (uint32_t i = 0; i < 50000; i++)
		add_command(writer, i);
	assert_int_equal(stoq_record_flush(writer), 0);
	assert_in_range(stoq_record_lost(writer), 1, 49999);
	length = drain(fds[1], bytes, room);
	for (uint32_t i = 50000; i < 50100; i++)
		add_command(writer, i);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
	length += drain(fds[1], bytes + length, room - length);
	count = read_lossy(bytes, length, &notes);
	assert_int_equal(count + (int)notes.missed.lost, 50100);
	assert_int_equal(notes.damaged, 0);
	assert_false(notes.ends_early);
	close(fds[1]);
	free(bytes);
}

static void test_socket_without_a_reader(void **state)
{
	struct stoq_record_writer *writer;
	struct stoq_record_entry entry;
	struct stoq_error error;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_int_equal(stoq_record_writer_open_socket(&writer, fds[0], 1, &error), 0);
	close(fds[1]);
	entry = command_of(1);
	assert_int_equal(stoq_record_add(writer, &entry), 0);
	assert_int_not_equal(stoq_record_flush(writer), 0);
	assert_int_not_equal(stoq_record_writer_close(writer, &error), 0);
}

/* The older part of a record does not replace what is not a record. */
static void test_another_older_file_is_left_alone(void **state)
{
	struct stoq_record_writer *writer;
	struct stoq_error error;
	FILE *file = fopen(older, "w");

	fputs("precious\n", file);
	fclose(file);
	assert_int_equal(
		stoq_record_writer_open(&writer, path, STOQ_RECORD_SIZE_MIN, 1, &error), -EEXIST);
	assert_non_null(strstr(error.text, ".1"));
	assert_int_equal(size_of(older), 9);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_missed_is_summed_up(void **state)
{
	struct stoq_record_writer *writer = open_writer(STOQ_RECORD_SIZE_MIN);
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_MISSED, .missed = {1, 2, 3, 4, 5, 6}};
	struct stoq_record_reader *reader;
	struct stoq_error error;

	assert_int_equal(stoq_record_add(writer, &entry), 0);
	add_command(writer, 0);
	assert_int_equal(stoq_record_add(writer, &entry), 0);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
	assert_int_equal(stoq_record_open(&reader, path, &error), 0);
	while (stoq_record_next(reader, &entry, &error) == 1)
		continue;
	assert_int_equal(stoq_record_notes(reader)->missed.lost, 4);
	assert_int_equal(stoq_record_notes(reader)->missed.unsynced_bytes, 12);
	stoq_record_close(reader);
}

/* What is not a record is not overwritten. */
static void test_another_file_is_left_alone(void **state)
{
	struct stoq_record_writer *writer;
	struct stoq_record_reader *reader;
	struct stoq_error error;
	FILE *file = fopen(path, "w");

	fputs("precious\n", file);
	fclose(file);
	assert_int_equal(
		stoq_record_writer_open(&writer, path, STOQ_RECORD_SIZE_MIN, 1, &error), -EEXIST);
	assert_int_equal(size_of(path), 9);
	assert_int_equal(stoq_record_open(&reader, path, &error), -EPROTO);
	unlink(path);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(
		stoq_record_writer_open(&writer, path, STOQ_RECORD_SIZE_MIN, 1, &error), -ELOOP);
	unlink(path);
	assert_int_equal(
		stoq_record_writer_open(&writer, folder, STOQ_RECORD_SIZE_MIN, 1, &error), -EISDIR);
	assert_int_equal(stoq_record_open(&reader, path, &error), -ENOENT);
}

/* The first failure stays. */
static void test_a_full_disk(void **state)
{
	struct stoq_record_writer *writer = open_writer(STOQ_RECORD_SIZE_MIN);
	struct stoq_record_entry entry;
	struct stoq_error error = {0};
	int full = open("/dev/full", O_WRONLY), fd = -1;
	struct stat there, status;

	/* The writer's descriptor is the one of its file. */
	assert_int_equal(stat(path, &there), 0);
	for (int i = 3; i < 64 && fd < 0; i++)
		if (fstat(i, &status) == 0 && status.st_ino == there.st_ino)
			fd = i;
	assert_true(fd > 0 && dup2(full, fd) == fd);
	close(full);
	entry = command_of(0);
	assert_int_equal(stoq_record_add(writer, &entry), 0);
	assert_int_equal(stoq_record_flush(writer), -ENOSPC);
	assert_int_equal(stoq_record_flush(writer), -ENOSPC);
	assert_int_equal(stoq_record_writer_close(writer, &error), -ENOSPC);
	assert_non_null(strstr(error.text, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_what_is_written_is_read, forget),
		cmocka_unit_test_teardown(test_rotation, forget),
		cmocka_unit_test_teardown(test_a_file_of_another_record, forget),
		cmocka_unit_test_teardown(test_cut_anywhere, forget),
		cmocka_unit_test_teardown(test_damaged_anywhere, forget),
		cmocka_unit_test_teardown(test_reading_goes_on_behind_a_damaged_header, forget),
		cmocka_unit_test_teardown(test_limit_without_connections, forget),
		cmocka_unit_test_teardown(test_older_versions_of_connections, forget),
		cmocka_unit_test_teardown(test_two_writers, forget),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_socket_without_a_reader),
		cmocka_unit_test_teardown(test_another_older_file_is_left_alone, forget),
		cmocka_unit_test_teardown(test_missed_is_summed_up, forget),
		cmocka_unit_test_teardown(test_another_file_is_left_alone, forget),
		cmocka_unit_test_teardown(test_a_full_disk, forget),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
