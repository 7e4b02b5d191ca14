// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "target/config.h"

static void namespaces_are_read_and_written_alike(void **state)
{
	const struct {
		const char *text, *described;
		uint64_t size_bytes;
		uint32_t block_bytes;
		enum stoq_medium medium;
	} right[] = {
		{"malloc:64M", "malloc:64M:512", 64u << 20, 512, STOQ_MEDIUM_MALLOC},
		{"malloc:2G:4096", "malloc:2G:4096", 2ull << 30, 4096, STOQ_MEDIUM_MALLOC},
		{"null:1T:4K", "null:1024G:4096", 1ull << 40, 4096, STOQ_MEDIUM_NULL},
		{"nvme:01:00.0", "nvme:0000:01:00.0", 0, 0, STOQ_MEDIUM_NVME},
		{"nvme:00a1:fe:1f.7", "nvme:00a1:fe:1f.7", 0, 0, STOQ_MEDIUM_NVME},
		{"/dev/nvme0n1", "/dev/nvme0n1", 0, 0, STOQ_MEDIUM_PATH},
	};

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		struct stoq_target_namespace namespace;
		char text[STOQ_TARGET_PATH_MAX + 16];

		assert_int_equal(stoq_target_parse_namespace(&namespace, right[i].text, NULL), 0);
		assert_int_equal(namespace.medium, right[i].medium);
		assert_int_equal(namespace.size_bytes, right[i].size_bytes);
		assert_int_equal(namespace.block_bytes, right[i].block_bytes);
		stoq_target_describe_namespace(&namespace, text, sizeof(text));
		assert_string_equal(text, right[i].described);
	}
}

static void wrong_namespaces_are_refused(void **state)
{
	const char *const wrong[] = {"", "malloc", "malloc:", "malloc:0", "malloc:1",
		"malloc:1M:", "malloc:1M:1000", "malloc:1M:512:1", "malloc:99999999T", "null:x",
		"nvme:", "nvme:1:00.0", "nvme:01:00.0x", "nvme:01:00", "nvme:0000:01:00.00",
		"dev/sda", "disk:1M"};
	struct stoq_target_namespace namespace;
	char path[STOQ_TARGET_PATH_MAX + 1];
	struct stoq_error error;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error.text[0] = '\0';
		assert_int_equal(
			stoq_target_parse_namespace(&namespace, wrong[i], &error), -EINVAL);
		assert_string_not_equal(error.text, "");
	}
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(stoq_target_parse_namespace(&namespace, path, NULL), -EINVAL);
	path[sizeof(path) - 2] = '\0';
	assert_int_equal(stoq_target_parse_namespace(&namespace, path, NULL), 0);
}

static void delays_go_where_they_belong(void **state)
{
	struct stoq_target_config config;

	stoq_target_config_init(&config);
	assert_int_equal(stoq_target_parse_delay(&config, "200us", NULL), 0);
	assert_int_equal(config.read_latency.average_us, 200);
	assert_int_equal(config.read_latency.p99_us, 200);
	assert_int_equal(config.write_latency.average_us, 200);
	assert_int_equal(stoq_target_parse_delay(&config, "write:1.5ms,1s", NULL), 0);
	assert_int_equal(config.read_latency.average_us, 200);
	assert_int_equal(config.write_latency.average_us, 1500);
	assert_int_equal(config.write_latency.p99_us, 1000000);
	assert_int_equal(stoq_target_parse_delay(&config, "read:1us", NULL), 0);
	assert_int_equal(config.read_latency.average_us, 1);
	assert_int_equal(config.write_latency.average_us, 1500);
}

static void wrong_delays_and_faults_change_nothing(void **state)
{
	const char *const delays[] = {
		"", "1", "999ns", "2ms,1ms", "1ms,", ",1ms", "read:", "all:1ms"};
	const char *const faults[] = {
		"", "5", "read", "read:", "read:0", "read:-1", "erase:1", "write:4294967296"};
	struct stoq_target_config config, before;

	stoq_target_config_init(&config);
	before = config;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++)
		assert_int_equal(stoq_target_parse_delay(&config, delays[i], NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		assert_int_equal(stoq_target_parse_fail(&config, faults[i], NULL), -EINVAL);
	assert_memory_equal(&config, &before, sizeof(config));
	assert_int_equal(stoq_target_parse_fail(&config, "write:3", NULL), 0);
	assert_int_equal(config.fail_writes, 3);
	assert_int_equal(config.fail_reads, 0);
}

static void names_cannot_leave_their_folder(void **state)
{
	const char *const wrong[] = {"", ".", "..", "../x", "a/b", "-a", ".a", "a b", "a\n",
		"123456789012345678901234567890123"};
	const char *const right[] = {
		"a", "0", "default", "A-b_c.d", "12345678901234567890123456789012"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(stoq_target_check_name(wrong[i], NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_int_equal(stoq_target_check_name(right[i], NULL), 0);
}

static void nqns_have_their_shape(void **state)
{
	const char *const wrong[] = {"", "nqn", "nqn.2014-08.", "nqn.201x-08.a", "NQN.2014-08.a",
		"nqn.2014-08.org/../x", "nqn.2014-08.org x", "iqn.2014-08.org"};
	char longest[STOQ_TARGET_NQN_MAX + 2] = "nqn.2014-08.";

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(stoq_target_check_nqn(wrong[i], NULL), -EINVAL);
	memset(longest + strlen(longest), 'a', sizeof(longest) - 1 - strlen(longest));
	assert_int_equal(stoq_target_check_nqn(longest, NULL), -EINVAL);
	longest[STOQ_TARGET_NQN_MAX] = '\0';
	assert_int_equal(stoq_target_check_nqn(longest, NULL), 0);
}

static void loopback_is_recognised(void **state)
{
	assert_true(stoq_target_is_loopback("127.0.0.1"));
	assert_true(stoq_target_is_loopback("127.255.0.9"));
	assert_true(stoq_target_is_loopback("::1"));
	assert_false(stoq_target_is_loopback("128.0.0.1"));
	assert_false(stoq_target_is_loopback("0.0.0.0"));
	assert_false(stoq_target_is_loopback("::"));
	assert_false(stoq_target_is_loopback("localhost"));
}

static void defaults_are_filled_in(void **state)
{
	struct stoq_target_config config;

	stoq_target_config_init(&config);
	config.name = "box";
	assert_int_equal(stoq_target_config_finish(&config, NULL), 0);
	assert_string_equal(config.nqn, "nqn.2014-08.org.nvmexpress:stoq-box");
	assert_int_equal(config.namespace_count, 1);
	assert_int_equal(config.namespaces[0].size_bytes, 64u << 20);
	assert_true(config.any_host);
}

static void the_network_needs_named_hosts(void **state)
{
	struct stoq_target_config config;
	struct stoq_error error;

	stoq_target_config_init(&config);
	config.address = "0.0.0.0";
	assert_int_equal(stoq_target_config_finish(&config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "--host"));
	config.any_host = true;
	assert_int_equal(stoq_target_config_finish(&config, &error), 0);
	config.any_host = false;
	config.hosts[config.host_count++] = "nqn.2014-08.org.nvmexpress:host";
	assert_int_equal(stoq_target_config_finish(&config, &error), 0);
	assert_false(config.any_host);
	config.any_host = true;
	assert_int_equal(stoq_target_config_finish(&config, &error), -EINVAL);
	config.any_host = false;
	config.address = "localhost";
	assert_int_equal(stoq_target_config_finish(&config, &error), -EINVAL);
}

static int finish_kernel(const char *delay, const char *fail, const char *namespace)
{
	struct stoq_target_config config;

	stoq_target_config_init(&config);
	config.kind = STOQ_TARGET_KERNEL;
	if (delay)
		assert_int_equal(stoq_target_parse_delay(&config, delay, NULL), 0);
	if (fail)
		assert_int_equal(stoq_target_parse_fail(&config, fail, NULL), 0);
	assert_int_equal(stoq_target_parse_namespace(
				 &config.namespaces[config.namespace_count++], namespace, NULL),
		0);
	return stoq_target_config_finish(&config, NULL);
}

static void the_kernel_cannot_do_all_that_spdk_can(void **state)
{
	assert_int_equal(finish_kernel(NULL, NULL, "malloc:1M"), 0);
	assert_int_equal(finish_kernel(NULL, NULL, "/dev/sda"), 0);
	assert_int_equal(finish_kernel("1ms", NULL, "malloc:1M"), 0);
	assert_int_equal(finish_kernel("1ms", NULL, "/dev/sda"), -EINVAL);
	assert_int_equal(finish_kernel("1ms,2ms", NULL, "malloc:1M"), -EINVAL);
	assert_int_equal(finish_kernel("read:1ms", NULL, "malloc:1M"), -EINVAL);
	assert_int_equal(finish_kernel(NULL, "read:1", "malloc:1M"), -EINVAL);
	assert_int_equal(finish_kernel(NULL, NULL, "nvme:01:00.0"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(namespaces_are_read_and_written_alike),
		cmocka_unit_test(wrong_namespaces_are_refused),
		cmocka_unit_test(delays_go_where_they_belong),
		cmocka_unit_test(wrong_delays_and_faults_change_nothing),
		cmocka_unit_test(names_cannot_leave_their_folder),
		cmocka_unit_test(nqns_have_their_shape),
		cmocka_unit_test(loopback_is_recognised),
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(the_network_needs_named_hosts),
		cmocka_unit_test(the_kernel_cannot_do_all_that_spdk_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
