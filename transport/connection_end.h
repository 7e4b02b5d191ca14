/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Freeing a connection, in one or several steps. */
#include "transport/connection.h"

/* Frees QUIC; TLS's session still has the peer's certificates. */
void stoq_connection_end_quic(struct stoq_connection *connection);
/* Frees TLS and its like; what is left only repeats our CONNECTION_CLOSE. */
void stoq_connection_end_tls(struct stoq_connection *connection);
/* Frees it at once; who knows it was told before. */
void stoq_connection_free(struct stoq_connection *connection);
