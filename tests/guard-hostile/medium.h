/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The medium, looked at behind the guard: an NVMe/TCP session of its own to the same target, over
 * the loopback of the target's network namespace, where no guard is. Works with every target.
 */
#include "tests/peer/session.h"

#define MEDIUM_BYTE 0xa5 /* what every block of the protected namespace holds */

struct medium {
	struct peer_session session;
	uint64_t blocks; /* of the protected namespace */
};

/* netns: a path, such as /run/netns/target. Fills the protected namespace with MEDIUM_BYTE. */
int medium_open(struct medium *medium, const char *netns, const char *address,
	const char *subsystem, struct stoq_error *error);
void medium_close(struct medium *medium);

/* How many blocks of the protected namespace are not as they were; *first is one of them. Mends
 * them. */
int medium_check(
	struct medium *medium, uint64_t *changed, uint64_t *first, struct stoq_error *error);
/* Whether a block of the other namespace holds this byte, from one end to the other. */
int medium_holds(
	struct medium *medium, uint64_t slba, uint8_t value, bool *holds, struct stoq_error *error);
