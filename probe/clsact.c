// SPDX-License-Identifier: BSD-2-Clause

/* Adds a clsact qdisc to the loopback of a network namespace that is gone at once. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/section.h"

#define LOOPBACK 1 /* its number in every new namespace */

/* Sends the request and waits for the kernel's word. 0 or a negative errno. */
static int add_clsact(void)
{
	char buffer[512] = {0}; /* paddings are sent, too */
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);
	struct tcmsg *message;
	ssize_t got;
	int result = -EIO;

	if (!socket)
		return -errno;
	header->nlmsg_type = RTM_NEWQDISC;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->tcm_family = AF_UNSPEC;
	message->tcm_ifindex = LOOPBACK;
	message->tcm_parent = TC_H_CLSACT;
	message->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(header, TCA_KIND, "clsact");
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
		mnl_socket_sendto(socket, header, header->nlmsg_len) > 0) {
		got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (got >= (ssize_t)(sizeof(*header) + sizeof(struct nlmsgerr)) &&
			header->nlmsg_type == NLMSG_ERROR)
			result = ((struct nlmsgerr *)mnl_nlmsg_get_payload(header))->error;
	}
	mnl_socket_close(socket);
	return result;
}

int stoq_probe_try_clsact(void)
{
	int status, result;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0) {
		if (unshare(CLONE_NEWNET))
			_exit(errno);
		result = add_clsact();
		_exit(result == -EPERM ? EACCES : -result);
	}
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}
