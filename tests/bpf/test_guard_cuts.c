// SPDX-License-Identifier: BSD-2-Clause

/*
 * Capsules that are cut across segments, at every byte: what is to be refused is refused, what is
 * allowed arrives as it was sent, and both stay so when they are sent again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

static struct guard_link link;

/* Of a policy that protects blocks 0 to 33 of namespace 1, and all of namespace 2, from writing. */
static const char policy_text[] =
	"version: 1\nstrict: %s\ndefault: allow\nrules:\n"
	"  - {namespace: 1, lba: 0+34, commands: [writes, reads], verdict: deny}\n"
	"  - {namespace: 2, commands: [writes, destructive], verdict: deny, status: Access "
	"Denied}\n"
	"  - {commands: [Set Features, Property Set], verdict: deny}\n";

static void install(bool strict)
{
	char yaml[sizeof(policy_text) + 8];

	snprintf(yaml, sizeof(yaml), policy_text, strict ? "true" : "false");
	guard_install(yaml);
}

struct trial {
	struct nvme_sqe sqe;
	uint32_t data_bytes; /* in the capsule */
	uint16_t qid;
	bool refused;
	bool careful; /* may be refused though the policy allows it, where it is cut */
};

static struct nvme_sqe io(
	uint8_t opcode, uint32_t nsid, uint64_t slba, uint32_t data_bytes, bool in_capsule)
{
	return nvme_encode_io(&(struct nvme_io_fields){
		.opcode = opcode,
		.cid = 7,
		.nsid = nsid,
		.slba = slba,
		.blocks = 8,
		.data_bytes = data_bytes,
		.in_capsule = in_capsule,
	});
}

static struct nvme_sqe property_set(void)
{
	struct nvme_property_sqe property = {.opcode = NVME_OPCODE_FABRICS,
		.fctype = NVME_FABRICS_PROPERTY_SET,
		.command_id = 7};
	struct nvme_sqe sqe;

	memcpy(&sqe, &property, sizeof(sqe));
	return sqe;
}

static size_t write_trial(const struct trial *trial)
{
	static const uint8_t data[4096] = {1, 2, 3};
	uint8_t front[NVME_TCP_FRONT_MAX] = {0}, digest[NVME_TCP_DIGEST_LENGTH];

	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_capsule_cmd(
			front, &link.dialog.format, &trial->sqe, trial->data_bytes));
	dialog_bytes(&link.dialog, data, trial->data_bytes);
	if (link.dialog.format.data_digest && trial->data_bytes) {
		nvme_digest_store(digest, nvme_crc32c(data, trial->data_bytes));
		dialog_bytes(&link.dialog, digest, sizeof(digest));
	}
	return link_write(&link, NVME_TCP_FROM_HOST);
}

/* What arrived has to be the same when it is sent again in pieces of this length. */
static void send_again(size_t from, size_t piece)
{
	static uint8_t before[LINK_BYTES];
	size_t to = link.written[NVME_TCP_FROM_HOST];

	memcpy(before, link.received[NVME_TCP_FROM_HOST], to);
	memset(link.here[NVME_TCP_FROM_HOST] + from, 0, to - from);
	for (size_t at = from; at < to; at += piece)
		assert_true(link_send(
			&link, NVME_TCP_FROM_HOST, at, at + piece < to ? at + piece : to));
	assert_memory_equal(before + from, link.received[NVME_TCP_FROM_HOST] + from, to - from);
}

static void complete(bool refused)
{
	size_t at;

	dialog_response(&link.dialog, 7, NVME_STATUS(0, 2), 0);
	at = link_write(&link, NVME_TCP_FROM_CONTROLLER);
	assert_true(link_flush(&link, NVME_TCP_FROM_CONTROLLER));
	assert_int_equal(
		nvme_status_code(nvme_le16(link_response(&link, at).status)) != NVME_STATUS(0, 2),
		refused);
}

/* Sends a command in up to three segments, followed by a harmless one; checks both. */
static void check_cut(const struct trial *trial, bool digests, size_t cut, size_t again)
{
	struct trial harmless = {.sqe = io(NVME_NVM_FLUSH, 9, 0, 0, false)}, another = harmless;
	size_t before, at, behind, end;
	struct nvme_sqe sqe;
	bool refused;

	link_start(&link);
	link.dialog.format =
		(struct nvme_tcp_format){.header_digest = digests, .data_digest = digests};
	link_handshake(&link, trial->qid);
	link.no_acknowledgement = true;
	harmless.sqe.command_id = nvme_to_le16(1);
	another.sqe.command_id = nvme_to_le16(2);
	before = write_trial(&harmless);
	at = write_trial(trial);
	behind = write_trial(&another);
	end = link.written[NVME_TCP_FROM_HOST];
	assert_true(link_send(&link, NVME_TCP_FROM_HOST, before, at + cut));
	if (again > cut)
		assert_true(link_send(&link, NVME_TCP_FROM_HOST, at + cut, at + again));
	assert_true(link_send(&link, NVME_TCP_FROM_HOST, at + (again > cut ? again : cut), end));
	sqe = link_command(&link, at);
	refused = link_is_refused(&sqe);
	if (!trial->careful)
		assert_int_equal(refused, trial->refused);
	if (!refused)
		assert_memory_equal(link.received[NVME_TCP_FROM_HOST] + at,
			link.bytes[NVME_TCP_FROM_HOST] + at, behind - at);
	assert_memory_equal(link.received[NVME_TCP_FROM_HOST] + behind,
		link.bytes[NVME_TCP_FROM_HOST] + behind, end - behind);
	/* The lengths of a header, and what follows it, are never touched. */
	assert_memory_equal(
		link.received[NVME_TCP_FROM_HOST] + at, link.bytes[NVME_TCP_FROM_HOST] + at, 8);
	send_again(before, 50);
	send_again(at, 4);
	complete(refused);
}

static void check_all(const struct trial *trial)
{
	for (int how = 0; how < 4; how++) {
		bool digests = how & 1;
		size_t header = digests ? 76 : 72;

		install(how & 2);
		for (size_t cut = 1; cut <= header; cut++)
			check_cut(trial, digests, cut, 0);
		for (size_t cut = 1; cut < header; cut += 5)
			check_cut(trial, digests, cut, cut + 4);
	}
}

static void test_allowed(void **state)
{
	const struct trial trials[] = {
		{.sqe = io(NVME_NVM_WRITE, 1, 34, 4000, true), .data_bytes = 2000, .qid = 1},
		{.sqe = io(NVME_NVM_READ, 2, 0, 4096, false), .qid = 1},
		{.sqe = io(NVME_NVM_WRITE_ZEROES, 1, 100000, 0, false), .qid = 1},
		{.sqe = io(NVME_ADMIN_IDENTIFY, 1, 0, 4096, false), .qid = 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		struct trial trial = trials[i];

		if (trial.data_bytes)
			trial.sqe.sgl1.length = nvme_to_le32(trial.data_bytes);
		check_all(&trial);
	}
}

static void test_write_in_range(void **state)
{
	struct trial trial = {
		.sqe = io(NVME_NVM_WRITE, 1, 33, 512, true),
		.data_bytes = 512,
		.qid = 1,
		.refused = true,
	};

	(void)state;
	check_all(&trial);
}

static void test_write_in_range_by_r2t(void **state)
{
	struct trial trial = {
		.sqe = io(NVME_NVM_WRITE, 1, 33, 131072, false), .qid = 1, .refused = true};

	(void)state;
	check_all(&trial);
}

static void test_read_in_range(void **state)
{
	struct trial trial = {
		.sqe = io(NVME_NVM_READ, 1, 0, 4096, false), .qid = 1, .refused = true};

	(void)state;
	check_all(&trial);
}

static void test_write_to_namespace(void **state)
{
	struct trial trial = {
		.sqe = io(NVME_NVM_WRITE, 2, 1 << 20, 512, true),
		.data_bytes = 512,
		.qid = 1,
		.refused = true,
	};

	(void)state;
	check_all(&trial);
}

static void test_write_zeroes(void **state)
{
	struct trial trial = {
		.sqe = io(NVME_NVM_WRITE_ZEROES, 1, 33, 0, false), .qid = 1, .refused = true};

	(void)state;
	check_all(&trial);
}

static void test_admin(void **state)
{
	struct trial format = {
		.sqe = io(NVME_ADMIN_FORMAT_NVM, 2, 0, 0, false), .qid = 0, .refused = true};
	struct trial features = {
		.sqe = io(NVME_ADMIN_SET_FEATURES, 0, 0, 0, false), .qid = 0, .refused = true};

	(void)state;
	check_all(&format);
	check_all(&features);
}

/* What the cut hides of an admin command is taken for the worst: that it is for all namespaces. */
static void test_admin_of_another_namespace(void **state)
{
	struct trial format = {
		.sqe = io(NVME_ADMIN_FORMAT_NVM, 9, 0, 0, false), .qid = 0, .careful = true};

	(void)state;
	check_all(&format);
}

static void test_fabrics(void **state)
{
	struct trial trial = {.sqe = property_set(), .qid = 0, .refused = true};

	(void)state;
	check_all(&trial);
}

/* A list that is cut off is not to be seen: refused, as a rule protects blocks of that namespace.
 */
static void test_dataset_management(void **state)
{
	struct trial trial = {
		.sqe = io(NVME_NVM_DATASET_MANAGEMENT, 1, 0, 4096, false),
		.qid = 1,
		.refused = true,
	};

	(void)state;
	check_all(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_write_in_range),
		cmocka_unit_test(test_write_in_range_by_r2t),
		cmocka_unit_test(test_read_in_range),
		cmocka_unit_test(test_write_to_namespace),
		cmocka_unit_test(test_write_zeroes),
		cmocka_unit_test(test_admin),
		cmocka_unit_test(test_admin_of_another_namespace),
		cmocka_unit_test(test_fabrics),
		cmocka_unit_test(test_dataset_management),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
