// SPDX-License-Identifier: BSD-2-Clause

/*
 * What a driver says it can do with XDP: the generic netlink family "netdev" (Linux 6.3). Its
 * numbers stand here, for older headers lack them.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <string.h>

#include "probe/section.h"

#define NETDEV_CMD_DEV_GET    1
#define NETDEV_A_DEV_IFINDEX  1
#define NETDEV_A_DEV_FEATURES 3
#define NETDEV_A_DEV_ZC_SEGS  4
#define BUFFER_BYTES	      8192

static struct nlmsghdr *put_request(char *buffer, uint16_t type, uint8_t command)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *generic;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	generic->cmd = command;
	generic->version = 1;
	return header;
}

/* Sends, and lets the callback see the answer. 0 or a negative errno. */
static int ask(struct mnl_socket *socket, struct nlmsghdr *header, mnl_cb_t callback, void *context)
{
	unsigned int port = mnl_socket_get_portid(socket);
	char buffer[BUFFER_BYTES];

	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		int result;

		if (got < 0)
			return -errno;
		result = mnl_cb_run(buffer, (size_t)got, 0, port, callback, context);
		if (result < 0)
			return -errno;
		if (result == MNL_CB_STOP)
			return 0;
	}
}

static int on_family(const struct nlmsghdr *header, void *context)
{
	struct nlattr *attribute;

	mnl_attr_for_each (attribute, header, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID &&
			mnl_attr_validate(attribute, MNL_TYPE_U16) == 0)
			*(uint16_t *)context = mnl_attr_get_u16(attribute);
	return MNL_CB_OK;
}

static int on_device(const struct nlmsghdr *header, void *context)
{
	struct stoq_probe_xdp *xdp = context;
	struct nlattr *attribute;

	mnl_attr_for_each (attribute, header, sizeof(struct genlmsghdr)) {
		uint16_t type = mnl_attr_get_type(attribute);

		if (type == NETDEV_A_DEV_FEATURES &&
			mnl_attr_get_payload_len(attribute) == sizeof(uint64_t)) {
			memcpy(&xdp->features, mnl_attr_get_payload(attribute), sizeof(uint64_t));
			xdp->known = true;
		} else if (type == NETDEV_A_DEV_ZC_SEGS &&
			   mnl_attr_validate(attribute, MNL_TYPE_U32) == 0) {
			xdp->zero_copy_segments = mnl_attr_get_u32(attribute);
		}
	}
	return MNL_CB_OK;
}

static int ask_all(struct mnl_socket *socket, int ifindex, struct stoq_probe_xdp *xdp)
{
	char buffer[BUFFER_BYTES] = {0}; /* paddings are sent, too */
	struct nlmsghdr *header;
	uint16_t family = 0;
	int result;

	header = put_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, "netdev");
	result = ask(socket, header, on_family, &family);
	if (result)
		return result;
	if (!family)
		return -ENOENT;
	header = put_request(buffer, family, NETDEV_CMD_DEV_GET);
	mnl_attr_put_u32(header, NETDEV_A_DEV_IFINDEX, (uint32_t)ifindex);
	return ask(socket, header, on_device, xdp);
}

int stoq_probe_netdev(int ifindex, struct stoq_probe_xdp *xdp)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_GENERIC);
	int result;

	*xdp = (struct stoq_probe_xdp){0};
	if (!socket)
		return -errno;
	result = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ? -errno
								: ask_all(socket, ifindex, xdp);
	mnl_socket_close(socket);
	return result;
}
