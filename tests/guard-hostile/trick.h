/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Ways to hide a write, which cases share: for the target it stands where a command begins, for a
 * guard that was fooled inside of data, or in a part of the stream that it takes for known.
 */
#include "tests/guard-hostile/lab.h"

#define TRICK_DATA 4096 /* of a Compare; what SPDK takes in a capsule at most */

/* Sends the front of a Compare with TRICK_DATA bytes of data to come. Its place: where they begin.
 */
bool trick_begin_compare(struct lab *lab, uint32_t *place);

/*
 * Into lab->queue.pdus: TRICK_DATA bytes that begin with `front` of which the last PDU is to cover
 * all that follows, and the write behind them.
 */
void trick_hide(struct lab *lab, const struct pdus *front);
/* Data PDU, or a new connection's first PDUs, that cover so much. */
void trick_front_of_data(struct pdus *front);
void trick_front_of_connection(struct pdus *front, const char *subsystem, bool connect);

/* A segment in the controller's name: from its address and port, to ours. */
struct packet trick_from_controller(
	const struct raw *raw, uint8_t flags, uint32_t sequence, uint32_t acknowledged);
