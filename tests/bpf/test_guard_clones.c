// SPDX-License-Identifier: BSD-2-Clause
/* One host NQN that two machines use: what is told apart, when, and what is refused; a guard in audit mode refuses nothing. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "stoq_guard.skel.h"
#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER
#define POLICY	   "version: 1\ndefault: allow\n"
#define REFUSING   POLICY "clones: refuse\n"
#define ADDRESS	   0x0a000001u
#define INVALID	   NVME_STATUS(1, 0x84) /* Connect Invalid Host */

#define LINKS 6
static struct guard_link links[LINKS];
static uint64_t clones_before;

static int setup(void **state)
{
	guard_audited = true;
	return guard_setup(state);
}

/* Nobody is connected; which policy holds. */
static void begin(const char *policy)
{
	for (size_t i = 0; i < LINKS; i++)
		if (links[i].path.host_port)
			link_flags(&links[i], CONTROLLER, WIRE_RST, 0, 0, 0);
	guard_install(policy);
	clones_before = guard_total(STOQ_GUARD_CLONES);
}

static uint64_t clones(void)
{
	return guard_total(STOQ_GUARD_CLONES) - clones_before;
}

/* Link i, of the machine with this address and host identifier; its Connect is written, and not sent. */
static struct guard_link *come(size_t i, uint32_t address, uint8_t id, uint16_t qid)
{
	struct guard_link *link = &links[i];

	link_start(link);
	link->path.host_address = address;
	memset(link->dialog.hostid, id, sizeof(link->dialog.hostid));
	link_negotiate(link);
	dialog_connect(&link->dialog, 0, qid);
	link_write(link, HOST);
	return link;
}

static struct guard_link *connect_host(size_t i, uint32_t address, uint8_t id, uint16_t qid)
{
	struct guard_link *link = come(i, address, id, qid);

	assert_true(link_flush(link, HOST));
	link_complete(link, 0);
	return link;
}

/* The last record is about these two; also the auditor's. */
static void check_record(
	struct stoq_guard_record record, const struct guard_link *other, uint16_t status)
{
	uint32_t address = htonl(other->path.host_address);

	assert_int_equal(record.kind, STOQ_GUARD_RECORD_CLONE);
	assert_memory_equal(record.other_address + 12, &address, sizeof(address));
	assert_int_equal(ntohs(record.other_port), other->path.host_port);
	assert_int_equal(record.status, status);
	assert_int_equal(record.policy_hash, guard_compiled->hash);
	assert_true(record.other_uid != 0 && record.other_uid != record.uid);
}

static void test_two_machines(void **state)
{
	struct guard_link *first;

	(void)state;
	begin(POLICY);
	first = connect_host(0, ADDRESS, 1, 0);
	assert_int_equal(clones(), 0);
	connect_host(1, ADDRESS + 1, 2, 0);
	assert_int_equal(clones(), 1);
	check_record(guard_last_record(), first, 0);
	check_record(guard_last_record_of(the_auditor), first, 0);
	connect_host(2, ADDRESS + 1, 2, 1); /* its I/O queue is no other controller */
	assert_int_equal(clones(), 1);
	/* The first one comes again: both are there still. */
	connect_host(3, ADDRESS, 1, 0);
	assert_int_equal(clones(), 2);
	check_record(guard_last_record(), &links[1], 0);
	assert_int_equal(
		guard_total_of(the_auditor, STOQ_GUARD_CLONES), guard_total(STOQ_GUARD_CLONES));
}

/* What is no clone, or cannot be told from one machine. */
static void test_one_machine(void **state)
{
	(void)state;
	begin(REFUSING);
	connect_host(0, ADDRESS, 1, 0);
	connect_host(1, ADDRESS + 1, 1, 0); /* several ways */
	connect_host(2, ADDRESS + 2, 0, 0); /* no identifier */
	assert_int_equal(clones(), 0);
	begin(REFUSING);
	connect_host(0, ADDRESS, 1, 0);
	connect_host(1, ADDRESS, 2, 0); /* two identifiers behind one address */
	assert_int_equal(clones(), 0);
}

/* Who is not there, or never was, has no NQN that another one could take. */
static void test_gone(void **state)
{
	(void)state;
	begin(REFUSING);
	connect_host(0, ADDRESS, 1, 0);
	assert_true(link_flags(&links[0], HOST, WIRE_FIN | WIRE_ACK,
		links[0].first[HOST] + (uint32_t)links[0].written[HOST],
		links[0].first[CONTROLLER] + (uint32_t)links[0].written[CONTROLLER], 0));
	connect_host(1, ADDRESS + 1, 2, 0);
	assert_int_equal(clones(), 0);

	begin(REFUSING);
	come(0, ADDRESS, 1, 0);
	assert_true(link_flush(&links[0], HOST)); /* not answered yet */
	connect_host(1, ADDRESS + 1, 2, 0);
	assert_int_equal(clones(), 0);

	begin(REFUSING);
	come(0, ADDRESS, 1, 0);
	assert_true(link_flush(&links[0], HOST));
	dialog_response(&links[0].dialog, 0, INVALID << 1, 0);
	link_write(&links[0], CONTROLLER);
	assert_true(link_flush(&links[0], CONTROLLER));
	connect_host(1, ADDRESS + 1, 2, 0);
	assert_int_equal(clones(), 0);
}

/* The second one's Connect is refused, and the target's answer says so; the first one goes on. */
static void test_refused(void **state)
{
	struct guard_link *first, *second;
	size_t at;

	(void)state;
	begin(REFUSING);
	first = connect_host(0, ADDRESS, 1, 0);
	second = come(1, ADDRESS + 1, 2, 0);
	at = second->written[HOST] - sizeof(struct nvme_connect_data) - 72;
	assert_true(link_flush(second, HOST));
	assert_int_equal(clones(), 1);
	{
		const struct nvme_sqe sqe = link_command(second, at);

		assert_true(link_is_refused(&sqe));
	}
	check_record(guard_record(guard_log_last() - 1), first, INVALID);
	assert_int_equal(guard_last_record().kind, STOQ_GUARD_RECORD_DENIED);
	assert_int_equal(guard_last_record().status, INVALID);
	assert_int_equal(guard_last_record().rule, STOQ_GUARD_NO_RULE);
	at = second->written[CONTROLLER];
	dialog_response(
		&second->dialog, 0, NVME_STATUS(0, 1) << 1, 0); /* Invalid Opcode, by the target */
	link_write(second, CONTROLLER);
	assert_true(link_flush(second, CONTROLLER));
	assert_int_equal(nvme_le16(link_response(second, at).status) >> 1 & 0x7ff, INVALID);
	/* It took no place: the first one may come again. */
	connect_host(2, ADDRESS, 1, 0);
	assert_int_equal(clones(), 1);
}

/* More ways than there are places: the oldest of them may close. */
static void test_many_ways(void **state)
{
	(void)state;
	begin(POLICY);
	for (size_t i = 0; i < 5; i++)
		connect_host(i, ADDRESS, 1, 0);
	for (size_t i = 0; i < 4; i++)
		link_flags(&links[i], CONTROLLER, WIRE_RST, 0, 0, 0);
	connect_host(5, ADDRESS + 1, 2, 0);
	assert_int_equal(clones(), 1);
	check_record(guard_last_record(), &links[4], 0);
	/* Or the later ones, of as many as there are places. */
	begin(POLICY);
	for (size_t i = 0; i < 4; i++)
		connect_host(i, ADDRESS, 1, 0);
	for (size_t i = 1; i < 4; i++)
		link_flags(&links[i], CONTROLLER, WIRE_RST, 0, 0, 0);
	connect_host(5, ADDRESS + 1, 2, 0);
	assert_int_equal(clones(), 1);
	check_record(guard_last_record(), &links[0], 0);
}

/* Whether the second machine's next command is refused. */
static bool next_is_refused(struct guard_link *link, uint16_t cid)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_FLUSH, cid, 1, 0);
	size_t at = link_write_command(link, &fields);
	struct nvme_sqe sqe;

	assert_true(link_flush(link, HOST));
	sqe = link_command(link, at);
	return link_is_refused(&sqe);
}

/* The names come in another segment than the Connect's header, which has passed then: what follows is refused in its place. */
static void test_late_names(void **state)
{
	struct guard_link *second;
	size_t header;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(i ? REFUSING : POLICY);
		connect_host(0, ADDRESS, 1, 0);
		second = come(1, ADDRESS + 1, 2, 0);
		header = second->written[HOST] - sizeof(struct nvme_connect_data);
		assert_true(link_send(second, HOST, link_arrived(second, HOST), header));
		assert_true(link_send(second, HOST, header, second->written[HOST]));
		assert_int_equal(clones(), 0);
		link_complete(second, 0);
		assert_int_equal(clones(), 1);
		check_record(guard_last_record(), &links[0], i ? INVALID : 0);
		assert_int_equal(next_is_refused(second, 3), i);
		/* Reported once, also behind a reload. */
		guard_install(REFUSING);
		assert_int_equal(next_is_refused(second, 4), i);
		assert_int_equal(clones(), 1);
		assert_false(next_is_refused(&links[0], 5));
	}
	assert_int_equal(guard_last_record().status, NVME_STATUS(2, 0x86)); /* Access Denied */
}

/* Its Connect passes, and is not answered. */
static void come_unaccepted(size_t i, uint32_t address, uint8_t id)
{
	assert_true(link_flush(come(i, address, id, 0), HOST));
}

/* Both Connects pass before one of them is accepted: the second to be accepted is the clone. */
static void test_two_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(i ? REFUSING : POLICY);
		come_unaccepted(0, ADDRESS, 1);
		come_unaccepted(1, ADDRESS + 1, 2);
		link_complete(&links[1], 0);
		assert_int_equal(clones(), 0);
		link_complete(&links[0], 0);
		assert_int_equal(clones(), 1);
		check_record(guard_last_record(), &links[1], i ? INVALID : 0);
		assert_int_equal(next_is_refused(&links[0], 3), i);
		assert_false(next_is_refused(&links[1], 3));
		guard_install(REFUSING);
		assert_int_equal(next_is_refused(&links[0], 4), i);
		assert_int_equal(clones(), 1);
	}
}

/* Hosts that no target has accepted push out none that one has, nor any whose answer is on its way. */
static void test_strangers(void **state)
{
	(void)state;
	for (size_t left = 0; left < 4; left++) {
		begin(POLICY);
		for (size_t i = 0; i < 4; i++)
			connect_host(i, ADDRESS, 1, 0);
		come_unaccepted(4, ADDRESS + 1, 2);
		assert_int_equal(clones(), 1);
		for (size_t i = 0; i < 4; i++)
			if (i != left)
				link_flags(&links[i], CONTROLLER, WIRE_RST, 0, 0, 0);
		connect_host(5, ADDRESS + 2, 3, 0);
		assert_int_equal(clones(), 2);
		check_record(guard_last_record(), &links[left], 0);
	}
	begin(REFUSING);
	come_unaccepted(0, ADDRESS, 1);
	for (size_t i = 1; i < 5; i++)
		come_unaccepted(i, ADDRESS + 1, 2);
	link_complete(&links[0], 0);
	come_unaccepted(5, ADDRESS + 2, 3);
	assert_int_equal(clones(), 1);
	check_record(guard_record(guard_log_last() - 1), &links[0], INVALID);
	assert_false(next_is_refused(&links[0], 3));
}

static size_t hosts_known(void)
{
	int hosts = bpf_map__fd(the_guard->maps.stoq_guard_hosts);
	uint64_t key[STOQ_GUARD_NQN_WORDS], *last = NULL;
	size_t count = 0;

	for (; bpf_map_get_next_key(hosts, last, key) == 0; last = key)
		count++;
	return count;
}

/* Names that no host has take no place among the NQNs, either. */
static void test_strange_names(void **state)
{
	int hosts = bpf_map__fd(the_guard->maps.stoq_guard_hosts);
	uint64_t key[STOQ_GUARD_NQN_WORDS];

	(void)state;
	begin(POLICY);
	while (bpf_map_get_next_key(hosts, NULL, key) == 0)
		assert_int_equal(bpf_map_delete_elem(hosts, key), 0);
	come_unaccepted(0, ADDRESS, 1);
	assert_int_equal(hosts_known(), 0);
	link_complete(&links[0], 0);
	assert_int_equal(hosts_known(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_machines),
		cmocka_unit_test(test_one_machine),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many_ways),
		cmocka_unit_test(test_late_names),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_strange_names),
	};

	return cmocka_run_group_tests(tests, setup, guard_teardown);
}
