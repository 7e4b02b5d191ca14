// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "datapath/udp_private.h"

/* Adds one control message at *used. */
static void put(uint8_t *control, size_t *used, int level, int type, const void *data, size_t size)
{
	struct cmsghdr *header = (struct cmsghdr *)(control + *used);

	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), data, size);
	*used += CMSG_SPACE(size);
}

static void put_source(uint8_t *control, size_t *used, const struct stoq_address *local)
{
	struct in6_pktinfo info6 = {.ipi6_ifindex = 0};
	struct in_pktinfo info = {.ipi_ifindex = 0};

	if (local->sa.sa_family == AF_INET) {
		info.ipi_spec_dst = local->in.sin_addr;
		put(control, used, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
		return;
	}
	info6.ipi6_addr = local->in6.sin6_addr;
	info6.ipi6_ifindex = local->in6.sin6_scope_id;
	put(control, used, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
}

size_t udp_write_control(const struct stoq_udp *udp, uint8_t *control,
	const struct stoq_batch *datagram, uint16_t gso_size)
{
	bool ipv6 = datagram->remote.sa.sa_family == AF_INET6;
	int ecn = datagram->ecn;
	size_t used = 0;

	if (udp->wildcard && datagram->local.length &&
		datagram->local.sa.sa_family == datagram->remote.sa.sa_family)
		put_source(control, &used, &datagram->local);
	if (ecn != UDP_USUAL_ECN)
		put(control, &used, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_TCLASS : IP_TOS,
			&ecn, sizeof(ecn));
	if (gso_size)
		put(control, &used, SOL_UDP, UDP_SEGMENT, &gso_size, sizeof(gso_size));
	return used;
}

static void set_local(struct stoq_udp *udp, struct stoq_batch *datagram, const void *data)
{
	struct stoq_address *local = &datagram->local;
	struct in6_pktinfo info;

	memcpy(&info, data, sizeof(info));
	memset(local, 0, sizeof(*local));
	local->in6.sin6_family = AF_INET6;
	local->in6.sin6_addr = info.ipi6_addr;
	local->in6.sin6_port = udp->local.in6.sin6_port;
	if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		local->in6.sin6_scope_id = info.ipi6_ifindex;
	local->length = sizeof(local->in6);
	stoq_address_unmap(local);
}

static void set_local_ipv4(struct stoq_udp *udp, struct stoq_batch *datagram, const void *data)
{
	struct stoq_address *local = &datagram->local;
	struct in_pktinfo info;

	memcpy(&info, data, sizeof(info));
	memset(local, 0, sizeof(*local));
	local->in.sin_family = AF_INET;
	local->in.sin_addr = info.ipi_addr;
	local->in.sin_port = udp->local.in.sin_port;
	local->length = sizeof(local->in);
}

static int read_int(const void *data)
{
	int value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static void read_ip(struct stoq_udp *udp, struct stoq_batch *datagram, struct cmsghdr *header)
{
	const uint8_t *data = CMSG_DATA(header);

	if (header->cmsg_type == IP_TOS)
		datagram->ecn = data[0] & 3;
	else if (header->cmsg_type == IP_PKTINFO)
		set_local_ipv4(udp, datagram, data);
}

static void read_ipv6(struct stoq_udp *udp, struct stoq_batch *datagram, struct cmsghdr *header)
{
	const void *data = CMSG_DATA(header);

	if (header->cmsg_type == IPV6_TCLASS)
		datagram->ecn = (uint8_t)read_int(data) & 3;
	else if (header->cmsg_type == IPV6_PKTINFO)
		set_local(udp, datagram, data);
}

void udp_read_control(struct stoq_udp *udp, struct msghdr *message, struct stoq_batch *datagram)
{
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO)
			datagram->segment_size = (uint16_t)read_int(CMSG_DATA(header));
		else if (header->cmsg_level == IPPROTO_IP)
			read_ip(udp, datagram, header);
		else if (header->cmsg_level == IPPROTO_IPV6)
			read_ipv6(udp, datagram, header);
	}
}
