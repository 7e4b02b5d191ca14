// SPDX-License-Identifier: BSD-2-Clause

/* Adds a clsact qdisc to the loopback of a network namespace that is gone at once. */
#include "probe/clsact.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netlink/request.h"
#include "probe/probe_private.h"

#define LOOPBACK 1 /* its number in every new namespace */

static int add_clsact(void)
{
	char buffer[512] = {0}; /* padding is sent, too */
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct tcmsg *message;

	header->nlmsg_type = RTM_NEWQDISC;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->tcm_family = AF_UNSPEC;
	message->tcm_ifindex = LOOPBACK;
	message->tcm_parent = TC_H_CLSACT;
	message->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(header, TCA_KIND, "clsact");
	return stoq_netlink_request_once(NETLINK_ROUTE, header, NULL, NULL);
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
