/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The secrets of all connections in a file, for protocol analysers; in SSLKEYLOGFILE's format. */
#include <gnutls/gnutls.h>
#include <stoq/error.h>

struct stoq_transport;

/* If the configuration names a file. */
int stoq_keylog_open(struct stoq_transport *transport, struct stoq_error *error);
/* A line of the key log, if one was asked for. */
void stoq_transport_keylog(struct stoq_transport *transport, const char *label,
	const gnutls_datum_t *random, const gnutls_datum_t *secret);
