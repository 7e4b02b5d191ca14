// SPDX-License-Identifier: BSD-2-Clause
#include "tests/guard-hostile/packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

static size_t put(uint8_t *at, const void *bytes, size_t length)
{
	if (length)
		memcpy(at, bytes, length);
	return length;
}

static size_t put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
	return 2;
}

static uint32_t sum16(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] * 256u;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t put_ethernet(uint8_t *frame, const struct packet *packet)
{
	size_t length = put(frame, packet->destination_mac, ETH_ALEN);

	length += put(frame + length, packet->source_mac, ETH_ALEN);
	for (int i = 0; i < packet->tag_count; i++) {
		length += put16(frame + length, packet->tags[i].protocol);
		length += put16(frame + length, packet->tags[i].tci);
	}
	return length + put16(frame + length, packet->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
}

static size_t put_ipv4(uint8_t *at, const struct packet *packet, size_t tcp_bytes)
{
	size_t length = sizeof(struct iphdr) + packet->ip_option_bytes;
	struct iphdr ip = {
		.version = 4,
		.ihl = length / 4,
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.id = htons(packet->identification),
		.frag_off = htons(packet->fragment),
		.tot_len = htons((uint16_t)(length + tcp_bytes + packet->ip_length_error)),
	};

	memcpy(&ip.saddr, packet->source, sizeof(ip.saddr));
	memcpy(&ip.daddr, packet->destination, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
	put(at + sizeof(ip), packet->ip_options, packet->ip_option_bytes);
	put16(at + 10, fold(sum16(0, at, length)) + packet->ip_checksum_error);
	return length;
}

static size_t put_ipv6(uint8_t *at, const struct packet *packet, size_t tcp_bytes)
{
	struct ip6_hdr ip = {
		.ip6_ctlun.ip6_un1.ip6_un1_nxt =
			packet->extension_bytes ? packet->first_extension : IPPROTO_TCP,
		.ip6_ctlun.ip6_un1.ip6_un1_hlim = 64,
		.ip6_ctlun.ip6_un1.ip6_un1_plen = htons(
			(uint16_t)(packet->extension_bytes + tcp_bytes + packet->ip_length_error)),
	};

	ip.ip6_vfc = 6 << 4;
	memcpy(&ip.ip6_src, packet->source, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, packet->destination, sizeof(ip.ip6_dst));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip) + put(at + sizeof(ip), packet->extensions, packet->extension_bytes);
}

static void put_checksum(uint8_t *tcp, const struct packet *packet, size_t tcp_bytes)
{
	size_t address = packet->ipv6 ? 16 : 4;
	uint32_t sum = IPPROTO_TCP + (uint32_t)tcp_bytes;

	sum = sum16(sum, packet->source, address);
	sum = sum16(sum, packet->destination, address);
	put16(tcp + 16, fold(sum16(sum, tcp, tcp_bytes)) + packet->checksum_error);
}

static size_t put_tcp(uint8_t *at, const struct packet *packet)
{
	size_t length = sizeof(struct tcphdr) + packet->option_bytes;
	struct tcphdr tcp = {
		.source = htons(packet->source_port),
		.dest = htons(packet->destination_port),
		.seq = htonl(packet->sequence),
		.ack_seq = htonl(packet->acknowledged),
		.window = htons(packet->window),
		.urg_ptr = htons(packet->urgent),
		.doff = length / 4,
	};

	memcpy(at, &tcp, sizeof(tcp));
	at[13] = packet->flags;
	put(at + sizeof(tcp), packet->options, packet->option_bytes);
	length += put(at + length, packet->payload, packet->payload_bytes);
	put_checksum(at, packet, length);
	return length;
}

size_t packet_build(uint8_t frame[static PACKET_FRAME_MAX], const struct packet *packet)
{
	size_t tcp_bytes = sizeof(struct tcphdr) + packet->option_bytes + packet->payload_bytes;
	size_t length = put_ethernet(frame, packet);

	length += packet->ipv6 ? put_ipv6(frame + length, packet, tcp_bytes)
			       : put_ipv4(frame + length, packet, tcp_bytes);
	length += put_tcp(frame + length, packet);
	memset(frame + length, 0xee, packet->trailer_bytes);
	return length + packet->trailer_bytes;
}

size_t packet_fragment(uint8_t fragment[static PACKET_FRAME_MAX], const uint8_t *frame,
	size_t frame_bytes, size_t piece, size_t index)
{
	const size_t headers = ETH_HLEN + sizeof(struct iphdr);
	size_t left, from = index * piece;
	struct iphdr ip;

	memcpy(&ip, frame + ETH_HLEN, sizeof(ip));
	if (headers + from >= frame_bytes)
		return 0;
	left = frame_bytes - headers - from;
	if (piece > left)
		piece = left;
	ip.tot_len = htons((uint16_t)(sizeof(ip) + piece));
	ip.frag_off = htons((uint16_t)(from / 8 | (piece < left ? IP_MF : 0)));
	ip.check = 0;
	memcpy(fragment, frame, ETH_HLEN);
	memcpy(fragment + ETH_HLEN, &ip, sizeof(ip));
	put16(fragment + ETH_HLEN + 10, fold(sum16(0, fragment + ETH_HLEN, sizeof(ip))));
	memcpy(fragment + headers, frame + headers + from, piece);
	return headers + piece;
}

static const uint8_t *parse_ip(struct packet *packet, const uint8_t *ip, const uint8_t **end)
{
	size_t total, header = packet->ipv6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);

	if (ip + header > *end || ip[packet->ipv6 ? 6 : 9] != IPPROTO_TCP)
		return NULL;
	memcpy(packet->source, ip + (packet->ipv6 ? 8 : 12), packet->ipv6 ? 16 : 4);
	memcpy(packet->destination, ip + (packet->ipv6 ? 24 : 16), packet->ipv6 ? 16 : 4);
	if (packet->ipv6) {
		total = header + (size_t)(ip[4] << 8 | ip[5]);
	} else {
		header = (ip[0] & 15) * 4u;
		total = (size_t)(ip[2] << 8 | ip[3]);
	}
	if (total < header || ip + total > *end)
		return NULL;
	*end = ip + total;
	return ip + header;
}

bool packet_parse(struct packet *packet, const uint8_t *frame, size_t frame_bytes)
{
	const uint8_t *end = frame + frame_bytes, *at;
	struct tcphdr tcp;
	uint16_t protocol;

	memset(packet, 0, sizeof(*packet));
	if (frame_bytes < ETH_HLEN)
		return false;
	protocol = (uint16_t)(frame[12] << 8 | frame[13]);
	packet->ipv6 = protocol == ETH_P_IPV6;
	if (!packet->ipv6 && protocol != ETH_P_IP)
		return false;
	at = parse_ip(packet, frame + ETH_HLEN, &end);
	if (!at || at + sizeof(tcp) > end)
		return false;
	memcpy(&tcp, at, sizeof(tcp));
	if (tcp.doff < 5 || at + tcp.doff * 4 > end)
		return false;
	packet->source_port = ntohs(tcp.source);
	packet->destination_port = ntohs(tcp.dest);
	packet->sequence = ntohl(tcp.seq);
	packet->acknowledged = ntohl(tcp.ack_seq);
	packet->window = ntohs(tcp.window);
	packet->urgent = ntohs(tcp.urg_ptr);
	packet->flags = at[13];
	packet->option_bytes = (uint8_t)(tcp.doff * 4 - sizeof(tcp));
	put(packet->options, at + sizeof(tcp), packet->option_bytes);
	packet->payload = at + tcp.doff * 4;
	packet->payload_bytes = (size_t)(end - at) - tcp.doff * 4;
	return true;
}
