/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* TLS of an endpoint by its web configuration. */
#include <gnutls/gnutls.h>

#include "metrics/web_config.h"

struct stoq_web_tls;

/*
 * Reads the certificate, the key and the authority. Borrows config. -EINVAL: they do not go
 * together; errors of stoq_pki_read_file().
 */
int stoq_web_tls_new(
	struct stoq_web_tls **tls, const struct stoq_web_config *config, struct stoq_error *error);
void stoq_web_tls_free(struct stoq_web_tls *tls); /* NULL is fine; after all its sessions */

/* Gives a server's session these certificates, versions and checks; before its handshake. */
void stoq_web_tls_prepare(struct stoq_web_tls *tls, gnutls_session_t session);
