// SPDX-License-Identifier: BSD-2-Clause

/* The settings that a transport keeps: what is refused, and whose strings they are. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "transport/settings.h"

static void make_config(struct stoq_transport_config *config)
{
	stoq_transport_config_init(config);
	config->tls.insecure = true;
}

static void assert_refused(
	const struct stoq_transport_config *config, int code, const char *part_of_reason)
{
	struct stoq_settings *settings;
	struct stoq_error error;

	assert_int_equal(stoq_settings_new(&settings, config, &error), code);
	if (!strstr(error.text, part_of_reason))
		fail_msg("'%s' has no '%s'", error.text, part_of_reason);
}

static void test_refusals(void **state)
{
	struct stoq_transport_config config;

	(void)state;
	make_config(&config);
	config.datapath = STOQ_DATAPATH_AF_XDP + 1;
	assert_refused(&config, -EINVAL, "datapath is 3, but must be 0 to 2");
	make_config(&config);
	config.workers = 0;
	assert_refused(&config, -EINVAL, "workers is 0");
	make_config(&config);
	/* Cut to what fits it would be another one. */
	config.interface = "enp0s31f6.4094x1";
	assert_refused(&config, -ENODEV, "no interface enp0s31f6.4094x1: names have at most 15");
	make_config(&config);
	config.max_connections = 65536;
	assert_refused(&config, -EINVAL, "65536 connections need 17179869184 at least");
	make_config(&config);
	config.listen = true;
	assert_refused(&config, -EINVAL, "stoq pki");
}

static void test_alpn(void **state)
{
	char name[257], first[] = "one/1";
	const char *names[9] = {first, "two/1", name, "4", "5", "6", "7", "8", "9"};
	struct stoq_transport_config config;
	struct stoq_settings *settings;

	(void)state;
	make_config(&config);
	memset(name, 'x', sizeof(name));
	name[255] = '\0';
	config.alpn = names;
	config.alpn_count = 8;
	assert_int_equal(stoq_settings_new(&settings, &config, NULL), 0);
	memset(first, 'x', sizeof(first) - 1);
	assert_string_equal(settings->config.alpn[0], "one/1");
	assert_string_equal(settings->config.alpn[7], "8");
	assert_int_equal(settings->config.alpn_count, 8);
	stoq_settings_release(settings);
	config.early_data = true;
	assert_refused(&config, -EINVAL, "early_data allows one");
	config.early_data = false;
	config.alpn_count = 9;
	assert_refused(&config, -EINVAL, "alpn has 9 names");
	config.alpn_count = 0;
	assert_refused(&config, -EINVAL, "alpn has 0 names");
	config.alpn_count = 8;
	name[255] = 'x';
	name[256] = '\0';
	assert_refused(&config, -EINVAL, "name 3 of alpn has 256 bytes");
	names[2] = "";
	assert_refused(&config, -EINVAL, "name 3 of alpn has 0 bytes");
	config.alpn = NULL;
	assert_refused(&config, -EINVAL, "alpn has 0 names");
}

/* The caller's strings may be gone, or others, when an update is compared. */
static void test_strings_are_kept(void **state)
{
	char address[] = "192.0.2.1", interface[] = "eth0";
	struct stoq_transport_config config, same;
	struct stoq_settings *settings;

	(void)state;
	make_config(&config);
	config.bind_address = address;
	config.interface = interface;
	assert_int_equal(stoq_settings_new(&settings, &config, NULL), 0);
	memset(address, 'x', sizeof(address) - 1);
	memset(interface, 'x', sizeof(interface) - 1);
	assert_string_equal(settings->config.bind_address, "192.0.2.1");
	assert_string_equal(settings->config.interface, "eth0");
	same = config;
	same.bind_address = "192.0.2.1";
	same.interface = "eth0";
	assert_int_equal(stoq_settings_compatible(&settings->config, &same, NULL), 0);
	same.interface = "eth1";
	assert_int_equal(stoq_settings_compatible(&settings->config, &same, NULL), -EINVAL);
	same.interface = "eth0";
	same.alpn = (const char *[]){STOQ_ALPN};
	same.alpn_count = 1;
	assert_int_equal(stoq_settings_compatible(&settings->config, &same, NULL), 0);
	same.alpn = (const char *[]){"another"};
	assert_int_equal(stoq_settings_compatible(&settings->config, &same, NULL), -EINVAL);
	stoq_settings_release(settings);
}

/* Clients remember what they were told. */
static void test_limits_of_early_data_only_grow(void **state)
{
	struct stoq_transport_config config, other;
	struct stoq_error error;

	(void)state;
	make_config(&config);
	config.early_data = true;
	other = config;
	other.window_bytes *= 2;
	other.max_bidirectional_streams++;
	assert_int_equal(stoq_settings_compatible(&config, &other, &error), 0);
	assert_int_equal(stoq_settings_compatible(&other, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "window_bytes cannot become less than 8388608"));
	other = config;
	other.max_unidirectional_streams--;
	assert_int_equal(stoq_settings_compatible(&config, &other, &error), -EINVAL);
	other.early_data = false;
	assert_int_equal(stoq_settings_compatible(&config, &other, &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_strings_are_kept),
		cmocka_unit_test(test_limits_of_early_data_only_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
