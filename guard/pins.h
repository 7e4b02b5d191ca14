/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Where a guard lives: a folder per instance in bpffs, with a name for each program, map and link
 * that must outlive us. bpffs keeps objects, not files, and no dots in names.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define STOQ_GUARD_PINS	      "/sys/fs/bpf/stoq/guard"
#define STOQ_GUARD_NAME_MAX   32
#define STOQ_GUARD_PATH_BYTES 128

struct stoq_guard_pins {
	char name[STOQ_GUARD_NAME_MAX + 1];
	char folder[STOQ_GUARD_PATH_BYTES];
};

/* Letters, digits, '-', '_' and '.': fits an interface's name. -EINVAL. */
int stoq_guard_pins_init(struct stoq_guard_pins *pins, const char *name, struct stoq_error *error);

/*
 * Opens the folder above all instances, makes it if asked to, and waits for its lock: turning
 * guards on and off never overlaps. Close the descriptor to unlock. -ENOENT: no guard was ever
 * on; -EOPNOTSUPP: no bpffs there.
 */
int stoq_guard_pins_lock(bool create, int *lock, struct stoq_error *error);

bool stoq_guard_pins_exist(const struct stoq_guard_pins *pins);
int stoq_guard_pins_make(const struct stoq_guard_pins *pins, struct stoq_error *error);

/* Removes all names of the instance, and its folder. */
int stoq_guard_pins_remove(const struct stoq_guard_pins *pins, struct stoq_error *error);

/* Removes the names that begin so. 0 or a negative errno. */
int stoq_guard_pins_remove_some(const struct stoq_guard_pins *pins, const char *prefix);

/* The path of one object. */
const char *stoq_guard_pins_path(const struct stoq_guard_pins *pins, const char *item,
	char path[static STOQ_GUARD_PATH_BYTES]);

/* Gives a name to an object. Replaces what has that name. */
int stoq_guard_pins_add(
	const struct stoq_guard_pins *pins, const char *item, int fd, struct stoq_error *error);

/* Opens an object; its descriptor, or a negative errno. */
int stoq_guard_pins_open(
	const struct stoq_guard_pins *pins, const char *item, bool write, struct stoq_error *error);

/*
 * Reads entry 0 of a map. -EPROTO, without a text: its values have another size, so it is another version's; other
 * negative errnos, of stoq_guard_pins_open() among them.
 */
int stoq_guard_pins_read(const struct stoq_guard_pins *pins, const char *item, void *value,
	size_t bytes, struct stoq_error *error);

/* What tells a map from all others; 0: fd is no map. */
uint32_t stoq_guard_map_id(int fd);

/* Calls told with the name of every object of the instance. */
int stoq_guard_pins_items(const struct stoq_guard_pins *pins,
	void (*told)(void *context, const char *name), void *context);

/* Calls told with the name of every instance. */
int stoq_guard_pins_list(void (*told)(void *context, const char *name), void *context);
