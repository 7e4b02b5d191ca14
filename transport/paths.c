// SPDX-License-Identifier: BSD-2-Clause
#include "transport/paths.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "datapath/address.h"

#define VALIDATED_KEPT 4	  /* ngtcp2 goes back to one of them if no other answers */
#define AMPLIFICATION  3	  /* RFC 9000, 8.1 */
#define NUMBER_MAX     UINT32_MAX /* a client that moves 100,000 times a second needs half a day */

static struct stoq_path_name *find(const struct stoq_paths *paths, uint32_t number)
{
	for (uint32_t i = 0; i < paths->count; i++)
		if (paths->names[i].number == number)
			return (struct stoq_path_name *)&paths->names[i];
	return NULL;
}

/* What ngtcp2 calls by that name. */
static struct stoq_path_name *find_name(const struct stoq_paths *paths,
	const struct stoq_address *named_local, const struct stoq_address *named_remote)
{
	for (uint32_t i = 0; i < paths->count; i++)
		if (stoq_address_equal(&paths->names[i].named_remote, named_remote) &&
			stoq_address_equal(&paths->names[i].named_local, named_local))
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
	return name->number != paths->current && name->number != paths->fallback &&
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

static bool same(const struct stoq_path_name *name, const struct stoq_address *local,
	const struct stoq_address *remote)
{
	return stoq_address_equal(&name->remote, remote) && stoq_address_equal(&name->local, local);
}

/* The number's lower half is the port, its upper half changes the host, as the highest bit does of one that has to be another. */
static struct stoq_address name_of(
	const struct stoq_address *remote, uint32_t number, bool another_host)
{
	const uint32_t change = htonl(number >> 16 | (another_host ? 1u << 31 : 0));
	struct stoq_address named = *remote;
	uint32_t end;

	stoq_address_set_port(&named, (uint16_t)number);
	if (named.sa.sa_family == AF_INET) {
		named.in.sin_addr.s_addr ^= change;
		return named;
	}
	memcpy(&end, named.in6.sin6_addr.s6_addr + 12, sizeof(end));
	end ^= change;
	memcpy(named.in6.sin6_addr.s6_addr + 12, &end, sizeof(end));
	return named;
}

static bool name_in_use(const struct stoq_paths *paths, const struct stoq_address *named_remote)
{
	for (uint32_t i = 0; i < paths->count; i++)
		if (stoq_address_equal(&paths->names[i].named_remote, named_remote))
			return true;
	return false;
}

static struct stoq_path_name *add(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote)
{
	const struct stoq_path_name *current = find(paths, paths->current);
	const bool another_host =
		current && current->stuck && same(current, local, remote) && !current->another_host;
	struct stoq_address named_remote;
	struct stoq_path_name *name;

	do {
		if (paths->next == NUMBER_MAX)
			return NULL;
		named_remote = name_of(remote, paths->next++, another_host);
	} while (name_in_use(paths, &named_remote));
	name = paths->count < STOQ_PATHS ? &paths->names[paths->count++] : oldest(paths);
	*name = (struct stoq_path_name){.local = *local,
		.remote = *remote,
		.named_local = *local,
		.named_remote = named_remote,
		.number = paths->next - 1,
		.another_host = another_host};
	return name;
}

/* ---- by address ---- */

static struct stoq_path_name *find_address(struct stoq_paths *paths,
	const struct stoq_address *local, const struct stoq_address *remote)
{
	struct stoq_path_name *current = find(paths, paths->current);

	/* Nearly always. */
	if (current && !current->left && same(current, local, remote))
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

static void use(struct stoq_paths *paths, struct stoq_path_name *name,
	struct stoq_address *named_local, struct stoq_address *named_remote)
{
	name->used = ++paths->clock;
	*named_local = name->named_local;
	*named_remote = name->named_remote;
}

bool stoq_paths_name(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote, size_t bytes, struct stoq_address *named_local,
	struct stoq_address *named_remote)
{
	struct stoq_path_name *name = find_address(paths, local, remote);

	if (!name)
		name = add(paths, local, remote);
	if (!name)
		return false;
	name->received += bytes;
	use(paths, name, named_local, named_remote);
	return true;
}

bool stoq_paths_name_once(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote, size_t bytes, struct stoq_address *named_local,
	struct stoq_address *named_remote)
{
	struct stoq_path_name *current = find(paths, paths->current), *name = current;

	if (!current || current->left || !same(current, local, remote)) {
		const struct stoq_address named = current ? current->named_local : *local;

		name = add(paths, local, remote);
		if (!name)
			return false;
		name->named_local = named;
		name->left = true;
	}
	name->received += bytes;
	use(paths, name, named_local, named_remote);
	return true;
}

bool stoq_paths_name_current(struct stoq_paths *paths, const struct stoq_address *local,
	const struct stoq_address *remote, size_t bytes, struct stoq_address *named_local,
	struct stoq_address *named_remote)
{
	struct stoq_path_name *current = find(paths, paths->current);

	if (!current)
		return false;
	if (same(current, local, remote))
		current->received += bytes;
	use(paths, current, named_local, named_remote);
	return true;
}

/* ---- by name ---- */

bool stoq_paths_settle(struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote)
{
	struct stoq_path_name *now = find_name(paths, named_local, named_remote), *before;

	if (now && now->number == paths->current)
		return false;
	before = find(paths, paths->current);
	if (before)
		before->left = true;
	if (before && before->validated)
		paths->fallback = before->number;
	if (now) {
		now->left = now->stuck = false;
		now->used = ++paths->clock;
	}
	paths->current = now ? now->number : NUMBER_MAX;
	return !before || !now || !stoq_address_same_host(&before->remote, &now->remote);
}

void stoq_paths_validated(struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote)
{
	struct stoq_path_name *name = find_name(paths, named_local, named_remote);

	if (!name)
		return;
	name->validated = true;
	name->used = ++paths->clock;
}

void stoq_paths_renew(struct stoq_paths *paths)
{
	struct stoq_path_name *current = find(paths, paths->current);

	if (current)
		current->left = current->stuck = true;
}

bool stoq_paths_current_validated(const struct stoq_paths *paths)
{
	const struct stoq_path_name *current = find(paths, paths->current);

	return current && current->validated;
}

bool stoq_paths_may_send(const struct stoq_paths *paths)
{
	const struct stoq_path_name *current = find(paths, paths->current);

	return !current || current->validated || current->sent < AMPLIFICATION * current->received;
}

static bool get_addresses(
	const struct stoq_path_name *name, struct stoq_address *local, struct stoq_address *remote)
{
	if (!name)
		return false;
	*local = name->local;
	*remote = name->remote;
	return true;
}

bool stoq_paths_find(const struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote, struct stoq_address *local,
	struct stoq_address *remote)
{
	return get_addresses(find_name(paths, named_local, named_remote), local, remote);
}

bool stoq_paths_send(struct stoq_paths *paths, const struct stoq_address *named_local,
	const struct stoq_address *named_remote, size_t bytes, struct stoq_address *local,
	struct stoq_address *remote)
{
	struct stoq_path_name *name = find_name(paths, named_local, named_remote);

	if (!name || (!name->validated && name->sent + bytes > AMPLIFICATION * name->received))
		return false;
	name->sent += bytes;
	return get_addresses(name, local, remote);
}
