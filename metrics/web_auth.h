/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Passwords of basic authentication (RFC 7617). A bcrypt hash takes a CPU tens of milliseconds. So a
 * password that was right is remembered, as an HMAC with a key of this process, one for each user:
 * a scraper's costs nothing from its second time on. All others take a token: an address has five and
 * gets one a second, all addresses have ten and get ten a second; with hashes of a cost above 10 so many fewer that they
 * take no more time. Without a token no hash is computed. A wrong password takes as long for each name, known or not.
 */
#include <netinet/in.h>

#include "metrics/bucket.h"
#include "metrics/web_config.h"

/* Addresses share a bucket where their hashes are equal: never more guesses than the table allows. */
#define STOQ_WEB_GUESSERS 256

struct stoq_web_guesses {
	struct stoq_bucket by_address[STOQ_WEB_GUESSERS], all;
};

enum stoq_web_verdict {
	STOQ_WEB_RIGHT,
	STOQ_WEB_WRONG,
	STOQ_WEB_TOO_MANY, /* nothing was looked at */
};

struct stoq_web_login {
	const char *user, *password; /* NULL: none was given */
	const struct sockaddr *from;
};

struct stoq_web_auth;

/* Borrows config. NULL: no memory, or no randomness. */
struct stoq_web_auth *stoq_web_auth_new(const struct stoq_web_config *config);
void stoq_web_auth_free(struct stoq_web_auth *auth); /* NULL is fine */

/* Remembers what another one does, of users who have the same hash: files that are read again keep no scraper waiting. */
void stoq_web_auth_adopt(struct stoq_web_auth *auth, const struct stoq_web_auth *before);

enum stoq_web_verdict stoq_web_auth_check(struct stoq_web_auth *auth,
	struct stoq_web_guesses *guesses, const struct stoq_web_login *login, uint64_t now_ns);
