/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the kernel's messages about links, routes and neighbours (rtnetlink) say. Only this reads
 * them; nothing here sends or waits.
 */
#include "datapath/kernel_routes.h"

struct nlmsghdr;

struct stoq_kernel_route {
	uint8_t type;
	int ifindex;
	uint32_t mtu;
	bool plain; /* no tunnel, no labels */
	struct stoq_address gateway;
	struct stoq_address source;
};

struct stoq_kernel_neighbour {
	int ifindex;
	struct stoq_address address;
	bool reachable; /* mac is valid */
	uint8_t mac[STOQ_MAC_BYTES];
};

/* Each fills all of result, which is a struct stoq_link, _kernel_route or _kernel_neighbour. */
void stoq_kernel_read_link(const struct nlmsghdr *message, void *result);
void stoq_kernel_read_route(const struct nlmsghdr *message, void *result);
void stoq_kernel_read_neighbour(const struct nlmsghdr *message, void *result);
