/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* How fast a window is used; see credit.c. */
#include <stdint.h>

struct stoq_credit {
	uint64_t used_bytes; /* since_ns */
	uint64_t since_ns;
};

struct stoq_stream;

/* The peer may send that much more, and more still if it is fast and there is memory. */
void stoq_stream_give_credit(struct stoq_stream *stream, size_t size);
/* The application has left bytes: other streams get the connection's credit that they hold. */
void stoq_stream_lend_credit(struct stoq_stream *stream, size_t size);
