// SPDX-License-Identifier: BSD-2-Clause
#include "capture/link.h"

#include <net/ethernet.h>
#include <pcap/dlt.h>
#include <pcap/sll.h>
#include <stddef.h>
#include <string.h>

#define VLAN_TAG_BYTES 4
#define VLAN_TAGS_MAX  8 /* as many as the program looks through behind an Ethernet header */
#define ETHERTYPE_QINQ 0x88a8
#define FAMILY_BYTES   4
#define LINKTYPE_RAW   101

static uint16_t big16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

const char *stoq_link_name(int link)
{
	switch (link) {
	case DLT_EN10MB:
		return "Ethernet";
	case DLT_LINUX_SLL:
		return "Linux cooked v1";
	case DLT_LINUX_SLL2:
		return "Linux cooked v2";
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return "raw IP";
	case DLT_NULL:
	case DLT_LOOP:
		return "loopback";
	default:
		return NULL;
	}
}

/* Of the types that are understood, these differ (https://www.tcpdump.org/linktypes.html). */
int stoq_link_from_linktype(int linktype)
{
	return linktype == LINKTYPE_RAW ? DLT_RAW : linktype;
}

static bool skip(struct stoq_capture_packet *packet, uint32_t bytes)
{
	if (packet->captured < bytes || packet->length < bytes)
		return false;
	packet->bytes += bytes;
	packet->captured -= bytes;
	packet->length -= bytes;
	return true;
}

/* Tags between a cooked header and IP; the innermost one that names a VLAN counts. */
static bool skip_tags(struct stoq_capture_packet *packet)
{
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		const uint8_t *tag = packet->bytes;

		if (packet->protocol != ETHERTYPE_VLAN && packet->protocol != ETHERTYPE_QINQ)
			return true;
		if (!skip(packet, VLAN_TAG_BYTES))
			return false;
		if (big16(tag) & 0x0fff)
			packet->vlan_id = big16(tag) & 0x0fff;
		packet->protocol = big16(tag + 2);
	}
	return false;
}

/* header: how long it is; protocol: where its EtherType is. */
static bool cooked(struct stoq_capture_packet *packet, uint32_t header, uint32_t protocol)
{
	const uint8_t *bytes = packet->bytes;

	if (!skip(packet, header))
		return false;
	packet->protocol = big16(bytes + protocol);
	return skip_tags(packet);
}

/* By the version field of the IP header. */
static bool raw(struct stoq_capture_packet *packet)
{
	if (!packet->captured)
		return false;
	packet->protocol = packet->bytes[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
	return packet->bytes[0] >> 4 == 4 || packet->bytes[0] >> 4 == 6;
}

bool stoq_link_packet(int link, const uint8_t *frame, uint32_t captured, uint32_t length,
	struct stoq_capture_packet *packet)
{
	*packet = (struct stoq_capture_packet){.bytes = frame,
		.captured = captured,
		/* What was sent cannot be less than what was captured of it. */
		.length = length < captured ? captured : length,
		.bare = link != DLT_EN10MB};
	switch (link) {
	case DLT_EN10MB:
		return true;
	case DLT_LINUX_SLL:
		return cooked(packet, SLL_HDR_LEN, offsetof(struct sll_header, sll_protocol));
	case DLT_LINUX_SLL2:
		return cooked(packet, SLL2_HDR_LEN, offsetof(struct sll2_header, sll2_protocol));
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return raw(packet);
	case DLT_NULL:
	case DLT_LOOP:
		/* The address family, in the byte order and with the numbers of the machine that
		 * captured: the IP header has it, too. */
		return skip(packet, FAMILY_BYTES) && raw(packet);
	default:
		return false;
	}
}
