/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* How many connections a guard follows, and may follow (map stoq_guard_room). */
#include "bpf/guard/state_shared.h"
#include "guard/pins.h"

/* 0 or a negative errno; -ENOENT: the guard has no such map. */
int stoq_guard_room_read(const struct stoq_guard_pins *pins, struct stoq_guard_room *room);

/* Connections beyond the new limit go on; only new ones are refused. */
int stoq_guard_room_limit(
	const struct stoq_guard_pins *pins, uint64_t limit, struct stoq_error *error);

/* The limit, whether one was set or not. */
uint64_t stoq_guard_room_size(const struct stoq_guard_room *room);

/* Whether it is time to make more room. */
bool stoq_guard_room_is_short(const struct stoq_guard_room *room);
