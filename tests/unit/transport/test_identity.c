// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who may talk to whom: each kind of wrong certificate is refused, with the reason at both ends;
 * certificates are exchanged while connections live; whoever checks nothing says so.
 */
#include <errno.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/transport/rig.h"

#include "datapath/address.h"
#include "pki/files.h"
#include "tests/unit/pki/folder.h"
#include "tests/unit/pki/world.h"
#include "transport/connection.h"
#include "transport/transport.h"

#define HOUR 3600

static struct stoq_pki_identity authority, other;
static struct rig rig;
static struct stoq_pki_material client, server;

/* ---- certificates as files ---- */

static void write_side(struct rig_side *side, const char *name, struct stoq_pki_material *material)
{
	const struct stoq_pki_file files[] = {
		{STOQ_PKI_CA_FILE, material->ca},
		{STOQ_PKI_CRL_FILE, material->crl},
		{STOQ_PKI_CERT_FILE, material->certificate},
		{STOQ_PKI_KEY_FILE, material->key},
	};
	struct stoq_error error;

	if (stoq_pki_write_folder(in_folder(name), files, 4, NULL, &error))
		fail_msg("%s", error.text);
}

struct side_paths {
	char ca[256], crl[256], certificate[256], key[256];
};

static void use_folder(struct rig_side *side, const char *name, struct side_paths *paths)
{
	snprintf(paths->ca, sizeof(paths->ca), "%s/%s/ca.pem", test_folder, name);
	snprintf(paths->crl, sizeof(paths->crl), "%s/%s/crl.pem", test_folder, name);
	snprintf(paths->certificate, sizeof(paths->ca), "%s/%s/cert.pem", test_folder, name);
	snprintf(paths->key, sizeof(paths->key), "%s/%s/key.pem", test_folder, name);
	side->config.tls.ca_file = paths->ca;
	side->config.tls.crl_file = paths->crl;
	side->config.tls.certificate_file = paths->certificate;
	side->config.tls.key_file = paths->key;
}

/* Both sides get their files; nothing has started. */
static void prepare(void)
{
	static struct side_paths paths[2];

	if (!client.crl.size)
		world_revoke(&client, &authority, NULL);
	if (!server.crl.size)
		world_revoke(&server, &authority, NULL);
	write_side(&rig.client, "client", &client);
	write_side(&rig.server, "server", &server);
	use_folder(&rig.client, "client", &paths[0]);
	use_folder(&rig.server, "server", &paths[1]);
}

static int setup(void **state)
{
	world_peer(&client, &authority, "client.test", -HOUR, HOUR);
	world_peer(&server, &authority, "server.test", -HOUR, HOUR);
	rig_prepare(&rig, 1);
	return make_test_folder(state);
}

static int teardown(void **state)
{
	gnutls_global_set_time_function(time);
	rig_stop(&rig);
	stoq_pki_material_free(&client);
	stoq_pki_material_free(&server);
	return remove_test_folder(state);
}

/* A file of two authorities: ours, and the one that issued the certificate. */
static void trust_both(struct stoq_pki_material *material)
{
	gnutls_datum_t texts[2], both;

	assert_int_equal(stoq_pki_certificate_text(&texts[0], authority.certificate, NULL), 0);
	assert_int_equal(stoq_pki_certificate_text(&texts[1], other.certificate, NULL), 0);
	both.size = texts[0].size + texts[1].size;
	both.data = gnutls_malloc(both.size + 1);
	memcpy(both.data, texts[0].data, texts[0].size);
	memcpy(both.data + texts[0].size, texts[1].data, texts[1].size + 1);
	stoq_pki_text_free(&texts[0]);
	stoq_pki_text_free(&texts[1]);
	stoq_pki_text_free(&material->ca);
	material->ca = both;
}

/* ---- refusals ---- */

static void expect_text(const char *text, const char *expected)
{
	if (!strstr(text, expected))
		fail_msg("'%s' does not say '%s'", text, expected);
}

/* The server's application never hears of it. */
static void try_to_connect(void)
{
	rig_connect(&rig);
	if (!rig_run_until(&rig, rig_client_closed, 20 * RIG_S))
		fail_msg("the client is not refused; the server says '%s'", rig.server.log);
	assert_int_equal(rig.server.accepted, 0);
	assert_int_equal(rig.server.closed, 0);
}

static void expect_idle(void)
{
	rig_run(&rig, 20 * RIG_S);
	assert_int_equal(rig_metrics(&rig.server).connections_failed, 1);
	rig_assert_idle(&rig);
}

/* The server refuses: its log and the client's close info say why. */
static void expect_server_refuses(unsigned int alert, const char *reason)
{
	try_to_connect();
	expect_text(rig.server.log, reason);
	expect_text(rig.client.close.reason, reason);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(rig.client.close.code, 0x100 + alert);
	expect_idle();
}

static void expect_client_refuses(unsigned int alert, const char *reason)
{
	try_to_connect();
	expect_text(rig.client.close.reason, reason);
	expect_text(rig.server.log, reason);
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_TRANSPORT);
	assert_int_equal(rig.client.close.code, 0x100 + alert);
	expect_idle();
}

static void test_accepted(void **state)
{
	struct stoq_connection_info info;

	prepare();
	rig_start(&rig);
	rig_connected(&rig);
	stoq_connection_info(rig.server.connection, &info);
	assert_string_equal(info.peer_name, "client.test");
	assert_int_equal(rig.server.warnings, 0);
}

static void test_client_of_another_authority(void **state)
{
	stoq_pki_material_free(&client);
	world_peer(&client, &other, "client.test", -HOUR, HOUR);
	trust_both(&client);
	prepare();
	rig_start(&rig);
	expect_server_refuses(
		GNUTLS_A_UNKNOWN_CA, "was issued by other, which is not our authority");
}

static void test_server_of_another_authority(void **state)
{
	stoq_pki_material_free(&server);
	world_peer(&server, &other, "server.test", -HOUR, HOUR);
	trust_both(&server);
	prepare();
	rig_start(&rig);
	expect_client_refuses(
		GNUTLS_A_UNKNOWN_CA, "was issued by other, which is not our authority");
}

static time_t two_minutes_later(time_t *out)
{
	const time_t later = time(NULL) + 120;

	if (out)
		*out = later;
	return later;
}

/* It is in force when its owner starts, and not any more when it is shown. */
static void test_client_expires(void **state)
{
	stoq_pki_material_free(&client);
	world_peer(&client, &authority, "client.test", -HOUR, 60);
	prepare();
	rig_start(&rig);
	gnutls_global_set_time_function(two_minutes_later);
	expect_server_refuses(GNUTLS_A_CERTIFICATE_EXPIRED, "expired on 2");
}

static void test_revoked_client(void **state)
{
	world_revoke(&server, &authority, &client);
	prepare();
	rig_start(&rig);
	expect_server_refuses(GNUTLS_A_CERTIFICATE_REVOKED, "is revoked");
}

static void test_revoked_server(void **state)
{
	world_revoke(&client, &authority, &server);
	prepare();
	rig_start(&rig);
	expect_client_refuses(GNUTLS_A_CERTIFICATE_REVOKED, "is revoked");
}

static void test_server_with_another_name(void **state)
{
	stoq_pki_material_free(&server);
	world_peer(&server, &authority, "other.test", -HOUR, HOUR);
	prepare();
	rig_start(&rig);
	expect_client_refuses(GNUTLS_A_BAD_CERTIFICATE,
		"the peer is not server.test: its certificate is for other.test");
}

static void test_client_with_another_name(void **state)
{
	static const char *const allowed[] = {"client.test", "*.other.test"};

	stoq_pki_material_free(&client);
	world_peer(&client, &authority, "other.test", -HOUR, HOUR);
	prepare();
	rig.server.config.tls.peer_names = allowed;
	rig.server.config.tls.peer_name_count = 2;
	rig_start(&rig);
	expect_server_refuses(
		GNUTLS_A_ACCESS_DENIED, "no peer of this name is allowed here: other.test");
}

static void test_client_without_certificate(void **state)
{
	prepare();
	rig.client.config.tls.certificate_file = rig.client.config.tls.key_file = NULL;
	rig.client.config.tls.insecure = true;
	rig_start(&rig);
	try_to_connect();
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(rig.client.close.code, 0x100 + GNUTLS_A_CERTIFICATE_REQUIRED);
	expect_text(rig.server.log, "ertificate is required");
	expect_idle();
}

/* ---- one's own files ---- */

static void expect_no_start(int code, const char *reason)
{
	struct stoq_transport *transport;
	struct stoq_error error;

	assert_int_equal(
		stoq_memory_open(rig.network, &rig.server.address, &rig.server.datapath), 0);
	assert_int_equal(stoq_transport_create_on(
				 &rig.server.config, &rig.server.datapath, &transport, &error),
		code);
	expect_text(error.text, reason);
}

static void test_own_files(void **state)
{
	static char path[256];

	prepare();
	snprintf(path, sizeof(path), "%s", rig.server.config.tls.key_file);
	assert_int_equal(chmod(path, 0644), 0);
	expect_no_start(-EPERM, "chmod 600");
	assert_int_equal(unlink(path), 0);
	expect_no_start(-ENOENT, "cannot open");
	snprintf(path, sizeof(path), "%s", rig.client.config.tls.key_file);
	rig.server.config.tls.key_file = path;
	expect_no_start(-EINVAL, "the key is not the certificate's");
}

/* ---- reload ---- */

static void reload_server(int code, const char *reason)
{
	struct stoq_error error = {0};

	assert_int_equal(stoq_transport_reload_certificates(rig.server.transport, &error), code);
	if (reason)
		expect_text(error.text, reason);
}

/* Who is connected stays, unless it is revoked; who comes from then on is judged by the new files. */
static void test_reload(void **state)
{
	struct stoq_connection *connection;

	prepare();
	rig_start(&rig);
	rig_connected(&rig);
	connection = rig.server.connection;
	reload_server(0, NULL);
	rig_run(&rig, RIG_S);
	assert_ptr_equal(rig.server.connection, connection);

	world_revoke(&server, &authority, &client);
	write_side(&rig.server, "server", &server);
	reload_server(0, NULL);
	rig_run(&rig, RIG_MS);
	assert_true(rig_run_until(&rig, rig_client_closed, RIG_S));
	expect_text(rig.client.close.reason, "certificate");
	assert_int_equal(rig.client.close.code, 0x100 + GNUTLS_A_CERTIFICATE_REVOKED);
	assert_int_equal(rig.server.closed, 1);
	expect_text(rig.server.close.reason, "is revoked");
	rig.client.closed = 0;
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, rig_client_closed, 20 * RIG_S));
	expect_text(rig.client.close.reason, "is revoked");
	assert_int_equal(rig.server.accepted, 1);
	rig.server.closed = 0;

	/* Bad files change nothing. */
	stoq_pki_text_free(&server.certificate);
	server.certificate.data = gnutls_calloc(1, 1);
	write_side(&rig.server, "server", &server);
	reload_server(-EINVAL, "holds no certificate");
	rig.client.closed = 0;
	rig_connect(&rig);
	assert_true(rig_run_until(&rig, rig_client_closed, 20 * RIG_S));
	expect_text(rig.client.close.reason, "is revoked");

	assert_int_equal(unlink(rig.server.config.tls.key_file), 0);
	reload_server(-ENOENT, rig.server.config.tls.key_file);

	stoq_pki_material_free(&server);
	world_peer(&server, &authority, "server.test", -HOUR, HOUR);
	world_revoke(&server, &authority, NULL);
	write_side(&rig.server, "server", &server);
	reload_server(0, NULL);
	rig.client.connected = 0;
	rig_connected(&rig);
	assert_int_equal(rig.server.accepted, 2);
	assert_int_equal(rig.server.closed, 0);
}

/* A ticket from before does not open the door for who is revoked. */
static void test_resumption_after_revocation(void **state)
{
	struct stoq_connect_config config;

	prepare();
	rig_start(&rig);
	rig_connected(&rig);
	rig_run(&rig, RIG_S);
	assert_non_null(rig.client.session);
	world_revoke(&server, &authority, &client);
	write_side(&rig.server, "server", &server);
	reload_server(0, NULL);

	config = rig_resume_config(&rig);
	rig_connect_as(&rig, &config);
	assert_true(rig_run_until(&rig, rig_client_closed, 20 * RIG_S));
	assert_int_equal(rig.server.accepted, 1);
	assert_int_equal(rig.client.close.code, 0x100 + GNUTLS_A_CERTIFICATE_REVOKED);
}

/* ---- names that are no DNS names ---- */

/* What the server was told, in TLS's server_name. */
static char told[256];

static void note_server_name(struct rig_side *side, struct stoq_connection *connection)
{
	size_t size = sizeof(told) - 1;
	unsigned int type;

	memset(told, 0, sizeof(told));
	if (gnutls_server_name_get(connection->tls, told, &size, &type, 0) < 0)
		told[0] = '\0';
}

/* A server with that name, at that address, called by a name that may be spelled otherwise. */
static void connect_by_name(
	const char *certified, const char *address, const char *called, const char *server_name)
{
	struct stoq_connect_config config;

	stoq_pki_material_free(&server);
	world_peer(&server, &authority, certified, -HOUR, HOUR);
	prepare();
	rig.client.config.tls.peer_name_count = 0;
	rig.server.on_connection = note_server_name;
	assert_int_equal(stoq_address_parse(&rig.server.address, address, 0, NULL), 0);
	if (rig.server.address.sa.sa_family == AF_INET6)
		assert_int_equal(
			stoq_address_parse(&rig.client.address, "[2001:db8::2]:50000", 0, NULL), 0);
	rig_start(&rig);
	config = rig_connect_config(&rig);
	config.name = called;
	rig_connect_as(&rig, &config);
	rig_wait_connected(&rig);
	assert_string_equal(told, server_name);
}

static void test_by_dns_name(void **state)
{
	connect_by_name("db1.example", "192.0.2.1:9292", "DB1.example", "DB1.example");
}

static void test_by_ipv4_address(void **state)
{
	connect_by_name("192.0.2.1", "192.0.2.1:9292", "192.0.2.1", "");
}

static void test_by_mapped_address(void **state)
{
	connect_by_name("192.0.2.1", "192.0.2.1:9292", "::ffff:192.0.2.1", "");
}

static void test_by_ipv6_address(void **state)
{
	connect_by_name("2001:db8::1", "[2001:db8::1]:9292", "2001:DB8:0::1", "");
}

static void test_by_link_local_address(void **state)
{
	connect_by_name("fe80::1", "[2001:db8::1]:9292", "fe80::1%eth0", "");
}

static void test_by_nqn(void **state)
{
	connect_by_name(
		"nqn.2014-08.org.example:db1", "192.0.2.1:9292", "nqn.2014-08.org.example:db1", "");
}

static void test_by_uri(void **state)
{
	connect_by_name("https://db1.example/x", "[2001:db8::1]:9292", "https://db1.example/x", "");
}

static void test_by_number(void **state)
{
	connect_by_name("10.20.30.40.50", "192.0.2.1:9292", "10.20.30.40.50", "");
}

/* Not sent is not unchecked. */
static void test_another_address(void **state)
{
	struct stoq_connect_config config;

	stoq_pki_material_free(&server);
	world_peer(&server, &authority, "192.0.2.7", -HOUR, HOUR);
	prepare();
	rig.client.config.tls.peer_name_count = 0;
	rig_start(&rig);
	config = rig_connect_config(&rig);
	config.name = "192.0.2.1";
	rig_connect_as(&rig, &config);
	assert_true(rig_run_until(&rig, rig_client_closed, 20 * RIG_S));
	expect_text(rig.client.close.reason, "the peer is not 192.0.2.1: its certificate is for "
					     "192.0.2.7");
}

/* No certificate can have these. */
static void test_impossible_names(void **state)
{
	static const char *const names[] = {"", "*", "*.example", "a b", "db1.example.",
		"[2001:db8::1]", "192.0.2.1:9292", "192.0.2.1%eth0", "-a.example"};
	struct stoq_connection *connection;
	struct stoq_connect_config config;
	struct stoq_error error;

	prepare();
	rig_start(&rig);
	config = rig_connect_config(&rig);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		config.name = names[i];
		if (stoq_transport_connect(rig.client.transport, 0, &config, rig.now_ns,
			    &connection, &error) != -EINVAL)
			fail_msg("'%s' is accepted", names[i]);
		expect_text(error.text, "the peer cannot have that name: ");
	}
}

/* ---- insecure ---- */

static void expect_warning(const struct rig_side *side)
{
	assert_int_equal(side->warnings, 1);
	expect_text(side->log, "insecure");
}

/* It works, and every start says so. */
static void test_insecure(void **state)
{
	prepare();
	rig.client.config.tls.insecure = true;
	rig.server.config.tls.insecure = true;
	rig.client.config.tls.certificate_file = rig.client.config.tls.key_file = NULL;
	rig_start(&rig);
	expect_warning(&rig.client);
	expect_warning(&rig.server);
	rig_connected(&rig);
	rig_stop_side(&rig.client);
	rig.client.warnings = 0;
	rig_start_side(&rig.client);
	expect_warning(&rig.client);
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(test_accepted),
		with_rig(test_client_of_another_authority),
		with_rig(test_server_of_another_authority),
		with_rig(test_client_expires),
		with_rig(test_revoked_client),
		with_rig(test_revoked_server),
		with_rig(test_server_with_another_name),
		with_rig(test_client_with_another_name),
		with_rig(test_client_without_certificate),
		with_rig(test_own_files),
		with_rig(test_reload),
		with_rig(test_resumption_after_revocation),
		with_rig(test_by_dns_name),
		with_rig(test_by_ipv4_address),
		with_rig(test_by_mapped_address),
		with_rig(test_by_ipv6_address),
		with_rig(test_by_link_local_address),
		with_rig(test_by_nqn),
		with_rig(test_by_uri),
		with_rig(test_by_number),
		with_rig(test_another_address),
		with_rig(test_impossible_names),
		with_rig(test_insecure),
	};
	int failed;

	world_authority(&authority, "authority");
	world_authority(&other, "other");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	stoq_pki_identity_free(&authority);
	stoq_pki_identity_free(&other);
	return failed;
}
