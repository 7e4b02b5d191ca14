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

static bool polices(const struct stoq_guard_made *made, const char *interface)
{
	for (size_t i = 0; i < made->side_count; i++)
		if (strcmp(made->sides[i].interface, interface) == 0)
			return true;
	return false;
}

/* A side that is gone, or one more interface: its figures are not those that were asked for. */
static bool is_same(const struct search *search, const struct stoq_guard_pins *pins,
	const struct stoq_guard_made *made)
{
	char path[STOQ_GUARD_PATH_BYTES];
	uint32_t program_id;

	for (size_t i = 0; i < search->count; i++)
		if (!polices(made, search->interfaces[i]))
			return false;
	for (size_t i = 0; i < made->side_count; i++) {
		bool listed = false;

		for (size_t j = 0; j < search->count; j++)
			listed |= strcmp(made->sides[i].interface, search->interfaces[j]) == 0;
		if (!listed ||
			stoq_attach_keep_look(&made->sides[i], stoq_guard_link_path(pins, i, path),
				&program_id) == STOQ_KEEP_GONE)
			return false;
	}
	return made->phase == STOQ_GUARD_ON && made->netns == stoq_guard_netns();
}

static void look(void *context, const char *name)
{
	struct search *search = context;
	struct stoq_guard_made made;
	struct stoq_guard_pins pins;

	if (search->is_found || stoq_guard_pins_init(&pins, name, NULL) ||
		stoq_guard_made_read(&pins, &made, NULL) || !is_same(search, &pins, &made))
		return;
	search->found = pins;
	search->is_found = true;
}

static int *table(struct stoq_inspect_tables *tables, size_t i, const char **item)
{
	const struct {
		const char *item;
		int *fd;
	} all[STOQ_INSPECT_TABLES] = {{"stoq_flows", &tables->flows},
		{"stoq_unproven", &tables->unproven}, {"stoq_connects", &tables->connects},
		{"stoq_series", &tables->series}, {"stoq_statuses", &tables->statuses},
		{"stoq_commands", &tables->commands}, {"stoq_details", &tables->details},
		{"stoq_cpus", &tables->cpus}, {"bss", &tables->bss}};

	*item = all[i].item;
	return all[i].fd;
}

void stoq_guard_beside_close(struct stoq_inspect_tables *tables)
{
	const char *item;

	for (size_t i = 0; i < STOQ_INSPECT_TABLES; i++) {
		int *fd = table(tables, i, &item);

		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

bool stoq_guard_beside(const char *const *interfaces, size_t count,
	struct stoq_inspect_tables *tables, struct stoq_guard_beside *beside)
{
	struct search search = {.interfaces = interfaces, .count = count};
	bool whole = true;
	const char *item;

	stoq_guard_pins_list(look, &search);
	if (!search.is_found)
		return false;
	for (size_t i = 0; i < STOQ_INSPECT_TABLES; i++) {
		int *fd = table(tables, i, &item);

		/* For writing, as mapping needs it, and commands of dead connections are freed. */
		*fd = stoq_guard_pins_open(&search.found, item, true, NULL);
		whole &= *fd >= 0;
	}
	if (!whole)
		stoq_guard_beside_close(tables);
	beside->pins = search.found;
	beside->flows_id = whole ? stoq_guard_map_id(tables->flows) : 0;
	snprintf(beside->name, sizeof(beside->name), "program of guard %s", search.found.name);
	return whole;
}

/* All sides that it had are attached. An interface that is gone is no matter of the guard's. */
static bool is_attached(const struct stoq_guard_pins *pins, const struct stoq_guard_made *made)
{
	char path[STOQ_GUARD_PATH_BYTES];
	uint32_t program_id;

	for (size_t i = 0; i < made->side_count; i++)
		if (if_nametoindex(made->sides[i].interface) &&
			stoq_attach_keep_look(&made->sides[i], stoq_guard_link_path(pins, i, path),
				&program_id) == STOQ_KEEP_GONE)
			return false;
	return true;
}

bool stoq_guard_beside_polices(const struct stoq_guard_beside *beside, const char **why)
{
	int fd = stoq_guard_pins_open(&beside->pins, "stoq_flows", false, NULL);
	uint32_t id = fd >= 0 ? stoq_guard_map_id(fd) : 0;
	struct stoq_guard_made made;

	if (fd >= 0)
		close(fd);
	if (!id || stoq_guard_made_read(&beside->pins, &made, NULL))
		*why = "was turned off";
	else if (id != beside->flows_id)
		*why = "was replaced";
	else if (!is_attached(&beside->pins, &made))
		*why = "was taken from its interface";
	else
		return true;
	return false;
}
