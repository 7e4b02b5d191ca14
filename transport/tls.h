/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The TLS 1.3 handshake of a connection, by GnuTLS. */
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stoq_connection;

/*
 * What a session of GnuTLS and the packet keys take, without the peer's certificates: measured, and
 * compared by tests/soak, because nothing tells it.
 */
#define STOQ_TLS_BYTES 20480

/*
 * After connection->quic is made. name: of the server; may be NULL. 0, -ENOMEM, -EINVAL: the
 * session to be resumed is no good.
 */
int stoq_tls_start_server(struct stoq_connection *connection);
int stoq_tls_start_client(struct stoq_connection *connection, const char *name,
	const uint8_t *session, size_t session_size);

/* The handshake is over: was it resumed, and is the peer still welcome? 0 or -EACCES, alert set. */
int stoq_tls_finish(struct stoq_connection *connection, int *alert);

/* A server: gives the client a ticket. */
void stoq_tls_send_ticket(struct stoq_connection *connection);

void stoq_tls_end(struct stoq_connection *connection);

/* What we offer; for stoq_transport. 0 or -EINVAL. */
int stoq_tls_priorities(gnutls_priority_t *result);

/* What the two speak; "" before that is known. */
void stoq_tls_alpn(const struct stoq_connection *connection, char text[static 256]);

/* "AES-128-GCM". */
const char *stoq_tls_cipher_name(const struct stoq_connection *connection);
