// SPDX-License-Identifier: BSD-2-Clause
/*
 * Segments that a guard sees and the target does not take, and then other bytes in their place.
 * What Linux drops: net/ipv4/ip_input.c, net/ipv6/ip6_input.c, net/ipv4/tcp_ipv4.c,
 * net/ipv4/tcp_input.c.
 */
#include <netinet/in.h>
#include <string.h>

#include "tests/guard-hostile/trick.h"

#define FLUSHES 9 /* as long as the write, and more */

enum way {
	BAD_CHECKSUM,
	BAD_IP_CHECKSUM,
	IP_LENGTH,
	IP_LENGTH_ZERO,
	OTHER_MAC,
	NO_ACK,
	ACK_AHEAD,
	ACK_OLD,
	MD5,
	MAPPED_ADDRESS,
	OTHER_VLAN,
	OTHER_VLAN_OUTSIDE,
	SOURCE_ROUTE,
	PAWS,
};

static void add_tag(struct packet *packet, uint16_t protocol, uint16_t vid)
{
	packet->tags[packet->tag_count++] = (struct packet_tag){protocol, vid};
}

static void add_options(struct packet *packet, const uint8_t *bytes, size_t length)
{
	memcpy(packet->options + packet->option_bytes, bytes, length);
	packet->option_bytes += length;
}

static void map_address(uint8_t address[16])
{
	memcpy(address + 12, address, 4);
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
}

static void bend_ip(struct packet *packet, enum way way)
{
	static const uint8_t route[] = {131, 7, 4, 192, 0, 2, 2, 0}; /* LSRR, at its end */

	switch (way) {
	case IP_LENGTH:
		packet->ip_length_error = 40;
		break;
	case IP_LENGTH_ZERO:
		packet->ip_length_error = -(int16_t)(40 + packet->payload_bytes);
		break;
	case MAPPED_ADDRESS:
		packet->ipv6 = true;
		map_address(packet->source);
		map_address(packet->destination);
		break;
	case SOURCE_ROUTE:
		memcpy(packet->ip_options, route, sizeof(route));
		packet->ip_option_bytes = sizeof(route);
		break;
	default:
		packet->ip_checksum_error = 1;
		break;
	}
}

static void bend(struct packet *packet, enum way way)
{
	static const uint8_t older[] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0};
	static const uint8_t md5[20] = {
		19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 1};

	switch (way) {
	case BAD_CHECKSUM:
		packet->checksum_error = 1;
		break;
	case OTHER_MAC:
		packet->destination_mac[5] ^= 0x10;
		break;
	case NO_ACK:
		packet->flags = PACKET_PSH;
		break;
	case ACK_AHEAD:
		packet->acknowledged += 100000;
		break;
	case ACK_OLD:
		packet->acknowledged -= 1000000;
		break;
	case MD5:
		add_options(packet, md5, sizeof(md5));
		break;
	case PAWS:
		packet->option_bytes = 0;
		add_options(packet, older, sizeof(older));
		break;
	case OTHER_VLAN:
		add_tag(packet, 0x8100, 7);
		break;
	case OTHER_VLAN_OUTSIDE:
		add_tag(packet, 0x8100, 7);
		add_tag(packet, 0x8100, 0);
		break;
	default:
		bend_ip(packet, way);
		break;
	}
}

static bool is_of_ipv4(enum way way)
{
	return way == BAD_IP_CHECKSUM || way == IP_LENGTH_ZERO || way == MAPPED_ADDRESS ||
	       way == SOURCE_ROUTE;
}

/* Flushes that the target does not see, then the write, where they were. */
static void replace(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	struct packet packet;

	if (lab->ipv6 && is_of_ipv4(lab->way)) {
		lab_skip(lab, "of IPv4");
		return;
	}
	if (!lab_open(lab))
		return;
	for (uint16_t cid = 1; cid <= FLUSHES; cid++)
		pdus_flush(&queue->pdus, cid);
	packet = raw_packet(&queue->raw, raw_place(&queue->raw), PACKET_ACK, queue->pdus.bytes,
		queue->pdus.length);
	bend(&packet, (enum way)lab->way);
	raw_emit(&queue->raw, &packet);
	raw_wait(&queue->raw, 20);
	pdus_clear(&queue->pdus);
	pdus_evil(&queue->pdus, 10, lab->slba);
	queue_flush(queue);
}

/* With timestamps (RFC 7323): a segment whose own is older than the last one's is not taken. */
static void replace_paws(struct lab *lab)
{
	static const uint8_t now[] = {1, 1, 8, 10, 0, 1, 0, 0, 0, 0, 0, 0};

	add_options(&lab->tap.form, now, sizeof(now));
	replace(lab);
	lab->tap.form.option_bytes = 0;
}

/* The same with the last bytes first: the front of the write takes the place of a cut Flush. */
static void replace_cut(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	struct packet packet;

	if (!lab_open(lab))
		return;
	pdus_flush(&queue->pdus, 1);
	for (size_t cut = 72; cut > 0; cut -= 8) {
		packet = raw_packet(
			&queue->raw, raw_place(&queue->raw), PACKET_ACK, queue->pdus.bytes, cut);
		bend(&packet, (enum way)lab->way);
		raw_emit(&queue->raw, &packet);
	}
	raw_wait(&queue->raw, 20);
	pdus_clear(&queue->pdus);
	pdus_evil(&queue->pdus, 10, lab->slba);
	queue_flush(queue);
}

/* A RST or FIN that only a guard takes for one, inside of a Compare's data; what follows is new to
 * it. */
static void end_unseen(struct lab *lab, uint8_t flags)
{
	static struct pdus front;
	struct raw *raw = &lab->queue.raw;
	struct packet packet;
	uint32_t place;

	if (!lab_open(lab) || !trick_begin_compare(lab, &place))
		return;
	packet = raw_packet(raw, place, flags, NULL, 0);
	bend(&packet, (enum way)lab->way);
	raw_emit(raw, &packet);
	packet = trick_from_controller(raw, flags, raw->expected, raw->first + place);
	raw_emit(raw, &packet);
	pdus_clear(&front);
	trick_front_of_connection(&front, lab->subsystem, false);
	trick_hide(lab, &front);
	queue_flush(&lab->queue);
}

static void rst_unseen(struct lab *lab)
{
	end_unseen(lab, PACKET_RST | PACKET_ACK);
}

static void fin_unseen(struct lab *lab)
{
	end_unseen(lab, PACKET_FIN | PACKET_ACK);
}

const struct hostile_case cases_unseen[] = {
	{"checksum", replace, CASE_ALL, "TCP's checksum is bad", BAD_CHECKSUM},
	{"checksum-cut", replace_cut, CASE_ALL, "the same, pieces of a header", BAD_CHECKSUM},
	{"ip-checksum", replace, CASE_ALL, "IP's checksum is bad", BAD_IP_CHECKSUM},
	{"ip-length", replace, CASE_ALL, "IP's length is more than there is", IP_LENGTH},
	{"ip-length-zero", replace, CASE_ALL, "IP's length is 0", IP_LENGTH_ZERO},
	{"other-mac", replace, CASE_ALL, "another station's MAC address", OTHER_MAC},
	{"other-mac-cut", replace_cut, CASE_ALL, "the same, pieces of a header", OTHER_MAC},
	{"no-ack", replace, CASE_ALL, "data without ACK", NO_ACK},
	{"ack-ahead", replace, CASE_ALL, "acknowledges what was never sent", ACK_AHEAD},
	{"ack-old", replace, CASE_ALL, "acknowledges what is older than any window", ACK_OLD},
	{"md5", replace, CASE_ALL, "an MD5 option on a connection without", MD5},
	{"mapped-address", replace, CASE_ALL, "IPv6 with the same addresses, mapped",
		MAPPED_ADDRESS},
	{"other-vlan", replace, CASE_ALL, "a VLAN that the target is not in", OTHER_VLAN},
	{"other-vlan-outside", replace, CASE_ALL, "the same around a priority tag",
		OTHER_VLAN_OUTSIDE},
	{"source-route", replace, CASE_ALL, "an IP source route", SOURCE_ROUTE},
	{"paws", replace_paws, CASE_ALL, "a timestamp of the past", PAWS},
	{"rst-checksum", rst_unseen, CASE_ALL, "RST with a bad checksum, a new beginning",
		BAD_CHECKSUM},
	{"rst-mac", rst_unseen, CASE_ALL, "RST for another station, a new beginning", OTHER_MAC},
	{"fin-checksum", fin_unseen, CASE_ALL, "FIN with a bad checksum, a new beginning",
		BAD_CHECKSUM},
	{0},
};
