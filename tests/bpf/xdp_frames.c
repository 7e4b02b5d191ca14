// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/xdp_frames.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/unit/nvme/sample_stream.h"

static uint8_t *put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
	return to + 2;
}

static uint8_t *put32(uint8_t *to, uint32_t value)
{
	return put16(put16(to, value >> 16), value & 0xffff);
}

static uint8_t *put_zeros(uint8_t *to, size_t count)
{
	memset(to, 0, count);
	return to + count;
}

static uint8_t *put_ipv4(uint8_t *to, const struct xdp_path *path, size_t udp_bytes)
{
	uint8_t *start = to;

	*to++ = (uint8_t)(0x45 + path->ip_option_words);
	*to++ = 0;
	to = put16(
		to, (uint32_t)(20 + path->ip_option_words * 4 + udp_bytes) + path->ip_length_lie);
	put16(to, 0);
	put16(start + 6, path->fragment ? 0x2000 : 0x4000); /* more fragments, or do not */
	to = start + 8;
	*to++ = 64;
	*to++ = IPPROTO_UDP;
	to = put16(to, 0);
	to = put32(to, path->source);
	to = put32(to, 0x0a000001);
	return put_zeros(to, path->ip_option_words * 4u);
}

static const uint8_t extension_types[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS};

static uint8_t extension_type(const struct xdp_path *path, unsigned int i)
{
	if (i < path->extensions)
		return extension_types[i % sizeof(extension_types)];
	return path->fragment && i == path->extensions ? IPPROTO_FRAGMENT : IPPROTO_UDP;
}

static uint8_t *put_ipv6(uint8_t *to, const struct xdp_path *path, size_t udp_bytes)
{
	unsigned int count = path->extensions + path->fragment;
	static const uint8_t network[12] = {0x20, 0x01, 0x0d, 0xb8};

	to = put32(to, 0x60000000);
	/* Extension i has i % 3 times 8 bytes more than it needs. */
	to = put16(to, 0);
	*to++ = extension_type(path, 0);
	*to++ = 64;
	memcpy(to, network, sizeof(network));
	put32(to + 4, path->source & 0xff); /* sources share some /64s */
	to = put32(to + sizeof(network), path->source);
	memcpy(to, network, sizeof(network));
	to = put32(to + sizeof(network), 1);
	uint8_t *first = to;

	for (unsigned int i = 0; i < count; i++) {
		uint8_t extra = i == path->extensions ? 0 : i % 3;

		to[0] = extension_type(path, i + 1);
		to[1] = extra;
		put_zeros(to + 2, 6 + extra * 8u);
		to += 8 + extra * 8;
	}
	put16(first - 36, (uint32_t)((size_t)(to - first) + udp_bytes) + path->ip_length_lie);
	return to;
}

size_t xdp_frame_make(uint8_t frame[static XDP_FRAME_MAX], const struct xdp_path *path,
	const void *payload, size_t payload_bytes)
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	size_t udp_bytes = 8 + payload_bytes;
	uint8_t *to = frame;

	memcpy(to, addresses, sizeof(addresses));
	to += sizeof(addresses);
	for (unsigned int i = 0; i < path->vlan_tags; i++)
		to = put32(to, (uint32_t)(i ? ETH_P_8021Q : ETH_P_8021AD) << 16 | (100 + i));
	to = put16(to, path->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	to = path->ipv6 ? put_ipv6(to, path, udp_bytes) : put_ipv4(to, path, udp_bytes);
	to = put16(to, path->source_port);
	to = put16(to, path->port);
	to = put16(to, (uint32_t)udp_bytes + path->udp_length_lie);
	to = put16(to, 0);
	memcpy(to, payload, payload_bytes);
	to = put_zeros(to + payload_bytes, path->trailer_bytes);
	return (size_t)(to - frame);
}

/* ---- QUIC ---- */

static uint8_t *put_varint(uint8_t *to, uint32_t value, uint8_t bytes)
{
	memset(to, 0, bytes);
	for (int i = 0; i < bytes && i < 4; i++)
		to[bytes - 1 - i] = (uint8_t)(value >> 8 * i);
	to[0] |= (uint8_t)((bytes == 8 ? 3 : bytes == 4 ? 2 : bytes == 2 ? 1 : 0) << 6);
	return to + bytes;
}

size_t xdp_quic_make_long(uint8_t *bytes, const struct xdp_quic *quic)
{
	uint8_t varint_bytes = quic->varint_bytes ? quic->varint_bytes : 2, *to = bytes;

	*to++ = (uint8_t)(0x80 | (quic->unfixed ? 0 : 0x40) | quic->type << 4);
	to = put32(to, quic->version);
	*to++ = quic->dcid_bytes;
	memcpy(to, quic->dcid, quic->dcid_bytes);
	to += quic->dcid_bytes;
	*to++ = quic->scid_bytes;
	memcpy(to, quic->scid, quic->scid_bytes);
	to += quic->scid_bytes;
	if (quic->type == XDP_INITIAL) {
		to = put_varint(to, quic->token_bytes, varint_bytes);
		to = put_zeros(to, quic->token_bytes);
	}
	if (quic->type != XDP_RETRY)
		to = put_varint(to, (uint32_t)(quic->body_bytes + quic->length_lie), varint_bytes);
	to = put_zeros(to, quic->body_bytes);
	return (size_t)(to - bytes);
}

size_t xdp_quic_make_short(uint8_t *bytes, const struct stoq_cid *cid, size_t total)
{
	memset(bytes, 0x55, total);
	if (total > sizeof(*cid))
		memcpy(bytes + 1, cid, sizeof(*cid));
	return total;
}

struct stoq_cid xdp_sealed_cid(const struct stoq_cid_key *key, uint64_t random)
{
	return (struct stoq_cid){.random = random, .tag = stoq_cid_tag(key, random)};
}

/* ---- at random ---- */

struct maker {
	uint32_t *random;
	const struct stoq_cid *cids;
	size_t cid_count;
};

static uint32_t pick(struct maker *maker, uint32_t limit)
{
	return sample_random(maker->random) % limit;
}

static bool seldom(struct maker *maker, uint32_t one_in)
{
	return pick(maker, one_in) == 0;
}

static void fill(struct maker *maker, uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)sample_random(maker->random);
}

static void random_cid(struct maker *maker, uint8_t *cid, uint8_t *bytes)
{
	if (pick(maker, 2) && maker->cid_count) {
		*bytes = STOQ_CID_BYTES;
		memcpy(cid, &maker->cids[pick(maker, (uint32_t)maker->cid_count)], STOQ_CID_BYTES);
		if (seldom(maker, 8))
			cid[pick(maker, STOQ_CID_BYTES)] ^= 1;
		return;
	}
	*bytes = (uint8_t)(seldom(maker, 10) ? pick(maker, 256) : pick(maker, 23));
	fill(maker, cid, *bytes);
}

static uint32_t random_version(struct maker *maker)
{
	static const uint32_t versions[] = {0, 2, 0x6b3343cf, 0x0a0a0a0a, 0x00010000, 0x01000000};

	return pick(maker, 6) ? 1 : versions[pick(maker, 6)];
}

static size_t random_long(struct maker *maker, uint8_t *bytes, size_t room)
{
	static const uint8_t varints[] = {2, 2, 4, 8};
	struct xdp_quic quic = {
		.type = pick(maker, 4),
		.version = random_version(maker),
		.token_bytes = (uint16_t)(pick(maker, 2) ? pick(maker, 100) : 0),
		.body_bytes =
			(uint16_t)(pick(maker, 2) ? 1170 + pick(maker, 80) : pick(maker, 200)),
		.varint_bytes = varints[pick(maker, 4)],
		.unfixed = seldom(maker, 30),
		.length_lie = seldom(maker, 15) ? (int)pick(maker, 80) - 40 : 0,
	};

	random_cid(maker, quic.dcid, &quic.dcid_bytes);
	random_cid(maker, quic.scid, &quic.scid_bytes);
	if (quic.body_bytes + 700u > room)
		quic.body_bytes = (uint16_t)(room > 800 ? room - 800 : 0);
	return room < 800 ? 0 : xdp_quic_make_long(bytes, &quic);
}

static size_t random_short(struct maker *maker, uint8_t *bytes)
{
	struct stoq_cid cid;
	uint8_t unused, any[255];

	fill(maker, any, sizeof(cid));
	random_cid(maker, any, &unused);
	memcpy(&cid, any, sizeof(cid));
	xdp_quic_make_short(bytes, &cid, 1300);
	if (seldom(maker, 20))
		bytes[0] &= 0x3f;
	return seldom(maker, 4) ? pick(maker, 40) : 21 + pick(maker, 1200);
}

static size_t random_payload(struct maker *maker, uint8_t *bytes, size_t room)
{
	size_t length = 0;

	if (seldom(maker, 20)) {
		fill(maker, bytes, 300);
		return pick(maker, 300);
	}
	if (pick(maker, 2))
		return random_short(maker, bytes);
	do
		length += random_long(maker, bytes + length, room - length);
	while (length < room / 2 && seldom(maker, 3));
	if (length < room / 2 && seldom(maker, 6))
		length += random_short(maker, bytes + length);
	else if (seldom(maker, 30))
		bytes[length++] = (uint8_t)pick(maker, 256);
	return length;
}

static void random_path(struct maker *maker, struct xdp_path *path, uint16_t port)
{
	*path = (struct xdp_path){
		.ipv6 = pick(maker, 2),
		.vlan_tags = (uint8_t)(pick(maker, 4) ? 0 : pick(maker, 4)),
		.ip_option_words = (uint8_t)(pick(maker, 4) ? 0 : pick(maker, 11)),
		.extensions = (uint8_t)(pick(maker, 4) ? 0 : pick(maker, 9)),
		.trailer_bytes = (uint8_t)(pick(maker, 4) ? 0 : pick(maker, 60)),
		.fragment = seldom(maker, 30),
		.source = 0xc0a80000 + pick(maker, 40) * 7,
		.source_port = (uint16_t)(4000 + pick(maker, 4)),
		.port = seldom(maker, 15) ? (uint16_t)(port + 1) : port,
		.ip_length_lie = seldom(maker, 25) ? (int)pick(maker, 60) - 30 : 0,
		.udp_length_lie = seldom(maker, 25) ? (int)pick(maker, 60) - 30 : 0,
	};
}

size_t xdp_frame_random(uint8_t frame[static XDP_FRAME_MAX], uint16_t port,
	const struct stoq_cid *cids, size_t cid_count, uint32_t *random)
{
	struct maker maker = {.random = random, .cids = cids, .cid_count = cid_count};
	uint8_t payload[6000];
	struct xdp_path path;
	size_t length;

	random_path(&maker, &path, port);
	length = random_payload(&maker, payload, 2800);
	length = xdp_frame_make(frame, &path, payload, length);
	/* Cut anywhere, or with a bit changed anywhere in front. */
	if (seldom(&maker, 20))
		length = 14 + pick(&maker, (uint32_t)length - 14);
	if (seldom(&maker, 10))
		frame[pick(&maker, length < 100 ? (uint32_t)length : 100)] ^=
			(uint8_t)(1 << pick(&maker, 8));
	return length;
}
