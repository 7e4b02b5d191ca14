// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "flow/identity.h"
#include "flow/label.h"

#define HOST	  "nqn.2014-08.org.nvmexpress:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427"
#define SUBSYSTEM "nqn.2016-06.io.spdk:cnode1"

static struct stoq_identity somebody(void)
{
	struct stoq_identity identity = fixture_nobody();

	strcpy(identity.host_nqn, HOST);
	strcpy(identity.subsystem_nqn, SUBSYSTEM);
	strcpy(identity.host_address, "192.0.2.1:40000");
	strcpy(identity.controller_address, "192.0.2.2:4420");
	return identity;
}

static void assert_label(const struct stoq_identity *identity, enum stoq_axis axis, size_t width,
	const char *expected)
{
	char label[STOQ_LABEL_SIZE];

	stoq_group_label(label, identity, axis, width);
	assert_string_equal(label, expected);
}

static void test_nqns_lose_their_authority_first(void **state)
{
	struct stoq_identity identity = somebody();

	assert_label(&identity, STOQ_BY_SUBSYSTEM, 0, SUBSYSTEM);
	assert_label(&identity, STOQ_BY_SUBSYSTEM, 26, SUBSYSTEM);
	assert_label(&identity, STOQ_BY_SUBSYSTEM, 25, "cnode1");
	assert_label(&identity, STOQ_BY_HOST, 20, "uuid:1..0016d3cca427");
}

static void test_addresses_stand_in(void **state)
{
	struct stoq_identity identity = somebody();

	identity.host_nqn[0] = '\0';
	assert_label(&identity, STOQ_BY_HOST, 20, "192.0.2.1:40000");
	identity.host_address[0] = '\0';
	assert_label(&identity, STOQ_BY_HOST, 20, "(not known)");
}

static void test_namespace(void **state)
{
	struct stoq_identity identity = somebody();

	identity.nsid = 7;
	assert_label(&identity, STOQ_BY_NAMESPACE, 20, "7, cnode1");
	identity.nsid = 0xffffffff;
	assert_label(&identity, STOQ_BY_NAMESPACE, 20, "all, cnode1");
}

static void test_queue(void **state)
{
	struct stoq_identity identity = somebody();

	identity.qid = 3;
	identity.cntlid = 1;
	assert_label(&identity, STOQ_BY_QUEUE, 0, "c1 q3 " HOST ">" SUBSYSTEM);
	assert_label(&identity, STOQ_BY_QUEUE, 24, "c1 q3 uui..cca427>cnode1");
	identity.qid = identity.cntlid = -1;
	identity.host_nqn[0] = identity.subsystem_nqn[0] = '\0';
	assert_label(&identity, STOQ_BY_QUEUE, 31, "192.0.2.1:40000>192.0.2.2:4420");
	assert_label(&identity, STOQ_BY_CONNECTION, 0, "192.0.2.1:40000>192.0.2.2:4420");
}

static void test_opcode(void **state)
{
	struct stoq_identity identity = fixture_nobody();

	identity.opcode = NVME_OPCODE_FABRICS;
	identity.fctype = NVME_FABRICS_CONNECT;
	assert_label(&identity, STOQ_BY_OPCODE, 20, "Connect");
	identity.opcode = NVME_NVM_WRITE_ZEROES;
	identity.fctype = -1;
	assert_label(&identity, STOQ_BY_OPCODE, 20, "Write Zeroes");
}

/* Whatever the wire says, a label is short and printable. */
static void test_any_width_any_bytes(void **state)
{
	struct stoq_identity identity = fixture_nobody();
	char label[STOQ_LABEL_SIZE];

	memset(identity.host_nqn, 0x1b, sizeof(identity.host_nqn));
	memset(identity.subsystem_nqn, 0x9b, sizeof(identity.subsystem_nqn));
	identity.qid = 65535;
	identity.cntlid = 65535;
	identity.nsid = 0xfffffffe;
	identity.size = 33;
	for (int axis = 0; axis < STOQ_AXES * (STOQ_AXES + 1); axis++) {
		enum stoq_axis one = axis % STOQ_AXES, other = axis / STOQ_AXES;

		for (size_t width = 0; width < 600; width++) {
			stoq_group_label(label, &identity,
				other < STOQ_AXES ? stoq_axis_pair(one, other) : one, width);
			if (width >= (other < STOQ_AXES ? 49 : 24))
				assert_true(strlen(label) <= width);
			for (const char *at = label; *at; at++)
				assert_in_range(*at, 0x20, 0x7e);
		}
	}
}

static void test_size_and_path(void **state)
{
	struct stoq_identity identity = somebody();

	assert_label(&identity, STOQ_BY_SIZE, 20, "(not known)");
	identity.size = 0;
	assert_label(&identity, STOQ_BY_SIZE, 20, "no data");
	identity.size = 1;
	assert_label(&identity, STOQ_BY_SIZE, 20, "1 B");
	identity.size = 13;
	assert_label(&identity, STOQ_BY_SIZE, 20, "4 KiB");
	identity.size = 32;
	assert_label(&identity, STOQ_BY_SIZE, 20, "2 GiB");
	stoq_identity_reduce(&identity, STOQ_BY_PATH);
	assert_label(&identity, STOQ_BY_PATH, 0, "192.0.2.1>192.0.2.2:4420");
}

static void test_two_axes_share_the_width(void **state)
{
	const enum stoq_axis axis = stoq_axis_pair(STOQ_BY_HOST, STOQ_BY_OPCODE);
	struct stoq_identity identity = somebody();

	identity.opcode = NVME_NVM_READ;
	identity.kind = NVME_QUEUE_IO;
	assert_label(&identity, axis, 0, HOST " Read");
	assert_label(&identity, axis, 25, "uuid:1..0016d3cca427 Read");
	assert_label(&identity, stoq_axis_pair(STOQ_BY_OPCODE, STOQ_BY_HOST), 25,
		"Read uuid:1..0016d3cca427");
	assert_label(&identity, stoq_axis_pair(STOQ_BY_SUBSYSTEM, STOQ_BY_HOST), 25,
		"cnode1 uui..3cca427");
}

/* A connection that has ended has no port: what is taken off once is not taken off again. */
static void test_axes_keep_what_they_tell_apart(void **state)
{
	struct stoq_identity identity = somebody(), other;

	identity.host_nqn[0] = '\0';
	strcpy(identity.host_address, "[2001:db8::1]");
	identity.nsid = 7;
	identity.opcode = NVME_OPCODE_FABRICS;
	identity.fctype = NVME_FABRICS_CONNECT;
	identity.kind = NVME_QUEUE_IO;
	identity.qid = 3;
	other = identity;
	stoq_identity_reduce(&other, STOQ_BY_HOST);
	assert_string_equal(other.host_address, "[2001:db8::1]");
	assert_int_equal(other.nsid, -1);
	other = identity;
	stoq_identity_reduce(&other, stoq_axis_pair(STOQ_BY_QUEUE, STOQ_BY_OPCODE));
	assert_int_equal(other.qid, 3);
	assert_int_equal(other.kind, NVME_QUEUE_IO);
	assert_int_equal(other.fctype, NVME_FABRICS_CONNECT);
	assert_int_equal(other.nsid, -1);
	other = identity;
	stoq_identity_reduce(&other, stoq_axis_pair(STOQ_BY_OPCODE, STOQ_BY_QUEUE));
	assert_int_equal(other.kind, NVME_QUEUE_IO);
	assert_int_equal(other.opcode, NVME_OPCODE_FABRICS);
	other = identity;
	stoq_identity_reduce(&other, STOQ_BY_CONNECTION);
	assert_string_equal(other.host_address, "");
}

static void test_axis_names(void **state)
{
	enum stoq_axis axis;
	char text[STOQ_AXIS_NAME];

	for (int i = 0; i < STOQ_AXES; i++) {
		assert_int_equal(
			stoq_axis_from_name(stoq_axis_name((enum stoq_axis)i, text), &axis), 0);
		assert_int_equal(axis, i);
	}
	assert_true(stoq_axis_from_name("Host", &axis) < 0);
	assert_true(stoq_axis_from_name("", &axis) < 0);
	assert_true(stoq_axis_from_name("host,", &axis) < 0);
	assert_true(stoq_axis_from_name(",host", &axis) < 0);
	assert_true(stoq_axis_from_name("host,host", &axis) < 0);
	assert_true(stoq_axis_from_name("host,opcode,size", &axis) < 0);
	for (int i = 0; i < STOQ_AXES * STOQ_AXES; i++) {
		enum stoq_axis one = i / STOQ_AXES, other = i % STOQ_AXES;

		if (one == other)
			continue;
		assert_int_equal(stoq_axis_from_name(
					 stoq_axis_name(stoq_axis_pair(one, other), text), &axis),
			0);
		assert_int_equal(stoq_axis_first(axis), one);
		assert_int_equal(stoq_axis_second(axis), other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nqns_lose_their_authority_first),
		cmocka_unit_test(test_addresses_stand_in),
		cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_opcode),
		cmocka_unit_test(test_any_width_any_bytes),
		cmocka_unit_test(test_size_and_path),
		cmocka_unit_test(test_two_axes_share_the_width),
		cmocka_unit_test(test_axes_keep_what_they_tell_apart),
		cmocka_unit_test(test_axis_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
