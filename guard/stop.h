/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whether a policy stops a host that is at work, and why. */
#include "guard/compile.h"

enum stoq_guard_stop {
	STOQ_GUARD_GOES_ON = 0,
	STOQ_GUARD_STOP_STRICT,	 /* strict passes no connection that it did not see begin */
	STOQ_GUARD_STOP_UNKNOWN, /* refused as an unknown host, though the name might be allowed */
	STOQ_GUARD_STOP_POLICY, /* whichever host it is: the policy lets it neither read nor write, or not
				    keep its connection */
	STOQ_GUARD_STOPS,
};

struct stoq_guard_verdict_on_host {
	enum stoq_guard_stop stop;
	uint16_t rule; /* that refuses, or STOQ_GUARD_NO_RULE: the default */
	uint8_t table; /* enum stoq_guard_table, and ... */
	uint8_t code;  /* ... the command that is refused */
};

/*
 * What becomes of a host's commands; NQNs that are NULL or "" are not known. Nothing but the
 * policy is looked at: STOQ_GUARD_STOP_STRICT never comes of it.
 */
void stoq_guard_judge_host(const struct stoq_guard_compiled *policy, const char *host_nqn,
	const char *subsystem_nqn, struct stoq_guard_verdict_on_host *verdict);
