// SPDX-License-Identifier: BSD-2-Clause
#include "guard/places.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int stoq_guard_places_list(struct stoq_guard_places *places, struct stoq_error *error)
{
	*places = (struct stoq_guard_places){0};
	if (getifaddrs(&places->addresses))
		return stoq_error_set(
			error, -errno, "cannot list this machine's addresses: %s", strerror(errno));
	if (stoq_flow_vlans_list(&places->vlans) == 0)
		return 0;
	stoq_guard_places_free(places);
	return stoq_error_set(error, -ENOMEM, "no memory");
}

void stoq_guard_places_free(struct stoq_guard_places *places)
{
	freeifaddrs(places->addresses);
	stoq_flow_vlans_free(&places->vlans);
	places->addresses = NULL;
}

static bool is_address(const struct ifaddrs *entry, const struct stoq_flow_end *end)
{
	struct stoq_flow_end address;

	return stoq_flow_end_of_address(&address, entry->ifa_addr) == 0 &&
	       stoq_flow_end_same_address(&address, end);
}

bool stoq_guard_places_has(const struct stoq_guard_places *places, const struct stoq_flow_end *end)
{
	for (const struct ifaddrs *entry = places->addresses; entry; entry = entry->ifa_next)
		if (is_address(entry, end))
			return true;
	/* All of 127/8 is, with or without an address of its own. */
	return end->address[10] == 0xff && end->address[11] == 0xff && end->address[12] == 127;
}

bool stoq_guard_places_passes(const struct stoq_guard_places *places,
	const struct stoq_flow_socket *socket,
	bool (*wanted)(const void *context, const char *interface), const void *context)
{
	const struct stoq_flow_vlans *vlans = &places->vlans;

	if (stoq_guard_places_has(places, &socket->remote))
		return wanted(context, "lo");
	for (size_t i = 0; i < vlans->count; i++)
		if (stoq_flow_end_same_address(&vlans->items[i].address, &socket->local) &&
			wanted(context, vlans->items[i].below))
			return true;
	for (const struct ifaddrs *entry = places->addresses; entry; entry = entry->ifa_next)
		if (is_address(entry, &socket->local) && wanted(context, entry->ifa_name))
			return true;
	return false;
}
