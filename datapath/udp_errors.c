// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <time.h> /* linux/errqueue.h wants struct timespec */

#include <linux/errqueue.h>

#include "datapath/udp_private.h"

static bool is_error(const struct cmsghdr *header)
{
	return (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR) ||
	       (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR);
}

/* True: from the network, not from our own stack, which has told the sender already. */
static bool count_error(struct stoq_udp *udp, const struct sock_extended_err *error)
{
	if (error->ee_origin != SO_EE_ORIGIN_ICMP && error->ee_origin != SO_EE_ORIGIN_ICMP6)
		return false;
	if (error->ee_errno == EMSGSIZE) {
		udp->udp_counters.icmp_mtu++;
		udp->udp_counters.icmp_last_mtu = error->ee_info;
	} else {
		udp->udp_counters.icmp_unreachable++;
	}
	return true;
}

static bool read_error(struct stoq_udp *udp, struct msghdr *message)
{
	struct sock_extended_err error;
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (!is_error(header))
			continue;
		memcpy(&error, CMSG_DATA(header), sizeof(error));
		return count_error(udp, &error);
	}
	return false;
}

/*
 * While anything is in that queue poll() returns at once, and the next call on the socket may
 * fail with what is in it: so all of it is read, whenever a call has failed.
 */
unsigned int udp_read_errors(struct stoq_udp *udp)
{
	_Alignas(struct cmsghdr) uint8_t control[512];
	unsigned int from_network = 0;

	for (unsigned int i = 0; i < 1024; i++) {
		struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};

		if (recvmsg(udp->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		from_network += read_error(udp, &message);
	}
	return from_network;
}
