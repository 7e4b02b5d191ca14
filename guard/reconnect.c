// SPDX-License-Identifier: BSD-2-Clause
#include "guard/reconnect.h"

#include <errno.h>
#include <ifaddrs.h>
#include <string.h>
#include <sys/socket.h>

#include "guard/controllers.h"
#include "guard/vlans.h"

static bool is_address(const struct ifaddrs *entry, const struct stoq_guard_end *end)
{
	struct stoq_guard_end address;

	return stoq_guard_end_of_address(&address, entry->ifa_addr) == 0 &&
	       stoq_guard_end_same_address(&address, end);
}

static bool is_ours(const struct ifaddrs *addresses, const struct stoq_guard_end *end)
{
	for (const struct ifaddrs *entry = addresses; entry; entry = entry->ifa_next)
		if (is_address(entry, end))
			return true;
	/* All of 127/8 is, with or without an address of its own. */
	return end->address[10] == 0xff && end->address[11] == 0xff && end->address[12] == 127;
}

static bool is_policed(const struct stoq_guard_view *view, const char *interface)
{
	for (size_t i = 0; i < view->made.side_count; i++)
		if (strcmp(view->made.sides[i].interface, interface) == 0)
			return true;
	return false;
}

/* Where this machine's connections pass. */
struct places {
	struct ifaddrs *addresses;
	struct stoq_guard_vlans vlans;
};

/*
 * Both ends here: it passes lo. Else it leaves by the interface that has its address, and by those
 * below, tagged.
 */
static bool passes(const struct stoq_guard_view *view, const struct places *places,
	const struct stoq_guard_socket *socket)
{
	const struct ifaddrs *addresses = places->addresses;

	if (is_ours(addresses, &socket->remote))
		return is_policed(view, "lo");
	for (size_t i = 0; i < places->vlans.count; i++)
		if (stoq_guard_end_same_address(&places->vlans.items[i].address, &socket->local) &&
			is_policed(view, places->vlans.items[i].below))
			return true;
	for (const struct ifaddrs *entry = addresses; entry; entry = entry->ifa_next)
		if (is_address(entry, &socket->local) && is_policed(view, entry->ifa_name))
			return true;
	return false;
}

static bool is_known(const struct stoq_guard_view *view, const struct places *places,
	const struct stoq_guard_socket *socket)
{
	/* Which of them is the host makes no difference. */
	struct stoq_guard_known known = {.host = socket->local, .controller = socket->remote};
	bool knows = stoq_guard_view_knows(view, &known);

	for (size_t i = 0; !knows && i < places->vlans.count; i++) {
		known.vlan_id = places->vlans.items[i].id;
		knows = stoq_guard_end_same_address(
				&places->vlans.items[i].address, &socket->local) &&
			stoq_guard_view_knows(view, &known);
	}
	return knows;
}

static bool is_wanted(const struct stoq_guard_view *view, const struct places *places,
	const struct stoq_guard_socket *socket)
{
	const uint16_t *ports = view->made.program.ports;

	return (stoq_guard_is_port(ports, socket->local.port) ||
		       stoq_guard_is_port(ports, socket->remote.port)) &&
	       passes(view, places, socket) && !is_known(view, places, socket);
}

int stoq_guard_reconnect(const struct stoq_guard_view *view,
	const struct stoq_guard_sockets *sockets, size_t *closed, struct stoq_error *error)
{
	struct places places;
	int result = 0;

	*closed = 0;
	if (getifaddrs(&places.addresses))
		return stoq_error_set(
			error, -errno, "cannot list this machine's addresses: %s", strerror(errno));
	if (stoq_guard_vlans_list(&places.vlans)) {
		freeifaddrs(places.addresses);
		return stoq_error_set(error, -ENOMEM, "no memory");
	}
	for (size_t i = 0; i < sockets->count; i++) {
		struct stoq_error one;

		if (!is_wanted(view, &places, &sockets->items[i]))
			continue;
		if (stoq_guard_socket_destroy(&sockets->items[i], &one) == 0) {
			++*closed;
		} else if (one.code != -ENOENT && !result) {
			/* With both ends here, the other one's end went with it. */
			result = one.code;
			*error = one;
		}
	}
	freeifaddrs(places.addresses);
	stoq_guard_vlans_free(&places.vlans);
	return result;
}
