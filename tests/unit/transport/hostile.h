/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A peer that is authenticated and sends what no honest one would: the frames of one of its packets
 * are others before they are sealed (--wrap=stoq_packet_seal), and what its TLS offers is changed.
 */
#include "tests/unit/transport/rig.h"

enum hostile_packet { HOSTILE_INITIAL, HOSTILE_HANDSHAKE = 2, HOSTILE_ONE_RTT = 4 };

struct hostile {
	struct rig *rig;
	bool from_server;
	enum hostile_packet packet;
	bool append; /* the frames are the end of what is in the packet, not all that is in it */
	unsigned int skip,
		times; /* packets of that kind: how many pass before, how many are changed */
	uint8_t frames[1100];
	size_t size;
	unsigned int sent;

	/* Transport parameters that follow a side's own. */
	uint8_t parameters[256];
	size_t parameters_size;
	bool parameters_instead; /* of the side's own that has the number of the first */
	/* The side whose first protocol this is offers or selects none; "server" accepts that. */
	const char *no_alpn;
};

extern struct hostile hostile;

void hostile_reset(struct rig *rig);
/* The next packet of that side with a short header has these frames, which goes out at once. */
void hostile_send(bool from_server, const uint8_t *frames, size_t size);
/* A CRYPTO frame that goes on at that offset; returns its bytes. */
size_t hostile_crypto(uint8_t *frame, uint64_t offset, const uint8_t *data, size_t size);
