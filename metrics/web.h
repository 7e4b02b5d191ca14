/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * An endpoint's web configuration while it runs. Its files are looked at for each connection and each
 * request, and read again when one of them has changed, as Prometheus' exporters do; what cannot be
 * used is noted, and what was in use before stays. All calls are from the endpoint's thread.
 */
#include "base/file.h"
#include "metrics/web_auth.h"
#include "metrics/web_config.h"
#include "metrics/web_tls.h"

/* The configuration, the certificate, the key, the authority. */
#define STOQ_WEB_FILES 4

/* One reading of the files. Connections hold the one of their handshake. */
struct stoq_web_state {
	struct stoq_web_config config;
	struct stoq_web_tls *tls;   /* NULL: plain HTTP */
	struct stoq_web_auth *auth; /* NULL: no passwords */
	struct stoq_file_stamp stamps[STOQ_WEB_FILES];
	unsigned int connections;
	struct stoq_web_state *next;
};

struct stoq_web_notes {
	void (*note)(void *context, const char *text); /* one line; may be NULL */
	void *context;
};

struct stoq_web;

/* strict: what leaves out TLS or authentication is refused, at once and later: -EPERM. */
int stoq_web_open(struct stoq_web **web, const char *path, bool strict,
	const struct stoq_web_notes *notes, struct stoq_error *error);
void stoq_web_close(struct stoq_web *web); /* NULL is fine; after all connections */

/* What is in force now. */
struct stoq_web_state *stoq_web_current(struct stoq_web *web);

/*
 * Whether a handshake that was made by an earlier reading would be made now: what is asked of clients is the same. A renewed
 * certificate of the endpoint ends no connection.
 */
bool stoq_web_still_admits(const struct stoq_web_state *now, const struct stoq_web_state *then);

void stoq_web_hold(struct stoq_web_state *state);
void stoq_web_release(struct stoq_web_state *state);

struct stoq_web_guesses *stoq_web_guesses(struct stoq_web *web);
/* False: rate_limit has no token left. */
bool stoq_web_within_rate(
	struct stoq_web *web, const struct stoq_web_state *state, uint64_t now_ns);
