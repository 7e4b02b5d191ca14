// SPDX-License-Identifier: BSD-2-Clause
#include "netlink/request.h"

#include <errno.h>

/* include/linux/netlink.h: the kernel fills at most this much of a dump at a time. */
#define ANSWER_BYTES 32768

int stoq_netlink_open(struct mnl_socket **netlink, int protocol, int flags)
{
	int result = 0;

	*netlink = mnl_socket_open2(protocol, SOCK_CLOEXEC | flags);
	if (!*netlink)
		return -errno;
	if (mnl_socket_bind(*netlink, 0, MNL_SOCKET_AUTOPID)) {
		result = -errno;
		mnl_socket_close(*netlink);
		*netlink = NULL;
	}
	return result;
}

/* The next part of the answer: its bytes, or a negative errno. */
static ssize_t receive_answer(
	struct mnl_socket *netlink, unsigned int sequence, char answer[static ANSWER_BYTES])
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
	ssize_t length;

	do {
		length = mnl_socket_recvfrom(netlink, answer, ANSWER_BYTES);
		if (length < 0)
			return -errno;
	} while (!mnl_nlmsg_ok(header, (int)length) || header->nlmsg_seq != sequence);
	return length;
}

int stoq_netlink_request(
	struct mnl_socket *netlink, const struct nlmsghdr *request, mnl_cb_t seen, void *context)
{
	char answer[ANSWER_BYTES];
	int more;

	if (mnl_socket_sendto(netlink, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t length = receive_answer(netlink, request->nlmsg_seq, answer);

		if (length < 0)
			return (int)length;
		more = mnl_cb_run(answer, (size_t)length, request->nlmsg_seq,
			mnl_socket_get_portid(netlink), seen, context);
	} while (more > 0);
	return more < 0 ? -errno : 0;
}

int stoq_netlink_request_once(
	int protocol, const struct nlmsghdr *request, mnl_cb_t seen, void *context)
{
	struct mnl_socket *netlink;
	int result = stoq_netlink_open(&netlink, protocol, 0);

	if (result)
		return result;
	result = stoq_netlink_request(netlink, request, seen, context);
	mnl_socket_close(netlink);
	return result;
}
