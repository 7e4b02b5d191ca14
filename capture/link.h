/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Link types of captures: what stands before the IP header. */
#include "capture/packet.h"

/* libpcap's DLT_ values that are understood; their names for people, NULL: it is not. */
const char *stoq_link_name(int link);

/* The DLT_ value of a LINKTYPE_ value, as files have it. */
int stoq_link_from_linktype(int linktype);

/*
 * The packet in a frame of this link type, of which `captured` bytes are there and `length` were
 * sent. False: it carries no IP, or is cut within its link header.
 */
bool stoq_link_packet(int link, const uint8_t *frame, uint32_t captured, uint32_t length,
	struct stoq_capture_packet *packet);
