/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A guard's status, for people and as JSON. */
#include <stdio.h>

#include "guard/drift.h"
#include "guard/view.h"

#define STOQ_GUARD_LAST_EVENTS 5

struct stoq_guard_status {
	const struct stoq_guard_view *view;
	enum stoq_guard_drift drift;
	struct stoq_error drift_error;
	enum stoq_keep_state sides[STOQ_GUARD_SIDES_MAX];
	uint64_t counts[STOQ_GUARD_RULES_MAX + 1];
	uint64_t totals[STOQ_GUARD_TOTALS];
	struct stoq_guard_connections connections;
	struct stoq_guard_record last[STOQ_GUARD_LAST_EVENTS]; /* the oldest first */
	struct stoq_identity last_identities[STOQ_GUARD_LAST_EVENTS];
	size_t last_count;
	uint64_t unix_offset_ns;
};

/* Reads it; view has its policy. */
int stoq_guard_status_read(struct stoq_guard_status *status, const struct stoq_guard_view *view,
	uint64_t unix_offset_ns, struct stoq_error *error);

/* Everything that was turned on is there, and sees packets first. */
bool stoq_guard_status_is_whole(const struct stoq_guard_status *status);

void stoq_guard_status_print(FILE *file, const struct stoq_guard_status *status);
