// SPDX-License-Identifier: BSD-2-Clause
/* Which names there are, which are the same, and what a pattern means. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pki/certificate.h"
#include "world.h"

static void expect_parse(const char *text, enum stoq_pki_name_type type, const char *kept)
{
	struct stoq_pki_name name;
	struct stoq_error error;

	if (stoq_pki_name_parse(&name, text, &error))
		fail_msg("%s", error.text);
	assert_int_equal(name.type, type);
	assert_string_equal(name.text, kept);
}

static void test_types(void **state)
{
	expect_parse("db1", STOQ_PKI_DNS, "db1");
	expect_parse("a-1.Example.org", STOQ_PKI_DNS, "a-1.Example.org");
	expect_parse("192.0.2.1", STOQ_PKI_IP, "192.0.2.1");
	expect_parse("2001:DB8:0::1", STOQ_PKI_IP, "2001:db8::1");
	expect_parse("nqn.2014-08.org.example:db1", STOQ_PKI_URI, "nqn.2014-08.org.example:db1");
	expect_parse("https://a/b", STOQ_PKI_URI, "https://a/b");
}

static void expect_bad(const char *text)
{
	struct stoq_pki_name name;
	struct stoq_error error;

	if (stoq_pki_name_parse(&name, text, &error) != -EINVAL)
		fail_msg("'%s' was taken for a name", text);
	assert_non_null(strstr(error.text, "is not"));
}

static void test_bad(void **state)
{
	char text[300];

	expect_bad("");
	expect_bad(".");
	expect_bad("a..b");
	expect_bad("a.");
	expect_bad(".a");
	expect_bad("-a");
	expect_bad("a-");
	expect_bad("a-.b");
	expect_bad("*.example.org");
	expect_bad("a_b");
	expect_bad("a b");
	expect_bad("a:");
	expect_bad("1a:b");
	expect_bad("u:a b");
	expect_bad("1:2:3:4:5:6:7:8:9");
	memset(text, 'a', sizeof(text));
	text[64] = '\0';
	expect_bad(text);
	text[64] = 'a';
	text[0] = 'u';
	text[1] = ':';
	text[STOQ_PKI_NAME_MAX + 1] = '\0';
	expect_bad(text);
}

static bool matches(const char *text, const char *pattern)
{
	struct stoq_pki_name name;

	assert_int_equal(stoq_pki_name_parse(&name, text, NULL), 0);
	return stoq_pki_name_matches(&name, pattern);
}

static void test_matches(void **state)
{
	assert_true(matches("db1.example.org", "DB1.example.ORG"));
	assert_true(matches("db1.example.org", "*"));
	assert_true(matches("db1.example.org", "*.example.org"));
	assert_true(matches("2001:db8::1", "2001:DB8:0::1"));
	assert_true(matches("nqn.2014-08.org.example:db1", "nqn.2014-08.org.example:db1"));
	assert_true(matches("nqn.2014-08.org.example:db1", "*"));
	assert_false(matches("db1.example.org", "db1"));
	assert_false(matches("db1.example.org", "db2.example.org"));
	assert_false(matches("a.db1.example.org", "*.example.org"));
	assert_false(matches("example.org", "*.example.org"));
	assert_false(matches("example.org", ""));
	assert_false(matches("nqn.2014-08.org.example:db1", "nqn.2014-08.org.example:DB1"));
	assert_false(matches("192.0.2.1", "*.0.2.1"));
}

/* They are written into a certificate and come out of it. */
static void test_round_trip(void **state)
{
	static const char *const texts[] = {
		"db1.example.org", "192.0.2.1", "2001:db8::1", "nqn.2014-08.org.example:db1"};
	struct stoq_pki_identity authority;

	world_authority(&authority, "ca");
	for (size_t i = 0; i < 4; i++) {
		struct stoq_pki_name names[STOQ_PKI_NAMES_MAX];
		struct stoq_pki_material material;
		gnutls_x509_crt_t certificate;

		world_peer(&material, &authority, texts[i], -60, 60);
		assert_int_equal(stoq_pki_certificate_parse(
					 &certificate, &material.certificate, "the test", NULL),
			0);
		assert_int_equal(stoq_pki_names_of(certificate, names), 1);
		assert_string_equal(names[0].text, texts[i]);
		gnutls_x509_crt_deinit(certificate);
		stoq_pki_material_free(&material);
	}
	stoq_pki_identity_free(&authority);
}

static void add_dns(gnutls_x509_crt_t certificate, const char *text, unsigned int size)
{
	assert_int_equal(gnutls_x509_crt_set_subject_alt_name(
				 certificate, GNUTLS_SAN_DNSNAME, text, size, GNUTLS_FSAN_APPEND),
		0);
}

static size_t names_of_custom(struct stoq_pki_name *names, void (*customise)(gnutls_x509_crt_t))
{
	struct stoq_pki_identity authority;
	struct stoq_pki_material material;
	gnutls_x509_crt_t certificate;
	size_t count;

	world_authority(&authority, "ca");
	world_custom(&material, &authority, customise);
	assert_int_equal(
		stoq_pki_certificate_parse(&certificate, &material.certificate, "the test", NULL),
		0);
	count = stoq_pki_names_of(certificate, names);
	gnutls_x509_crt_deinit(certificate);
	stoq_pki_material_free(&material);
	stoq_pki_identity_free(&authority);
	return count;
}

/* As DER, because GnuTLS would not write such a name. */
static void add_foreign(gnutls_x509_crt_t certificate)
{
	static const char names[] = "\x30\x1f\x82\x0d*.example.org\x82\x08"
				    "db1\0evil\x82\x04"
				    "last";

	assert_int_equal(gnutls_x509_crt_set_extension_by_oid(
				 certificate, "2.5.29.17", names, sizeof(names) - 1, 0),
		0);
}

/* A wildcard, or a name with a zero inside, is nobody's name, even if the authority signed it. */
static void test_foreign_names(void **state)
{
	struct stoq_pki_name names[STOQ_PKI_NAMES_MAX];

	assert_int_equal(names_of_custom(names, add_foreign), 1);
	assert_string_equal(names[0].text, "last");
}

static void add_many(gnutls_x509_crt_t certificate)
{
	for (int i = 0; i < 200; i++) {
		char text[16];

		snprintf(text, sizeof(text), "n%d", i);
		add_dns(certificate, text, (unsigned int)strlen(text));
	}
}

/* No more than there is room for, however many a peer sends. */
static void test_many_names(void **state)
{
	struct stoq_pki_name names[STOQ_PKI_NAMES_MAX];

	assert_int_equal(names_of_custom(names, add_many), STOQ_PKI_NAMES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_foreign_names),
		cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
