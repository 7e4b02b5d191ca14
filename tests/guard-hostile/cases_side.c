// SPDX-License-Identifier: BSD-2-Clause
/* A host that speaks in the controller's name. */
#include <string.h>

#include "tests/guard-hostile/trick.h"

static struct pdus front;

/* After the guard was fooled: a connection's first PDUs, or data, in the middle of a Compare's. */
static void hide(struct lab *lab, bool connect)
{
	pdus_clear(&front);
	trick_front_of_connection(&front, lab->subsystem, connect);
	trick_hide(lab, &front);
	queue_flush(&lab->queue);
}

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
	hide(lab, lab->way);
}

/* A connection's first SYN and ACK is the host's, with the sequence number of a later place. */
static void false_first_synack(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	struct packet packet;
	uint32_t place;

	lab_new(lab, &lab->queue);
	packet = trick_from_controller(
		&queue->raw, PACKET_SYN | PACKET_ACK, 1000, queue->raw.first + 4000);
	raw_emit(&queue->raw, &packet);
	raw_free(&queue->raw);
	lab->port--;
	if (!lab_open(lab) || !trick_begin_compare(lab, &place))
		return;
	hide(lab, true);
}

/* SYN, FIN and RST of the controller's, then a beginning. */
static void false_end(struct lab *lab)
{
	struct raw *raw = &lab->queue.raw;
	struct packet packet;
	uint32_t place;

	if (!lab_open(lab) || !trick_begin_compare(lab, &place))
		return;
	packet = trick_from_controller(raw, (uint8_t)lab->way, raw->expected, raw->first + place);
	raw_emit(raw, &packet);
	packet = trick_from_controller(
		raw, PACKET_SYN | PACKET_ACK, raw->expected + 1000, raw->first + place);
	raw_emit(raw, &packet);
	hide(lab, true);
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
	if (lab->way) { /* with data of the controller's */
		packet.payload = queue->pdus.bytes;
		packet.payload_bytes = 24;
	}
	raw_emit(raw, &packet);
	pdus_clear(&queue->pdus);
	pdus_evil(&queue->pdus, 10, lab->slba);
	queue_flush(queue);
}

const struct hostile_case cases_side[] = {
	{"false-synack", false_synack, CASE_ALL, "SYN+ACK in the controller's name", 0},
	{"false-synack-connect", false_synack, CASE_ALL, "the same, and a Connect", 1},
	{"false-first-synack", false_first_synack, CASE_ALL, "SYN+ACK before the connection's", 0},
	{"false-rst", false_end, CASE_ALL, "the controller's RST and SYN+ACK", PACKET_RST},
	{"false-rst-ack", false_end, CASE_ALL, "the same with ACK", PACKET_RST | PACKET_ACK},
	{"false-fin", false_end, CASE_ALL, "the controller's FIN and SYN+ACK",
		PACKET_FIN | PACKET_ACK},
	{"false-ack", false_ack, CASE_ALL,
		"bad checksums, acknowledged in the controller's name, and other bytes", 0},
	{"false-ack-data", false_ack, CASE_ALL, "the same with data", 1},
	{0},
};
