/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* From the peer to the application. */
#include "transport/stream.h"

/* What a peer sends goes to the application, or is kept. 0 or -ENOMEM. */
int stoq_stream_receive(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished);
/* Offers what is unread; called when it is safe to call the application. */
void stoq_stream_deliver(struct stoq_stream *stream);
/* Forgets what is unread and gives the credit back. */
void stoq_stream_discard_unread(struct stoq_stream *stream);
