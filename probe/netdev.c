// SPDX-License-Identifier: BSD-2-Clause

/* The generic netlink family "netdev" (Linux 6.3). Its numbers stand here, for older headers lack
 * them. */
#include "probe/netdev.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdbool.h>
#include <string.h>

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

struct answer {
	struct stoq_netdev netdev;
	bool has_features;
};

static int on_device(const struct nlmsghdr *header, void *context)
{
	struct answer *answer = context;
	struct nlattr *attribute;

	mnl_attr_for_each (attribute, header, sizeof(struct genlmsghdr)) {
		uint16_t type = mnl_attr_get_type(attribute);

		if (type == NETDEV_A_DEV_FEATURES &&
			mnl_attr_get_payload_len(attribute) == sizeof(uint64_t)) {
			answer->netdev.xdp_features = mnl_attr_get_u64(attribute);
			answer->has_features = true;
		} else if (type == NETDEV_A_DEV_ZC_SEGS &&
			   mnl_attr_validate(attribute, MNL_TYPE_U32) == 0) {
			answer->netdev.zero_copy_segments = mnl_attr_get_u32(attribute);
		}
	}
	return MNL_CB_OK;
}

static int ask_all(struct mnl_socket *socket, int ifindex, struct answer *answer)
{
	char buffer[BUFFER_BYTES] = {0}; /* paddings are sent, too */
	struct nlmsghdr *header;
	uint16_t family = 0;
	int result;

	header = put_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, "netdev");
	result = ask(socket, header, on_family, &family);
	if (result == -ENOENT || (!result && !family))
		return -ENOTSUP;
	if (result)
		return result;
	header = put_request(buffer, family, NETDEV_CMD_DEV_GET);
	mnl_attr_put_u32(header, NETDEV_A_DEV_IFINDEX, (uint32_t)ifindex);
	result = ask(socket, header, on_device, answer);
	return result ? result : answer->has_features ? 0 : -ENOTSUP;
}

int stoq_netdev_ask(int ifindex, struct stoq_netdev *netdev)
{
	struct mnl_socket *socket;
	struct answer answer = {0};
	int result;

	*netdev = (struct stoq_netdev){0};
	if (ifindex <= 0) /* which the kernel would call out of range */
		return -ENODEV;
	socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!socket)
		return -errno;
	result = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ? -errno
								: ask_all(socket, ifindex, &answer);
	mnl_socket_close(socket);
	if (!result)
		*netdev = answer.netdev;
	return result;
}
