/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Whether two paths of a server's connection may share one connection ID of the peer.
 *
 * They do when a NAT gives the client another address (RFC 9000, 9.5 allows it), and when no other ID is left. ngtcp2 (up to 1.9,
 * conn_recv_non_probing_pkt_on_new_path() and conn_stop_pv() in lib/ngtcp2_conn.c) then validates first the new path, then the old
 * one. If the client goes to a third path with another ID before that is over, ngtcp2 retires the shared ID twice: the connection ends
 * with CONNECTION_ID_LIMIT, or the process by ngtcp2_unreachable(). So as long as it may not be over, connection_path.c gives ngtcp2
 * no reason to take another ID.
 *
 * ngtcp2 does not report that the second validation has ended. What is known are its challenges: when the last one's time is up (twice
 * what it is, to be safe) and more packets were written since than are waiting responses, there is no validation any more.
 * Pure: times are arguments.
 */
#include <stdbool.h>
#include <stdint.h>

struct stoq_shared_id {
	bool shared;
	bool challenge_due; /* a validation has begun, without a challenge yet */
	bool answered;	    /* the new path, at least a short challenge */
	unsigned int challenges, written;
	uint64_t over_ns; /* the last challenge's time is up */
};

/* ngtcp2 sends on another path than before, with the ID of before. */
void stoq_shared_id_begin(struct stoq_shared_id *id);
/* The new path was validated: the old one is next. */
void stoq_shared_id_validated(struct stoq_shared_id *id);
/*
 * It was not, in time: ngtcp2 is back on the old one, and validates nothing. If it had answered before, and has not answered a challenge
 * of full size now, ngtcp2 0.12 stays there (NO_VIABLE_PATH), and keeps the old path with the ID.
 */
void stoq_shared_id_failed(struct stoq_shared_id *id);
/* A PATH_CHALLENGE is written, two in each round; timeout_ns: ngtcp2's probe timeout. */
void stoq_shared_id_challenge(struct stoq_shared_id *id, uint64_t now_ns, uint64_t timeout_ns);
/* Any packet was written. */
void stoq_shared_id_written(struct stoq_shared_id *id, uint64_t now_ns);
