// SPDX-License-Identifier: BSD-2-Clause
/* Filters: what is understood, what is refused, and what they leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/endpoint.h"
#include "flow/model.h"
#include "watch/filter.h"

static struct stoq_filter filter;
static struct stoq_error error;

static int setup(void **state)
{
	filter = (struct stoq_filter){0};
	return 0;
}

static void add(enum stoq_filter_kind kind, const char *text)
{
	assert_int_equal(stoq_filter_add(&filter, kind, text, &error), 0);
}

static void refuse(enum stoq_filter_kind kind, const char *text, const char *words)
{
	assert_true(stoq_filter_add(&filter, kind, text, &error) < 0);
	if (!strstr(error.text, words))
		fail_msg("'%s' lacks '%s'", error.text, words);
}

static bool wants_ends(const char *one, uint16_t one_port, const char *other, uint16_t other_port)
{
	const struct stoq_identity nobody = {.cntlid = -1};
	struct stoq_flow_key key = {.port_a = (__be16)__builtin_bswap16(one_port),
		.port_b = (__be16)__builtin_bswap16(other_port)};

	assert_int_equal(stoq_host_parse(key.address_a, one), 0);
	assert_int_equal(stoq_host_parse(key.address_b, other), 0);
	return stoq_filter_wants_flow(&filter, &key, &nobody);
}

static bool wants_names(const char *host, const char *address, const char *subsystem)
{
	struct stoq_identity identity = {.cntlid = -1};

	snprintf(identity.host_nqn, sizeof(identity.host_nqn), "%s", host);
	snprintf(identity.host_address, sizeof(identity.host_address), "%s", address);
	snprintf(identity.subsystem_nqn, sizeof(identity.subsystem_nqn), "%s", subsystem);
	return stoq_filter_wants_flow(&filter, NULL, &identity);
}

static bool wants_command(uint32_t nsid, uint8_t opcode, uint8_t kind, uint8_t fctype)
{
	return stoq_filter_wants_command(&filter, nsid, opcode, kind, fctype);
}

static void test_nothing_given_leaves_everything(void **state)
{
	assert_false(stoq_filter_is_given(&filter));
	assert_false(stoq_filter_has_flows(&filter));
	assert_true(wants_ends("192.0.2.1", 4420, "192.0.2.2", 50000));
	assert_true(wants_names("", "", ""));
	assert_true(wants_command(0, 2, NVME_QUEUE_IO, 0));
	assert_true(stoq_filter_wants_opcode(&filter, 2, NVME_QUEUE_IO));
}

static void test_addresses(void **state)
{
	add(STOQ_FILTER_ADDRESS, "192.0.2.0/25");
	add(STOQ_FILTER_ADDRESS, "2001:db8:1::/47");
	assert_true(wants_ends("192.0.2.127", 1, "10.0.0.1", 2));
	assert_true(wants_ends("10.0.0.1", 1, "192.0.2.0", 2));
	assert_false(wants_ends("192.0.2.128", 1, "10.0.0.1", 2));
	assert_true(wants_ends("2001:db8::1", 1, "2001:db9::1", 2));
	assert_true(wants_ends("2001:db8:1:ffff::1", 1, "2001:db9::1", 2));
	assert_false(wants_ends("2001:db8:2::1", 1, "2001:db9::1", 2));
}

static void test_an_address_without_a_prefix_is_one(void **state)
{
	add(STOQ_FILTER_ADDRESS, "192.0.2.1");
	assert_true(wants_ends("192.0.2.1", 1, "10.0.0.1", 2));
	assert_false(wants_ends("192.0.2.2", 1, "192.0.2.3", 2));
}

static void test_all_addresses(void **state)
{
	add(STOQ_FILTER_ADDRESS, "0.0.0.0/0");
	assert_true(wants_ends("203.0.113.9", 1, "10.0.0.1", 2));
	assert_false(wants_ends("2001:db8::1", 1, "2001:db8::2", 2));
}

static void test_ports_and_addresses_must_both_hold(void **state)
{
	add(STOQ_FILTER_PORT, "4420");
	add(STOQ_FILTER_PORT, "8009");
	add(STOQ_FILTER_ADDRESS, "192.0.2.1");
	assert_true(wants_ends("192.0.2.1", 50000, "10.0.0.1", 8009));
	assert_false(wants_ends("192.0.2.1", 50000, "10.0.0.1", 4421));
	assert_false(wants_ends("192.0.2.9", 50000, "10.0.0.1", 4420));
}

static void test_sixteen_values_and_no_more(void **state)
{
	static char texts[STOQ_WANTED_MAX][8];

	for (int i = 0; i < STOQ_WANTED_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%d", 1000 + i);
		add(STOQ_FILTER_PORT, texts[i]);
	}
	for (int i = 0; i < STOQ_WANTED_MAX; i++)
		assert_true(wants_ends("10.0.0.1", (uint16_t)(1000 + i), "10.0.0.2", 1));
	assert_false(wants_ends("10.0.0.1", 1016, "10.0.0.2", 1));
	refuse(STOQ_FILTER_PORT, "2000", "at most 16");
}

static void test_names(void **state)
{
	add(STOQ_FILTER_HOST, "*:db7");
	add(STOQ_FILTER_HOST, "nqn.*uuid*1*");
	assert_true(wants_names("nqn.2026-11.example:db7", "", ""));
	assert_true(wants_names("nqn.2014-08.org.nvmexpress:uuid:9-1", "", ""));
	assert_false(wants_names("nqn.2026-11.example:db77", "", ""));
	assert_false(wants_names("nqn.2026-11.example:DB7", "", ""));
	assert_false(wants_names("", "192.0.2.1:40000", ""));
}

static void test_a_host_without_a_name_is_its_address(void **state)
{
	add(STOQ_FILTER_HOST, "192.0.2.1");
	add(STOQ_FILTER_HOST, "2001:db8::*");
	assert_true(wants_names("", "192.0.2.1:40000", ""));
	assert_true(wants_names("", "192.0.2.1", ""));
	assert_true(wants_names("", "[2001:db8::1]:40000", ""));
	assert_true(wants_names("", "[2001:db8::1]", ""));
	assert_false(wants_names("", "192.0.2.11:40000", ""));
	assert_false(wants_names("nqn.2026-11.example:db7", "192.0.2.1:40000", ""));
}

static void test_host_and_subsystem_must_both_hold(void **state)
{
	add(STOQ_FILTER_HOST, "a");
	add(STOQ_FILTER_SUBSYSTEM, "s*");
	assert_true(wants_names("a", "", "store"));
	assert_false(wants_names("a", "", "other"));
	assert_false(wants_names("b", "", "store"));
}

static void test_opcodes(void **state)
{
	add(STOQ_FILTER_OPCODE, "read");
	add(STOQ_FILTER_OPCODE, "Write_Zeroes");
	add(STOQ_FILTER_OPCODE, "connect");
	add(STOQ_FILTER_OPCODE, "admin:0xc1");
	add(STOQ_FILTER_OPCODE, "0x81");
	assert_true(wants_command(1, NVME_NVM_READ, NVME_QUEUE_IO, 0));
	assert_false(wants_command(1, NVME_NVM_READ, NVME_QUEUE_ADMIN, 0)); /* Get Log Page */
	assert_true(wants_command(1, 0x08, NVME_QUEUE_IO, 0));
	assert_false(wants_command(1, NVME_NVM_WRITE, NVME_QUEUE_IO, 0));
	assert_true(wants_command(0, NVME_OPCODE_FABRICS, NVME_QUEUE_IO, NVME_FABRICS_CONNECT));
	assert_true(wants_command(0, NVME_OPCODE_FABRICS, NVME_QUEUE_ADMIN, NVME_FABRICS_CONNECT));
	assert_false(wants_command(0, NVME_OPCODE_FABRICS, NVME_QUEUE_ADMIN, 4));
	assert_true(wants_command(0, 0xc1, NVME_QUEUE_ADMIN, 0));
	assert_false(wants_command(0, 0xc1, NVME_QUEUE_IO, 0));
	assert_true(wants_command(0, 0x81, NVME_QUEUE_IO, 0));
	assert_true(wants_command(0, 0x81, NVME_QUEUE_ADMIN, 0));
	assert_true(stoq_filter_wants_opcode(&filter, NVME_OPCODE_FABRICS, NVME_QUEUE_ADMIN));
	assert_false(stoq_filter_wants_opcode(&filter, NVME_NVM_WRITE, NVME_QUEUE_IO));
}

static void test_namespaces(void **state)
{
	add(STOQ_FILTER_NAMESPACE, "1");
	add(STOQ_FILTER_NAMESPACE, "4294967295");
	assert_true(wants_command(1, 2, NVME_QUEUE_IO, 0));
	assert_true(wants_command(UINT32_MAX, 0, NVME_QUEUE_IO, 0));
	assert_false(wants_command(2, 2, NVME_QUEUE_IO, 0));
	assert_false(wants_command(0, 2, NVME_QUEUE_IO, 0));
}

static void test_mistakes_are_explained(void **state)
{
	refuse(STOQ_FILTER_HOST, "", "--host: the value is empty");
	refuse(STOQ_FILTER_NAMESPACE, "one", "--namespace: 'one'");
	refuse(STOQ_FILTER_NAMESPACE, "4294967296", "not a namespace id");
	refuse(STOQ_FILTER_OPCODE, "reed", "--opcode: 'reed'");
	refuse(STOQ_FILTER_OPCODE, "0x100", "not a command");
	refuse(STOQ_FILTER_OPCODE, "io:read", "not a command");
	refuse(STOQ_FILTER_OPCODE, "io:", "not a command");
	refuse(STOQ_FILTER_PORT, "0", "not a TCP port");
	refuse(STOQ_FILTER_PORT, "65536", "not a TCP port");
	refuse(STOQ_FILTER_ADDRESS, "db7.example", "not an IP address");
	refuse(STOQ_FILTER_ADDRESS, "192.0.2.1:4420", "--port");
	refuse(STOQ_FILTER_ADDRESS, "192.0.2.0/33", "not an IP address");
	refuse(STOQ_FILTER_ADDRESS, "2001:db8::/129", "not an IP address");
	refuse(STOQ_FILTER_ADDRESS, "192.0.2.0/", "not an IP address");
	assert_false(stoq_filter_is_given(&filter));
	assert_true(wants_command(7, 7, NVME_QUEUE_IO, 0));
}

static void test_it_is_written_out(void **state)
{
	static char longest[300];
	char text[STOQ_FILTER_TEXT];

	assert_string_equal(stoq_filter_text(&filter, text), "");
	add(STOQ_FILTER_PORT, "4420");
	add(STOQ_FILTER_HOST, "*:db7");
	add(STOQ_FILTER_HOST, "evil\033[1m");
	assert_string_equal(
		stoq_filter_text(&filter, text), "host *:db7 or evil\\x1b[1m, port 4420");
	memset(longest, 'x', sizeof(longest) - 1);
	for (int i = 0; i < 8; i++)
		add(STOQ_FILTER_SUBSYSTEM, longest);
	stoq_filter_text(&filter, text);
	assert_int_equal(strlen(text), STOQ_FILTER_TEXT - 1);
	assert_string_equal(text + STOQ_FILTER_TEXT - 3, "..");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_given_leaves_everything, setup),
		cmocka_unit_test_setup(test_addresses, setup),
		cmocka_unit_test_setup(test_an_address_without_a_prefix_is_one, setup),
		cmocka_unit_test_setup(test_all_addresses, setup),
		cmocka_unit_test_setup(test_ports_and_addresses_must_both_hold, setup),
		cmocka_unit_test_setup(test_sixteen_values_and_no_more, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_a_host_without_a_name_is_its_address, setup),
		cmocka_unit_test_setup(test_host_and_subsystem_must_both_hold, setup),
		cmocka_unit_test_setup(test_opcodes, setup),
		cmocka_unit_test_setup(test_namespaces, setup),
		cmocka_unit_test_setup(test_mistakes_are_explained, setup),
		cmocka_unit_test_setup(test_it_is_written_out, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
