/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Where a tunnel listens. */
#include "tunnel/tunnel.h"

/* The address of QUIC, with the real port; and that of a door. */
void stoq_tunnel_local_address(const struct stoq_tunnel *tunnel, struct stoq_address *address);

void stoq_tunnel_door_address(
	const struct stoq_tunnel *tunnel, unsigned int door, struct stoq_address *address);
