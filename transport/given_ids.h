/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Which connection IDs the peer has given. ngtcp2 0.12 retires an ID that comes with a number below a Retire Prior To each time that it
 * comes, and ends the process with ngtcp2_unreachable() if the retirement before was not acknowledged yet
 * (conn_recv_new_connection_id() and ngtcp2_conn_track_retired_dcid_seq() in lib/ngtcp2_conn.c). A frame that is repeated is enough. So
 * ngtcp2 sees such a frame once. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

struct stoq_given_ids {
	uint64_t largest; /* number; of the handshake: 0 */
	uint64_t before;  /* which of the 64 below it were given; lower ones count as given */
	uint64_t retire_prior_to; /* the largest */
};

/* A server can give number 1 in the handshake, too (RFC 9000, 18.2: preferred_address). */
void stoq_given_ids_init(struct stoq_given_ids *ids, bool first_given);
/* NEW_CONNECTION_ID has come. false: to ngtcp2 it would be one to retire that is retired already. */
bool stoq_given_ids_take(struct stoq_given_ids *ids, uint64_t number, uint64_t retire_prior_to);
