// SPDX-License-Identifier: BSD-2-Clause
/* Records of which something is missing: cut, damaged, or lost on the way to a slow reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/format.h"
#include "record/writer_socket.h"
#include "tests/unit/record/records.h"

static size_t slurp(uint8_t **bytes)
{
	size_t length = record_size_of(record_path);
	FILE *file = fopen(record_path, "rb");

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
	count = record_read_commands(reader, &first, &error, &result);
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

	record_write_commands(8000, STOQ_RECORD_SIZE_DEFAULT);
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

	record_write_commands(400, STOQ_RECORD_SIZE_DEFAULT);
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
	struct stoq_record_writer *writer = record_open_writer(STOQ_RECORD_SIZE_DEFAULT);
	struct stoq_record_notes notes;
	struct stoq_error error;
	uint8_t *bytes;
	size_t length, second = 0;

	for (uint32_t i = 0; i < 3; i++)
		record_add_command(writer, i);
	for (uint32_t i = 3; i < 400; i++) {
		record_add_command(writer, i);
		if (i == 99 || i == 199)
			assert_int_equal(stoq_record_flush(writer), 0);
		if (i == 99)
			second = record_size_of(record_path);
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
		record_add_command(writer, i);
	assert_int_equal(stoq_record_flush(writer), 0);
	assert_in_range(stoq_record_lost(writer), 1, 49999);
	length = drain(fds[1], bytes, room);
	for (uint32_t i = 50000; i < 50100; i++)
		record_add_command(writer, i);
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
	entry = record_command(1);
	assert_int_equal(stoq_record_add(writer, &entry), 0);
	assert_int_not_equal(stoq_record_flush(writer), 0);
	assert_int_not_equal(stoq_record_writer_close(writer, &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_cut_anywhere, record_forget),
		cmocka_unit_test_teardown(test_damaged_anywhere, record_forget),
		cmocka_unit_test_teardown(
			test_reading_goes_on_behind_a_damaged_header, record_forget),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_socket_without_a_reader),
	};

	return cmocka_run_group_tests(tests, record_setup, record_teardown);
}
