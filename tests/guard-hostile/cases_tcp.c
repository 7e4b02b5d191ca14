// SPDX-License-Identifier: BSD-2-Clause
/* What TCP does with a segment's bytes: urgent data, overlap, order. */
#include <string.h>

#include "tests/guard-hostile/trick.h"

/* ---- urgent data ---- */

/*
 * Linux takes an urgent byte out of the stream (net/ipv4/tcp.c, tcp_recvmsg_locked()): the target's
 * Compare ends so many bytes later. way: how far the urgent pointer is ahead of the byte.
 */
static void send_urgent(struct lab *lab, uint32_t count)
{
	struct raw *raw = &lab->queue.raw;
	static const uint8_t byte = MEDIUM_BYTE;

	for (uint32_t i = 0; i < count && !raw->reset; i++) {
		uint32_t place = raw_place(raw);
		struct packet packet =
			raw_packet(raw, place, PACKET_ACK | PACKET_PSH | PACKET_URG, &byte, 1);

		if (lab->way) { /* announced by a segment without data */
			packet.payload_bytes = 0;
			packet.urgent = 1;
			raw_emit(raw, &packet);
			packet.flags &= (uint8_t)~PACKET_URG;
			packet.payload_bytes = 1;
		}
		packet.urgent = 1;
		for (int tries = 0; tries < 5; tries++) {
			raw_emit(raw, &packet);
			if (raw_wait_acknowledged(raw, place + 1, 100))
				break;
		}
		raw->next++;
		raw_wait(raw, 2); /* the target reads it before the next one */
	}
}

static void urgent(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	uint32_t place;

	if (!lab_open(lab) || !trick_begin_compare(lab, &place))
		return;
	send_urgent(lab, sizeof(struct nvme_tcp_cmd_pdu));
	pdus_fill(&queue->pdus, MEDIUM_BYTE, TRICK_DATA - sizeof(struct nvme_tcp_cmd_pdu));
	pdus_compare_front(&queue->pdus, 11, TRICK_DATA);
	pdus_evil(&queue->pdus, 10, lab->slba);
	pdus_fill(&queue->pdus, MEDIUM_BYTE, TRICK_DATA - PDUS_EVIL_BYTES);
	queue_flush(queue);
}

/* ---- one place, two contents ---- */

/* Two streams of the same length: Flushes with a Compare between them, and writes. */
static struct pdus harmless, harmful;

static void write_streams(struct lab *lab)
{
	static const uint8_t same[PDUS_BLOCK] = {[0 ... PDUS_BLOCK - 1] = MEDIUM_BYTE};
	struct nvme_sqe compare =
		pdus_sqe(NVME_NVM_COMPARE, 1, PDUS_DENIED, lab->slba, PDUS_BLOCK, true);

	pdus_clear(&harmless);
	pdus_clear(&harmful);
	for (uint16_t i = 0; i < 4; i++) {
		compare.command_id = nvme_to_le16((uint16_t)(2 * i + 1));
		pdus_flush(&harmless, (uint16_t)(2 * i));
		pdus_command(&harmless, &compare, same, sizeof(same));
		pdus_flush(&harmful, (uint16_t)(2 * i));
		pdus_evil(&harmful, (uint16_t)(2 * i + 1), lab->slba + i);
	}
}

static void emit_of(struct lab *lab, const struct pdus *pdus, uint32_t base, size_t from, size_t to,
	uint16_t checksum_error)
{
	struct packet packet = raw_packet(&lab->queue.raw, base + (uint32_t)from,
		PACKET_ACK | PACKET_PSH, pdus->bytes + from, to - from);

	packet.checksum_error = checksum_error;
	raw_emit(&lab->queue.raw, &packet);
}

/* The end comes first, of one stream; then all of it, of the other one. */
static void early(struct lab *lab)
{
	uint32_t base;

	if (!lab_open(lab))
		return;
	write_streams(lab);
	base = raw_place(&lab->queue.raw);
	emit_of(lab, lab->way ? &harmless : &harmful, base, 60, 1300, 0);
	emit_of(lab, lab->way ? &harmful : &harmless, base, 0, lab->way ? 1400 : 60, 0);
	raw_wait(&lab->queue.raw, 30);
	pdus_bytes(&lab->queue.pdus, harmful.bytes, harmful.length);
	queue_flush(&lab->queue);
}

/* Random pieces of both, in any order, some with bad checksums; what is missing last. */
static void mixed_once(struct lab *lab, uint32_t *random)
{
	struct raw *raw = &lab->queue.raw;
	uint32_t base = raw_place(raw);

	for (int i = 0; i < 40 && !raw->reset; i++) {
		size_t from, length;
		uint32_t bits = *random = *random * 1664525 + 1013904223;

		from = (bits >> 8) % (harmful.length - 1);
		length = 1 + (bits >> 20) % (bits & 64 ? 100 : 1300);
		if (bits & 128) /* where the target waits */
			from = raw->acknowledged - raw->first - base;
		if (from >= harmful.length)
			break;
		if (length > harmful.length - from)
			length = harmful.length - from;
		emit_of(lab, bits & 0x100000 ? &harmful : &harmless, base, from, from + length,
			!(bits & 0x600000));
		if (i % 4 == 0)
			raw_wait(raw, 1);
	}
	raw_wait(raw, 5);
	pdus_clear(&lab->queue.pdus);
	pdus_bytes(&lab->queue.pdus, harmful.bytes, harmful.length);
	queue_flush(&lab->queue);
}

static void mixed(struct lab *lab)
{
	uint32_t random = (uint32_t)lab->way;

	for (int round = 0; round < 25; round++) {
		if (!lab_open(lab)) {
			lab_close(lab);
			return;
		}
		write_streams(lab);
		mixed_once(lab, &random);
		lab_close(lab);
	}
}

/* ---- cuts ---- */

/* A denied write, cut at each place of its header: it has to be refused, and the connection to
 * live. */
static void cut_everywhere(struct lab *lab)
{
	struct queue *queue = &lab->queue;

	if (!lab_open(lab))
		return;
	for (size_t cut = 1; cut < 80; cut++) {
		uint32_t place = raw_place(&queue->raw);

		pdus_clear(&queue->pdus);
		pdus_evil(&queue->pdus, (uint16_t)cut, lab->slba);
		raw_put(&queue->raw, place, queue->pdus.bytes, cut);
		raw_wait_acknowledged(&queue->raw, place + (uint32_t)cut, 100);
		queue_flush(queue);
		if (queue_response(queue, (uint16_t)cut) == QUEUE_NO_ANSWER) {
			lab_fail(lab, "a write that is cut is not answered");
			return;
		}
	}
}

/* The first piece of the header is another command's. */
static void cut_replaced(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	struct packet packet;

	if (!lab_open(lab))
		return;
	for (size_t cut = 4; cut < 72; cut += 4) {
		uint32_t place = raw_place(&queue->raw);

		pdus_clear(&queue->pdus);
		pdus_flush(&queue->pdus, (uint16_t)cut);
		packet = raw_packet(&queue->raw, place, PACKET_ACK, queue->pdus.bytes, cut);
		packet.checksum_error = 1;
		raw_emit(&queue->raw, &packet);
		pdus_clear(&queue->pdus);
		pdus_evil(&queue->pdus, (uint16_t)cut, lab->slba);
		if (!queue_flush(queue))
			break;
	}
}

/* A byte at a time, each one twice, the first time with a bad checksum and inverted. */
static void bytewise(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	uint32_t base;

	if (!lab_open(lab))
		return;
	write_streams(lab);
	base = raw_place(&queue->raw);
	for (size_t i = 0; i < 200; i++) {
		emit_of(lab, &harmless, base, i, i + 1, 1);
		emit_of(lab, &harmful, base, i, i + 1, 0);
	}
	pdus_bytes(&queue->pdus, harmful.bytes, harmful.length);
	queue_flush(queue);
}

/* ---- flags that have no place in the middle ---- */

static void odd_flags(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	struct packet packet;

	if (!lab_open(lab))
		return;
	for (uint16_t cid = 1; cid <= 9; cid++)
		pdus_flush(&queue->pdus, cid);
	packet = raw_packet(&queue->raw, raw_place(&queue->raw), (uint8_t)lab->way,
		queue->pdus.bytes, queue->pdus.length);
	raw_emit(&queue->raw, &packet);
	raw_wait(&queue->raw, 20);
	pdus_clear(&queue->pdus);
	pdus_evil(&queue->pdus, 10, lab->slba);
	queue_flush(queue);
}

/* FIN beyond what was sent, then the bytes between. */
static void early_fin(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	struct packet packet;

	if (!lab_open(lab))
		return;
	pdus_evil(&queue->pdus, 10, lab->slba);
	packet = raw_packet(&queue->raw, raw_place(&queue->raw) + (uint32_t)queue->pdus.length,
		PACKET_FIN | PACKET_ACK, NULL, 0);
	raw_emit(&queue->raw, &packet);
	queue_flush(queue);
}

const struct hostile_case cases_tcp[] = {
	{"urgent", urgent, CASE_ALL, "72 urgent bytes inside a Compare's data", 0},
	{"urgent-announced", urgent, CASE_ALL, "the same, announced before they come", 1},
	{"early", early, CASE_ALL, "a piece too early, other bytes before it", 0},
	{"early-replaced", early, CASE_ALL, "a piece too early, other bytes in its place", 1},
	{"mixed-1", mixed, CASE_ALL, "pieces of two streams in any order", 4711},
	{"mixed-2", mixed, CASE_ALL, "the same", 815},
	{"mixed-3", mixed, CASE_ALL, "the same", 1234567},
	{"cut-everywhere", cut_everywhere, CASE_ALL, "a write cut at each place", 0},
	{"cut-replaced", cut_replaced, CASE_ALL, "the first piece was another command's", 0},
	{"bytewise", bytewise, CASE_ALL, "byte by byte, other ones with bad checksums between", 0},
	{"syn-inside", odd_flags, CASE_ALL, "data with SYN", PACKET_SYN | PACKET_ACK},
	{"syn-only-inside", odd_flags, CASE_ALL, "data with SYN, without ACK", PACKET_SYN},
	{"no-flags", odd_flags, CASE_ALL, "data without flags", 0},
	{"fin-only", odd_flags, CASE_ALL, "data with FIN, without ACK", PACKET_FIN},
	{"early-fin", early_fin, CASE_ALL, "FIN before the bytes in front of it", 0},
	{0},
};
