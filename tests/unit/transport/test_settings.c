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
	assert_refused(&config, -ENODEV, "no interface 'enp0s31f6.4094x1': names have 1 to 15");
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

/* Each field with a value that means nothing: refused, and the field is named. */
static void test_silly_values(void **state)
{
	static const char *const no_name[] = {"*", NULL}, *const bad_name[] = {"*", "*.*.example"};
	struct stoq_transport_config config;

#define REFUSED(field, value, code)                                                                \
	do {                                                                                       \
		make_config(&config);                                                              \
		config.field = (value);                                                            \
		assert_refused(&config, code, #field);                                             \
	} while (0)

	(void)state;
	REFUSED(workers, 65, -EINVAL);
	REFUSED(spin_us, UINT32_MAX, -EINVAL);
	REFUSED(busy_poll_us, UINT32_MAX, -EINVAL);
	REFUSED(socket_receive_bytes, UINT32_MAX, -EINVAL);
	REFUSED(socket_send_bytes, UINT32_MAX, -EINVAL);
	REFUSED(max_connections, 0, -EINVAL);
	REFUSED(max_half_open, 0, -EINVAL);
	REFUSED(max_bidirectional_streams, UINT32_MAX, -EINVAL);
	REFUSED(max_unidirectional_streams, UINT32_MAX, -EINVAL);
	REFUSED(stream_window_bytes, 0, -EINVAL);
	REFUSED(max_stream_window_bytes, UINT64_MAX, -EINVAL);
	REFUSED(window_bytes, 0, -EINVAL);
	REFUSED(max_window_bytes, UINT64_MAX, -EINVAL);
	REFUSED(send_buffer_bytes, 0, -EINVAL);
	REFUSED(max_memory_bytes, 1, -EINVAL);
	REFUSED(max_datagram_bytes, 65001, -EINVAL);
	REFUSED(max_queued_datagrams, 0, -EINVAL);
	REFUSED(handshake_timeout_ns, 1000, -EINVAL);
	REFUSED(handshake_timeout_ns, STOQ_NEVER, -EINVAL);
	/* QUIC tells milliseconds: this would be none for the peer, and an end at once for us. */
	REFUSED(idle_timeout_ns, 1000, -EINVAL);
	REFUSED(idle_timeout_ns, STOQ_NEVER, -EINVAL);
	REFUSED(keep_alive_ns, 1, -EINVAL);
	REFUSED(keep_alive_ns, STOQ_NEVER, -EINVAL);
	REFUSED(initial_rtt_ns, 0, -EINVAL);
	REFUSED(congestion_control, STOQ_RENO + 1, -EINVAL);
	REFUSED(max_udp_payload_bytes, 1199, -EINVAL);
	REFUSED(key_update_packets, 0, -EINVAL);
	REFUSED(retry, STOQ_RETRY_NEVER + 1, -EINVAL);
	REFUSED(qlog_directory, "/nonexistent/qlog", -ENOENT);
	REFUSED(qlog_directory, "/etc/passwd", -ENOTDIR);
#undef REFUSED
	make_config(&config);
	config.interface = "";
	assert_refused(&config, -ENODEV, "no interface ''");
	make_config(&config);
	config.tls.peer_names = no_name;
	config.tls.peer_name_count = 2;
	assert_refused(&config, -EINVAL, "peer_names[1] is NULL");
	config.tls.peer_names = bad_name;
	assert_refused(&config, -EINVAL, "peer_names[1], '*.*.example', is no name");
	config.tls.peer_names = NULL;
	assert_refused(&config, -EINVAL, "peer_name_count is 2, but peer_names NULL");
	make_config(&config);
	config.listen = config.early_data = true;
	config.resumption = false;
	config.tls.certificate_file = config.tls.key_file = "any";
	assert_refused(&config, -EINVAL, "early_data needs resumption");
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
		cmocka_unit_test(test_silly_values),
		cmocka_unit_test(test_strings_are_kept),
		cmocka_unit_test(test_limits_of_early_data_only_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
