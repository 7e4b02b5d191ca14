/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What comes in CRYPTO frames, put together to messages of TLS 1.3 before GnuTLS sees any of it: of
 * the kinds that a peer may send at that encryption level and time, no longer than they can have a
 * reason to be. So an incomplete message takes memory that is ours, counted and bounded, and GnuTLS
 * never meets one that would change its keys behind QUIC's back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/ngtcp2_compat.h"

struct stoq_connection;

struct stoq_handshake {
	ngtcp2_encryption_level level;	 /* that messages come at now: of the last receiving key */
	ngtcp2_encryption_level sending; /* of the last key to send with */
	uint64_t received;		 /* bytes at that level */
	uint8_t *message;		 /* the incomplete one */
	size_t size, capacity;		 /* of that */
};

/* The callback recv_crypto_data. */
int stoq_handshake_receive(ngtcp2_conn *quic, ngtcp2_encryption_level level, uint64_t offset,
	const uint8_t *data, size_t size, void *user);
/*
 * TLS has made keys for a level. false: it is not above the last one; ngtcp2 would end the process
 * if it got keys a second time.
 */
bool stoq_handshake_raise(struct stoq_connection *connection, ngtcp2_encryption_level level,
	bool receives, bool sends);
void stoq_handshake_end(struct stoq_connection *connection);
