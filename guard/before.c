// SPDX-License-Identifier: BSD-2-Clause
#include "guard/before.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guard/room.h"
#include "hook/keep.h"

#define PROGRAM_PIN "program"

struct taking {
	struct stoq_guard_before *before;
	const struct stoq_guard_pins *pins;
	struct stoq_error *error;
	int result;
};

/* Links are told by the sides that have them; the limiter, which is changed last, keeps its own. */
static bool is_left(const char *name)
{
	return strncmp(name, "link-", 5) == 0 || strncmp(name, "limit", 5) == 0;
}

static void take_item(void *context, const char *name)
{
	struct taking *taking = context;
	struct stoq_guard_before *before = taking->before;
	int fd;

	if (taking->result || is_left(name))
		return;
	if (before->count == STOQ_GUARD_ITEMS_MAX) {
		taking->result = stoq_error_set(taking->error, -E2BIG,
			"guard %s has more than %d objects in %s", taking->pins->name,
			STOQ_GUARD_ITEMS_MAX, taking->pins->folder);
		return;
	}
	fd = stoq_guard_pins_open(taking->pins, name, true, taking->error);
	if (fd < 0) {
		taking->result = fd;
		return;
	}
	before->items[before->count].fd = fd;
	snprintf(before->items[before->count].name, sizeof(before->items->name), "%s", name);
	before->count++;
}

int stoq_guard_before_take(struct stoq_guard_before *before, const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, struct stoq_error *error)
{
	struct taking taking = {.before = before, .pins = pins, .error = error};
	struct stoq_guard_room room;
	int result;

	*before = (struct stoq_guard_before){.manifest = *manifest};
	if (stoq_guard_room_read(pins, &room) == 0)
		before->connections_max = stoq_guard_room_size(&room);
	result = stoq_guard_pins_items(pins, take_item, &taking);
	if (result)
		return stoq_error_set(
			error, result, "cannot list %s: %s", pins->folder, strerror(-result));
	return taking.result;
}

static int program_of(const struct stoq_guard_before *before)
{
	for (size_t i = 0; i < before->count; i++)
		if (strcmp(before->items[i].name, PROGRAM_PIN) == 0)
			return before->items[i].fd;
	return -ENOENT;
}

/* A side that is new, or was not attached any more, has no program again; others have the one that they had. */
static int restore_side(const struct stoq_guard_before *before, const struct stoq_guard_pins *pins,
	struct stoq_attachment *side, size_t i, struct stoq_error *error)
{
	const struct stoq_attachment *old = &before->manifest.sides[i];
	char path[STOQ_GUARD_PATH_BYTES];

	stoq_guard_link_path(pins, i, path);
	if (side->kind == STOQ_ATTACH_NONE)
		return 0;
	if (i >= before->manifest.side_count || old->kind == STOQ_ATTACH_NONE ||
		old->ifindex != side->ifindex)
		return stoq_attach_keep_remove(side, path, error);
	return stoq_attach_keep_swap(side, program_of(before), path, error);
}

int stoq_guard_before_restore(const struct stoq_guard_before *before,
	const struct stoq_guard_pins *pins, struct stoq_guard_manifest *now,
	struct stoq_error *error)
{
	int result = 0, one;

	for (size_t i = 0; i < now->side_count; i++) {
		one = restore_side(before, pins, &now->sides[i], i, error);
		result = result ? result : one;
	}
	for (size_t i = 0; i < before->count; i++) {
		one = stoq_guard_pins_add(pins, before->items[i].name, before->items[i].fd, error);
		result = result ? result : one;
	}
	one = stoq_guard_manifest_write(pins, &before->manifest, error);
	if (!one && before->connections_max)
		one = stoq_guard_room_limit(pins, before->connections_max, error);
	return result ? result : one;
}

void stoq_guard_before_free(struct stoq_guard_before *before)
{
	for (size_t i = 0; i < before->count; i++)
		close(before->items[i].fd);
	before->count = 0;
}
