// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/udp_private.h"

static int udp_descriptor(struct stoq_datapath *datapath, short *events)
{
	const struct stoq_udp *udp = udp_of(datapath);

	*events = udp->wants_room ? POLLIN | POLLOUT : POLLIN;
	return udp->fd;
}

/* The kernel's answer, from a socket that is connected and sends nothing. */
static int ask_route(const struct stoq_udp *udp, int fd, const struct stoq_address *remote,
	struct stoq_datapath_route *route)
{
	bool ipv6 = remote->sa.sa_family == AF_INET6;
	socklen_t length = sizeof(route->local.in6);
	int mtu = 0, headers = ipv6 ? 40 + 8 : 20 + 8;
	struct stoq_address bound = udp->local;

	stoq_address_set_port(&bound, 0);
	if (!udp->wildcard && bind(fd, &bound.sa, bound.length))
		return -errno;
	if (connect(fd, &remote->sa, remote->length) || getsockname(fd, &route->local.sa, &length))
		return -errno;
	route->local.length = length;
	stoq_address_set_port(&route->local, stoq_address_port(&udp->local));
	length = sizeof(mtu);
	if (getsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_MTU : IP_MTU, &mtu,
		    &length) == 0 &&
		mtu > headers)
		route->max_payload_bytes = (uint32_t)(mtu - headers);
	if (route->max_payload_bytes > UDP_PAYLOAD_MAX)
		route->max_payload_bytes = UDP_PAYLOAD_MAX;
	return 0;
}

static int udp_route(struct stoq_datapath *datapath, const struct stoq_address *remote,
	struct stoq_datapath_route *route)
{
	const struct stoq_udp *udp = udp_of(datapath);
	struct stoq_address unmapped = *remote;
	int fd, ret;

	memset(route, 0, sizeof(*route));
	stoq_address_unmap(&unmapped);
	if (unmapped.sa.sa_family != udp->local.sa.sa_family &&
		!(udp->wildcard && udp->local.sa.sa_family == AF_INET6))
		return -EAFNOSUPPORT;
	fd = socket(unmapped.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
	if (fd < 0)
		return -errno;
	ret = ask_route(udp, fd, &unmapped, route);
	close(fd);
	return ret;
}

static void print_refusals(const struct stoq_udp *udp, char *out, size_t size)
{
	char host[STOQ_ADDRESS_TEXT];

	out[0] = '\0';
	if (!udp->udp_counters.gso_refused)
		return;
	snprintf(out, size, ", GSO refused for %s%s (%s)",
		stoq_address_text(host, &udp->refused[0]),
		udp->udp_counters.gso_refused > 1 ? " and others" : "",
		strerror(udp->refusal_errno));
}

static void udp_info(struct stoq_datapath *datapath, struct stoq_datapath_info *info)
{
	const struct stoq_udp *udp = udp_of(datapath);
	char local[STOQ_ADDRESS_TEXT], refusals[128];

	memset(info, 0, sizeof(*info));
	info->kind = "udp";
	info->local = udp->local;
	info->max_segments = UDP_GSO_SEGMENTS;
	info->joins = udp->gro;
	print_refusals(udp, refusals, sizeof(refusals));
	snprintf(info->description, sizeof(info->description),
		"UDP %s, %s, %s, receive buffer %u KiB%s%s%.75s",
		stoq_address_text(local, &udp->local), udp->gso ? "GSO" : "no GSO",
		udp->gro ? "GRO" : "no GRO", udp->receive_buffer_bytes / 1024,
		udp->busy_poll_us ? ", busy polling" : "",
		udp->unsharded ? ", shared by address" : "", refusals);
	memcpy(info->warning, udp->warning, sizeof(info->warning));
}

/* Asked for, because SO_RXQ_OVFL would have the kernel look at a cold cache line per packet. */
static void count_overflows(struct stoq_udp *udp)
{
	uint32_t values[SK_MEMINFO_VARS] = {0}, now;
	socklen_t length = sizeof(values);

	if (getsockopt(udp->fd, SOL_SOCKET, SO_MEMINFO, values, &length))
		return;
	now = values[SK_MEMINFO_DROPS];
	udp->udp_counters.overflows += (uint32_t)(now - udp->overflow_mark);
	udp->counters.dropped_receiving += (uint32_t)(now - udp->overflow_mark);
	udp->overflow_mark = now;
}

static void udp_get_counters(
	struct stoq_datapath *datapath, struct stoq_datapath_counters *counters)
{
	count_overflows(udp_of(datapath));
	*counters = udp_of(datapath)->counters;
	counters->zero_copy_operations = UINT64_MAX;
	counters->copied_operations = UINT64_MAX;
}

void stoq_udp_counters(const struct stoq_datapath *datapath, struct stoq_udp_counters *counters)
{
	struct stoq_udp *udp = udp_of((struct stoq_datapath *)datapath);

	count_overflows(udp);
	*counters = udp->udp_counters;
}

static void udp_close(struct stoq_datapath *datapath)
{
	struct stoq_udp *udp = udp_of(datapath);

	if (udp->fd >= 0)
		close(udp->fd);
	free(udp);
}

static const struct stoq_datapath_operations operations = {
	.send_batch = udp_send_batch,
	.receive_batch = udp_receive_batch,
	.descriptor = udp_descriptor,
	.route = udp_route,
	.info = udp_info,
	.counters = udp_get_counters,
	.close = udp_close,
};

int stoq_udp_open(const struct stoq_udp_config *config, struct stoq_datapath **datapath,
	struct stoq_error *error)
{
	struct stoq_udp *udp = calloc(1, sizeof(*udp));
	int ret;

	if (!udp)
		return stoq_error_set(error, -ENOMEM, "no memory for a UDP socket");
	udp->base.operations = &operations;
	udp->expected = 1;
	ret = udp_open_socket(udp, config, error);
	if (ret) {
		udp_close(&udp->base);
		return ret;
	}
	*datapath = &udp->base;
	return 0;
}
