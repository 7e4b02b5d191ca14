// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/kernel_routes.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/address.h"
#include "datapath/kernel_messages.h"
#include "netlink/request.h"

#define BUFFER_BYTES 8192

struct stoq_kernel_routes {
	struct mnl_socket *requests;
	struct mnl_socket *events;
	uint32_t sequence;
};

static void put_address(struct nlmsghdr *message, uint16_t type, const struct stoq_address *address)
{
	if (address->sa.sa_family == AF_INET)
		mnl_attr_put(message, type, sizeof(struct in_addr), &address->in.sin_addr);
	else
		mnl_attr_put(message, type, sizeof(struct in6_addr), &address->in6.sin6_addr);
}

static uint8_t address_bits(const struct stoq_address *address)
{
	return address->sa.sa_family == AF_INET ? 32 : 128;
}

struct answer {
	void (*read)(const struct nlmsghdr *message, void *result);
	void *result;
	bool came;
};

static int on_answer(const struct nlmsghdr *message, void *context)
{
	struct answer *answer = context;

	answer->read(message, answer->result);
	answer->came = true;
	return MNL_CB_STOP;
}

/* One question, one answer; the kernel answers at once. */
static int request_one(struct stoq_kernel_routes *routes, struct nlmsghdr *request,
	void (*read)(const struct nlmsghdr *message, void *result), void *result)
{
	struct answer answer = {read, result, false};
	int code;

	request->nlmsg_flags |= NLM_F_REQUEST;
	request->nlmsg_seq = ++routes->sequence;
	code = stoq_netlink_request(routes->requests, request, on_answer, &answer);
	return code || answer.came ? code : -ENOENT;
}

static int subscribe(struct mnl_socket *socket)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
		RTNLGRP_IPV6_RULE};
	int group;

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		group = groups[i];
		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
			return -errno;
	}
	return 0;
}

int stoq_kernel_routes_open(struct stoq_kernel_routes **routes, struct stoq_error *error)
{
	struct stoq_kernel_routes *opened = calloc(1, sizeof(*opened));
	int code;

	if (!opened)
		return stoq_error_set(error, -ENOMEM, "out of memory");
	code = stoq_netlink_open(&opened->requests, NETLINK_ROUTE, 0);
	if (!code)
		code = stoq_netlink_open(&opened->events, NETLINK_ROUTE, SOCK_NONBLOCK);
	if (!code)
		code = subscribe(opened->events);
	if (code) {
		stoq_kernel_routes_close(opened);
		return stoq_error_set(error, code,
			"cannot ask the kernel for routes and neighbours (netlink): %s",
			strerror(-code));
	}
	*routes = opened;
	return 0;
}

void stoq_kernel_routes_close(struct stoq_kernel_routes *routes)
{
	if (!routes)
		return;
	if (routes->requests)
		mnl_socket_close(routes->requests);
	if (routes->events)
		mnl_socket_close(routes->events);
	free(routes);
}

int stoq_kernel_link(struct stoq_kernel_routes *routes, int ifindex, struct stoq_link *link)
{
	char buffer[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *header;

	request->nlmsg_type = RTM_GETLINK;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->ifi_index = ifindex;
	return request_one(routes, request, stoq_kernel_read_link, link);
}

/* With the ports, by which rules and several next hops may choose. */
static int find_route(struct stoq_kernel_routes *routes, const struct stoq_address *remote,
	const struct stoq_address *local, struct stoq_kernel_route *route)
{
	char buffer[512];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *header;

	request->nlmsg_type = RTM_GETROUTE;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->rtm_family = remote->sa.sa_family;
	header->rtm_dst_len = address_bits(remote);
	put_address(request, RTA_DST, remote);
	if (local->length && local->sa.sa_family == remote->sa.sa_family &&
		!stoq_address_is_wildcard(local)) {
		header->rtm_src_len = address_bits(local);
		put_address(request, RTA_SRC, local);
	}
	if (remote->sa.sa_family == AF_INET6 && remote->in6.sin6_scope_id)
		mnl_attr_put_u32(request, RTA_OIF, remote->in6.sin6_scope_id);
	mnl_attr_put_u8(request, RTA_IP_PROTO, IPPROTO_UDP);
	mnl_attr_put_u16(request, RTA_DPORT, htons(stoq_address_port(remote)));
	if (local->length)
		mnl_attr_put_u16(request, RTA_SPORT, htons(stoq_address_port(local)));
	return request_one(routes, request, stoq_kernel_read_route, route);
}

/* Which interface has an address of ours; 0: none. */
static int interface_with(const struct stoq_address *address)
{
	struct stoq_address other;
	struct ifaddrs *all;
	int ifindex = 0;

	if (getifaddrs(&all))
		return 0;
	for (struct ifaddrs *i = all; i && !ifindex; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != address->sa.sa_family)
			continue;
		other.length = address->length;
		memcpy(&other.sa, i->ifa_addr, address->length);
		if (stoq_address_same_host(&other, address))
			ifindex = (int)if_nametoindex(i->ifa_name);
	}
	freeifaddrs(all);
	return ifindex;
}

int stoq_kernel_interface_of(
	struct stoq_kernel_routes *routes, const struct stoq_address *address, int *ifindex)
{
	struct stoq_address none = {.length = 0};
	struct stoq_kernel_route route = {0};
	struct stoq_link link = {0};
	int code;

	*ifindex = interface_with(address);
	if (!*ifindex) {
		code = find_route(routes, address, &none, &route);
		if (code)
			return code;
		*ifindex = route.ifindex;
	}
	do {
		code = stoq_kernel_link(routes, *ifindex, &link);
		if (!code && link.parent)
			*ifindex = link.parent;
	} while (!code && link.parent);
	return code;
}

static int find_neighbour(struct stoq_kernel_routes *routes, int ifindex,
	const struct stoq_address *address, struct stoq_kernel_neighbour *neighbour)
{
	char buffer[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ndmsg *header;

	request->nlmsg_type = RTM_GETNEIGH;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->ndm_family = address->sa.sa_family;
	header->ndm_ifindex = ifindex;
	put_address(request, NDA_DST, address);
	return request_one(routes, request, stoq_kernel_read_neighbour, neighbour);
}

/* From a VLAN interface down to the one that frames leave by; tags outermost first. */
static int find_link(struct stoq_kernel_routes *routes, int from, int ifindex, struct stoq_way *way)
{
	struct stoq_vlan_tag inner[STOQ_FRAME_VLANS_MAX];
	struct stoq_link link = {0};
	uint8_t count = 0;
	int code = stoq_kernel_link(routes, from, &link);

	if (code)
		return code;
	if (!link.ethernet || !link.up)
		return -EXDEV;
	memcpy(way->link.local_mac, link.mac, STOQ_MAC_BYTES);
	if (!way->mtu || way->mtu > link.mtu)
		way->mtu = link.mtu;
	while (link.ifindex != ifindex) {
		if (!link.parent || count == STOQ_FRAME_VLANS_MAX)
			return -EXDEV;
		inner[count++] = link.vlan;
		code = stoq_kernel_link(routes, link.parent, &link);
		if (code)
			return code;
	}
	way->link.vlan_count = count;
	for (uint8_t i = 0; i < count; i++)
		way->link.vlans[i] = inner[count - 1 - i];
	return 0;
}

int stoq_kernel_way(struct stoq_kernel_routes *routes, int ifindex,
	const struct stoq_address *remote, const struct stoq_address *local, struct stoq_way *way)
{
	struct stoq_kernel_neighbour neighbour = {0};
	struct stoq_kernel_route route = {0};
	int code = find_route(routes, remote, local, &route);

	if (code)
		return code;
	if (route.type != RTN_UNICAST || !route.plain)
		return -EXDEV;
	*way = (struct stoq_way){.mtu = route.mtu, .neighbour_ifindex = route.ifindex};
	code = find_link(routes, route.ifindex, ifindex, way);
	if (code)
		return code;
	way->source = local->length && !stoq_address_is_wildcard(local) ? *local : route.source;
	if (!way->source.length)
		return -EXDEV;
	way->next_hop = route.gateway.length ? route.gateway : *remote;
	if (way->next_hop.sa.sa_family == AF_INET6)
		way->next_hop.in6.sin6_scope_id = 0; /* as in the kernel's events */
	code = find_neighbour(routes, route.ifindex, &way->next_hop, &neighbour);
	if (code)
		return code == -ENOENT ? -EAGAIN : code;
	if (!neighbour.reachable)
		return -EAGAIN;
	memcpy(way->link.remote_mac, neighbour.mac, STOQ_MAC_BYTES);
	return 0;
}

int stoq_kernel_events_fd(const struct stoq_kernel_routes *routes)
{
	return mnl_socket_get_fd(routes->events);
}

struct listener {
	void (*back)(void *context, const struct stoq_kernel_event *event);
	void *context;
};

static void tell_neighbour(const struct nlmsghdr *message, const struct listener *listener)
{
	struct stoq_kernel_event event = {.what = STOQ_KERNEL_NEIGHBOUR};
	struct stoq_kernel_neighbour neighbour;

	stoq_kernel_read_neighbour(message, &neighbour);
	event.ifindex = neighbour.ifindex;
	event.neighbour = neighbour.address;
	event.reachable = message->nlmsg_type == RTM_NEWNEIGH && neighbour.reachable;
	memcpy(event.mac, neighbour.mac, STOQ_MAC_BYTES);
	if (event.neighbour.length)
		listener->back(listener->context, &event);
}

/* A bridge's view of its ports comes in messages that look alike. */
static void tell_link(const struct nlmsghdr *message, const struct listener *listener)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct stoq_kernel_event event;
	struct stoq_link link;

	if (header->ifi_family != AF_UNSPEC)
		return;
	stoq_kernel_read_link(message, &link);
	event = (struct stoq_kernel_event){
		.what = message->nlmsg_type == RTM_DELLINK ? STOQ_KERNEL_LINK_GONE
							   : STOQ_KERNEL_LINK,
		.ifindex = link.ifindex,
		.up = link.up,
		.mtu = link.mtu,
	};
	listener->back(listener->context, &event);
}

static int on_event(const struct nlmsghdr *message, void *context)
{
	struct stoq_kernel_event event = {.what = STOQ_KERNEL_ROUTES};
	const struct listener *listener = context;

	switch (message->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		tell_neighbour(message, listener);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		tell_link(message, listener);
		break;
	default:
		listener->back(listener->context, &event);
	}
	return MNL_CB_OK;
}

/* Events that were lost because there were too many count as a change of everything. */
void stoq_kernel_events(struct stoq_kernel_routes *routes,
	void (*back)(void *context, const struct stoq_kernel_event *event), void *context)
{
	struct stoq_kernel_event all = {.what = STOQ_KERNEL_ROUTES};
	struct listener listener = {back, context};
	char buffer[BUFFER_BYTES];
	ssize_t length;

	for (;;) {
		length = mnl_socket_recvfrom(routes->events, buffer, sizeof(buffer));
		if (length >= 0)
			(void)mnl_cb_run(buffer, length, 0, 0, on_event, &listener);
		else if (errno == ENOBUFS || errno == ENOSPC)
			back(context, &all);
		else if (errno != EINTR)
			return;
	}
}
