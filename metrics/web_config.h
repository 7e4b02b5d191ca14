/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The web configuration of an endpoint: TLS, passwords and headers, in the format that Prometheus'
 * own exporters have (exporter-toolkit, docs/web-configuration.md). What cannot be done here is refused
 * (cipher_suites, curve_preferences, `http2: true`): no key is without effect.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define STOQ_WEB_FILE_MAX  (256u << 10) /* bytes of the file */
#define STOQ_WEB_USERS_MAX 256
#define STOQ_WEB_SANS_MAX  256
#define STOQ_WEB_HASH	   60 /* characters of a bcrypt hash */
/* log2 of bcrypt's rounds. A guess at 14 takes a second. */
#define STOQ_WEB_COST_MAX  14

/* Go's ClientAuthType, by its names. */
enum stoq_web_client_auth {
	STOQ_WEB_NO_CLIENT_CERT,
	STOQ_WEB_REQUEST_CLIENT_CERT,
	STOQ_WEB_REQUIRE_ANY_CLIENT_CERT,
	STOQ_WEB_VERIFY_CLIENT_CERT_IF_GIVEN,
	STOQ_WEB_REQUIRE_AND_VERIFY_CLIENT_CERT,
};

enum stoq_web_tls_version { STOQ_WEB_TLS10, STOQ_WEB_TLS11, STOQ_WEB_TLS12, STOQ_WEB_TLS13 };

/* A file's path, or the text itself; one of them at most. For free(). */
struct stoq_web_pem {
	char *path, *text;
};

struct stoq_web_user {
	char *name;
	char hash[STOQ_WEB_HASH + 1];
};

/* Names and values that are allowed in the file. */
enum { STOQ_WEB_HEADERS = 5 };
extern const char *const stoq_web_header_names[STOQ_WEB_HEADERS];

struct stoq_web_config {
	bool tls;
	struct stoq_web_pem certificate, key, client_ca;
	enum stoq_web_client_auth client_auth;
	enum stoq_web_tls_version min_version, max_version;
	bool prefer_server_ciphers;
	char **client_sans; /* one of them must be in a client's certificate; none: any will do */
	size_t client_san_count;
	struct stoq_web_user *users; /* none: no password is asked for */
	size_t user_count;
	char *headers[STOQ_WEB_HEADERS]; /* NULL: not sent */
	uint64_t rate_interval_ns;	 /* between two requests; 0: no limit */
	uint64_t rate_burst;
};

/*
 * Reads and checks the file; paths in it are relative to its folder. -EPERM: others may change or
 * read it; -EINVAL, -ENOMEM, what open() fails with. Free it after a 0.
 */
int stoq_web_config_read(
	struct stoq_web_config *config, const char *path, struct stoq_error *error);
void stoq_web_config_free(struct stoq_web_config *config);

/* Whether each answer needs a password or a verified certificate. */
bool stoq_web_config_authenticates(const struct stoq_web_config *config);
