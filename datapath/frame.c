// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#define HOP_LIMIT 64
#define ECN_MASK  3

/* Offsets that are patched in every frame. */
#define IPV4_TOS	  1
#define IPV4_TOTAL_LENGTH 2
#define IPV4_CHECKSUM	  10
#define IPV6_LENGTH	  4
#define UDP_LENGTH	  4
#define UDP_CHECKSUM	  6

static uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put_be16(uint8_t *p, uint16_t value)
{
	p[0] = value >> 8;
	p[1] = value & 0xff;
}

/*
 * The ones' complement sum of RFC 1071, of words as they lie in memory, not folded. Four sums at
 * a time, of 32-bit words in 64 bits, so that no carry is lost and the compiler can vectorise.
 */
static uint64_t sum_bytes(const uint8_t *data, size_t size)
{
	uint64_t lanes[4] = {0};
	uint32_t words[4];
	uint16_t word;

	for (; size >= sizeof(words); data += sizeof(words), size -= sizeof(words)) {
		memcpy(words, data, sizeof(words));
		for (int i = 0; i < 4; i++)
			lanes[i] += words[i];
	}
	for (; size >= 2; data += 2, size -= 2) {
		memcpy(&word, data, 2);
		lanes[0] += word;
	}
	if (size) {
		word = 0;
		memcpy(&word, data, 1);
		lanes[1] += word;
	}
	return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put_checksum(uint8_t *p, uint64_t sum)
{
	uint16_t checksum = ~fold(sum);

	memcpy(p, &checksum, sizeof(checksum));
}

uint32_t stoq_frame_overhead(bool ipv6)
{
	return (ipv6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr)) + sizeof(struct udphdr);
}

static uint8_t *put_ethernet(
	uint8_t *p, const struct stoq_frame_link *link, uint16_t network_protocol)
{
	memcpy(p, link->remote_mac, STOQ_MAC_BYTES);
	memcpy(p + STOQ_MAC_BYTES, link->local_mac, STOQ_MAC_BYTES);
	p += 2 * STOQ_MAC_BYTES;
	for (int i = 0; i < link->vlan_count; i++) {
		put_be16(p, link->vlans[i].protocol);
		put_be16(p + 2, link->vlans[i].id & 0xfff);
		p += 4;
	}
	put_be16(p, network_protocol);
	return p + 2;
}

/* The "don't fragment" bit: QUIC forbids fragments, and the transport finds the path's MTU. */
static void put_ipv4(struct stoq_frame_template *template, const struct in_addr *local,
	const struct in_addr *remote)
{
	uint8_t *p = template->header + template->ip_offset;
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.frag_off = htons(IP_DF),
		.ttl = HOP_LIMIT,
		.protocol = IPPROTO_UDP,
		.saddr = local->s_addr,
		.daddr = remote->s_addr,
	};

	memcpy(p, &ip, sizeof(ip));
	template->ip_sum = fold(sum_bytes(p, sizeof(ip)));
}

static void put_ipv6(struct stoq_frame_template *template, const struct in6_addr *local,
	const struct in6_addr *remote)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_nxt = IPPROTO_UDP,
		.ip6_hlim = HOP_LIMIT,
		.ip6_src = *local,
		.ip6_dst = *remote,
	};

	memcpy(template->header + template->ip_offset, &ip, sizeof(ip));
}

/* With the ports, which follow the pseudo-header at once in every checksum. */
static void put_udp(struct stoq_frame_template *template, in_port_t local, in_port_t remote)
{
	size_t address_size = template->ipv6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
	uint8_t *p = template->header + template->udp_offset;

	memcpy(p, &local, sizeof(local));
	memcpy(p + 2, &remote, sizeof(remote));
	template->pseudo_sum =
		fold(sum_bytes(p - 2 * address_size, 2 * address_size + 4) + htons(IPPROTO_UDP));
}

int stoq_frame_template_make(struct stoq_frame_template *template,
	const struct stoq_frame_link *link, const struct stoq_address *local,
	const struct stoq_address *remote)
{
	uint8_t *end;

	if (link->vlan_count > STOQ_FRAME_VLANS_MAX)
		return -EINVAL;
	if (local->sa.sa_family != remote->sa.sa_family ||
		(remote->sa.sa_family != AF_INET && remote->sa.sa_family != AF_INET6))
		return -EAFNOSUPPORT;
	*template = (struct stoq_frame_template){.ipv6 = remote->sa.sa_family == AF_INET6};
	end = put_ethernet(template->header, link, template->ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	template->ip_offset = end - template->header;
	template->header_size = template->ip_offset + stoq_frame_overhead(template->ipv6);
	template->udp_offset = template->header_size - sizeof(struct udphdr);
	if (template->ipv6) {
		put_ipv6(template, &local->in6.sin6_addr, &remote->in6.sin6_addr);
		put_udp(template, local->in6.sin6_port, remote->in6.sin6_port);
	} else {
		put_ipv4(template, &local->in.sin_addr, &remote->in.sin_addr);
		put_udp(template, local->in.sin_port, remote->in.sin_port);
	}
	return 0;
}

static void finish_ipv4(
	const struct stoq_frame_template *template, uint8_t *ip, uint8_t ecn, uint16_t udp_length)
{
	uint16_t length = sizeof(struct iphdr) + udp_length;

	ip[IPV4_TOS] = ecn;
	put_be16(ip + IPV4_TOTAL_LENGTH, length);
	put_checksum(ip + IPV4_CHECKSUM, (uint64_t) template->ip_sum + htons(ecn) + htons(length));
}

static void finish_ipv6(uint8_t *ip, uint8_t ecn, uint16_t udp_length)
{
	ip[1] = ecn << 4;
	put_be16(ip + IPV6_LENGTH, udp_length);
}

/* A sum of zero is sent as all ones: zero says that there is no checksum. */
static void finish_udp(const struct stoq_frame_template *template, uint8_t *udp,
	const uint8_t *payload, uint16_t size)
{
	uint16_t length = sizeof(struct udphdr) + size;
	uint64_t sum = template->pseudo_sum;

	put_be16(udp + UDP_LENGTH, length);
	sum += 2ULL * htons(length);
	put_checksum(udp + UDP_CHECKSUM, sum + sum_bytes(payload, size));
	if (!udp[UDP_CHECKSUM] && !udp[UDP_CHECKSUM + 1])
		put_be16(udp + UDP_CHECKSUM, 0xffff);
}

uint32_t stoq_frame_build(const struct stoq_frame_template *template, uint8_t ecn,
	const uint8_t *payload, uint16_t size, uint8_t *frame)
{
	return stoq_frame_build_head(
		template, ecn, payload, size, frame, template->header_size + (uint32_t)size);
}

uint32_t stoq_frame_build_head(const struct stoq_frame_template *template, uint8_t ecn,
	const uint8_t *payload, uint16_t size, uint8_t *frame, uint32_t room)
{
	uint8_t *ip = frame + template->ip_offset;
	uint16_t udp_length = sizeof(struct udphdr) + size;
	uint32_t behind = room - template->header_size;

	if (behind > size)
		behind = size;
	memcpy(frame, template->header, template->header_size);
	memcpy(frame + template->header_size, payload, behind);
	if (template->ipv6)
		finish_ipv6(ip, ecn & ECN_MASK, udp_length);
	else
		finish_ipv4(template, ip, ecn & ECN_MASK, udp_length);
	finish_udp(template, frame + template->udp_offset, payload, size);
	return template->header_size + behind;
}

/* What is left of a frame; of its first bytes, which are present, where the next lies. */
struct cursor {
	const uint8_t *p;
	size_t present;
	size_t size;
};

static bool has(const struct cursor *cursor, size_t count)
{
	return cursor->present >= count && cursor->size >= count;
}

/* Over bytes that it has. */
static void skip(struct cursor *cursor, size_t count)
{
	cursor->p += count;
	cursor->present -= count;
	cursor->size -= count;
}

static int parse_ethernet(struct cursor *cursor, uint16_t *protocol)
{
	if (!has(cursor, ETHER_HDR_LEN))
		return -EBADMSG;
	*protocol = get_be16(cursor->p + 2 * STOQ_MAC_BYTES);
	skip(cursor, ETHER_HDR_LEN);
	for (int i = 0; i < STOQ_FRAME_VLANS_MAX; i++) {
		if (*protocol != ETHERTYPE_VLAN && *protocol != 0x88a8)
			break;
		if (!has(cursor, 4))
			return -EBADMSG;
		*protocol = get_be16(cursor->p + 2);
		skip(cursor, 4);
	}
	return 0;
}

static void set_ipv4(struct stoq_address *address, uint32_t ip)
{
	address->length = sizeof(address->in);
	address->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = ip};
}

static void set_port(struct stoq_address *address, in_port_t port)
{
	if (address->sa.sa_family == AF_INET6)
		address->in6.sin6_port = port;
	else
		address->in.sin_port = port;
}

static int parse_ipv4(struct cursor *cursor, struct stoq_frame *frame)
{
	struct iphdr ip;
	size_t header, total;

	if (!has(cursor, sizeof(ip)))
		return -EBADMSG;
	memcpy(&ip, cursor->p, sizeof(ip));
	header = ip.ihl * 4;
	total = ntohs(ip.tot_len);
	if (ip.version != 4 || header < sizeof(ip) || total < header || total > cursor->size ||
		!has(cursor, header))
		return -EBADMSG;
	if (ip.protocol != IPPROTO_UDP || (ntohs(ip.frag_off) & (IP_MF | IP_OFFMASK)))
		return -EBADMSG;
	set_ipv4(&frame->local, ip.daddr);
	set_ipv4(&frame->remote, ip.saddr);
	frame->ecn = ip.tos & ECN_MASK;
	cursor->size = total;
	skip(cursor, header);
	return 0;
}

/* Extension headers that may stand before UDP; each is at least 8 bytes long. */
static int skip_extensions(struct cursor *cursor, uint8_t next)
{
	size_t size;

	while (next != IPPROTO_UDP) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_DSTOPTS && next != IPPROTO_ROUTING)
			return -EBADMSG;
		if (!has(cursor, 8))
			return -EBADMSG;
		next = cursor->p[0];
		size = 8 * (cursor->p[1] + 1);
		if (!has(cursor, size))
			return -EBADMSG;
		skip(cursor, size);
	}
	return 0;
}

static void set_ipv6(struct stoq_address *address, const struct in6_addr *ip)
{
	address->length = sizeof(address->in6);
	address->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = *ip};
}

static int parse_ipv6(struct cursor *cursor, struct stoq_frame *frame)
{
	struct ip6_hdr ip;
	size_t payload;

	if (!has(cursor, sizeof(ip)))
		return -EBADMSG;
	memcpy(&ip, cursor->p, sizeof(ip));
	payload = ntohs(ip.ip6_plen);
	if (ip.ip6_vfc >> 4 != 6 || payload > cursor->size - sizeof(ip))
		return -EBADMSG;
	set_ipv6(&frame->local, &ip.ip6_dst);
	set_ipv6(&frame->remote, &ip.ip6_src);
	frame->ecn = cursor->p[1] >> 4 & ECN_MASK;
	skip(cursor, sizeof(ip));
	cursor->size = payload;
	return skip_extensions(cursor, ip.ip6_nxt);
}

static int parse_udp(struct cursor *cursor, struct stoq_frame *frame)
{
	struct udphdr udp;
	size_t length;

	if (!has(cursor, sizeof(udp)))
		return -EBADMSG;
	memcpy(&udp, cursor->p, sizeof(udp));
	length = ntohs(udp.len);
	if (length < sizeof(udp) || length > cursor->size)
		return -EBADMSG;
	set_port(&frame->remote, udp.source);
	set_port(&frame->local, udp.dest);
	frame->payload = cursor->p + sizeof(udp);
	frame->payload_size = length - sizeof(udp);
	return 0;
}

int stoq_frame_parse(const uint8_t *data, size_t size, struct stoq_frame *frame)
{
	return stoq_frame_parse_head(data, size, size, frame);
}

int stoq_frame_parse_head(
	const uint8_t *data, size_t present, size_t size, struct stoq_frame *frame)
{
	struct cursor cursor = {data, present, size};
	uint16_t protocol;

	if (parse_ethernet(&cursor, &protocol))
		return -EBADMSG;
	if (protocol == ETHERTYPE_IP) {
		if (parse_ipv4(&cursor, frame))
			return -EBADMSG;
	} else if (protocol != ETHERTYPE_IPV6 || parse_ipv6(&cursor, frame)) {
		return -EBADMSG;
	}
	return parse_udp(&cursor, frame);
}
