/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Pinned maps that a program which is about to be loaded takes over, with what they hold. */
#include <bpf/libbpf.h>
#include <stdbool.h>

#include "guard/pins.h"

bool stoq_guard_map_fits(const struct bpf_map *map, int fd);

/* Takes over the one of this name, if it is there and fits. 0 or a negative errno. */
int stoq_guard_map_take_over(
	struct bpf_map *map, const struct stoq_guard_pins *pins, const char *item);
