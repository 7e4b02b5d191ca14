/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Taking a guard away, whole or half made: its program, that of its limits, its pins. The caller holds the lock. */
#include "base/error.h"
#include "guard/manifest.h"
#include "guard/pins.h"

/* -EXDEV: the guard is on interfaces of another network namespace. */
int stoq_guard_check_netns(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, struct stoq_error *error);

/* Policing ends first; the manifest goes last, so that what fails half way can be done again. 0 or a negative errno. */
int stoq_guard_take_away(const struct stoq_guard_pins *pins, struct stoq_error *error);
