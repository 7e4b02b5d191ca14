/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A reason to close a connection is noted when it is found, inside ngtcp2 or in a callback of the
 * application. close.c acts on it in the connection's next turn.
 */
#include "transport/connection.h"

/* Notes that it is to be closed with a transport error; the first reason counts. */
void stoq_close_want(struct stoq_connection *connection, enum stoq_close_origin origin,
	const ngtcp2_ccerr *error, const char *reason);

/* What stoq_connection_close_info() reports; of a peer's text only printable ASCII. */
void stoq_close_note(struct stoq_connection *connection, enum stoq_close_origin origin,
	uint64_t code, const char *reason, size_t size);
