// SPDX-License-Identifier: BSD-2-Clause
/* A host that speaks in the controller's name, and connections that only one side takes for new. */
#include <string.h>

#include "tests/guard-hostile/trick.h"

static struct pdus front;

/* A second beginning of the connection, inside a Compare's data. */
static void false_synack(struct lab *lab)
{
	struct raw *raw = &lab->queue.raw;
	struct packet packet;
	uint32_t place;

	if (!lab_open(lab) || !trick_begin_compare(lab, &place))
		return;
	packet = trick_from_controller(
		raw, PACKET_SYN | PACKET_ACK, raw->expected - 1, raw->first + place);
	raw_emit(raw, &packet);
	pdus_clear(&front);
	trick_front_of_connection(&front, lab->subsystem, false);
	trick_hide(lab, &front);
	queue_flush(&lab->queue);
}

/* Flushes that the target's checksum refuses, an acknowledgement that it never sent, the write. */
static void false_ack(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	struct raw *raw = &queue->raw;
	struct packet packet;
	uint32_t place;

	if (!lab_open(lab))
		return;
	place = raw_place(raw);
	for (uint16_t cid = 1; cid <= 16; cid++)
		pdus_flush(&queue->pdus, cid);
	packet = raw_packet(raw, place, PACKET_ACK, queue->pdus.bytes, queue->pdus.length);
	packet.checksum_error = 1;
	raw_emit(raw, &packet);
	packet = trick_from_controller(
		raw, PACKET_ACK, raw->expected, raw->first + place + (uint32_t)queue->pdus.length);
	raw_emit(raw, &packet);
	pdus_clear(&queue->pdus);
	pdus_evil(&queue->pdus, 10, lab->slba);
	queue_flush(queue);
}

const struct hostile_case cases_side[] = {
	{"false-synack", false_synack, CASE_ALL, "SYN+ACK in the controller's name"},
	{"false-ack", false_ack, CASE_ALL,
		"bad checksums, acknowledged in the controller's name, and other bytes"},
	{0},
};
