/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A join while both ends record: entries of both sides are added as they come, and each command waits for its other
 * half for a while. As in join.h; but two commands with the same number are noticed only while one of them waits, and
 * what lies before or after the other end's time is counted as not in the other record. Not for several threads.
 */
#include "join/join.h"
#include "record/entry.h"

#define STOQ_JOIN_LIVE_ROOM	   (1u << 18) /* commands that wait, of both sides; 150 bytes each */
#define STOQ_JOIN_LIVE_PATIENCE_NS 10000000000ull
#define STOQ_JOIN_LIVE_CONNECTIONS 65536 /* of each side: the least recently used one makes way */

struct stoq_join_live;

/* maps is kept. room: as above, for tests. 0 or -ENOMEM. */
int stoq_join_live_open(struct stoq_join_live **live, struct stoq_join_maps *maps, uint32_t room);
void stoq_join_live_close(struct stoq_join_live *live); /* NULL is fine */

/* now_ns: of one clock for all calls. 0 or -ENOMEM. */
int stoq_join_live_add(struct stoq_join_live *live, enum stoq_join_side side,
	const struct stoq_record_entry *entry, uint64_t now_ns);

/* Whether the connection is known, by its last entry or an older one. */
bool stoq_join_live_has(struct stoq_join_live *live, enum stoq_join_side side, uint32_t uid);

/* Commands that have waited long enough have no partner. */
void stoq_join_live_expire(struct stoq_join_live *live, uint64_t now_ns);

/* What was decided since the last stoq_join_live_begin(), or since the start. In order; until the next call. */
struct stoq_join *stoq_join_live_interval(struct stoq_join_live *live);
struct stoq_join *stoq_join_live_total(struct stoq_join_live *live);

/* A new interval begins. */
void stoq_join_live_begin(struct stoq_join_live *live);

/* Sums of the missed-entries of this side, since the start. */
const struct stoq_record_missed *stoq_join_live_missed(
	const struct stoq_join_live *live, enum stoq_join_side side);

/* Commands of this side that wait. */
uint64_t stoq_join_live_waiting(const struct stoq_join_live *live, enum stoq_join_side side);
