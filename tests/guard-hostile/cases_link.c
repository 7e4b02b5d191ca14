// SPDX-License-Identifier: BSD-2-Clause
/* What lies below TCP: VLAN tags, fragments, options, extension headers. */
#include <netinet/in.h>
#include <string.h>

#include "tests/guard-hostile/trick.h"

/* ---- whole connections whose packets look in some way ---- */

static void write_over(struct lab *lab)
{
	lab->may_fail_to_open = lab->guarded;
	if (!lab_open(lab)) {
		if (lab->guarded)
			lab->problem = NULL; /* nothing passes: that will do */
		return;
	}
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	queue_flush(&lab->queue);
}

/* way: how many tags; their protocols alternate if it is above 100. */
static void tags(struct lab *lab)
{
	struct packet *form = &lab->tap.form;

	form->tag_count = (uint8_t)(lab->way % 100);
	for (int i = 0; i < form->tag_count; i++)
		form->tags[i] = (struct packet_tag){
			lab->way > 100 && i % 2 ? 0x88a8 : 0x8100, (uint16_t)(i % 8 << 13)};
	write_over(lab);
	form->tag_count = 0;
}

/* IPv4 no-operations: way bytes. */
static void ip_options(struct lab *lab)
{
	struct packet *form = &lab->tap.form;

	if (form->ipv6) {
		lab_skip(lab, "of IPv4");
		return;
	}
	memset(form->ip_options, 1, (size_t)lab->way);
	form->ip_option_bytes = (uint8_t)lab->way;
	write_over(lab);
	form->ip_option_bytes = 0;
}

/* The same, for TCP. */
static void tcp_options(struct lab *lab)
{
	struct packet *form = &lab->tap.form;

	memset(form->options, 1, (size_t)lab->way);
	form->option_bytes = (uint8_t)lab->way;
	write_over(lab);
	form->option_bytes = 0;
}

static void trailer(struct lab *lab)
{
	lab->tap.form.trailer_bytes = (size_t)lab->way;
	write_over(lab);
	lab->tap.form.trailer_bytes = 0;
}

/* IPv6: way destination option headers of eight bytes; from 100 on an atomic fragment behind them.
 */
static void extensions(struct lab *lab)
{
	struct packet *form = &lab->tap.form;
	int count = lab->way % 100;
	bool atomic = lab->way >= 100;

	if (!form->ipv6) {
		lab_skip(lab, "of IPv6");
		return;
	}
	form->first_extension = count ? IPPROTO_DSTOPTS : IPPROTO_FRAGMENT;
	form->extension_bytes = 0;
	for (int i = 0; i < count + atomic; i++) {
		uint8_t *header = form->extensions + form->extension_bytes;

		memset(header, 0, 8);
		header[0] = i + 1 < count	       ? IPPROTO_DSTOPTS
			    : i + 1 == count && atomic ? IPPROTO_FRAGMENT
						       : IPPROTO_TCP;
		if (i < count)
			header[2] = 1, header[3] = 4; /* PadN */
		form->extension_bytes += 8;
	}
	write_over(lab);
	form->extension_bytes = 0;
}

/* ---- fragments ---- */

static bool is_ipv4(struct lab *lab)
{
	if (lab->ipv6)
		lab_skip(lab, "of IPv4");
	return !lab->ipv6;
}

static size_t evil_frame(struct lab *lab, uint8_t *frame)
{
	struct queue *queue = &lab->queue;
	struct packet packet;

	pdus_clear(&queue->pdus);
	pdus_evil(&queue->pdus, 10, lab->slba);
	packet = raw_packet(&queue->raw, raw_place(&queue->raw), PACKET_ACK | PACKET_PSH,
		queue->pdus.bytes, queue->pdus.length);
	packet.identification = 0x4711;
	return packet_build(frame, &packet);
}

/* way: bytes of each; the last one first if it is negative. */
static void fragments(struct lab *lab)
{
	static uint8_t frame[PACKET_FRAME_MAX], piece[PACKET_FRAME_MAX];
	size_t bytes, each = (size_t)(lab->way < 0 ? -lab->way : lab->way), count = 0;

	if (!is_ipv4(lab) || !lab_open(lab))
		return;
	bytes = evil_frame(lab, frame);
	while (packet_fragment(piece, frame, bytes, each, count))
		count++;
	for (size_t i = 0; i < count; i++) {
		size_t index = lab->way < 0 ? count - 1 - i : i;

		tap_send_frame(&lab->tap, piece, packet_fragment(piece, frame, bytes, each, index));
	}
	raw_wait(&lab->queue.raw, 20);
}

/* A fragment with the whole of TCP's header is followed alone; the guard sees its payload whole. */
static void fragment_replaced(struct lab *lab)
{
	static uint8_t frame[PACKET_FRAME_MAX], piece[PACKET_FRAME_MAX];
	struct queue *queue = &lab->queue;
	struct packet packet;
	size_t bytes;

	if (!is_ipv4(lab) || !lab_open(lab))
		return;
	for (uint16_t cid = 1; cid <= 9; cid++)
		pdus_flush(&queue->pdus, cid);
	packet = raw_packet(&queue->raw, raw_place(&queue->raw), PACKET_ACK, queue->pdus.bytes,
		queue->pdus.length);
	packet.fragment = 0x2000; /* more fragments, which never come */
	raw_emit(&queue->raw, &packet);
	bytes = evil_frame(lab, frame);
	for (size_t i = 0; packet_fragment(piece, frame, bytes, 200, i); i++)
		tap_send_frame(&lab->tap, piece, packet_fragment(piece, frame, bytes, 200, i));
	tap_send_frame(&lab->tap, frame, bytes);
}

const struct hostile_case cases_link[] = {
	{"tags-1", tags, CASE_ALL, "a priority tag", 1},
	{"tags-2", tags, CASE_ALL, "2 priority tags", 2},
	{"tags-3", tags, CASE_ALL, "3 priority tags", 3},
	{"tags-4", tags, CASE_ALL, "4 priority tags", 4},
	{"tags-5", tags, CASE_ALL, "5 priority tags", 5},
	{"tags-8", tags, CASE_ALL, "8 priority tags", 8},
	{"tags-15", tags, CASE_ALL, "15 priority tags", 15},
	{"tags-mixed-2", tags, CASE_ALL, "8100h and 88A8h", 102},
	{"tags-mixed-3", tags, CASE_ALL, "3 tags, one 88A8h", 103},
	{"tags-mixed-4", tags, CASE_ALL, "4 tags, two 88A8h", 104},
	{"tags-mixed-6", tags, CASE_ALL, "6 tags, three 88A8h", 106},
	{"ip-options-4", ip_options, CASE_ALL, "4 bytes of IP options", 4},
	{"ip-options-40", ip_options, CASE_ALL, "40 bytes of IP options", 40},
	{"tcp-options-40", tcp_options, CASE_ALL, "40 bytes of TCP options", 40},
	{"trailer-1", trailer, CASE_ALL, "a byte behind the IP packet", 1},
	{"trailer-72", trailer, CASE_ALL, "72 bytes behind the IP packet", 72},
	{"extensions-1", extensions, CASE_ALL, "an IPv6 extension header", 1},
	{"extensions-6", extensions, CASE_ALL, "6 IPv6 extension headers", 6},
	{"extensions-7", extensions, CASE_ALL, "7 IPv6 extension headers", 7},
	{"extensions-20", extensions, CASE_ALL, "20 IPv6 extension headers", 20},
	{"atomic-fragment", extensions, CASE_ALL, "IPv6, each packet its own only fragment", 100},
	{"atomic-fragment-behind", extensions, CASE_ALL, "the same behind an extension header",
		101},
	{"fragments", fragments, CASE_ALL, "the write in fragments of 200 bytes", 200},
	{"fragments-8", fragments, CASE_ALL, "the write in fragments of 8 bytes", 8},
	{"fragments-24", fragments, CASE_ALL, "TCP's header is whole in the first of them", 24},
	{"fragments-backwards", fragments, CASE_ALL, "the last fragment first", -200},
	{"fragment-replaced", fragment_replaced, CASE_ALL, "a fragment without the others", 0},
	{0},
};
