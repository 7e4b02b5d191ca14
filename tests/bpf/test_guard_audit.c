// SPDX-License-Identifier: BSD-2-Clause
/*
 * Audit mode: what is counted and logged beside a guard that enforces the same policy. That not one byte of a packet
 * changes is checked with every packet of these tests, and of those of the other guard tests (guard_audited).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define POLICY                                                                                     \
	"version: 1\ndefault: allow\nrules:\n"                                                     \
	"  - {namespace: 1, commands: [writes], verdict: deny}\n"

static struct guard_link link;

static uint64_t audited(enum stoq_guard_total total)
{
	return guard_total_of(the_auditor, total);
}

/* A write to the namespace that is read-only; where it begins. */
static size_t write_command(uint16_t cid)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, cid, 1, 100);

	return link_write_command(&link, &fields);
}

static void test_a_command(void **state)
{
	uint64_t denied = audited(STOQ_GUARD_DENIED), patched = audited(STOQ_GUARD_PATCHED);
	struct stoq_guard_record real, audit;
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	guard_install(POLICY);
	link_open(&link, 1);
	at = write_command(7);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	sqe = link_command(&link, at);
	assert_true(link_is_refused(&sqe)); /* by the guard that enforces */
	real = guard_last_record();
	audit = guard_last_record_of(the_auditor);
	assert_int_equal(audited(STOQ_GUARD_DENIED), denied + 1);
	assert_int_equal(audited(STOQ_GUARD_PATCHED), patched);
	assert_int_equal(real.audit, 0);
	assert_int_equal(audit.audit, 1);
	assert_int_equal(audit.kind, STOQ_GUARD_RECORD_DENIED);
	assert_int_equal(audit.rule, real.rule);
	assert_int_equal(audit.status, real.status);
	assert_int_equal(audit.code, NVME_NVM_WRITE);
	assert_int_equal(audit.slba, 100);
	link_complete(&link, 7);
	assert_int_equal(audited(STOQ_GUARD_RESPONSES), 0);
}

/* Whether the guard that enforces lets pass what was written since `at`. */
static bool send_on(size_t at)
{
	return link_send(&link, NVME_TCP_FROM_HOST, at, link.written[NVME_TCP_FROM_HOST]);
}

/*
 * A connection that strict would have stopped is judged on, and is an event once: what comes after
 * it would not have been sent.
 */
static void test_where_strict_stops(void **state)
{
	uint64_t in_use = audited(STOQ_GUARD_DROP_CID_IN_USE), denied;
	struct stoq_guard_record record;

	(void)state;
	guard_install(POLICY);
	link_open(&link, 1);
	send_on(write_command(7));
	assert_false(send_on(write_command(7)));
	record = guard_last_record_of(the_auditor);
	assert_int_equal(record.kind, STOQ_GUARD_RECORD_DROPPED);
	assert_int_equal(record.reason, STOQ_GUARD_DROP_CID_IN_USE);
	assert_int_equal(record.audit, 1);
	denied = audited(STOQ_GUARD_DENIED);
	send_on(write_command(7));
	send_on(write_command(8));
	assert_int_equal(audited(STOQ_GUARD_DENIED), denied + 2);
	assert_int_equal(audited(STOQ_GUARD_DROP_CID_IN_USE), in_use + 1);
}

/* A connection that is older than the guard: strict lets none of it pass. */
static void test_an_older_connection(void **state)
{
	uint64_t unfollowed = audited(STOQ_GUARD_DROP_UNFOLLOWED), denied;

	(void)state;
	guard_install(POLICY);
	link_start(&link);
	denied = audited(STOQ_GUARD_DENIED);
	for (uint16_t cid = 1; cid <= 4; cid++)
		assert_false(send_on(write_command(cid)));
	assert_int_equal(audited(STOQ_GUARD_DENIED), denied + 4);
	assert_int_equal(audited(STOQ_GUARD_DROP_UNFOLLOWED), unfollowed + 1);
}

/* What is no PDU: those behind it are found again. */
static void test_behind_garbage(void **state)
{
	uint64_t malformed = audited(STOQ_GUARD_DROP_MALFORMED_PDU), denied;
	uint8_t garbage[96];
	size_t at;

	(void)state;
	guard_install(POLICY);
	link_open(&link, 1);
	memset(garbage, 0xa5, sizeof(garbage));
	dialog_bytes(&link.dialog, garbage, sizeof(garbage));
	at = link_write(&link, NVME_TCP_FROM_HOST);
	send_on(at);
	assert_int_equal(audited(STOQ_GUARD_DROP_MALFORMED_PDU), malformed + 1);
	denied = audited(STOQ_GUARD_DENIED);
	for (uint16_t cid = 1; cid <= 8; cid++)
		send_on(write_command(cid));
	assert_true(audited(STOQ_GUARD_DENIED) > denied);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command),
		cmocka_unit_test(test_where_strict_stops),
		cmocka_unit_test(test_an_older_connection),
		cmocka_unit_test(test_behind_garbage),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
