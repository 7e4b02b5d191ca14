// SPDX-License-Identifier: BSD-2-Clause

/*
 * XDP features: the generic netlink family "netdev" (Linux 6.3, include/uapi/linux/netdev.h). Older headers lack
 * its numbers. The driver's name: ethtool's ioctl.
 */
#include "probe/netdev.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/request.h"

#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif

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

static int request_features(struct mnl_socket *socket, int ifindex, struct answer *answer)
{
	char buffer[BUFFER_BYTES] = {0}; /* padding is sent, too */
	struct nlmsghdr *header;
	uint16_t family = 0;
	int result;

	header = put_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, "netdev");
	result = stoq_netlink_request(socket, header, on_family, &family);
	if (result == -ENOENT || (!result && !family))
		return -ENOTSUP;
	if (result)
		return result;
	header = put_request(buffer, family, NETDEV_CMD_DEV_GET);
	mnl_attr_put_u32(header, NETDEV_A_DEV_IFINDEX, (uint32_t)ifindex);
	result = stoq_netlink_request(socket, header, on_device, answer);
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
	result = stoq_netlink_open(&socket, NETLINK_GENERIC, 0);
	if (result)
		return result;
	result = request_features(socket, ifindex, &answer);
	mnl_socket_close(socket);
	if (!result)
		*netdev = answer.netdev;
	return result;
}

/* Flags are looked at before the interface (xsk_bind() in net/xdp/xsk.c), of which there is none with this number. */
bool stoq_netdev_has_several_frames(void)
{
	struct sockaddr_xdp nowhere = {.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY | XDP_USE_SG};
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&nowhere, sizeof(nowhere)) &&
		   errno == ENODEV;

	if (fd >= 0)
		close(fd);
	return has;
}

int stoq_netdev_driver(const char *interface, char driver[static STOQ_NETDEV_DRIVER_BYTES])
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&info};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result = 0;

	*driver = '\0';
	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", interface);
	if (ioctl(fd, SIOCETHTOOL, &request) == 0)
		snprintf(driver, STOQ_NETDEV_DRIVER_BYTES, "%.31s", info.driver);
	else
		result = -errno;
	close(fd);
	return result;
}
