// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

#define TCP_CHECKSUM_OFFSET 16

static size_t put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
	return 2;
}

static size_t put_ethernet(uint8_t *frame, const struct wire_path *path)
{
	size_t length = 2 * ETH_ALEN;

	memset(frame, 0x02, length);
	for (int tag = 0; tag < path->priority_tags; tag++) {
		length += put16(frame + length, tag % 2 ? ETH_P_8021AD : ETH_P_8021Q);
		length += put16(frame + length, 0);
	}
	for (int tag = 0; tag < path->vlan_tags; tag++) {
		bool innermost = tag == path->vlan_tags - 1;

		length += put16(frame + length, innermost ? ETH_P_8021Q : ETH_P_8021AD);
		length += put16(frame + length, innermost ? path->vlan_id : 100);
	}
	return length + put16(frame + length, path->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
}

static size_t put_ipv4(
	uint8_t *at, const struct wire_path *path, bool from_controller, size_t tcp_bytes)
{
	size_t length = sizeof(struct iphdr) + path->ip_option_words * 4u;
	struct iphdr ip = {
		.version = 4,
		.ihl = length / 4,
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.tot_len = htons(length + tcp_bytes),
		.saddr = htonl(from_controller ? path->controller_address : path->host_address),
		.daddr = htonl(from_controller ? path->host_address : path->controller_address),
	};

	memcpy(at, &ip, sizeof(ip));
	memset(at + sizeof(ip), 1, length - sizeof(ip)); /* no-operation options */
	return length;
}

static size_t put_ipv6(
	uint8_t *at, const struct wire_path *path, bool from_controller, size_t tcp_bytes)
{
	static const uint8_t kinds[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS};
	size_t extensions = 0, length = sizeof(struct ip6_hdr);
	struct ip6_hdr ip = {0};

	/* The n-th one is n * 8 + 8 bytes long. */
	for (int i = 0; i < path->ipv6_extensions; i++)
		extensions += (i + 1) * 8u;
	ip.ip6_vfc = 6 << 4;
	ip.ip6_plen = htons(extensions + tcp_bytes);
	ip.ip6_nxt = path->ipv6_extensions ? kinds[0] : IPPROTO_TCP;
	ip.ip6_src.s6_addr[0] = ip.ip6_dst.s6_addr[0] = 0xfd;
	ip.ip6_src.s6_addr32[3] =
		htonl(from_controller ? path->controller_address : path->host_address);
	ip.ip6_dst.s6_addr32[3] =
		htonl(from_controller ? path->host_address : path->controller_address);
	memcpy(at, &ip, sizeof(ip));
	for (int i = 0; i < path->ipv6_extensions; i++) {
		size_t bytes = (i + 1) * 8u;

		memset(at + length, 0, bytes);
		at[length] = i + 1 < path->ipv6_extensions ? kinds[i + 1] : IPPROTO_TCP;
		at[length + 1] = i;
		length += bytes;
	}
	return length;
}

static size_t put_tcp(uint8_t *at, const struct wire_path *path, const struct wire_segment *segment)
{
	size_t length = sizeof(struct tcphdr) + path->tcp_option_words * 4u;
	struct tcphdr tcp = {
		.source = htons(segment->from_controller ? path->controller_port : path->host_port),
		.dest = htons(segment->from_controller ? path->host_port : path->controller_port),
		.seq = htonl(segment->sequence),
		.ack_seq = htonl(segment->acknowledged),
		.doff = length / 4,
		.window = segment->window_closed ? 0 : htons(1000),
	};

	memcpy(at, &tcp, sizeof(tcp));
	at[13] = segment->flags;
	memset(at + sizeof(tcp), 1, length - sizeof(tcp));
	return length;
}

size_t wire_make(uint8_t frame[static WIRE_FRAME_MAX], const struct wire_path *path,
	const struct wire_segment *segment)
{
	size_t tcp_bytes =
		sizeof(struct tcphdr) + path->tcp_option_words * 4u + segment->payload_bytes;
	size_t length = put_ethernet(frame, path);

	assert(segment->payload_bytes <= WIRE_PAYLOAD_MAX);
	length += path->ipv6 ? put_ipv6(frame + length, path, segment->from_controller, tcp_bytes)
			     : put_ipv4(frame + length, path, segment->from_controller, tcp_bytes);
	length += put_tcp(frame + length, path, segment);
	if (segment->payload_bytes)
		memcpy(frame + length, segment->payload, segment->payload_bytes);
	length += segment->payload_bytes;
	memset(frame + length, 0xee, path->trailer_bytes);
	return length + path->trailer_bytes;
}

static size_t ip_offset(const struct wire_path *path)
{
	return 2 * ETH_ALEN + 2 + (path->priority_tags + path->vlan_tags) * 4u;
}

size_t wire_tcp_offset(const struct wire_path *path)
{
	size_t offset = ip_offset(path);

	if (!path->ipv6)
		return offset + sizeof(struct iphdr) + path->ip_option_words * 4u;
	for (int i = 0; i < path->ipv6_extensions; i++)
		offset += (i + 1) * 8u;
	return offset + sizeof(struct ip6_hdr);
}

static uint32_t sum16(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] * 256u;
	return sum;
}

/* Of the TCP segment and its pseudo header, the checksum included. */
static uint16_t tcp_sum(const uint8_t *frame, size_t length, const struct wire_path *path)
{
	size_t offset = wire_tcp_offset(path), bytes = length - path->trailer_bytes - offset;
	size_t ip = ip_offset(path);
	uint32_t sum = IPPROTO_TCP + (uint32_t)bytes;

	sum = path->ipv6 ? sum16(sum, frame + ip + 8, 32) : sum16(sum, frame + ip + 12, 8);
	sum = sum16(sum, frame + offset, bytes);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

void wire_set_checksum(uint8_t *frame, size_t length, const struct wire_path *path)
{
	uint8_t *field = frame + wire_tcp_offset(path) + TCP_CHECKSUM_OFFSET;

	put16(field, 0);
	put16(field, (uint16_t)~tcp_sum(frame, length, path));
}

bool wire_has_checksum(const uint8_t *frame, size_t length, const struct wire_path *path)
{
	return tcp_sum(frame, length, path) == 0xffff;
}

size_t wire_payload_offset(const struct wire_path *path)
{
	return wire_tcp_offset(path) + sizeof(struct tcphdr) + path->tcp_option_words * 4u;
}
