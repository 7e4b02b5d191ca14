/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A link's QUIC streams. */
#include <stdint.h>

#include "tunnel/lane_header.h"

struct stoq_mux_io;
struct stoq_tunnel_link;

/* What the mux asks for. */
extern const struct stoq_mux_io stoq_link_io;

/* Bytes of its lanes that the transport holds, because the mux has not taken them. */
uint64_t stoq_link_unread_bytes(const struct stoq_tunnel_link *link);

/* Host end: opens a lane's stream. 0 or what stoq_stream_open() returns. */
int stoq_link_open_lane(struct stoq_tunnel_link *link, unsigned int index);

/* Lets go of a stream that goes on without a link. */
void stoq_link_drop_lanes(struct stoq_tunnel_link *link, enum stoq_lane_code code, bool reset);
