// SPDX-License-Identifier: BSD-2-Clause
#include "guard/overlays.h"

#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "netlink/request.h"

/* What a message has of one interface. */
struct link {
	const char *name, *kind; /* NULL: not there */
};

struct search {
	const char *const *interfaces;
	size_t interface_count;
	struct stoq_guard_overlay *found;
	size_t max;
	int count;
};

static const char *text_of(const struct nlattr *attribute)
{
	return mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) ? NULL
								 : mnl_attr_get_str(attribute);
}

static int take_info(const struct nlattr *attribute, void *context)
{
	struct link *link = context;

	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
		link->kind = text_of(attribute);
	return MNL_CB_OK;
}

static int take_attribute(const struct nlattr *attribute, void *context)
{
	struct link *link = context;

	if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
		link->name = text_of(attribute);
	if (mnl_attr_get_type(attribute) == IFLA_LINKINFO)
		mnl_attr_parse_nested(attribute, take_info, context);
	return MNL_CB_OK;
}

/* The kinds of Linux' drivers (rtnl_link_ops.kind in drivers/net, net/ipv4, net/ipv6, net/xfrm). */
static bool is_overlay(const struct ifinfomsg *header, const char *kind)
{
	static const char *const kinds[] = {"bareudp", "erspan", "geneve", "gre", "gretap", "gtp",
		"ip6erspan", "ip6gre", "ip6gretap", "ip6tnl", "ipip", "ovpn", "sit", "vti", "vti6",
		"vxlan", "wireguard", "xfrm"};

	/* A program's, as a VPN has it; with Ethernet headers it is a virtual machine's rather. */
	if (strcmp(kind, "tun") == 0)
		return header->ifi_type == ARPHRD_NONE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

static bool is_named(const struct search *search, const char *name)
{
	for (size_t i = 0; i < search->interface_count; i++)
		if (strcmp(search->interfaces[i], name) == 0)
			return true;
	return false;
}

static int take_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct search *search = context;
	struct link link = {NULL, NULL};

	mnl_attr_parse(message, sizeof(*header), take_attribute, &link);
	if (!link.name || !link.kind || !(header->ifi_flags & IFF_UP) ||
		!is_overlay(header, link.kind) || is_named(search, link.name))
		return MNL_CB_OK;
	if ((size_t)search->count < search->max) {
		struct stoq_guard_overlay *overlay = &search->found[search->count];

		snprintf(overlay->name, sizeof(overlay->name), "%s", link.name);
		snprintf(overlay->kind, sizeof(overlay->kind), "%s", link.kind);
	}
	search->count++;
	return MNL_CB_OK;
}

int stoq_guard_overlays(const char *const *interfaces, size_t interface_count,
	struct stoq_guard_overlay *found, size_t max)
{
	struct search search = {interfaces, interface_count, found, max, 0};
	char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	int result;

	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = 1;
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	result = stoq_netlink_request_once(NETLINK_ROUTE, message, take_link, &search);
	return result ? result : search.count;
}
