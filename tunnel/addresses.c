// SPDX-License-Identifier: BSD-2-Clause
/* Where a tunnel can be reached: addresses with the ports that the kernel chose. */
#include "tunnel/addresses.h"

#include <sys/socket.h>

#include "tunnel/doors.h"
#include "tunnel/tunnel_private.h"

void stoq_tunnel_local_address(const struct stoq_tunnel *tunnel, struct stoq_address *address)
{
	struct sockaddr_storage storage;
	socklen_t length;

	stoq_transport_local_address(tunnel->transport, &storage, &length);
	stoq_address_from(address, (struct sockaddr *)&storage, length);
}

void stoq_tunnel_door_address(
	const struct stoq_tunnel *tunnel, unsigned int door, struct stoq_address *address)
{
	struct sockaddr_storage storage;
	socklen_t length = sizeof(storage);

	address->length = 0;
	if (!getsockname(
		    tunnel->workers[0].doors[door].watch.fd, (struct sockaddr *)&storage, &length))
		stoq_address_from(address, (struct sockaddr *)&storage, length);
}
