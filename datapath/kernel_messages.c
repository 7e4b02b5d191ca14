// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/kernel_messages.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <string.h>

#define VALID_STATES  (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)
#define ATTRIBUTE_MAX 64

/* ---- attributes ---- */

/* The attributes of a message, by their type. */
struct attributes {
	const struct nlattr *of[ATTRIBUTE_MAX];
};

static int collect(const struct nlattr *attribute, void *context)
{
	struct attributes *attributes = context;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type < ATTRIBUTE_MAX)
		attributes->of[type] = attribute;
	return MNL_CB_OK;
}

static struct attributes attributes_of(const struct nlmsghdr *message, size_t header)
{
	struct attributes attributes = {{NULL}};

	mnl_attr_parse(message, header, collect, &attributes);
	return attributes;
}

static uint32_t get_u32(const struct nlattr *attribute)
{
	return attribute && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0
		       ? mnl_attr_get_u32(attribute)
		       : 0;
}

static bool get_mac(const struct nlattr *attribute, uint8_t mac[static STOQ_MAC_BYTES])
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != STOQ_MAC_BYTES)
		return false;
	memcpy(mac, mnl_attr_get_payload(attribute), STOQ_MAC_BYTES);
	return true;
}

/* bytes: an IPv4 or IPv6 address, as its size says. */
static bool set_address(struct stoq_address *address, const void *bytes, size_t size)
{
	memset(address, 0, sizeof(*address));
	if (size == sizeof(struct in_addr)) {
		address->in.sin_family = AF_INET;
		memcpy(&address->in.sin_addr, bytes, size);
		address->length = sizeof(address->in);
	} else if (size == sizeof(struct in6_addr)) {
		address->in6.sin6_family = AF_INET6;
		memcpy(&address->in6.sin6_addr, bytes, size);
		address->length = sizeof(address->in6);
	}
	return address->length;
}

static bool get_address(const struct nlattr *attribute, struct stoq_address *address)
{
	return attribute && set_address(address, mnl_attr_get_payload(attribute),
				    mnl_attr_get_payload_len(attribute));
}

/* ---- links ---- */

static void read_vlan(const struct nlattr *info, struct stoq_link *link)
{
	struct attributes parts = {{NULL}}, vlan = {{NULL}};

	if (!info)
		return;
	mnl_attr_parse_nested(info, collect, &parts);
	if (!parts.of[IFLA_INFO_KIND] || !parts.of[IFLA_INFO_DATA] ||
		mnl_attr_validate(parts.of[IFLA_INFO_KIND], MNL_TYPE_NUL_STRING) ||
		strcmp(mnl_attr_get_str(parts.of[IFLA_INFO_KIND]), "vlan") != 0)
		return;
	mnl_attr_parse_nested(parts.of[IFLA_INFO_DATA], collect, &vlan);
	if (!vlan.of[IFLA_VLAN_ID] || mnl_attr_validate(vlan.of[IFLA_VLAN_ID], MNL_TYPE_U16))
		return;
	link->vlan.id = mnl_attr_get_u16(vlan.of[IFLA_VLAN_ID]);
	link->vlan.protocol = 0x8100;
	if (vlan.of[IFLA_VLAN_PROTOCOL] &&
		mnl_attr_validate(vlan.of[IFLA_VLAN_PROTOCOL], MNL_TYPE_U16) == 0)
		link->vlan.protocol = ntohs(mnl_attr_get_u16(vlan.of[IFLA_VLAN_PROTOCOL]));
}

void stoq_kernel_read_link(const struct nlmsghdr *message, void *result)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct attributes attributes = attributes_of(message, sizeof(*header));
	struct stoq_link *link = result;

	*link = (struct stoq_link){
		.ifindex = header->ifi_index,
		.mtu = get_u32(attributes.of[IFLA_MTU]),
		.loopback = header->ifi_flags & IFF_LOOPBACK,
		.enabled = header->ifi_flags & IFF_UP,
		.up = (header->ifi_flags & IFF_UP) && (header->ifi_flags & IFF_RUNNING),
	};
	link->ethernet =
		header->ifi_type == ARPHRD_ETHER && get_mac(attributes.of[IFLA_ADDRESS], link->mac);
	if (attributes.of[IFLA_IFNAME] &&
		mnl_attr_validate(attributes.of[IFLA_IFNAME], MNL_TYPE_NUL_STRING) == 0)
		strncpy(link->name, mnl_attr_get_str(attributes.of[IFLA_IFNAME]),
			sizeof(link->name) - 1);
	read_vlan(attributes.of[IFLA_LINKINFO], link);
	/* A parent in another network namespace has another numbering. */
	if (link->vlan.protocol && !attributes.of[IFLA_LINK_NETNSID])
		link->parent = (int)get_u32(attributes.of[IFLA_LINK]);
}

/* ---- routes, neighbours ---- */

void stoq_kernel_read_route(const struct nlmsghdr *message, void *result)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct attributes attributes = attributes_of(message, sizeof(*header));
	struct attributes metrics = {{NULL}};
	const struct nlattr *via = attributes.of[RTA_VIA];
	struct stoq_kernel_route *route = result;

	*route = (struct stoq_kernel_route){
		.type = header->rtm_type,
		.ifindex = (int)get_u32(attributes.of[RTA_OIF]),
		.plain = !attributes.of[RTA_ENCAP] && !attributes.of[RTA_NEWDST],
	};
	get_address(attributes.of[RTA_GATEWAY], &route->gateway);
	get_address(attributes.of[RTA_PREFSRC], &route->source);
	if (via && mnl_attr_get_payload_len(via) > sizeof(struct rtvia))
		set_address(&route->gateway,
			(const uint8_t *)mnl_attr_get_payload(via) + sizeof(struct rtvia),
			mnl_attr_get_payload_len(via) - sizeof(struct rtvia));
	if (attributes.of[RTA_METRICS])
		mnl_attr_parse_nested(attributes.of[RTA_METRICS], collect, &metrics);
	route->mtu = get_u32(metrics.of[RTAX_MTU]);
}

void stoq_kernel_read_neighbour(const struct nlmsghdr *message, void *result)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	struct attributes attributes = attributes_of(message, sizeof(*header));
	struct stoq_kernel_neighbour *neighbour = result;

	*neighbour = (struct stoq_kernel_neighbour){.ifindex = header->ndm_ifindex};
	neighbour->reachable = get_mac(attributes.of[NDA_LLADDR], neighbour->mac) &&
			       (header->ndm_state & VALID_STATES);
	get_address(attributes.of[NDA_DST], &neighbour->address);
}
