// SPDX-License-Identifier: BSD-2-Clause
/* Records: written, rotated, limited, read; other files are left alone. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/stream/event_shared.h"
#include "tests/unit/record/records.h"

static void test_what_is_written_is_read(void **state)
{
	struct stoq_record_reader *reader;
	struct stoq_error error;
	struct stat status;
	uint32_t first;
	int result;

	record_write_commands(20000, STOQ_RECORD_SIZE_DEFAULT);
	assert_int_equal(stat(record_path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(stoq_record_open(&reader, record_path, &error), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(record_read_commands(reader, &first, &error, &result), 20000);
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

/* More than there is room for: the newest half at least is there, in two files, within the size. */
static void test_rotation(void **state)
{
	const uint32_t count = 300000;
	struct stoq_record_reader *reader;
	struct stoq_error error;
	uint32_t first, found;
	int result;

	record_write_commands(count, STOQ_RECORD_SIZE_MIN);
	assert_in_range(record_size_of(record_path) + record_size_of(record_older),
		STOQ_RECORD_SIZE_MIN / 2, STOQ_RECORD_SIZE_MIN);
	assert_int_equal(stoq_record_open(&reader, record_path, &error), 0);
	found = record_read_commands(reader, &first, &error, &result);
	assert_int_equal(result, 0);
	assert_int_equal(first + found, count);
	assert_in_range(found, count / 10, count - 1);
	assert_true(stoq_record_notes(reader)->begins_late);
	assert_false(stoq_record_notes(reader)->ends_early);
	stoq_record_close(reader);
	/* Each file has the connections of its commands. */
	assert_int_equal(unlink(record_older), 0);
	assert_int_equal(stoq_record_open(&reader, record_path, &error), 0);
	assert_true(record_read_commands(reader, &first, &error, &result) > 0);
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

	record_write_commands(100, STOQ_RECORD_SIZE_MIN);
	assert_int_equal(rename(record_path, record_older), 0);
	record_write_commands(50, STOQ_RECORD_SIZE_MIN);
	assert_int_equal(stoq_record_open(&reader, record_path, &error), 0);
	assert_int_equal(record_read_commands(reader, &first, &error, &result), 50);
	stoq_record_close(reader);
}

/* Commands whose connection is not known take no more room than others. */
static void test_limit_without_connections(void **state)
{
	struct stoq_record_writer *writer = record_open_writer(STOQ_RECORD_SIZE_MIN);
	struct stoq_error error;

	for (uint32_t i = 0; i < 300000; i++) {
		struct stoq_record_entry entry = record_command(i);

		assert_int_equal(stoq_record_add(writer, &entry), 0);
	}
	assert_true(stoq_record_bytes(writer) > STOQ_RECORD_SIZE_MIN);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
	assert_in_range(record_size_of(record_path) + record_size_of(record_older),
		STOQ_RECORD_SIZE_MIN / 2, STOQ_RECORD_SIZE_MIN);
}

/* A connection that is known by an older version is in the file, too: so that its end can be written. */
static void test_older_versions_of_connections(void **state)
{
	struct stoq_record_writer *writer = record_open_writer(STOQ_RECORD_SIZE_MIN);
	struct stoq_error error;

	assert_false(stoq_record_has(writer, 1));
	record_add_command(writer, 0);
	assert_true(stoq_record_has(writer, 1));
	assert_false(stoq_record_knows(writer, 1, 2));
	assert_true(stoq_record_has(writer, 1));
	stoq_record_forget(writer, 1);
	assert_false(stoq_record_has(writer, 1));
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
}

static void test_two_writers(void **state)
{
	struct stoq_record_writer *writer = record_open_writer(STOQ_RECORD_SIZE_MIN), *second;
	struct stoq_error error;

	assert_int_equal(
		stoq_record_writer_open(&second, record_path, STOQ_RECORD_SIZE_MIN, 0, 1, &error),
		-EBUSY);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
}

/* The older part of a record does not replace what is not a record. */
static void test_another_older_file_is_left_alone(void **state)
{
	struct stoq_record_writer *writer;
	struct stoq_error error;
	FILE *file = fopen(record_older, "w");

	fputs("precious\n", file);
	fclose(file);
	assert_int_equal(
		stoq_record_writer_open(&writer, record_path, STOQ_RECORD_SIZE_MIN, 0, 1, &error),
		-EEXIST);
	assert_non_null(strstr(error.text, ".1"));
	assert_int_equal(record_size_of(record_older), 9);
	assert_int_equal(access(record_path, F_OK), -1);
}

static void test_missed_is_summed_up(void **state)
{
	struct stoq_record_writer *writer = record_open_writer(STOQ_RECORD_SIZE_MIN);
	struct stoq_record_entry entry = {.kind = STOQ_RECORD_MISSED, .missed = {1, 2, 3, 4, 5, 6}};
	struct stoq_record_reader *reader;
	struct stoq_error error;

	assert_int_equal(stoq_record_add(writer, &entry), 0);
	record_add_command(writer, 0);
	assert_int_equal(stoq_record_add(writer, &entry), 0);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
	assert_int_equal(stoq_record_open(&reader, record_path, &error), 0);
	while (stoq_record_next(reader, &entry, &error) == 1)
		continue;
	assert_int_equal(stoq_record_notes(reader)->missed.lost, 4);
	assert_int_equal(stoq_record_notes(reader)->missed.unsynced_bytes, 12);
	stoq_record_close(reader);
}

/* Without the bytes that fill the structures up. */
static void assert_same_overlap(const struct stoq_overlap *one, const struct stoq_overlap *other)
{
	const size_t bytes = offsetof(struct stoq_overlap_write, end) + 1;

	assert_memory_equal(&one->first, &other->first, bytes);
	assert_memory_equal(&one->second, &other->second, bytes);
	assert_int_equal(one->nsid, other->nsid);
	assert_int_equal(one->same_host, other->same_host);
}

/* What a check finds: each field, and the sums; in both files. */
static void test_what_was_found(void **state)
{
	struct stoq_record_entry entries[] = {{.kind = STOQ_RECORD_VIOLATION,
						      .violation = {.type = STOQ_EVENT_VIOLATION,
							      .uid = 7,
							      .time_ns = 1ull << 60,
							      .violation = {19, 2, 3, 1u << 31},
							      .side = 1,
							      .header_bytes = 24,
							      .header = {5, 0, 24, [127] = 9}}},
		{.kind = STOQ_RECORD_OVERLAP,
			.overlap = {.first = {1ull << 40, 2, 3, 4, 5, 6, 7, STOQ_OVERLAP_CUT},
				.second = {9, 10, 0, STOQ_WRITE_ALL_BLOCKS, 12, 13, 14, 0},
				.nsid = 15,
				.same_host = true}},
		{.kind = STOQ_RECORD_COUNTS,
			.counts = {.time_unix_ns = 16,
				.violations = {[0] = 1, [19] = 2, [31] = 1ull << 33},
				.overlaps = {17, 18, 19, 20, 21}}}};
	struct stoq_record_writer *writer;
	struct stoq_record_reader *reader;
	struct stoq_record_entry entry;
	struct stoq_error error;

	assert_int_equal(stoq_record_writer_open(&writer, record_path, STOQ_RECORD_SIZE_MIN,
				 STOQ_RECORD_CHECKED, 1, &error),
		0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(stoq_record_add(writer, &entries[i]), 0);
	assert_int_equal(stoq_record_writer_close(writer, &error), 0);
	assert_int_equal(stoq_record_open(&reader, record_path, &error), 0);
	assert_true(stoq_record_notes(reader)->checked);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(stoq_record_next(reader, &entry, &error), 1);
		assert_int_equal(entry.kind, entries[i].kind);
		if (i == 0)
			assert_memory_equal(
				&entry.violation, &entries[0].violation, sizeof(entry.violation));
		else if (i == 1)
			assert_same_overlap(&entry.overlap, &entries[1].overlap);
		else
			assert_memory_equal(
				&entry.counts, &entries[2].counts, sizeof(entry.counts));
	}
	assert_int_equal(stoq_record_next(reader, &entry, &error), 0);
	assert_int_equal(stoq_record_notes(reader)->violations, 3 + (1ull << 33));
	assert_int_equal(stoq_record_notes(reader)->overlaps, 17);
	assert_int_equal(stoq_record_notes(reader)->missed.lost, 0);
	stoq_record_close(reader);
}

/* How the file is taken away, and how many commands that costs. */
static void move_away(void)
{
	char moved[80];

	snprintf(moved, sizeof(moved), "%s/moved.rec", record_folder);
	assert_int_equal(rename(record_path, moved), 0);
}
static void take_away(void)
{
	assert_int_equal(unlink(record_path), 0);
}
static void cut(void)
{
	assert_int_equal(truncate(record_path, 0), 0);
}

/* A file that is renamed, removed or truncated while it is written: a new one begins, and what is gone is counted. */
static void test_a_file_that_is_taken_away(void **state)
{
	const struct {
		void (*away)(void);
		uint32_t lost;
	} ways[] = {{move_away, 0}, {take_away, 1500}, {cut, 1500}};

	for (size_t i = 0; i < 3; i++) {
		struct stoq_record_writer *writer = record_open_writer(STOQ_RECORD_SIZE_MIN);
		struct stoq_record_reader *reader;
		struct stoq_error error;
		uint32_t first, count;
		int result;

		for (uint32_t j = 0; j < 2500; j++) {
			if (j == 1000)
				assert_int_equal(stoq_record_flush(writer), 0);
			if (j == 1000)
				ways[i].away();
			if (j == 1500)
				assert_int_equal(stoq_record_flush(writer), 0);
			record_add_command(writer, j);
		}
		assert_true(stoq_record_strayed(writer));
		assert_int_equal(stoq_record_commands(writer), 2500);
		assert_int_equal(stoq_record_lost(writer), ways[i].lost);
		assert_int_equal(stoq_record_writer_close(writer, &error), 0);
		assert_int_equal(stoq_record_open(&reader, record_path, &error), 0);
		count = record_read_commands(reader, &first, &error, &result);
		assert_int_equal(count, 1000);
		assert_int_equal(first, 1500);
		assert_int_equal(stoq_record_notes(reader)->missed.lost, ways[i].lost);
		stoq_record_close(reader);
		if (!i) {
			struct stoq_error moved_error;
			char moved[80];

			snprintf(moved, sizeof(moved), "%s/moved.rec", record_folder);
			assert_int_equal(stoq_record_open(&reader, moved, &moved_error), 0);
			assert_int_equal(
				record_read_commands(reader, &first, &error, &result), 1500);
			assert_false(stoq_record_notes(reader)->ends_early);
			stoq_record_close(reader);
			unlink(moved);
		}
		record_forget(state);
	}
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void assert_is(const char *path, const char *text)
{
	char line[80] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(line, text);
	fclose(file);
}

/* What others put in the place of FILE or FILE.1 stays, and the record has failed. */
static void test_a_file_that_is_replaced(void **state)
{
	for (int older = 0; older < 2; older++) {
		struct stoq_record_writer *writer = record_open_writer(STOQ_RECORD_SIZE_MIN);
		const char *place = older ? record_older : record_path;
		struct stoq_record_entry entry;
		struct stoq_error error;
		int result = 0;

		record_add_command(writer, 0);
		if (!older)
			take_away();
		put(place, "precious");
		for (uint32_t i = 1; i < 400000 && !result; i++) {
			entry = record_command(i);
			result = stoq_record_add(writer, &entry);
		}
		assert_int_equal(result, -EEXIST);
		assert_int_equal(stoq_record_writer_close(writer, &error), -EEXIST);
		assert_is(place, "precious");
		record_forget(state);
	}
}

/* A FILE.1 that was cut, be it between two blocks. */
static void test_an_older_file_that_is_cut(void **state)
{
	struct stoq_record_reader *reader;
	struct stoq_error error;
	struct stat status;
	uint32_t first;
	int result;

	for (unsigned int cut_bytes = 0; cut_bytes < 2; cut_bytes++) {
		record_write_commands(150000, STOQ_RECORD_SIZE_MIN);
		assert_int_equal(stat(record_older, &status), 0);
		if (cut_bytes)
			assert_int_equal(
				truncate(record_older,
					status.st_size -
						(off_t)sizeof(struct stoq_record_wire_block)),
				0);
		assert_int_equal(stoq_record_open(&reader, record_path, &error), 0);
		record_read_commands(reader, &first, &error, &result);
		assert_int_equal(stoq_record_notes(reader)->older_cut, cut_bytes);
		assert_false(stoq_record_notes(reader)->ends_early);
		stoq_record_close(reader);
		record_forget(state);
	}
}

static void test_another_file_is_left_alone(void **state)
{
	struct stoq_record_writer *writer;
	struct stoq_record_reader *reader;
	struct stoq_error error;
	FILE *file = fopen(record_path, "w");

	fputs("precious\n", file);
	fclose(file);
	assert_int_equal(
		stoq_record_writer_open(&writer, record_path, STOQ_RECORD_SIZE_MIN, 0, 1, &error),
		-EEXIST);
	assert_int_equal(record_size_of(record_path), 9);
	assert_int_equal(stoq_record_open(&reader, record_path, &error), -EPROTO);
	unlink(record_path);
	assert_int_equal(symlink("/etc/hostname", record_path), 0);
	assert_int_equal(
		stoq_record_writer_open(&writer, record_path, STOQ_RECORD_SIZE_MIN, 0, 1, &error),
		-ELOOP);
	unlink(record_path);
	assert_int_equal(
		stoq_record_writer_open(&writer, record_folder, STOQ_RECORD_SIZE_MIN, 0, 1, &error),
		-EISDIR);
	assert_int_equal(stoq_record_open(&reader, record_path, &error), -ENOENT);
}

/* The first failure stays. */
static void test_a_full_disk(void **state)
{
	struct stoq_record_writer *writer = record_open_writer(STOQ_RECORD_SIZE_MIN);
	struct stoq_record_entry entry;
	struct stoq_error error = {0};
	int full = open("/dev/full", O_WRONLY), fd = -1;
	struct stat there, status;

	/* The writer's descriptor is the one of its file. */
	assert_int_equal(stat(record_path, &there), 0);
	for (int i = 3; i < 64 && fd < 0; i++)
		if (fstat(i, &status) == 0 && status.st_ino == there.st_ino)
			fd = i;
	assert_true(fd > 0 && dup2(full, fd) == fd);
	close(full);
	entry = record_command(0);
	assert_int_equal(stoq_record_add(writer, &entry), 0);
	assert_int_equal(stoq_record_flush(writer), -ENOSPC);
	assert_int_equal(stoq_record_flush(writer), -ENOSPC);
	assert_int_equal(stoq_record_writer_close(writer, &error), -ENOSPC);
	assert_non_null(strstr(error.text, record_path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_what_is_written_is_read, record_forget),
		cmocka_unit_test_teardown(test_rotation, record_forget),
		cmocka_unit_test_teardown(test_a_file_of_another_record, record_forget),
		cmocka_unit_test_teardown(test_limit_without_connections, record_forget),
		cmocka_unit_test_teardown(test_older_versions_of_connections, record_forget),
		cmocka_unit_test_teardown(test_two_writers, record_forget),
		cmocka_unit_test_teardown(test_another_older_file_is_left_alone, record_forget),
		cmocka_unit_test_teardown(test_missed_is_summed_up, record_forget),
		cmocka_unit_test_teardown(test_what_was_found, record_forget),
		cmocka_unit_test_teardown(test_a_file_that_is_taken_away, record_forget),
		cmocka_unit_test_teardown(test_a_file_that_is_replaced, record_forget),
		cmocka_unit_test_teardown(test_an_older_file_that_is_cut, record_forget),
		cmocka_unit_test_teardown(test_another_file_is_left_alone, record_forget),
		cmocka_unit_test_teardown(test_a_full_disk, record_forget),
	};

	return cmocka_run_group_tests(tests, record_setup, record_teardown);
}
