// SPDX-License-Identifier: BSD-2-Clause
#include "transport/paths.h"

#include <stddef.h>

#include "datapath/address.h"

#define VALIDATED_KEPT 4	  /* ngtcp2 goes back to one of them if no other answers */
#define NUMBER_MAX     UINT32_MAX /* a client that moves 100,000 times a second needs half a day */

static uint16_t local_part(uint32_t number)
{
	return (uint16_t)(number >> 16);
}

static uint32_t number_of(
	const struct stoq_address *named_local, const struct stoq_address *named_remote)
{
	return (uint32_t)stoq_address_port(named_local) << 16 | stoq_address_port(named_remote);
}

static struct stoq_path_name *find(const struct stoq_paths *paths, uint32_t number)
{
	for (uint32_t i = 0; i < paths->count; i++)
		if (paths->names[i].number == number)
			return (struct stoq_path_name *)&paths->names[i];
	return NULL;
}

/* ---- one more ---- */

static uint32_t count_validated(const struct stoq_paths *paths)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < paths->count; i++)
		count += paths->names[i].validated;
	return count;
}

static bool may_go(const struct stoq_paths *paths, const struct stoq_path_name *name)
{
	return name->number != paths->current &&
	       (!name->validated || count_validated(paths) > VALIDATED_KEPT);
}

/* The one that was not used for the longest time. */
static struct stoq_path_name *oldest(struct stoq_paths *paths)
{
	struct stoq_path_name *oldest = NULL;

	for (uint32_t i = 0; i < paths->count; i++) {
		struct stoq_path_name *name = &paths->names[i];

		if (may_go(paths, name) &&
			(!oldest || paths->clock - name->used > paths->clock - oldest->used))
			oldest = name;
	}
	return oldest;
}

static struct stoq_path_name *add(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote)
{
	struct stoq_path_name *name;

	if (paths->next == NUMBER_MAX)
		return NULL;
	name = paths->count < STOQ_PATHS ? &paths->names[paths->count++] : oldest(paths);
	*name = (struct stoq_path_name){
		.local = *local, .remote = *remote, .number = paths->next++};
	return name;
}

/* ---- by address ---- */

static bool same(const struct stoq_path_name *name, const struct stoq_address *local,
	const struct stoq_address *remote)
{
	return stoq_address_equal(&name->remote, remote) && stoq_address_equal(&name->local, local);
}

static struct stoq_path_name *find_address(struct stoq_paths *paths,
	const struct stoq_address *local, const struct stoq_address *remote)
{
	struct stoq_path_name *current = find(paths, paths->current);

	/* Nearly always. */
	if (current && same(current, local, remote))
		return current;
	for (uint32_t i = 0; i < paths->count; i++)
		if (!paths->names[i].left && same(&paths->names[i], local, remote))
			return &paths->names[i];
	return NULL;
}

void stoq_paths_init(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote)
{
	*paths = (struct stoq_paths){0};
	add(paths, local, remote)->validated = true;
}

static void write_name(const struct stoq_path_name *name, struct stoq_address *named_local,
	struct stoq_address *named_remote)
{
	*named_local = name->local;
	*named_remote = name->remote;
	stoq_address_set_port(named_local, local_part(name->number));
	stoq_address_set_port(named_remote, (uint16_t)name->number);
}

bool stoq_paths_name(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote, struct stoq_address *named_local,
	struct stoq_address *named_remote)
{
	struct stoq_path_name *name = find_address(paths, local, remote);

	if (!name)
		name = add(paths, local, remote);
	if (!name)
		return false;
	name->used = ++paths->clock;
	write_name(name, named_local, named_remote);
	return true;
}

bool stoq_paths_name_once(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote, struct stoq_address *named_local,
	struct stoq_address *named_remote)
{
	struct stoq_path_name *name = find(paths, paths->current);

	if (!name || !same(name, local, remote)) {
		name = add(paths, local, remote);
		if (!name || local_part(name->number) != local_part(paths->current))
			return false;
		name->left = true;
	}
	name->used = ++paths->clock;
	write_name(name, named_local, named_remote);
	return true;
}

void stoq_paths_name_current(const struct stoq_paths *paths, struct stoq_address *named_local,
	struct stoq_address *named_remote)
{
	write_name(find(paths, paths->current), named_local, named_remote);
}

/* ---- by name ---- */

bool stoq_paths_is_current(const struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote)
{
	return number_of(named_local, named_remote) == paths->current;
}

bool stoq_paths_settle(struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote)
{
	const uint32_t number = number_of(named_local, named_remote);
	struct stoq_path_name *before, *now;

	if (number == paths->current)
		return false;
	before = find(paths, paths->current);
	now = find(paths, number);
	if (before)
		before->left = true;
	if (now) {
		now->left = false;
		now->used = ++paths->clock;
	}
	paths->current = number;
	return !before || !now || !stoq_address_same_host(&before->remote, &now->remote);
}

void stoq_paths_validated(struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote)
{
	struct stoq_path_name *name = find(paths, number_of(named_local, named_remote));

	if (!name)
		return;
	name->validated = true;
	name->used = ++paths->clock;
}

bool stoq_paths_find(const struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote, struct stoq_address *local,
	struct stoq_address *remote)
{
	const struct stoq_path_name *name = find(paths, number_of(named_local, named_remote));

	if (!name)
		return false;
	*local = name->local;
	*remote = name->remote;
	return true;
}
