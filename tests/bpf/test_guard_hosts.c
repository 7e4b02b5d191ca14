// SPDX-License-Identifier: BSD-2-Clause

/* Rules by host: known by its Connect, however that is cut, or by what user space has found out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "bpf/guard/engine.h"
#include "guard/by_host.h"
#include "stoq_guard.skel.h"
#include "tests/bpf/guard_link.h"

static struct guard_link link;

/* Rules by host: known by its Connect, wherever that is cut; and a second Connect changes nothing.
 */
static void test_hosts(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 7, 1, 100);
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	guard_install("version: 1\ndefault: deny\nrules:\n"
		      "  - {host: '" DIALOG_HOST_NQN "', verdict: allow}\n");
	link_open(&link, 1);
	at = link_write_command(&link, &fields);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	link_assert_unchanged(&link, at, at + 72);
	dialog_connect(&link.dialog, 8, 2);
	at = link_write(&link, NVME_TCP_FROM_HOST);
	link.bytes[NVME_TCP_FROM_HOST][at + 72 + 512] = 'x'; /* the host's NQN */
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	sqe = link_command(&link, at);
	assert_true(link_is_refused(&sqe));
	link_complete_refused(&link, 8, NVME_STATUS(0, 0x0c));
	fields.cid++;
	at = link_write_command(&link, &fields);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	link_assert_unchanged(&link, at, at + 72);
	/* Another host would be refused from Connect on. */
	guard_install("version: 1\ndefault: deny\nrules:\n  - {host: "
		      "'nqn.2014-08.org.example:other', verdict: allow}\n");
	link_start(&link);
	link_handshake(&link, 1);
	sqe = link_command(&link, 128);
	assert_true(link_is_refused(&sqe));
}

/*
 * Connect whose data comes a segment later: its host is not known when it has to be decided about.
 * What follows it is decided by the name. size: where the first segment ends, in the data.
 */
static void open_in_parts(size_t size)
{
	link_start(&link);
	link_negotiate(&link);
	dialog_connect(&link.dialog, 0, 1);
	link_write(&link, NVME_TCP_FROM_HOST);
	assert_true(link_send(&link, NVME_TCP_FROM_HOST, 128, 128 + 72 + size));
	assert_true(link_send(
		&link, NVME_TCP_FROM_HOST, 128 + 72 + size, link.written[NVME_TCP_FROM_HOST]));
}

static void expect_in_parts(const char *policy, bool connects, bool reads)
{
	static const size_t sizes[] = {0, 1, 511, 600, 1023};

	guard_install(policy);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 7, 1, 100);
		struct nvme_sqe sqe;
		size_t at;

		open_in_parts(sizes[i]);
		sqe = link_command(&link, 128);
		assert_int_equal(link_is_refused(&sqe), !connects);
		if (!connects) {
			assert_int_equal(guard_last_record().status, NVME_STATUS(2, 0x86));
			continue;
		}
		link_complete(&link, 0);
		at = link_write_command(&link, &fields);
		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		sqe = link_command(&link, at);
		assert_int_equal(link_is_refused(&sqe), !reads);
	}
}

static void test_connect_in_parts(void **state)
{
	(void)state;
	/* It may be the host that is refused, and is not the one that is allowed. */
	expect_in_parts("version: 1\ndefault: allow\nrules:\n"
			"  - {host: 'nqn.2014-08.org.example:other', verdict: deny}\n",
		false, false);
	expect_in_parts("version: 1\ndefault: deny\nrules:\n"
			"  - {host: '" DIALOG_HOST_NQN "', verdict: allow}\n",
		false, false);
	/* No rule about hosts holds for Connect itself. */
	expect_in_parts("version: 1\ndefault: allow\nrules:\n"
			"  - {host: '" DIALOG_HOST_NQN "', commands: [reads], verdict: deny}\n",
		true, false);
	expect_in_parts(
		"version: 1\ndefault: allow\nrules:\n"
		"  - {host: 'nqn.2014-08.org.example:other', commands: [reads], verdict: deny}\n",
		true, true);
	/* The policy says to let unknown hosts in: then names decide about what they do. */
	expect_in_parts("version: 1\ndefault: deny\nunknown-host: allow\nrules:\n"
			"  - {host: '" DIALOG_HOST_NQN "', verdict: allow}\n",
		true, true);
	expect_in_parts("version: 1\ndefault: deny\nunknown-host: allow\nrules:\n"
			"  - {host: 'nqn.2014-08.org.example:other', verdict: allow}\n",
		true, false);
}

/*
 * Connections of before: what user space says of them counts as their Connect. Strictly, they do
 * not pass until they begin again, whosever they are (test_guard_connections.c).
 */
static void test_identity(void **state)
{
	struct stoq_guard_identity identity = {.qid = 1};
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 7, 1, 100);
	struct stoq_flow_key key;
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	strcpy(identity.host, DIALOG_HOST_NQN);
	strcpy(identity.subsystem, DIALOG_SUBSYSTEM_NQN);
	for (int known = 0; known <= 1; known++) {
		guard_install("version: 1\nstrict: false\ndefault: allow\nrules:\n"
			      "  - {host: '" DIALOG_HOST_NQN "', verdict: allow}\n"
			      "  - {host: 'nqn.2014-08.org.example:x', verdict: deny}\n");
		link_start(&link);
		key = link_key(&link);
		identity.host_is_a = 1;
		if (known)
			assert_int_equal(bpf_map_update_elem(
						 bpf_map__fd(the_guard->maps.stoq_guard_identities),
						 &key, &identity, BPF_ANY),
				0);
		at = link_write_command(&link, &fields);
		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		sqe = link_command(&link, at);
		assert_int_equal(link_is_refused(&sqe), !known);
	}
}

/* The name is known, the queue is not: what is harmless on one kind of queue may pass on neither.
 */
static void test_unknown_queue(void **state)
{
	static const struct {
		uint8_t opcode;
		bool refused;
	} trials[] = {
		{NVME_ADMIN_IDENTIFY, false},
		{NVME_ADMIN_KEEP_ALIVE, false},
		{NVME_NVM_READ, false},
		{NVME_NVM_WRITE, true},
		{NVME_ADMIN_FORMAT_NVM, true},
	};
	struct stoq_guard_identity identity = {.qid = STOQ_GUARD_QID_UNKNOWN, .host_is_a = 1};
	struct stoq_flow_key key;
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	strcpy(identity.host, DIALOG_HOST_NQN);
	strcpy(identity.subsystem, DIALOG_SUBSYSTEM_NQN);
	guard_install(
		"version: 1\nstrict: false\ndefault: allow\nrules:\n  - {host: '" DIALOG_HOST_NQN
		"', commands: [writes, destructive], verdict: deny}\n");
	link_start(&link);
	key = link_key(&link);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_guard->maps.stoq_guard_identities),
				 &key, &identity, BPF_ANY),
		0);
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		struct nvme_io_fields fields = link_fields(trials[i].opcode, (uint16_t)i, 1, 0);

		fields.in_capsule = false;
		at = link_write_command(&link, &fields);
		assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
		sqe = link_command(&link, at);
		assert_int_equal(link_is_refused(&sqe), trials[i].refused);
	}
	/* It has connected before: its name cannot become another one. */
	dialog_connect(&link.dialog, 9, 1);
	at = link_write(&link, NVME_TCP_FROM_HOST);
	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	sqe = link_command(&link, at);
	assert_true(link_is_refused(&sqe));
}

/* ---- who was refused, and how ---- */

/* How many commands of this host were denied with this status. */
static uint64_t denied_of(const char *host, uint16_t status, bool others)
{
	struct stoq_guard_by_host key = {
		.kind = STOQ_GUARD_RECORD_DENIED, .status = status, .others = others};
	char field[NVME_NQN_LENGTH] = "";
	struct stoq_guard_nqn nqn;
	uint64_t count = 0;

	strcpy(field, host);
	stoq_guard_nqn_load(&nqn, field);
	memcpy(key.words, nqn.words, sizeof(key.words));
	bpf_map_lookup_elem(bpf_map__fd(the_guard->maps.stoq_guard_by_hosts), &key, &count);
	return count;
}

static void refuse_a_write(uint16_t cid)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, cid, 1, 100);
	size_t at = link_write_command(&link, &fields);
	struct nvme_sqe sqe;

	assert_true(link_flush(&link, NVME_TCP_FROM_HOST));
	sqe = link_command(&link, at);
	assert_true(link_is_refused(&sqe));
}

/* Other hosts take all room that is left. */
static void fill_by_hosts(void)
{
	struct stoq_guard_by_host key = {.kind = STOQ_GUARD_RECORD_DENIED};
	uint64_t one = 1;

	while (bpf_map_update_elem(
		       bpf_map__fd(the_guard->maps.stoq_guard_by_hosts), &key, &one, BPF_ANY) == 0)
		key.words[0]++;
}

static void test_counted(void **state)
{
	const uint16_t protected = NVME_STATUS(0, 0x20), denied = NVME_STATUS(2, 0x86);
	int map = bpf_map__fd(the_guard->maps.stoq_guard_by_hosts);
	uint64_t before = denied_of(DIALOG_HOST_NQN, protected, false),
		 before_denied = denied_of(DIALOG_HOST_NQN, denied, false);

	(void)state;
	assert_int_equal(stoq_guard_by_hosts_prepare(map), 0);
	assert_int_equal(stoq_guard_by_hosts_prepare(map), 0);
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {namespace: 1, commands: [writes], verdict: deny}\n");
	link_open(&link, 1);
	refuse_a_write(1);
	refuse_a_write(2);
	assert_int_equal(denied_of(DIALOG_HOST_NQN, protected, false), before + 2);
	guard_install(
		"version: 1\ndefault: allow\nrules:\n"
		"  - {namespace: 1, commands: [writes], verdict: deny, status: Access Denied}\n");
	refuse_a_write(3);
	assert_int_equal(denied_of(DIALOG_HOST_NQN, denied, false), before_denied + 1);
	/* A status that was not seen finds no room; what has some is counted on. */
	fill_by_hosts();
	refuse_a_write(4);
	guard_install(
		"version: 1\ndefault: allow\nrules:\n"
		"  - {namespace: 1, commands: [writes], verdict: deny, status: LBA Out of Range}\n");
	refuse_a_write(5);
	assert_int_equal(denied_of(DIALOG_HOST_NQN, denied, false), before_denied + 2);
	assert_int_equal(denied_of("", 0, true), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_connect_in_parts),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_unknown_queue),
		cmocka_unit_test(test_counted),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
