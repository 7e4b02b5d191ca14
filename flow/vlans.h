/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Addresses of this machine that are behind a VLAN tag: on the interface below, the packets of
 * their connections carry it, and it is part of the program's key.
 */
#include <net/if.h>

#include "flow/identities.h"

struct stoq_flow_vlan {
	struct stoq_flow_end address; /* no port */
	uint16_t id;		      /* of the innermost tag */
	char below[IF_NAMESIZE];      /* an interface on which packets are tagged so */
};

struct stoq_flow_vlans {
	struct stoq_flow_vlan *items;
	size_t count;
	size_t capacity;
};

/* 0 or -ENOMEM; without VLANs there are none. */
int stoq_flow_vlans_list(struct stoq_flow_vlans *vlans);
void stoq_flow_vlans_free(struct stoq_flow_vlans *vlans);

/* For each connection one more identity for each tag that an end of it is behind. 0 or -ENOMEM. */
int stoq_flow_vlans_identify(
	const struct stoq_flow_vlans *vlans, struct stoq_flow_identities *identities);
