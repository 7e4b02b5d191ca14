// SPDX-License-Identifier: BSD-2-Clause
#include "tests/judge/packet.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

#define IP_FRAGMENT_BITS 0x3fff /* "more fragments" and the offset */

/* What is left of the frame. */
struct rest {
	const uint8_t *bytes;
	size_t length;
};

static bool skip(struct rest *rest, size_t length)
{
	if (length > rest->length)
		return false;
	rest->bytes += length;
	rest->length -= length;
	return true;
}

/* Cuts off what is behind the packet. 0: a super-packet whose length does not fit its field. */
static bool trim(struct rest *rest, size_t length)
{
	if (length > rest->length)
		return false;
	if (length)
		rest->length = length;
	return true;
}

static bool parse_ipv4(struct rest *rest, struct tcp_segment *segment)
{
	struct ip ip;

	if (rest->length < sizeof(ip))
		return false;
	memcpy(&ip, rest->bytes, sizeof(ip));
	if (ip.ip_p != IPPROTO_TCP || (ntohs(ip.ip_off) & IP_FRAGMENT_BITS) ||
		!trim(rest, ntohs(ip.ip_len)))
		return false;
	memcpy(segment->source.address, &ip.ip_src, sizeof(ip.ip_src));
	memcpy(segment->target.address, &ip.ip_dst, sizeof(ip.ip_dst));
	return skip(rest, (size_t)ip.ip_hl * 4);
}

static bool parse_ipv6(struct rest *rest, struct tcp_segment *segment)
{
	struct ip6_hdr ip;

	if (rest->length < sizeof(ip))
		return false;
	memcpy(&ip, rest->bytes, sizeof(ip));
	if (ip.ip6_nxt != IPPROTO_TCP)
		return false;
	memcpy(segment->source.address, &ip.ip6_src, sizeof(ip.ip6_src));
	memcpy(segment->target.address, &ip.ip6_dst, sizeof(ip.ip6_dst));
	skip(rest, sizeof(ip));
	return trim(rest, ntohs(ip.ip6_plen));
}

static bool parse_tcp(struct rest *rest, struct tcp_segment *segment)
{
	struct tcphdr tcp;

	if (rest->length < sizeof(tcp))
		return false;
	memcpy(&tcp, rest->bytes, sizeof(tcp));
	if (!skip(rest, (size_t)tcp.doff * 4))
		return false;
	segment->source.port = ntohs(tcp.source);
	segment->target.port = ntohs(tcp.dest);
	segment->sequence = ntohl(tcp.seq);
	segment->syn = tcp.syn;
	segment->fin = tcp.fin;
	segment->rst = tcp.rst;
	segment->ack = tcp.ack;
	segment->payload = rest->bytes;
	segment->length = rest->length;
	return true;
}

bool packet_parse(const uint8_t *frame, size_t length, struct tcp_segment *segment)
{
	struct rest rest = {frame, length};
	struct ether_header ethernet;

	*segment = (struct tcp_segment){0};
	if (length < sizeof(ethernet))
		return false;
	memcpy(&ethernet, frame, sizeof(ethernet));
	skip(&rest, sizeof(ethernet));
	switch (ntohs(ethernet.ether_type)) {
	case ETHERTYPE_IP:
		return parse_ipv4(&rest, segment) && parse_tcp(&rest, segment);
	case ETHERTYPE_IPV6:
		return parse_ipv6(&rest, segment) && parse_tcp(&rest, segment);
	default:
		return false;
	}
}
