/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* How fast a window is used; see credit.c. */
#include <stdint.h>

struct stoq_credit {
	uint64_t used_bytes; /* since_ns */
	uint64_t since_ns;
};

struct stoq_connection;
struct stoq_stream;

/* For the transport parameters: what the peer may send before it is told of the rest of the window. */
uint64_t stoq_connection_credit_at_first(struct stoq_connection *connection);
/* The handshake is over: the rest. */
void stoq_connection_tell_credit(struct stoq_connection *connection);
/* Memory may have come free: streams that are left unread are lent what they hold, where it is needed. */
void stoq_connection_lend_again(struct stoq_connection *connection);
/* The peer may send that much more, and more still if it is fast and there is memory. */
void stoq_stream_give_credit(struct stoq_stream *stream, size_t size);
/* The application has left bytes: other streams get the connection's credit that they hold. */
void stoq_stream_lend_credit(struct stoq_stream *stream, size_t size);
