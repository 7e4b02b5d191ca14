// SPDX-License-Identifier: BSD-2-Clause
/* An authority's life: what is issued can be used, renewed and revoked, whatever interrupts it. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "pki/credentials.h"
#include "pki/issue.h"
#include "pki/records.h"
#include "pki/revoke.h"
#include "pki/store.h"

#define DAY STOQ_PKI_DAY_S

static time_t now;
static struct stoq_pki_store store;

static void succeed(int ret, const struct stoq_error *error)
{
	if (ret)
		fail_msg("%s", error->text);
}

static void expect_failure(int ret, int code, const struct stoq_error *error, const char *reason)
{
	assert_int_equal(ret, code);
	if (!strstr(error->text, reason))
		fail_msg("'%s' does not say '%s'", error->text, reason);
}

static int init_store(bool force, char *aside, struct stoq_error *error)
{
	const struct stoq_pki_request request = {
		.common_name = "Lab", .not_before = now - 3600, .not_after = now + 100 * DAY};

	return stoq_pki_store_init(in_folder("a/pki"), &request, force, aside, error);
}

static int setup(void **state)
{
	char aside[STOQ_PKI_PATH_MAX];
	struct stoq_error error;

	now = time(NULL);
	if (make_test_folder(state))
		return -1;
	succeed(init_store(false, aside, &error), &error);
	assert_string_equal(aside, "");
	succeed(stoq_pki_store_open(&store, in_folder("a/pki"), true, &error), &error);
	return 0;
}

static int teardown(void **state)
{
	stoq_pki_store_close(&store);
	return remove_test_folder(state);
}

static int issue(const char *node, unsigned int days, bool force, struct stoq_error *error)
{
	const struct stoq_pki_order order = {.node = node, .days = days, .force = force};
	char path[STOQ_PKI_PATH_MAX];

	return stoq_pki_store_issue(&store, &order, now, path, error);
}

/* What the node's folder holds serves as credentials. */
static int use(const char *node, time_t when, struct stoq_error *error)
{
	gnutls_certificate_credentials_t credentials;
	struct stoq_pki_material material;
	char nodes[STOQ_PKI_PATH_MAX], path[STOQ_PKI_PATH_MAX];
	int ret;

	succeed(stoq_pki_path(nodes, store.folder, STOQ_PKI_NODES_FOLDER, error), error);
	succeed(stoq_pki_path(path, nodes, node, error), error);
	succeed(stoq_pki_material_read_folder(&material, path, error), error);
	ret = stoq_pki_credentials_new(&credentials, &material, when, error);
	if (credentials)
		gnutls_certificate_free_credentials(credentials);
	stoq_pki_material_free(&material);
	return ret;
}

static void count_states(size_t counts[4])
{
	struct stoq_pki_records records;
	struct stoq_error error;

	memset(counts, 0, 4 * sizeof(counts[0]));
	succeed(stoq_pki_store_records(&store, now, &records, &error), &error);
	for (size_t i = 0; i < records.count; i++)
		counts[records.records[i].state]++;
	stoq_pki_records_free(&records);
}

static void test_issue(void **state)
{
	struct stoq_error error;
	size_t counts[4];

	count_states(counts);
	assert_int_equal(counts[STOQ_PKI_VALID], 0);
	succeed(issue("db1", 10, false, &error), &error);
	succeed(use("db1", now, &error), &error);
	succeed(use("db1", now - 3500, &error), &error);
	expect_failure(use("db1", now + 11 * DAY, &error), -EKEYEXPIRED, &error, "expired");
	assert_int_equal(mode_of(in_folder("a/pki/nodes/db1/key.pem")), 0600);
	assert_int_equal(mode_of(in_folder("a/pki/ca-key.pem")), 0600);
	assert_int_equal(mode_of(in_folder("a/pki")), 0700);
	assert_int_equal(mode_of(in_folder("a")), 0755);
	expect_failure(issue("db1", 10, false, &error), -EEXIST, &error, "stoq pki renew db1");
	succeed(issue("db1", 10, true, &error), &error);
	expect_failure(issue("../db1", 10, false, &error), -EINVAL, &error, "is not a DNS name");
	count_states(counts);
	assert_int_equal(counts[STOQ_PKI_VALID], 2);
}

/* Nothing outlives its authority. */
static void test_end_of_authority(void **state)
{
	struct stoq_error error;

	succeed(issue("db1", 1000, false, &error), &error);
	succeed(use("db1", now + 99 * DAY, &error), &error);
	expect_failure(use("db1", now + 101 * DAY, &error), -EKEYEXPIRED, &error,
		"the authority's certificate expired");
	now += 101 * DAY;
	expect_failure(issue("db2", 1, false, &error), -EKEYEXPIRED, &error, "stoq pki init");
}

static void test_revoke(void **state)
{
	struct stoq_error error;
	size_t count, counts[4];

	succeed(issue("db1", 10, false, &error), &error);
	succeed(issue("db1", 10, true, &error), &error);
	succeed(issue("db2", 10, false, &error), &error);
	expect_failure(stoq_pki_store_revoke(&store, "db3", now, &count, &error), -ENOENT, &error,
		"stoq pki list");
	succeed(stoq_pki_store_revoke(&store, "db1", now, &count, &error), &error);
	assert_int_equal(count, 2);
	/* The nodes' own copies of the list say so, too. */
	expect_failure(use("db1", now, &error), -EKEYREVOKED, &error, "is revoked");
	succeed(use("db2", now, &error), &error);
	expect_failure(stoq_pki_store_revoke(&store, "db1", now, &count, &error), -ENOENT, &error,
		"in force");
	/* A later list keeps what the earlier one said. */
	succeed(stoq_pki_store_revoke(&store, "db2", now, &count, &error), &error);
	assert_int_equal(count, 1);
	count_states(counts);
	assert_int_equal(counts[STOQ_PKI_REVOKED], 3);
	succeed(issue("db1", 10, true, &error), &error);
	succeed(use("db1", now, &error), &error);
}

static void test_revoke_serial(void **state)
{
	struct stoq_pki_records records;
	struct stoq_error error;
	size_t count, counts[4];

	succeed(issue("db1", 10, false, &error), &error);
	succeed(issue("db1", 10, true, &error), &error);
	succeed(stoq_pki_store_records(&store, now, &records, &error), &error);
	assert_int_equal(records.count, 2);
	succeed(stoq_pki_store_revoke(
			&store, records.records[1].description.serial, now, &count, &error),
		&error);
	stoq_pki_records_free(&records);
	assert_int_equal(count, 1);
	count_states(counts);
	assert_int_equal(counts[STOQ_PKI_REVOKED], 1);
	assert_int_equal(counts[STOQ_PKI_VALID], 1);
}

static void test_renew(void **state)
{
	struct stoq_pki_name names[2];
	const struct stoq_pki_order order = {.node = "db1",
		.names = names,
		.name_count = 2,
		.days = 10,
		.key_type = STOQ_PKI_ED25519};
	struct stoq_pki_records records;
	char path[STOQ_PKI_PATH_MAX];
	struct stoq_error error;

	succeed(stoq_pki_name_parse(&names[0], "192.0.2.1", &error), &error);
	succeed(stoq_pki_name_parse(&names[1], "db1", &error), &error);
	expect_failure(stoq_pki_store_renew(&store, "db1", 0, now, path, &error), -ENOENT, &error,
		"stoq pki issue");
	succeed(stoq_pki_store_issue(&store, &order, now, path, &error), &error);
	now += 5 * DAY;
	succeed(stoq_pki_store_renew(&store, "db1", 0, now, path, &error), &error);
	succeed(stoq_pki_store_records(&store, now, &records, &error), &error);
	assert_int_equal(records.count, 2);
	assert_int_equal(records.records[0].description.name_count, 2);
	assert_string_equal(records.records[0].description.names[1].text, "192.0.2.1");
	assert_string_equal(records.records[0].description.key_type, "Ed25519");
	assert_int_equal(records.records[0].description.not_after, now + 10 * DAY);
	assert_string_not_equal(
		records.records[0].description.serial, records.records[1].description.serial);
	stoq_pki_records_free(&records);
	succeed(use("db1", now + 9 * DAY, &error), &error);
}

static void test_init_again(void **state)
{
	struct stoq_error error;
	char aside[STOQ_PKI_PATH_MAX];

	succeed(issue("db1", 10, false, &error), &error);
	stoq_pki_store_close(&store);
	expect_failure(init_store(false, aside, &error), -EEXIST, &error, "has an authority");
	/* A lost certificate is no reason to replace the key. */
	assert_int_equal(rename(in_folder("a/pki/ca.pem"), in_folder("ca.pem")), 0);
	expect_failure(init_store(false, aside, &error), -EEXIST, &error, "has an authority");
	succeed(init_store(true, aside, &error), &error);
	assert_string_equal(aside, in_folder("a/pki.old-1"));
	assert_int_equal(mode_of(in_folder("a/pki.old-1/nodes/db1/key.pem")), 0600);
	succeed(init_store(true, aside, &error), &error);
	assert_string_equal(aside, in_folder("a/pki.old-2"));
	succeed(stoq_pki_store_open(&store, in_folder("a/pki"), true, &error), &error);
	succeed(issue("db1", 10, false, &error), &error);
	succeed(use("db1", now, &error), &error);
}

static void test_foreign_folder(void **state)
{
	const struct stoq_pki_request request = {
		.common_name = "Lab", .not_before = now - 3600, .not_after = now + DAY};
	const struct stoq_pki_file file = {"precious", {(unsigned char *)"x", 1}};
	char aside[STOQ_PKI_PATH_MAX];
	struct stoq_error error;

	succeed(stoq_pki_write_folder(in_folder("other"), &file, 1, NULL, &error), &error);
	expect_failure(stoq_pki_store_init(in_folder("other"), &request, true, aside, &error),
		-ENOTEMPTY, &error, "cannot become an authority's folder");
	assert_int_equal(mode_of(in_folder("other/precious")), 0600);
	assert_int_equal(mkdir(in_folder("empty"), 0755), 0);
	succeed(stoq_pki_store_init(in_folder("empty/"), &request, false, aside, &error), &error);
	assert_int_equal(mode_of(in_folder("empty")), 0700);
}

static void expect_no_open(int code, const char *reason)
{
	struct stoq_pki_store other;
	struct stoq_error error;

	stoq_pki_store_close(&store);
	expect_failure(stoq_pki_store_open(&other, in_folder("a/pki"), true, &error), code, &error,
		reason);
}

static void test_permissions(void **state)
{
	assert_int_equal(chmod(in_folder("a/pki/ca-key.pem"), 0644), 0);
	expect_no_open(-EPERM, "others can read or change it");
	assert_int_equal(chmod(in_folder("a/pki/ca-key.pem"), 0600), 0);
	assert_int_equal(chmod(in_folder("a/pki"), 0770), 0);
	expect_no_open(-EPERM, "others can change the folder");
}

static void test_damage(void **state)
{
	assert_int_equal(truncate(in_folder("a/pki/ca-key.pem"), 100), 0);
	expect_no_open(-EINVAL, "holds no private key");
	assert_int_equal(truncate(in_folder("a/pki/crl.pem"), 100), 0);
	expect_no_open(-EINVAL, "holds no revocation list");
	assert_int_equal(unlink(in_folder("a/pki/ca.pem")), 0);
	expect_no_open(-ENOENT, "holds no authority");
	assert_int_equal(rename(in_folder("a/pki"), in_folder("gone")), 0);
	expect_no_open(-ENOENT, "stoq pki init");
}

/* Issues and revokes until it is killed. */
static void work_until_killed(void)
{
	struct stoq_error error;
	size_t count;

	for (unsigned int i = 0;; i++) {
		if (stoq_pki_store_open(&store, in_folder("a/pki"), true, &error) ||
			issue("db1", 10, true, &error))
			_exit(1);
		if (i % 3 == 2 && stoq_pki_store_revoke(&store, "db2", now, &count, &error) &&
			error.code != -ENOENT)
			_exit(1);
		if (i % 3 == 1 && issue("db2", 10, true, &error))
			_exit(1);
		stoq_pki_store_close(&store);
	}
}

/* Whenever it is killed: certificate and key fit, the lock is free, no draft stays for good. */
static void test_killed(void **state)
{
	struct stoq_error error;

	succeed(issue("db1", 10, false, &error), &error);
	for (unsigned int i = 0; i < 60; i++) {
		int status;
		pid_t pid;

		stoq_pki_store_close(&store);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			work_until_killed();
		usleep(1000 + 617 * (i % 29));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		succeed(stoq_pki_store_open(&store, in_folder("a/pki"), true, &error), &error);
		succeed(use("db1", now, &error), &error);
	}
	assert_int_equal(access(in_folder("a/pki/nodes/.stoq-draft-db1"), F_OK), -1);
	assert_int_equal(access(in_folder("a/pki/.stoq-draft-crl.pem"), F_OK), -1);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(test_issue),
		with_store(test_end_of_authority),
		with_store(test_revoke),
		with_store(test_revoke_serial),
		with_store(test_renew),
		with_store(test_init_again),
		with_store(test_foreign_folder),
		with_store(test_permissions),
		with_store(test_damage),
		with_store(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
