// SPDX-License-Identifier: BSD-2-Clause
/* Files are read with care, and written wholly or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "pki/files.h"

static gnutls_datum_t datum(const char *text)
{
	return (gnutls_datum_t){(unsigned char *)text, (unsigned int)strlen(text)};
}

static void put(const char *name, const char *text)
{
	const struct stoq_pki_file file = {name, datum(text)};
	struct stoq_error error;

	if (stoq_pki_write_file(test_folder, &file, &error))
		fail_msg("%s", error.text);
}

static void expect_text(const char *path, const char *expected)
{
	gnutls_datum_t text;
	struct stoq_error error;

	if (stoq_pki_read_file(&text, path, "the key", &error))
		fail_msg("%s", error.text);
	assert_string_equal((const char *)text.data, expected);
	gnutls_free(text.data);
}

static void expect_refusal(const char *path, const char *secret, int code, const char *reason)
{
	gnutls_datum_t text;
	struct stoq_error error;

	assert_int_equal(stoq_pki_read_file(&text, path, secret, &error), code);
	assert_null(text.data);
	if (!strstr(error.text, reason))
		fail_msg("'%s' does not say '%s'", error.text, reason);
}

static void test_read(void **state)
{
	put("key", "secret");
	expect_text(in_folder("key"), "secret");
	put("empty", "");
	expect_text(in_folder("empty"), "");
	expect_refusal(in_folder("missing"), NULL, -ENOENT, "cannot open");
	expect_refusal(test_folder, NULL, -EINVAL, "not a regular file");
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	expect_refusal(in_folder("fifo"), NULL, -EINVAL, "not a regular file");
	put("large", "x");
	assert_int_equal(truncate(in_folder("large"), STOQ_PKI_FILE_MAX + 1), 0);
	expect_refusal(in_folder("large"), NULL, -EFBIG, "too many for keys");
}

static void test_permissions(void **state)
{
	put("key", "secret");
	assert_int_equal(mode_of(in_folder("key")), 0600);
	for (mode_t mode = 0601; mode <= 0677; mode++) {
		/* Root may share a key with a group. */
		if (geteuid() == 0 && mode == 0640)
			continue;
		assert_int_equal(chmod(in_folder("key"), mode), 0);
		expect_refusal(in_folder("key"), "the key", -EPERM, "chmod 600");
		gnutls_datum_t text;

		assert_int_equal(stoq_pki_read_file(&text, in_folder("key"), NULL, NULL), 0);
		gnutls_free(text.data);
	}
	if (geteuid() == 0) {
		assert_int_equal(chmod(in_folder("key"), 0600), 0);
		assert_int_equal(chown(in_folder("key"), 12345, 0), 0);
		expect_refusal(in_folder("key"), "the key", -EPERM, "belongs to user 12345");
	}
}

/* The mode is ours, whatever the umask and whatever was there. */
static void test_write_modes(void **state)
{
	const struct stoq_pki_file file = {"inner", datum("x")};
	const mode_t umask_before = umask(0);
	struct stoq_error error;

	put("key", "old");
	assert_int_equal(chmod(in_folder("key"), 0666), 0);
	put("key", "new");
	assert_int_equal(stoq_pki_write_folder(in_folder("folder"), &file, 1, NULL, &error), 0);
	umask(umask_before);
	assert_int_equal(mode_of(in_folder("key")), 0600);
	assert_int_equal(mode_of(in_folder("folder")), 0700);
	assert_int_equal(mode_of(in_folder("folder/inner")), 0600);
}

static void test_write_through_link(void **state)
{
	put("victim", "untouched");
	assert_int_equal(symlink(in_folder("victim"), in_folder("key")), 0);
	put("key", "new");
	expect_text(in_folder("victim"), "untouched");
	expect_text(in_folder("key"), "new");
}

/* Somebody's folder must not be emptied because a link to it has a draft's name. */
static void test_draft_is_a_link(void **state)
{
	const struct stoq_pki_file file = {"inner", datum("x")};
	struct stoq_error error;

	assert_int_equal(mkdir(in_folder("victim"), 0700), 0);
	assert_int_equal(
		stoq_pki_write_folder(in_folder("victim/deep"), &file, 1, NULL, &error), 0);
	assert_int_equal(symlink(in_folder("victim"), in_folder(".stoq-draft-folder")), 0);
	assert_int_equal(stoq_pki_write_folder(in_folder("folder"), &file, 1, NULL, &error), 0);
	expect_text(in_folder("victim/deep/inner"), "x");
	expect_text(in_folder("folder/inner"), "x");
}

static void test_folder_is_replaced(void **state)
{
	const struct stoq_pki_file old[] = {{"a", datum("1")}, {"b", datum("2")}};
	const struct stoq_pki_file new[] = {{"a", datum("3")}};
	struct stoq_error error;

	assert_int_equal(stoq_pki_write_folder(in_folder("f"), old, 2, NULL, &error), 0);
	assert_int_equal(
		stoq_pki_write_folder(in_folder("f"), new, 1, in_folder("aside"), &error), 0);
	expect_text(in_folder("f/a"), "3");
	expect_refusal(in_folder("f/b"), NULL, -ENOENT, "cannot open");
	expect_text(in_folder("aside/b"), "2");
	assert_int_equal(stoq_pki_write_folder(in_folder("f"), old, 2, NULL, &error), 0);
	expect_text(in_folder("f/b"), "2");
	assert_int_equal(access(in_folder(".stoq-draft-f"), F_OK), -1);
	assert_int_equal(access(in_folder(".stoq-draft-old-f"), F_OK), -1);
}

/* The disk is full, more or less: what was there stays. */
static void test_no_room(void **state)
{
	static char large[8192];
	const struct stoq_pki_file file = {"key", {(unsigned char *)large, sizeof(large)}};
	struct rlimit before, limit;
	struct stoq_error error;

	put("key", "old");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 4096;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(stoq_pki_write_file(test_folder, &file, &error), -EFBIG);
	assert_int_equal(
		stoq_pki_write_folder(in_folder("folder"), &file, 1, NULL, &error), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	expect_text(in_folder("key"), "old");
	assert_int_equal(access(in_folder(".stoq-draft-key"), F_OK), -1);
	assert_int_equal(access(in_folder("folder"), F_OK), -1);
	assert_int_equal(access(in_folder(".stoq-draft-folder"), F_OK), -1);
}

static void test_long_paths(void **state)
{
	static char name[STOQ_PKI_PATH_MAX];
	char path[STOQ_PKI_PATH_MAX];
	struct stoq_pki_file file = {name, datum("x")};
	struct stoq_error error;

	memset(name, 'n', sizeof(name) - 1);
	assert_int_equal(stoq_pki_write_file(test_folder, &file, &error), -ENAMETOOLONG);
	assert_int_equal(stoq_pki_path(path, test_folder, name, &error), -ENAMETOOLONG);
}

#define in_a_folder(test)                                                                          \
	cmocka_unit_test_setup_teardown(test, make_test_folder, remove_test_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_folder(test_read),
		in_a_folder(test_permissions),
		in_a_folder(test_write_modes),
		in_a_folder(test_write_through_link),
		in_a_folder(test_draft_is_a_link),
		in_a_folder(test_folder_is_replaced),
		in_a_folder(test_no_room),
		in_a_folder(test_long_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
