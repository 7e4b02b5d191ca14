/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Requests to the kernel by netlink, and its answers. */
#include <libmnl/libmnl.h>

/*
 * A bound socket that is closed on exec; flags: SOCK_NONBLOCK or 0. 0 or a negative errno, and
 * *netlink is NULL then.
 */
int stoq_netlink_open(struct mnl_socket **netlink, int protocol, int flags);

/*
 * Sends a request and hands the messages of its answer to seen, up to the last one: the end of a
 * dump, the acknowledgement (NLM_F_ACK), or when seen returns MNL_CB_STOP. seen may be NULL if only
 * the acknowledgement matters. On a socket for several requests each needs a nlmsg_seq of its own:
 * answers to an earlier one, which was given up, are passed over. 0 or a negative errno, the
 * kernel's or seen's.
 */
int stoq_netlink_request(
	struct mnl_socket *netlink, const struct nlmsghdr *request, mnl_cb_t seen, void *context);

/* The same with a socket of its own. */
int stoq_netlink_request_once(
	int protocol, const struct nlmsghdr *request, mnl_cb_t seen, void *context);
