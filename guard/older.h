/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Connections that are there before a program or a policy is: which of them it would stop, and
 * why. Those of this machine are known by its sockets, others as far as SPDK or the guard that is
 * on knows them. On a router or a bridge nothing else is.
 */
#include <stdio.h>

#include "flow/controllers.h"
#include "flow/identities.h"
#include "guard/program.h"
#include "guard/stop.h"
#include "guard/view.h"

/* What is about to be put in force. */
struct stoq_guard_coming {
	const struct stoq_guard_compiled *policy;
	const struct stoq_guard_program_config *program;
	const char *const *interfaces; /* that were not policed so far */
	size_t interface_count;
	const struct stoq_flow_sockets *sockets;
	const struct stoq_flow_identities *identities; /* whose they are, as far as others know */
	/* The guard that is on, whose connections stay known; NULL: none, or not to be taken over.
	 */
	const struct stoq_guard_view *on;
};

/* Connections of one host that are stopped for one reason. */
struct stoq_guard_stopped {
	struct stoq_guard_verdict_on_host verdict;
	struct stoq_flow_known first; /* of them; without names: the host is not known */
	size_t connections;
	size_t local; /* of these: sockets of this machine, which can be closed */
	bool several; /* hosts at different addresses, which are not known */
};

struct stoq_guard_older {
	struct stoq_guard_stopped *items;
	size_t count;
	size_t capacity;
	struct stoq_flow_identities connections; /* those that are stopped, one by one */
};

/* 0 or a negative errno. Free it after a 0. */
int stoq_guard_older_find(struct stoq_guard_older *older, const struct stoq_guard_coming *coming,
	struct stoq_error *error);
void stoq_guard_older_free(struct stoq_guard_older *older);

/* Whether closing connections is a way out: hosts come back, and are seen from the beginning. */
bool stoq_guard_older_is_cured_by_closing(const struct stoq_guard_older *older);

/* One line for each host, as text. rules: the policy as it was read, for their names. */
void stoq_guard_older_print(
	FILE *file, const struct stoq_guard_older *older, const struct stoq_guard_policy *rules);
