// SPDX-License-Identifier: BSD-2-Clause
#include "guard/shared.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guard/manifest.h"
#include "hook/keep.h"

struct search {
	const char *const *interfaces;
	size_t count;
	struct stoq_guard_pins found;
	bool is_found;
};

static bool polices(const struct stoq_guard_manifest *manifest, const char *interface)
{
	for (size_t i = 0; i < manifest->side_count; i++)
		if (strcmp(manifest->sides[i].interface, interface) == 0)
			return true;
	return false;
}

/* A side that is gone, or one more interface: its figures are not those that were asked for. */
static bool is_same(const struct search *search, const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest)
{
	char path[STOQ_GUARD_PATH_BYTES];
	uint32_t program_id;

	for (size_t i = 0; i < search->count; i++)
		if (!polices(manifest, search->interfaces[i]))
			return false;
	for (size_t i = 0; i < manifest->side_count; i++) {
		bool listed = false;

		for (size_t j = 0; j < search->count; j++)
			listed |= strcmp(manifest->sides[i].interface, search->interfaces[j]) == 0;
		if (!listed ||
			stoq_attach_keep_look(&manifest->sides[i],
				stoq_guard_link_path(pins, i, path), &program_id) == STOQ_KEEP_GONE)
			return false;
	}
	return manifest->phase == STOQ_GUARD_ON && manifest->netns == stoq_guard_netns();
}

static void look(void *context, const char *name)
{
	struct search *search = context;
	struct stoq_guard_manifest manifest;
	struct stoq_guard_pins pins;

	if (search->is_found || stoq_guard_pins_init(&pins, name, NULL) ||
		stoq_guard_manifest_read(&pins, &manifest, NULL) ||
		!is_same(search, &pins, &manifest))
		return;
	search->found = pins;
	search->is_found = true;
}

static int *table(struct stoq_tables *tables, size_t i, const char **item)
{
	const struct {
		const char *item;
		int *fd;
	} all[STOQ_TABLES] = {{"stoq_flows", &tables->flows}, {"stoq_unproven", &tables->unproven},
		{"stoq_connects", &tables->connects}, {"stoq_series", &tables->series},
		{"stoq_statuses", &tables->statuses}, {"stoq_commands", &tables->commands},
		{"stoq_details", &tables->details}, {"stoq_cpus", &tables->cpus},
		{"bss", &tables->bss}};

	*item = all[i].item;
	return all[i].fd;
}

void stoq_guard_shared_close(struct stoq_tables *tables)
{
	const char *item;

	for (size_t i = 0; i < STOQ_TABLES; i++) {
		int *fd = table(tables, i, &item);

		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

bool stoq_guard_shared_open(const char *const *interfaces, size_t count, struct stoq_tables *tables,
	struct stoq_guard_shared *shared)
{
	struct search search = {.interfaces = interfaces, .count = count};
	bool whole = true;
	const char *item;

	stoq_guard_pins_list(look, &search);
	if (!search.is_found)
		return false;
	for (size_t i = 0; i < STOQ_TABLES; i++) {
		int *fd = table(tables, i, &item);

		/* For writing, as mapping needs it, and commands of dead connections are freed. */
		*fd = stoq_guard_pins_open(&search.found, item, true, NULL);
		whole &= *fd >= 0;
	}
	if (!whole)
		stoq_guard_shared_close(tables);
	shared->pins = search.found;
	shared->flows_id = whole ? stoq_guard_map_id(tables->flows) : 0;
	snprintf(shared->name, sizeof(shared->name), "program of guard %s", search.found.name);
	return whole;
}

/* All sides that it had are attached. An interface that is gone is no matter of the guard's. */
static bool is_attached(
	const struct stoq_guard_pins *pins, const struct stoq_guard_manifest *manifest)
{
	char path[STOQ_GUARD_PATH_BYTES];
	uint32_t program_id;

	for (size_t i = 0; i < manifest->side_count; i++)
		if (if_nametoindex(manifest->sides[i].interface) &&
			stoq_attach_keep_look(&manifest->sides[i],
				stoq_guard_link_path(pins, i, path), &program_id) == STOQ_KEEP_GONE)
			return false;
	return true;
}

bool stoq_guard_shared_is_current(const struct stoq_guard_shared *shared, const char **why)
{
	int fd = stoq_guard_pins_open(&shared->pins, "stoq_flows", false, NULL);
	uint32_t id = fd >= 0 ? stoq_guard_map_id(fd) : 0;
	struct stoq_guard_manifest manifest;

	if (fd >= 0)
		close(fd);
	if (!id || stoq_guard_manifest_read(&shared->pins, &manifest, NULL))
		*why = "was turned off";
	else if (id != shared->flows_id)
		*why = "was replaced";
	else if (!is_attached(&shared->pins, &manifest))
		*why = "was taken from its interface";
	else
		return true;
	return false;
}
