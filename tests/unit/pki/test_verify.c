// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two ends shake hands over TLS 1.3 in memory. Each refuses whom it should, and says why; and what
 * can be found wrong before a peer comes is found then.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pki/credentials.h"
#include "pki/verify.h"
#include "world.h"

#define MINUTE	   60
#define WIRE_BYTES 65536

struct wire {
	unsigned char bytes[WIRE_BYTES];
	size_t used;
};

struct end {
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	struct stoq_pki_expectation expectation;
	struct stoq_pki_name authorised;
	struct stoq_pki_refusal refusal;
	struct wire *in, *out;
	int result;
};

static struct stoq_pki_identity authority, other_authority;
static struct stoq_pki_material client, server;
static struct wire wires[2];

static ssize_t push(gnutls_transport_ptr_t pointer, const void *bytes, size_t size)
{
	struct wire *out = ((struct end *)pointer)->out;

	assert_true(out->used + size <= sizeof(out->bytes));
	memcpy(out->bytes + out->used, bytes, size);
	out->used += size;
	return (ssize_t)size;
}

static ssize_t pull(gnutls_transport_ptr_t pointer, void *bytes, size_t size)
{
	struct end *end = (struct end *)pointer;
	struct wire *in = end->in;

	if (!in->used) {
		gnutls_transport_set_errno(end->session, EAGAIN);
		return -1;
	}
	size = size < in->used ? size : in->used;
	memcpy(bytes, in->bytes, size);
	in->used -= size;
	memmove(in->bytes, in->bytes + size, in->used);
	return (ssize_t)size;
}

static int verify(gnutls_session_t session)
{
	struct end *end = gnutls_session_get_ptr(session);

	return stoq_pki_verify_peer(session, &end->expectation, &end->authorised, &end->refusal)
		       ? GNUTLS_E_CERTIFICATE_ERROR
		       : 0;
}

static void open_end(struct end *end, unsigned int flags, const struct stoq_pki_material *material)
{
	struct stoq_error error = {0};

	end->result = GNUTLS_E_AGAIN;
	assert_int_equal(gnutls_init(&end->session, flags | GNUTLS_NONBLOCK), 0);
	if (stoq_pki_credentials_new(&end->credentials, material, time(NULL), &error))
		/* A bad one is to be shown to the peer all the same. */
		assert_int_equal(gnutls_certificate_allocate_credentials(&end->credentials), 0);
	gnutls_certificate_set_x509_trust_mem(end->credentials, &material->ca, GNUTLS_X509_FMT_PEM);
	if (error.code && material->certificate.size)
		assert_int_equal(
			gnutls_certificate_set_x509_key_mem(end->credentials,
				&material->certificate, &material->key, GNUTLS_X509_FMT_PEM),
			0);
	gnutls_priority_set_direct(end->session, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL);
	gnutls_credentials_set(end->session, GNUTLS_CRD_CERTIFICATE, end->credentials);
	gnutls_session_set_verify_function(end->session, verify);
	gnutls_session_set_ptr(end->session, end);
	gnutls_transport_set_ptr(end->session, end);
	gnutls_transport_set_push_function(end->session, push);
	gnutls_transport_set_pull_function(end->session, pull);
}

static void step(struct end *end)
{
	if (end->result == GNUTLS_E_AGAIN)
		end->result = gnutls_handshake(end->session);
}

/* ends[0] connects to ends[1]. */
static void shake_hands(struct end ends[2])
{
	wires[0].used = wires[1].used = 0;
	ends[0].in = ends[1].out = &wires[0];
	ends[1].in = ends[0].out = &wires[1];
	ends[0].expectation.peer_is_server = true;
	open_end(&ends[0], GNUTLS_CLIENT, &client);
	open_end(&ends[1], GNUTLS_SERVER, &server);
	gnutls_certificate_server_set_request(ends[1].session, GNUTLS_CERT_REQUEST);
	gnutls_certificate_send_x509_rdn_sequence(ends[1].session, 1);
	for (int i = 0; i < 10; i++) {
		step(&ends[0]);
		step(&ends[1]);
	}
}

static void close_ends(struct end ends[2])
{
	for (int i = 0; i < 2; i++) {
		gnutls_deinit(ends[i].session);
		gnutls_certificate_free_credentials(ends[i].credentials);
	}
}

static const char *const anybody[] = {"*"};

static void expect(struct end ends[2], int refuser, int alert, const char *reason)
{
	shake_hands(ends);
	if (refuser < 0) {
		assert_int_equal(ends[0].result, 0);
		assert_int_equal(ends[1].result, 0);
	} else {
		assert_int_equal(ends[refuser].result, GNUTLS_E_CERTIFICATE_ERROR);
		assert_int_equal(ends[refuser].refusal.alert, alert);
		if (!strstr(ends[refuser].refusal.text, reason))
			fail_msg("'%s' does not say '%s'", ends[refuser].refusal.text, reason);
	}
	close_ends(ends);
}

static void expect_server_refuses(int alert, const char *reason)
{
	struct end ends[2] = {{.expectation.name = "server"},
		{.expectation = {.patterns = anybody, .pattern_count = 1}}};

	expect(ends, 1, alert, reason);
}

static void expect_client_refuses(int alert, const char *reason)
{
	struct end ends[2] = {{.expectation.name = "server"},
		{.expectation = {.patterns = anybody, .pattern_count = 1}}};

	expect(ends, 0, alert, reason);
}

static int setup(void **state)
{
	world_peer(&client, &authority, "client", -MINUTE, MINUTE);
	world_peer(&server, &authority, "server", -MINUTE, MINUTE);
	return 0;
}

static int teardown(void **state)
{
	stoq_pki_material_free(&client);
	stoq_pki_material_free(&server);
	return 0;
}

static void replace(struct stoq_pki_material *material, const struct stoq_pki_identity *issuer,
	const char *name, long from_s, long to_s)
{
	stoq_pki_material_free(material);
	world_peer(material, issuer, name, from_s, to_s);
	if (issuer != &authority) {
		struct stoq_error error;

		stoq_pki_text_free(&material->ca);
		assert_int_equal(
			stoq_pki_certificate_text(&material->ca, authority.certificate, &error), 0);
	}
}

static void test_accepted(void **state)
{
	static const char *const some[] = {"nobody", "*.example.org", "CLIENT"};
	struct end ends[2] = {{.expectation.name = "server"},
		{.expectation = {.patterns = some, .pattern_count = 3}}};

	world_revoke(&server, &authority, NULL);
	world_revoke(&client, &authority, NULL);
	expect(ends, -1, 0, NULL);
	assert_string_equal(ends[0].authorised.text, "server");
	assert_string_equal(ends[1].authorised.text, "client");
}

static void test_wrong_authority(void **state)
{
	replace(&client, &other_authority, "client", -MINUTE, MINUTE);
	expect_server_refuses(GNUTLS_A_UNKNOWN_CA, "issued by other, which is not our authority");
	replace(&client, &authority, "client", -MINUTE, MINUTE);
	replace(&server, &other_authority, "server", -MINUTE, MINUTE);
	expect_client_refuses(GNUTLS_A_UNKNOWN_CA, "issued by other, which is not our authority");
}

/* Another authority with the same name is another authority. */
static void test_imitated_authority(void **state)
{
	struct stoq_pki_identity imitation;

	world_authority(&imitation, "authority");
	replace(&client, &imitation, "client", -MINUTE, MINUTE);
	expect_server_refuses(GNUTLS_A_UNKNOWN_CA, "not our authority");
	stoq_pki_identity_free(&imitation);
}

static void test_expired(void **state)
{
	replace(&client, &authority, "client", -2 * MINUTE, -MINUTE);
	expect_server_refuses(GNUTLS_A_CERTIFICATE_EXPIRED, "the certificate of peer expired on 2");
	replace(&client, &authority, "client", -MINUTE, MINUTE);
	replace(&server, &authority, "server", -2 * MINUTE, -MINUTE);
	expect_client_refuses(GNUTLS_A_CERTIFICATE_EXPIRED, "expired on 2");
}

static void test_not_yet_valid(void **state)
{
	replace(&client, &authority, "client", MINUTE, 2 * MINUTE);
	expect_server_refuses(GNUTLS_A_BAD_CERTIFICATE, "is not valid before 2");
}

static void test_revoked(void **state)
{
	world_revoke(&server, &authority, &client);
	expect_server_refuses(GNUTLS_A_CERTIFICATE_REVOKED, ") is revoked");
	world_revoke(&server, &authority, NULL);
	world_revoke(&client, &authority, &server);
	expect_client_refuses(GNUTLS_A_CERTIFICATE_REVOKED, ") is revoked");
}

static void test_no_certificate(void **state)
{
	stoq_pki_text_free(&client.certificate);
	stoq_pki_text_free(&client.key);
	expect_server_refuses(GNUTLS_A_CERTIFICATE_REQUIRED, "showed no certificate");
}

static void test_wrong_name(void **state)
{
	static const char *const some[] = {"nobody", "client.example.org"};
	struct end by_client[2] = {{.expectation.name = "server2"},
		{.expectation = {.patterns = anybody, .pattern_count = 1}}};
	struct end by_server[2] = {{.expectation.name = "server"},
		{.expectation = {.patterns = some, .pattern_count = 2}}};
	struct end nobody[2] = {{.expectation.name = "server"}, {0}};

	expect(by_client, 0, GNUTLS_A_BAD_CERTIFICATE,
		"the peer is not server2: its certificate is for server");
	expect(by_server, 1, GNUTLS_A_ACCESS_DENIED,
		"no peer of this name is allowed here: client");
	expect(nobody, 1, GNUTLS_A_ACCESS_DENIED, "allowed here");
}

static void make_for_servers(gnutls_x509_crt_t certificate)
{
	gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
	gnutls_x509_crt_set_subject_alt_name(
		certificate, GNUTLS_SAN_DNSNAME, "client", 6, GNUTLS_FSAN_APPEND);
}

static void test_wrong_purpose(void **state)
{
	stoq_pki_material_free(&client);
	world_custom(&client, &authority, make_for_servers);
	expect_server_refuses(
		GNUTLS_A_UNSUPPORTED_CERTIFICATE, "of custom is not for this side of TLS");
}

/* ---- what is found before a peer comes ---- */

static void expect_credentials(int code, const char *reason)
{
	gnutls_certificate_credentials_t credentials;
	struct stoq_error error;

	assert_int_equal(stoq_pki_credentials_new(&credentials, &server, time(NULL), &error), code);
	assert_null(credentials);
	if (!strstr(error.text, reason))
		fail_msg("'%s' does not say '%s'", error.text, reason);
}

static void test_own_certificate(void **state)
{
	struct stoq_pki_material kept = server;

	server.key = client.key;
	expect_credentials(-EINVAL, "the key is not the certificate's");
	server = kept;
	server.certificate = server.key;
	expect_credentials(-EINVAL, "the certificate's file holds no certificate");
	server = kept;
	server.key = (gnutls_datum_t){0};
	expect_credentials(-EINVAL, "the key's file holds no private key");
	server = kept;
	replace(&server, &authority, "server", -2 * MINUTE, -MINUTE);
	expect_credentials(-EKEYEXPIRED, "our certificate expired on");
	replace(&server, &authority, "server", MINUTE, 2 * MINUTE);
	expect_credentials(-EKEYREJECTED, "our certificate is not valid before");
	replace(&server, &other_authority, "server", -MINUTE, MINUTE);
	expect_credentials(-EKEYREJECTED, "was not issued by the authority");
	replace(&server, &authority, "server", -MINUTE, MINUTE);
	world_revoke(&server, &authority, &server);
	expect_credentials(-EKEYREVOKED, "our certificate is revoked");
	world_revoke(&server, &other_authority, NULL);
	expect_credentials(-EKEYREJECTED, "the revocation list is not the authority's");
}

/* What stoq bench and tests use. */
static void test_pair(void **state)
{
	static const char *const names[2] = {"one", "two"};
	struct stoq_pki_material pair[2];
	struct stoq_error error;

	assert_int_equal(stoq_pki_material_make_pair(pair, names, time(NULL), &error), 0);
	for (int i = 0; i < 2; i++) {
		gnutls_certificate_credentials_t credentials;

		if (stoq_pki_credentials_new(&credentials, &pair[i], time(NULL), &error))
			fail_msg("%s", error.text);
		gnutls_certificate_free_credentials(credentials);
		stoq_pki_material_free(&pair[i]);
	}
}

#define with_peers(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_peers(test_accepted),
		with_peers(test_wrong_authority),
		with_peers(test_imitated_authority),
		with_peers(test_expired),
		with_peers(test_not_yet_valid),
		with_peers(test_revoked),
		with_peers(test_no_certificate),
		with_peers(test_wrong_name),
		with_peers(test_wrong_purpose),
		with_peers(test_own_certificate),
		cmocka_unit_test(test_pair),
	};
	int failed;

	world_authority(&authority, "authority");
	world_authority(&other_authority, "other");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	stoq_pki_identity_free(&authority);
	stoq_pki_identity_free(&other_authority);
	return failed;
}
