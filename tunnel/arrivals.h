/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * When the bytes of a lane came that were not taken: so that a command that waits behind others does not begin to wait when its
 * turn comes. Pure. To the second: notes are at least so far apart.
 */
#include <stdint.h>

#define STOQ_ARRIVALS_NOTES   10 /* longer than the longest wait */
#define STOQ_ARRIVALS_STEP_NS 1000000000ull

struct stoq_arrivals {
	struct stoq_arrival {
		uint64_t at_ns;
		uint64_t received;    /* bytes of the lane that had come by then */
	} notes[STOQ_ARRIVALS_NOTES]; /* the earliest first */
	unsigned int count;
};

/* received: never less than before. */
void stoq_arrivals_note(struct stoq_arrivals *arrivals, uint64_t received, uint64_t now_ns);
/* When byte `offset` was here at the latest; now_ns: it was not noted. */
uint64_t stoq_arrivals_of(const struct stoq_arrivals *arrivals, uint64_t offset, uint64_t now_ns);
