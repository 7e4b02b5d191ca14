/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whether hosts can connect under a policy: without the commands that make a connection no other
 * follows. */
#include "guard/compile.h"

#define STOQ_GUARD_REFUSED_TEXT 160

/*
 * Whether there is a host that a policy lets connect to a subsystem. If not, refused names the
 * commands that it lacks: "Connect, Identify".
 */
bool stoq_guard_anyone_connects(
	const struct stoq_guard_compiled *compiled, char refused[static STOQ_GUARD_REFUSED_TEXT]);

/*
 * The same of the hosts and subsystems that a rule names, the others if it names none. A policy
 * with so many names that the answer would take long: true.
 */
bool stoq_guard_rule_connects(const struct stoq_guard_compiled *compiled, size_t rule,
	char refused[static STOQ_GUARD_REFUSED_TEXT]);
