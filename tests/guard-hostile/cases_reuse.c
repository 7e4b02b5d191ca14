// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections whose end or beginning only one of guard and target takes notice of, and the same
 * ports and sequence numbers again: what a new connection says lies where the old one's
 * acknowledged bytes were.
 */
#include <string.h>

#include "tests/guard-hostile/trick.h"

/* The association of before ends in some way at the target; this is the admin queue's, kept. */
static bool begin_again(struct lab *lab, struct queue *old)
{
	struct queue *queue = &lab->queue;
	uint16_t port = old->raw.form.source_port;
	uint32_t first = old->raw.first;

	raw_free(&lab->admin.raw);
	old->raw.reset = true; /* nothing more of it */
	raw_free(&old->raw);
	raw_wait(&lab->queue.raw, 0);
	lab_new(lab, &lab->admin);
	raw_init(&queue->raw, &lab->tap, port, first);
	pdus_clear(&queue->pdus);
	if (!queue_start(&lab->admin, 0, 0xffff, lab->subsystem) || !queue_enable(&lab->admin))
		return lab_fail(lab, "no second admin queue");
	return queue_start(queue, 1, lab->admin.cntlid, lab->subsystem);
}

/* Flushes, so that the old stream is as long as the new one. */
static bool grow(struct lab *lab)
{
	struct queue *queue = &lab->queue;

	for (uint16_t cid = 1; cid <= 12; cid++) {
		struct nvme_sqe sqe = pdus_sqe(NVME_NVM_FLUSH, cid, PDUS_DENIED, 0, 0, false);

		if (queue_run(queue, &sqe, NULL, 0) == QUEUE_NO_ANSWER)
			return lab_fail(lab, "a Flush is not answered");
	}
	return true;
}

static void write_again(struct lab *lab)
{
	if (!begin_again(lab, &lab->queue)) {
		if (!lab->guarded && !lab->problem)
			lab_fail(lab, "the target takes no connection with these ports");
		return;
	}
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	queue_flush(&lab->queue);
}

/* SYN with RST: Linux looks at RST first (tcp_validate_incoming()). */
static void reset_by(struct lab *lab)
{
	struct packet packet;

	if (!lab_open(lab) || !grow(lab))
		return;
	packet =
		raw_packet(&lab->queue.raw, raw_place(&lab->queue.raw), (uint8_t)lab->way, NULL, 0);
	raw_emit(&lab->queue.raw, &packet);
	raw_wait(&lab->queue.raw, 50);
	write_again(lab);
}

/* The same for a segment with data. */
static void reset_with_data(struct lab *lab)
{
	struct packet packet;

	if (!lab_open(lab) || !grow(lab))
		return;
	packet = raw_packet(
		&lab->queue.raw, raw_place(&lab->queue.raw), (uint8_t)lab->way, "data", 4);
	raw_emit(&lab->queue.raw, &packet);
	raw_wait(&lab->queue.raw, 50);
	write_again(lab);
}

/* The target closes, as it cannot go on with what it reads; its FIN is acknowledged, ours never
 * comes. */
static void closed_by_target(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	uint8_t term[NVME_TCP_FRONT_MAX];

	if (!lab_open(lab) || !grow(lab))
		return;
	pdus_bytes(&queue->pdus, term, nvme_tcp_encode_term(term, NVME_TCP_H2C_TERM, 1, 0, 0));
	queue_flush(queue);
	for (int i = 0; i < 20 && !queue->raw.finished && !queue->raw.reset; i++)
		raw_wait(&queue->raw, 100);
	raw_wait(&queue->raw, 3500); /* tcp_fin_timeout is a second here, and rounds up */
	write_again(lab);
}

/* Both ends close; Linux was in LAST_ACK. */
static void closed_by_host(struct lab *lab)
{
	struct raw *raw = &lab->queue.raw;
	struct packet packet;

	if (!lab_open(lab) || !grow(lab))
		return;
	packet = raw_packet(raw, raw_place(raw), PACKET_FIN | PACKET_ACK, NULL, 0);
	raw_emit(raw, &packet);
	raw->next++;
	for (int i = 0; i < 20 && !raw->finished && !raw->reset; i++)
		raw_wait(raw, 50);
	write_again(lab);
}

/* A handshake that is never ended: the same ISN again, and the controller's is another one. */
static void half_open(struct lab *lab)
{
	struct packet packet;
	struct raw *raw = &lab->queue.raw;

	lab_new(lab, &lab->queue);
	if (!raw_syn(raw)) {
		lab_fail(lab, "no SYN and ACK");
		return;
	}
	packet = raw_packet(raw, 0, PACKET_RST, NULL, 0);
	raw_emit(raw, &packet);
	raw_wait(raw, 20);
	lab_new(lab, &lab->admin);
	write_again(lab);
}

const struct hostile_case cases_reuse[] = {
	{"syn-rst", reset_by, CASE_ALL, "SYN+RST ends it at the target only",
		PACKET_SYN | PACKET_RST},
	{"syn-rst-ack", reset_by, CASE_ALL, "SYN+RST+ACK does",
		PACKET_SYN | PACKET_RST | PACKET_ACK},
	{"fin-rst", reset_by, CASE_ALL, "FIN+RST does", PACKET_FIN | PACKET_RST},
	{"all-flags", reset_by, CASE_ALL, "all flags at once do", 0x3f},
	{"rst", reset_by, CASE_ALL, "RST does", PACKET_RST},
	{"rst-data", reset_with_data, CASE_ALL, "RST with data does", PACKET_RST | PACKET_ACK},
	{"syn-rst-data", reset_with_data, CASE_ALL, "SYN+RST with data does",
		PACKET_SYN | PACKET_RST},
	{"closed-by-target", closed_by_target, CASE_ALL, "the target forgets it in FIN_WAIT2", 0},
	{"closed-by-host", closed_by_host, CASE_ALL, "both close", 0},
	{"half-open", half_open, CASE_ALL, "a handshake without its end", 0},
	{0},
};
