// SPDX-License-Identifier: BSD-2-Clause
#include "guard/reconnect.h"

#include <errno.h>
#include <ifaddrs.h>
#include <string.h>
#include <sys/socket.h>

#include "guard/controllers.h"

static bool is_address(const struct ifaddrs *entry, const struct stoq_guard_end *end)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const struct sockaddr_in6 *six = (const void *)entry->ifa_addr;
	const struct sockaddr_in *four = (const void *)entry->ifa_addr;

	if (!entry->ifa_addr)
		return false;
	if (entry->ifa_addr->sa_family == AF_INET6)
		return memcmp(&six->sin6_addr, end->address, sizeof(end->address)) == 0;
	return entry->ifa_addr->sa_family == AF_INET &&
	       memcmp(end->address, mapped, sizeof(mapped)) == 0 &&
	       memcmp(&four->sin_addr, end->address + sizeof(mapped), 4) == 0;
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

/* Both ends here: it passes lo. Else it leaves by the interface that has its address. */
static bool passes(const struct stoq_guard_view *view, const struct ifaddrs *addresses,
	const struct stoq_guard_socket *socket)
{
	if (is_ours(addresses, &socket->remote))
		return is_policed(view, "lo");
	for (const struct ifaddrs *entry = addresses; entry; entry = entry->ifa_next)
		if (is_address(entry, &socket->local) && is_policed(view, entry->ifa_name))
			return true;
	return false;
}

static bool is_wanted(const struct stoq_guard_view *view, const struct ifaddrs *addresses,
	const struct stoq_guard_socket *socket)
{
	const uint16_t *ports = view->made.program.ports;

	return (stoq_guard_is_port(ports, socket->local.port) ||
		       stoq_guard_is_port(ports, socket->remote.port)) &&
	       passes(view, addresses, socket) &&
	       !stoq_guard_view_knows(view, &socket->local, &socket->remote);
}

int stoq_guard_reconnect(const struct stoq_guard_view *view,
	const struct stoq_guard_sockets *sockets, size_t *closed, struct stoq_error *error)
{
	struct ifaddrs *addresses;
	int result = 0;

	*closed = 0;
	if (getifaddrs(&addresses))
		return stoq_error_set(
			error, -errno, "cannot list this machine's addresses: %s", strerror(errno));
	for (size_t i = 0; i < sockets->count; i++) {
		struct stoq_error one;

		if (!is_wanted(view, addresses, &sockets->items[i]))
			continue;
		if (stoq_guard_socket_destroy(&sockets->items[i], &one) == 0) {
			++*closed;
		} else if (one.code != -ENOENT && !result) {
			/* With both ends here, the other one's end went with it. */
			result = one.code;
			*error = one;
		}
	}
	freeifaddrs(addresses);
	return result;
}
