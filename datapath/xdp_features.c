// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/xdp_features.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

/* linux/netdev.h, which the headers of Linux 6.1 lack. */
#define NETDEV_FAMILY	    "netdev"
#define NETDEV_VERSION	    1
#define NETDEV_DEV_GET	    1
#define NETDEV_DEV_IFINDEX  1
#define NETDEV_DEV_FEATURES 3

#define BUFFER_BYTES 8192

/* An attribute that is looked for, and its value. */
struct wanted {
	uint16_t type;
	enum mnl_attr_data_type data;
	const struct nlattr *found;
	uint64_t value;
};

static int look(const struct nlattr *attribute, void *context)
{
	struct wanted *wanted = context;

	if (mnl_attr_get_type(attribute) == wanted->type &&
		mnl_attr_validate(attribute, wanted->data) == 0) {
		wanted->found = attribute;
		wanted->value = wanted->data == MNL_TYPE_U16 ? mnl_attr_get_u16(attribute)
							     : mnl_attr_get_u64(attribute);
	}
	return MNL_CB_OK;
}

static int on_answer(const struct nlmsghdr *message, void *context)
{
	mnl_attr_parse(message, sizeof(struct genlmsghdr), look, context);
	return MNL_CB_STOP;
}

static int ask(struct mnl_socket *socket, struct nlmsghdr *request, struct wanted *wanted)
{
	char buffer[BUFFER_BYTES];
	ssize_t length;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (length < 0)
		return -errno;
	if (mnl_cb_run(buffer, length, request->nlmsg_seq, mnl_socket_get_portid(socket), on_answer,
		    wanted) < 0)
		return -errno;
	return wanted->found ? 0 : -ENOTSUP;
}

static struct nlmsghdr *begin(void *buffer, uint16_t family, uint8_t command, uint8_t version)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	request->nlmsg_type = family;
	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = command;
	header->cmd = command;
	header->version = version;
	return request;
}

static int ask_both(struct mnl_socket *socket, int ifindex, uint64_t *features)
{
	struct wanted family = {.type = CTRL_ATTR_FAMILY_ID, .data = MNL_TYPE_U16};
	struct wanted wanted = {.type = NETDEV_DEV_FEATURES, .data = MNL_TYPE_U64};
	char buffer[256];
	struct nlmsghdr *request = begin(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	int code;

	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY);
	code = ask(socket, request, &family);
	if (code)
		return code == -ENOENT ? -ENOTSUP : code;
	request = begin(buffer, (uint16_t)family.value, NETDEV_DEV_GET, NETDEV_VERSION);
	mnl_attr_put_u32(request, NETDEV_DEV_IFINDEX, (uint32_t)ifindex);
	code = ask(socket, request, &wanted);
	*features = wanted.value;
	return code;
}

int stoq_xdp_features(int ifindex, uint64_t *features)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	int code;

	if (!socket)
		return -errno;
	code = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ? -errno
							      : ask_both(socket, ifindex, features);
	mnl_socket_close(socket);
	return code;
}
