// SPDX-License-Identifier: BSD-2-Clause
#include "guard/reconnect.h"

#include <errno.h>
#include <string.h>

#include "flow/controllers.h"
#include "guard/places.h"

static bool is_policed(const void *context, const char *interface)
{
	const struct stoq_guard_view *view = context;

	for (size_t i = 0; i < view->manifest.side_count; i++)
		if (strcmp(view->manifest.sides[i].interface, interface) == 0)
			return true;
	return false;
}

static bool is_known(const struct stoq_guard_view *view, const struct stoq_guard_places *places,
	const struct stoq_flow_socket *socket)
{
	/* Which of them is the host makes no difference. */
	struct stoq_flow_known known = {.host = socket->local, .controller = socket->remote};
	bool knows = stoq_guard_view_knows(view, &known);

	for (size_t i = 0; !knows && i < places->vlans.count; i++) {
		known.vlan_id = places->vlans.items[i].id;
		knows = stoq_flow_end_same_address(
				&places->vlans.items[i].address, &socket->local) &&
			stoq_guard_view_knows(view, &known);
	}
	return knows;
}

static bool is_wanted(const struct stoq_guard_view *view, const struct stoq_guard_places *places,
	const struct stoq_flow_socket *socket)
{
	const struct stoq_flow_ports ports = {view->manifest.program.ports, STOQ_GUARD_PORTS_MAX};

	return (stoq_flow_is_port(&ports, socket->local.port) ||
		       stoq_flow_is_port(&ports, socket->remote.port)) &&
	       stoq_guard_places_passes(places, socket, is_policed, view) &&
	       !is_known(view, places, socket);
}

static bool is_stopped(
	const struct stoq_flow_identities *stopped, const struct stoq_flow_socket *socket)
{
	const struct stoq_flow_known known = {.host = socket->local, .controller = socket->remote};

	return stoq_flow_identities_find(stopped, &known) != NULL;
}

int stoq_guard_reconnect(const struct stoq_guard_view *view,
	const struct stoq_flow_sockets *sockets, const struct stoq_flow_identities *stopped,
	size_t *closed, struct stoq_error *error)
{
	struct stoq_guard_places places;
	int result;

	*closed = 0;
	result = stoq_guard_places_list(&places, error);
	if (result)
		return result;
	for (size_t i = 0; i < sockets->count; i++) {
		struct stoq_error one;

		if (!is_stopped(stopped, &sockets->items[i]) &&
			!is_wanted(view, &places, &sockets->items[i]))
			continue;
		if (stoq_flow_socket_destroy(&sockets->items[i], &one) == 0) {
			++*closed;
		} else if (one.code != -ENOENT && !result) {
			/* With both ends here, the other one's end went with it. */
			result = one.code;
			*error = one;
		}
	}
	stoq_guard_places_free(&places);
	return result;
}
