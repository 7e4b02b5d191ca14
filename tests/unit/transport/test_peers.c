// SPDX-License-Identifier: BSD-2-Clause
/* What a program learns of peers: refusals, names and certificates; and its own credentials, from memory. */
#include "tests/unit/transport/rig.h"

#include <stdio.h>

static struct rig rig;

static int setup(void **state)
{
	rig_prepare(&rig, 1);
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	return 0;
}

/* ---- refusals ---- */

static unsigned int refusals;
static struct stoq_refusal refusal;
static struct stoq_close_info refusal_close;
static size_t refused_certificate;

static void on_refused(const struct stoq_refusal *about, void *user)
{
	assert_ptr_equal(user, &rig.server);
	refusals++;
	refusal = *about;
	refusal_close = *about->close;
	refused_certificate = about->certificate ? about->certificate_bytes : 0;
}

static void expect_refusal(const char *reason)
{
	assert_int_equal(refusals, 1);
	assert_ptr_equal(refusal.transport, rig.server.transport);
	assert_memory_equal(&refusal.remote, &rig.client.address.sa, rig.client.address.length);
	if (!strstr(refusal_close.reason, reason))
		fail_msg("'%s' does not say '%s'", refusal_close.reason, reason);
	assert_int_equal(rig.server.accepted + rig.server.closed, 0);
}

static void test_refused_for_its_name(void **state)
{
	static const char *const others[] = {"someone.else"};

	rig.server.config.callbacks.refused = on_refused;
	rig.server.config.tls.peer_names = others;
	refusals = 0;
	rig_start(&rig);
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, rig_client_closed, 10 * RIG_S));
	expect_refusal("no peer of this name is allowed here: client.test");
	assert_int_equal(refusal_close.origin, STOQ_CLOSE_TRANSPORT);
	assert_in_range(refused_certificate, 200, 2000);
	if (!strstr(rig.server.log, "a connection from 192.0.2.2:50000 was not made: "))
		fail_msg("%s", rig.server.log);
}

static void test_refused_for_a_limit(void **state)
{
	rig.server.config.callbacks.refused = on_refused;
	rig.server.config.max_connections = 1;
	rig_start_connected(&rig);
	refusals = 0;
	rig.server.accepted = 0;
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, rig_client_closed, 10 * RIG_S));
	expect_refusal("max_connections are open");
	assert_false(refusal.address_proven);
	assert_int_equal(refusal_close.code, 2);
	assert_int_equal(refused_certificate, 0);
}

static void test_refused_after_a_retry(void **state)
{
	rig.server.config.callbacks.refused = on_refused;
	rig.server.config.retry = STOQ_RETRY_ALWAYS;
	rig.server.config.max_connections = 1;
	rig_start_connected(&rig);
	refusals = 0;
	rig.server.accepted = 0;
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, rig_client_closed, 10 * RIG_S));
	expect_refusal("max_connections are open");
	assert_true(refusal.address_proven);
}

static bool refused(struct rig *any)
{
	return refusals > 0;
}

static void test_refused_for_silence(void **state)
{
	rig.server.config.callbacks.refused = on_refused;
	refusals = 0;
	rig_start(&rig);
	rig_connect(&rig);
	rig_run(&rig, 1);
	stoq_memory_set_link(rig.client.datapath, &(struct stoq_memory_link){.loss_ppm = 1000000});
	assert_true(rig_run_until(&rig, refused, 60 * RIG_S));
	expect_refusal("not over in time");
	assert_int_equal(refusal_close.origin, STOQ_CLOSE_HANDSHAKE_TIMEOUT);
}

/* ---- who the peer is ---- */

static void test_names_and_certificates(void **state)
{
	struct stoq_peer_name names[2];
	const uint8_t *der, *again;
	struct stoq_connection *connection;
	size_t size;

	rig_start(&rig);
	connection = rig_connect(&rig);
	assert_int_equal(stoq_connection_names(connection, names, 2), -ENOTCONN);
	rig_wait_connected(&rig);
	assert_int_equal(stoq_connection_names(rig.server.connection, names, 2), 1);
	assert_int_equal(names[0].kind, STOQ_NAME_DNS);
	assert_string_equal(names[0].text, "client.test");
	assert_int_equal(stoq_connection_names(rig.server.connection, NULL, 0), 1);
	assert_int_equal(stoq_connection_certificate(rig.server.connection, 0, &der, &size), 0);
	assert_int_equal(der[0], 0x30); /* a SEQUENCE */
	assert_int_equal(
		stoq_connection_certificate(rig.server.connection, 9, &again, &size), -ENOENT);
	rig_run(&rig, RIG_S);
	assert_int_equal(stoq_connection_certificate(rig.server.connection, 0, &again, &size), 0);
	assert_ptr_equal(der, again);
}

static void test_names_after_resumption(void **state)
{
	struct stoq_connect_config config;
	struct stoq_connection_info info;
	struct stoq_peer_name name;

	rig_start_connected(&rig);
	rig_run(&rig, RIG_S);
	config = rig_resume_config(&rig);
	rig.server.accepted = 0;
	rig_connect_as(&rig, &config);
	rig_wait_connected(&rig);
	stoq_connection_info(rig.server.connection, &info);
	assert_true(info.resumed);
	assert_int_equal(stoq_connection_names(rig.server.connection, &name, 1), 1);
	assert_string_equal(name.text, "client.test");
}

/* ---- credentials from memory ---- */

static struct stoq_pem pem_of(const char *path)
{
	static char texts[16][8192];
	static unsigned int next;
	char *text = texts[next++ % 16];
	FILE *file = fopen(path, "r");
	size_t size;

	assert_non_null(file);
	size = fread(text, 1, sizeof(texts[0]), file);
	fclose(file);
	return (struct stoq_pem){.data = text, .size = size};
}

static void use_memory(struct rig_side *side)
{
	struct stoq_tls_config *tls = &side->config.tls;

	tls->ca = pem_of(tls->ca_file);
	tls->certificate = pem_of(tls->certificate_file);
	tls->key = pem_of(tls->key_file);
	tls->ca_file = tls->certificate_file = tls->key_file = NULL;
}

static void test_credentials_from_memory(void **state)
{
	struct stoq_transport_config config;
	struct stoq_error error;

	use_memory(&rig.server);
	use_memory(&rig.client);
	rig_start_connected(&rig);
	/* Other text is taken, if it is good. */
	config = rig.server.config;
	config.tls.certificate = pem_of(rig_file("client.test/cert.pem"));
	assert_true(stoq_transport_update(rig.server.transport, &config, &error) < 0);
	assert_non_null(strstr(error.text, "the key is not the certificate's"));
	config.tls.key = pem_of(rig_file("client.test/key.pem"));
	assert_int_equal(stoq_transport_update(rig.server.transport, &config, &error), 0);
	assert_int_equal(stoq_transport_reload_certificates(rig.server.transport, &error), 0);
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, rig_client_closed, 10 * RIG_S));
	assert_non_null(strstr(rig.client.close.reason, "the peer is not server.test"));
	/* Those that were there go on. */
	assert_int_equal(rig_metrics(&rig.server).connections_open, 1);
}

static void expect_bad(const char *reason)
{
	struct stoq_transport *transport;
	struct stoq_error error;

	assert_int_equal(stoq_transport_create(&rig.client.config, &transport, &error), -EINVAL);
	if (!strstr(error.text, reason))
		fail_msg("%s", error.text);
}

static void test_credentials_from_two_places(void **state)
{
	const char *file = rig.client.config.tls.key_file;

	rig_start(&rig);
	use_memory(&rig.client);
	rig.client.config.tls.key_file = file;
	expect_bad("key is given twice, as a file and as text");
	rig.client.config.tls.key_file = NULL;
	rig.client.config.tls.key.size = 0;
	expect_bad("key is text of 0 bytes");
	rig.client.config.tls.key.data = NULL;
	expect_bad("only the certificate is given");
	rig.client.config.tls.key.size = 7;
	expect_bad("key is text of 7 bytes");
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_refused_for_its_name),
		with_rig(test_refused_for_a_limit),
		with_rig(test_refused_after_a_retry),
		with_rig(test_refused_for_silence),
		with_rig(test_names_and_certificates),
		with_rig(test_names_after_resumption),
		with_rig(test_credentials_from_memory),
		with_rig(test_credentials_from_two_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
