// SPDX-License-Identifier: BSD-2-Clause
#include "fuzz/host_end.h"

#include <string.h>

#include "fuzz/target_end.h"

struct host_end host_end;

/* Adds what the script wants to be odd about it. */
static void make_odd(struct packet *packet)
{
	packet->checksum_error = host_end.oddness.checksum_error;
	packet->ip_checksum_error = host_end.oddness.ip_checksum_error;
	packet->destination_mac[5] ^= host_end.oddness.destination_mac[5];
	packet->acknowledged += host_end.oddness.acknowledged;
	packet->flags ^= host_end.oddness.flags;
	packet->urgent = host_end.oddness.urgent;
	packet->trailer_bytes = host_end.oddness.trailer_bytes;
	memcpy(packet->tags, host_end.oddness.tags, sizeof(packet->tags));
	packet->tag_count = host_end.oddness.tag_count;
	memcpy(packet->options, host_end.oddness.options, sizeof(packet->options));
	packet->option_bytes = host_end.oddness.option_bytes;
	memset(&host_end.oddness, 0, sizeof(host_end.oddness));
}

void host_end_emit(struct packet packet)
{
	static uint8_t frame[PACKET_FRAME_MAX], out[WIRE_FRAME_MAX];
	bool lost = host_end.loses;
	size_t length;

	make_odd(&packet);
	host_end.loses = false;
	length = packet_build(frame, &packet);
	if (!guard_hook_pass(from_outside, frame, length, out) || lost)
		return;
	target_end_receive(out, length);
}

struct packet host_end_segment(uint32_t place, uint8_t flags, const void *payload, size_t bytes)
{
	struct packet packet = host_end.form;

	packet.sequence = host_end.first + place;
	packet.acknowledged = flags & PACKET_ACK ? target_end.acknowledged : 0;
	packet.flags = flags;
	packet.payload = payload;
	packet.payload_bytes = bytes;
	return packet;
}

void host_end_send(uint32_t place, const uint8_t *bytes, size_t length)
{
	if (length)
		host_end_emit(host_end_segment(place, PACKET_ACK | PACKET_PSH, bytes, length));
}

size_t host_end_at_most(size_t place, size_t length)
{
	size_t left = place < host_end.meant.length ? host_end.meant.length - place : 0;

	if (length > SEGMENT_MAX)
		length = SEGMENT_MAX;
	return length < left ? length : left;
}

void host_end_send_next(size_t length)
{
	uint32_t place = host_end.sent;

	length = host_end_at_most(place, length);
	host_end.sent += (uint32_t)length;
	host_end_send(place, host_end.meant.bytes + place, length);
}

void host_end_finish(void)
{
	for (int tries = 0; tries < 6; tries++) {
		while (target_end.tcp.state == TCP_MODEL_ESTABLISHED &&
			target_end.tcp.first == host_end.first) {
			uint32_t place = target_end.tcp.expected - host_end.first;
			size_t length = host_end_at_most(place, SEGMENT_MAX);

			host_end_send(place, host_end.meant.bytes + place, length);
			if (!length || target_end.tcp.expected - host_end.first == place)
				break;
		}
	}
}

void host_end_open(uint32_t isn)
{
	host_end.first = isn + 1;
	host_end.sent = 0;
	pdus_clear(&host_end.meant);
	host_end_emit(host_end_segment((uint32_t)-1, PACKET_SYN, NULL, 0));
	host_end_emit(host_end_segment(0, PACKET_ACK, NULL, 0));
}

void host_end_write_harmful(uint32_t shift)
{
	pdus_clear(&host_end.harmful);
	pdus_fill(&host_end.harmful, 0, shift % 80);
	while (host_end.harmful.length < 5000)
		pdus_evil(&host_end.harmful, 77, 3);
}
