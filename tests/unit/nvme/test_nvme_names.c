// SPDX-License-Identifier: BSD-2-Clause
#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_opcodes(void **state)
{
	char buffer[NVME_NAME_LENGTH];

	assert_string_equal(nvme_opcode_name(NVME_QUEUE_IO, 0x01, 0, buffer), "Write");
	assert_string_equal(
		nvme_opcode_name(NVME_QUEUE_ADMIN, 0x01, 0, buffer), "Create I/O Submission Queue");
	assert_string_equal(nvme_opcode_name(NVME_QUEUE_IO, 0x7d, 0, buffer), "Zone Append");
	assert_string_equal(nvme_opcode_name(NVME_QUEUE_ADMIN, 0x80, 0, buffer), "Format NVM");
	assert_string_equal(nvme_opcode_name(NVME_QUEUE_ADMIN, 0x86, 9, buffer), "Get LBA Status");
}

static void test_fabrics_commands_are_named_by_type(void **state)
{
	char buffer[NVME_NAME_LENGTH];

	assert_string_equal(nvme_opcode_name(NVME_QUEUE_ADMIN, 0x7f, 1, buffer), "Connect");
	assert_string_equal(nvme_opcode_name(NVME_QUEUE_IO, 0x7f, 1, buffer), "Connect");
	assert_string_equal(nvme_opcode_name(NVME_QUEUE_IO, 0x7f, 0x33, buffer), "fctype 0x33");
}

static void test_unknown_opcodes_are_numbers(void **state)
{
	char buffer[NVME_NAME_LENGTH];

	assert_string_equal(nvme_opcode_name(NVME_QUEUE_IO, 0x9f, 0, buffer), "opcode 0x9f");
	assert_string_equal(nvme_opcode_name(NVME_QUEUE_IO, 0x03, 0, buffer), "opcode 0x03");
	assert_string_equal(nvme_opcode_name(NVME_QUEUE_ADMIN, 0xff, 0, buffer), "opcode 0xff");
}

static const char *status(enum nvme_queue_kind kind, uint8_t opcode, uint16_t code)
{
	static char buffer[NVME_NAME_LENGTH];

	return nvme_status_name(kind, opcode, code, buffer);
}

static void test_statuses(void **state)
{
	assert_string_equal(status(NVME_QUEUE_IO, 1, 0), "Successful Completion");
	assert_string_equal(
		status(NVME_QUEUE_IO, 1, NVME_STATUS(0, 0x20)), "Namespace is Write Protected");
	assert_string_equal(status(NVME_QUEUE_IO, 1, NVME_STATUS(0, 0x80)), "LBA Out of Range");
	assert_string_equal(
		status(NVME_QUEUE_IO, 2, NVME_STATUS(2, 0x81)), "Unrecovered Read Error");
	assert_string_equal(
		status(NVME_QUEUE_IO, 2, NVME_STATUS(3, 0x02)), "Asymmetric Access Inaccessible");
	assert_string_equal(status(NVME_QUEUE_ADMIN, 2, NVME_STATUS(1, 0x09)), "Invalid Log Page");
}

static void test_command_specific_statuses_depend_on_the_command(void **state)
{
	uint16_t code = NVME_STATUS(1, 0x82);

	assert_string_equal(status(NVME_QUEUE_IO, 1, code), "Attempted Write to Read Only Range");
	assert_string_equal(status(NVME_QUEUE_IO, 0x7f, code), "Connect Invalid Parameters");
	assert_string_equal(status(NVME_QUEUE_ADMIN, 0x7f, code), "Connect Invalid Parameters");
	assert_string_equal(
		status(NVME_QUEUE_ADMIN, 0x80, code), "Attempted Write to Read Only Range");
	assert_string_equal(status(NVME_QUEUE_IO, 2, NVME_STATUS(1, 0x90)), "status 0x1/0x90");
	assert_string_equal(status(NVME_QUEUE_ADMIN, 2, NVME_STATUS(1, 0x90)), "Discover Restart");
}

static void test_unknown_statuses_are_numbers(void **state)
{
	assert_string_equal(status(NVME_QUEUE_IO, 1, NVME_STATUS(7, 0x12)), "status 0x7/0x12");
	assert_string_equal(status(NVME_QUEUE_IO, 1, NVME_STATUS(0, 0x17)), "status 0x0/0x17");
	assert_string_equal(status(NVME_QUEUE_IO, 1, NVME_STATUS(2, 0x00)), "status 0x2/0x00");
	assert_string_equal(status(NVME_QUEUE_IO, 1, NVME_STATUS(3, 0x80)), "status 0x3/0x80");
	assert_string_equal(status(NVME_QUEUE_IO, 1, 0xffff), "status 0xff/0xff");
}

static void test_pdu_types(void **state)
{
	assert_string_equal(nvme_tcp_pdu_name(NVME_TCP_CAPSULE_CMD), "CapsuleCmd");
	assert_string_equal(nvme_tcp_pdu_name(NVME_TCP_C2H_DATA), "C2HData");
	assert_string_equal(nvme_tcp_pdu_name(NVME_TCP_R2T), "R2T");
	assert_string_equal(nvme_tcp_pdu_name(8), "unknown");
	assert_string_equal(nvme_tcp_pdu_name(255), "unknown");
}

/* Every name leads back to its code, on both kinds of queue: no name stands for two. */
static void test_opcode_names_lead_back(void **state)
{
	for (int kind = NVME_QUEUE_ADMIN; kind <= NVME_QUEUE_IO; kind++) {
		for (int opcode = 0; opcode < 256; opcode++) {
			char buffer[NVME_NAME_LENGTH];
			uint8_t back, fctype = 9;
			const char *name = nvme_opcode_name(kind, opcode, 1, buffer);

			if (name == buffer)
				continue;
			assert_int_equal(nvme_opcode_from_name(kind, name, &back, &fctype), 0);
			assert_int_equal(back, opcode);
			assert_int_equal(fctype, opcode == NVME_OPCODE_FABRICS ? 1 : 0);
		}
	}
}

static void test_status_names_lead_back(void **state)
{
	static const uint8_t opcodes[] = {0x01, NVME_OPCODE_FABRICS};

	for (int kind = NVME_QUEUE_ADMIN; kind <= NVME_QUEUE_IO; kind++) {
		for (int i = 0; i < 2 * 0x800; i++) {
			char buffer[NVME_NAME_LENGTH];
			uint16_t code = i / 2, back;
			const char *name = nvme_status_name(kind, opcodes[i % 2], code, buffer);

			if (name == buffer)
				continue;
			assert_int_equal(
				nvme_status_from_name(kind, opcodes[i % 2], name, &back), 0);
			assert_int_equal(back, code);
		}
	}
}

static void test_names_are_found_as_people_type_them(void **state)
{
	uint8_t opcode = 0, fctype = 0;
	uint16_t code = 0;

	assert_int_equal(nvme_opcode_from_name(NVME_QUEUE_IO, "write-zeroes", &opcode, &fctype), 0);
	assert_int_equal(opcode, NVME_NVM_WRITE_ZEROES);
	assert_int_equal(
		nvme_opcode_from_name(NVME_QUEUE_ADMIN, "FORMAT_nvm", &opcode, &fctype), 0);
	assert_int_equal(opcode, NVME_ADMIN_FORMAT_NVM);
	assert_int_equal(
		nvme_status_from_name(NVME_QUEUE_IO, 1, "namespace is write protected", &code), 0);
	assert_int_equal(code, NVME_STATUS(0, 0x20));
}

static void test_unknown_names_are_refused(void **state)
{
	uint8_t opcode = 77, fctype = 78;
	uint16_t code = 79;

	assert_int_equal(nvme_opcode_from_name(NVME_QUEUE_IO, "", &opcode, &fctype), -ENOENT);
	assert_int_equal(nvme_opcode_from_name(NVME_QUEUE_IO, "Writ", &opcode, &fctype), -ENOENT);
	assert_int_equal(nvme_opcode_from_name(NVME_QUEUE_IO, "Writes", &opcode, &fctype), -ENOENT);
	assert_int_equal(
		nvme_opcode_from_name(NVME_QUEUE_IO, "Identify", &opcode, &fctype), -ENOENT);
	assert_int_equal(nvme_status_from_name(NVME_QUEUE_IO, 1, "Success", &code), -ENOENT);
	assert_int_equal(opcode, 77);
	assert_int_equal(fctype, 78);
	assert_int_equal(code, 79);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opcodes),
		cmocka_unit_test(test_fabrics_commands_are_named_by_type),
		cmocka_unit_test(test_unknown_opcodes_are_numbers),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_command_specific_statuses_depend_on_the_command),
		cmocka_unit_test(test_unknown_statuses_are_numbers),
		cmocka_unit_test(test_pdu_types),
		cmocka_unit_test(test_opcode_names_lead_back),
		cmocka_unit_test(test_status_names_lead_back),
		cmocka_unit_test(test_names_are_found_as_people_type_them),
		cmocka_unit_test(test_unknown_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
