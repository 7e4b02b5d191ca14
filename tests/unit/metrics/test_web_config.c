// SPDX-License-Identifier: BSD-2-Clause
/* The web configuration's file: what exporter-toolkit takes is taken, or refused by the name of what cannot be done here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "metrics/web_config.h"

#define HASH "abcdefghijklmnopqrstuuuiMd1XkP3MYkehzxpPHB6m5Tr0FZSYG"
#define TLS  "tls_server_config: {cert_file: c.pem, key_file: k.pem"

static int read_text(struct stoq_web_config *config, const char *text, struct stoq_error *error)
{
	char path[] = "/tmp/stoq-web-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	*error = (struct stoq_error){0};
	ret = stoq_web_config_read(config, path, error);
	unlink(path);
	return ret;
}

static void test_refused(void **state)
{
	static const char *const bad[][2] = {
		{"http_server_config: {http2: true}", "http2: HTTP/1.1 is"},
		{TLS ", cipher_suites: [TLS_AES_128_GCM_SHA256]}", "cipher_suites"},
		{TLS ", curve_preferences: [X25519]}", "curve_preferences"},
		{"http_server_config: {headers: {X-Frame-Options: allow}}",
			"X-Frame-Options: 'allow' is not deny or sameorigin"},
		{"http_server_config: {headers: {X-Content-Type-Options: sniff}}",
			"X-Content-Type-Options: 'sniff' is not nosniff"},
		{"http_server_config: {headers: {Strict-Transport-Security: \"a\\nb\"}}",
			"must be one line"},
		{"http_server_config: {headers: {Server: x}}", "'Server' is not a header"},
		{"web: {}", "no key 'web'"},
		{TLS ", client_auth_type: RequireClient}", "'RequireClient' is not"},
		{TLS ", client_ca_file: ca.pem}", "verifies no certificate"},
		{TLS ", min_version: SSL30}", "'SSL30' is not"},
		{TLS ", cert: x}", "cert and cert_file are both given"},
		{"tls_server_config: {}", "cert_file is missing"},
		{"basic_auth_users: {a: secret}", "not a bcrypt hash"},
		{"basic_auth_users: {a: '$2y$31$" HASH "'}", "a cost of 31"},
		{"basic_auth_users: {a: '$2y$15$" HASH "'}", "a cost of 15"},
		{"basic_auth_users: {a: '$2y$03$" HASH "'}", "a cost of 3"},
		{"basic_auth_users: {a: '$2x$10$" HASH "'}", "not a bcrypt hash"},
		{"basic_auth_users: {a: '$2$10$" HASH "'}", "not a bcrypt hash"},
		{"basic_auth_users: {a: '$2y$-1$" HASH "'}", "not a bcrypt hash"},
		{"basic_auth_users: {'a:b': '$2y$10$" HASH "'}", "no colon"},
		{"basic_auth_users: {'': '$2y$10$" HASH "'}", "not empty"},
		{"rate_limit: {interval: 10}", "is not a time"},
		{"rate_limit: {interval: 1s, burst: 0}", "burst: '0' is not"},
		{"rate_limit: {interval: -1s}", "is not a time"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stoq_web_config config;
		struct stoq_error error;

		if (!read_text(&config, bad[i][0], &error))
			fail_msg("taken: %s", bad[i][0]);
		if (!strstr(error.text, bad[i][1]))
			fail_msg("no '%s' in: %s", bad[i][1], error.text);
	}
}

static void take(struct stoq_web_config *config, const char *text)
{
	struct stoq_error error;

	if (read_text(config, text, &error))
		fail_msg("%s: %s", text, error.text);
}

static void test_taken(void **state)
{
	struct stoq_web_config config;

	(void)state;
	take(&config, "http_server_config: {http2: false, headers: {X-Frame-Options: deny, "
		      "X-Content-Type-Options: '', X-XSS-Protection: anything}}");
	assert_false(config.tls || stoq_web_config_authenticates(&config));
	assert_string_equal(config.headers[1], "deny");
	assert_null(config.headers[2]);
	stoq_web_config_free(&config);
	take(&config, "basic_auth_users: {}");
	assert_false(stoq_web_config_authenticates(&config));
	stoq_web_config_free(&config);
	take(&config, "basic_auth_users: {a: '$2a$04$" HASH "', b: '$2b$10$" HASH
		      "', c: '$2y$14$" HASH "'}");
	assert_int_equal(config.user_count, 3);
	assert_true(stoq_web_config_authenticates(&config));
	stoq_web_config_free(&config);
	/* An older name, which exporter-toolkit still takes. */
	take(&config, TLS ", client_auth_type: RequireClientCert}");
	assert_int_equal(config.client_auth, STOQ_WEB_REQUIRE_ANY_CLIENT_CERT);
	assert_false(stoq_web_config_authenticates(&config));
	assert_true(config.prefer_server_ciphers);
	assert_int_equal(config.min_version, STOQ_WEB_TLS12);
	assert_string_equal(config.certificate.path, "/tmp/c.pem");
	stoq_web_config_free(&config);
	take(&config, TLS ", prefer_server_cipher_suites: false, max_version: TLS12}");
	assert_false(config.prefer_server_ciphers);
	stoq_web_config_free(&config);
	take(&config, "rate_limit: {interval: 0, burst: 3}");
	assert_int_equal(config.rate_interval_ns, 0);
	stoq_web_config_free(&config);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
