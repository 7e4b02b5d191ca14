/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Target end: lanes that have no queue. Those whose header is not whole yet, those that were refused, and those whose queue is over, until the
 * host end has ended them. A host end that keeps to the protocol does so within a round trip. One that does not would have streams
 * by the ten thousand, which no limit of queues counts.
 */
#include <stdint.h>

struct stoq_carrier;
struct stoq_lane;

/* So long may a lane have no queue: twice the idle timeout, for paths that lose much. */
#define STOQ_STRAY_WITHIN_NS 60000000000ull

/* The lane has no queue (any more). */
void stoq_stray_begin(struct stoq_carrier *carrier, struct stoq_lane *lane, uint64_t now_ns);
/* It has one, or is over. Does nothing if it was no stray. */
void stoq_stray_end(struct stoq_lane *lane);

/* A stray that has been one for too long; NULL: there is none. */
const struct stoq_lane *stoq_stray_overdue(const struct stoq_carrier *carrier, uint64_t now_ns);
