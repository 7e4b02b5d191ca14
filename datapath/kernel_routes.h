/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the kernel knows of the way to a peer: its routes, its neighbours, its links; and word of
 * any change. It does ARP and neighbour discovery, never we.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "datapath/frame.h"

/* How frames to a peer leave. */
struct stoq_way {
	struct stoq_frame_link link;
	struct stoq_address source;   /* the address they leave from, without the port */
	struct stoq_address next_hop; /* the peer, or its router */
	int neighbour_ifindex; /* where next_hop is a neighbour: the interface, or a VLAN on it */
	uint32_t mtu;
};

struct stoq_link {
	int ifindex;
	char name[IF_NAMESIZE];
	uint8_t mac[STOQ_MAC_BYTES];
	uint32_t mtu;
	bool ethernet;
	bool loopback;
	bool enabled; /* somebody set it up */
	bool up;      /* and it carries packets */
	int parent;   /* of a VLAN; 0: it is not one */
	struct stoq_vlan_tag vlan;
};

struct stoq_kernel_routes;

int stoq_kernel_routes_open(struct stoq_kernel_routes **routes, struct stoq_error *error);
void stoq_kernel_routes_close(struct stoq_kernel_routes *routes);

/* -ENODEV if there is none. */
int stoq_kernel_link(struct stoq_kernel_routes *routes, int ifindex, struct stoq_link *link);

/*
 * The interface that has this address, or by which packets to it leave. Below a VLAN: the one
 * that carries it.
 */
int stoq_kernel_interface_of(
	struct stoq_kernel_routes *routes, const struct stoq_address *address, int *ifindex);

/*
 * The way to remote by the interface, from local (its length may be 0). -EXDEV: the kernel sends
 * it by another one, or not in plain Ethernet frames. -EAGAIN: the next hop's MAC is not known
 * yet. Other errors are the kernel's.
 */
int stoq_kernel_way(struct stoq_kernel_routes *routes, int ifindex,
	const struct stoq_address *remote, const struct stoq_address *local, struct stoq_way *way);

/* Told by stoq_kernel_events(). */
struct stoq_kernel_event {
	enum {
		STOQ_KERNEL_ROUTES,    /* routes, rules, addresses or links changed */
		STOQ_KERNEL_NEIGHBOUR, /* a neighbour changed */
		STOQ_KERNEL_LINK,      /* a link changed: up says whether it carries packets */
		STOQ_KERNEL_LINK_GONE,
	} what;
	int ifindex;
	bool up;
	uint32_t mtu; /* of the link */
	struct stoq_address neighbour;
	bool reachable; /* its MAC is valid */
	uint8_t mac[STOQ_MAC_BYTES];
};

/* Readable when stoq_kernel_events() has something. */
int stoq_kernel_events_fd(const struct stoq_kernel_routes *routes);

/* Reads what there is, without waiting; one call of back for each event. */
void stoq_kernel_events(struct stoq_kernel_routes *routes,
	void (*back)(void *context, const struct stoq_kernel_event *event), void *context);
