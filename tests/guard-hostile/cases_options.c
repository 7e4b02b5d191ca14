// SPDX-License-Identifier: BSD-2-Clause
/* TCP options that change what a segment's bytes are, or when they count. */
#include <string.h>

#include "tests/guard-hostile/mptcp.h"
#include "tests/guard-hostile/trick.h"

#define FLUSHES 64 /* as long as 9 blocks */
#define HIDDEN	(FLUSHES * sizeof(struct nvme_tcp_cmd_pdu))

static bool admin_ready(struct lab *lab)
{
	lab_new(lab, &lab->admin);
	lab_new(lab, &lab->queue);
	return (queue_start(&lab->admin, 0, 0xffff, lab->subsystem) && queue_enable(&lab->admin)) ||
	       lab_fail(lab, "no admin queue");
}

/* Sends bytes that stand at another place of the data stream. */
static void send_mapped(struct lab *lab, uint64_t data_place, const uint8_t *bytes, size_t length)
{
	struct raw *raw = &lab->queue.raw;

	while (length) {
		size_t piece = length < RAW_SEGMENT ? length : RAW_SEGMENT;
		uint32_t place = raw_place(raw);

		raw->next += (uint32_t)piece;
		for (int tries = 0; tries < 5; tries++) {
			struct packet packet = mptcp_packet(raw, place, data_place, bytes, piece);

			raw_emit(raw, &packet);
			if (raw_wait_acknowledged(raw, place + (uint32_t)piece, 100))
				break;
		}
		bytes += piece;
		data_place += piece;
		length -= piece;
	}
}

/*
 * In the subflow: a Compare, its data with the write in it, Flushes. In the data stream the Flushes
 * are the Compare's data, and the write is behind them.
 */
static void mp_capable(struct lab *lab)
{
	static struct pdus evil, flushes;
	struct queue *queue = &lab->queue;
	uint32_t place;

	if (!admin_ready(lab))
		return;
	mptcp_use(&queue->raw);
	if (!raw_syn(&queue->raw) || !mptcp_agreed(&queue->raw) || !queue_initialise(queue) ||
		!queue_connect(queue, 1, lab->admin.cntlid, lab->subsystem)) {
		if (!lab->guarded)
			lab_fail(lab, "no connection over MPTCP");
		return;
	}
	pdus_clear(&evil);
	pdus_clear(&flushes);
	pdus_evil(&evil, 10, lab->slba);
	pdus_fill(&evil, MEDIUM_BYTE, HIDDEN - evil.length);
	for (uint16_t i = 0; i < FLUSHES; i++)
		pdus_flush(&flushes, i);
	pdus_compare_front(&queue->pdus, 9, HIDDEN);
	queue_flush(queue);
	place = raw_place(&queue->raw);
	send_mapped(lab, place + HIDDEN, evil.bytes, HIDDEN);
	send_mapped(lab, place, flushes.bytes, HIDDEN);
}

/* MP_CAPABLE or MP_JOIN in a SYN must not get through as they are, whatever a target makes of them.
 */
static void fast_open(struct lab *lab)
{
	static const uint8_t cookie_request[] = {34, 2, 1, 1};
	struct queue *queue = &lab->queue;
	struct packet syn;

	if (!admin_ready(lab))
		return;
	pdus_icreq(&queue->pdus);
	syn = raw_packet(
		&queue->raw, (uint32_t)-1, PACKET_SYN, queue->pdus.bytes, queue->pdus.length);
	memcpy(syn.options, cookie_request, sizeof(cookie_request));
	syn.option_bytes = lab->way ? sizeof(cookie_request) : 0;
	raw_emit(&queue->raw, &syn);
	raw_wait(&queue->raw, 100);
	if (!queue->raw.synchronised) {
		/* The SYN was dropped, as it should be: an ordinary one has to pass. */
		pdus_clear(&queue->pdus);
		if (!queue_start(queue, 1, lab->admin.cntlid, lab->subsystem)) {
			lab_fail(lab, "no ordinary connection afterwards");
			return;
		}
	} else {
		raw_answer(&queue->raw);
		raw_send(&queue->raw, queue->pdus.bytes, queue->pdus.length);
		pdus_clear(&queue->pdus);
		if (!queue_next(queue, QUEUE_ANSWER_MS(queue)) ||
			!queue_connect(queue, 1, lab->admin.cntlid, lab->subsystem)) {
			lab_fail(lab, "no connection");
			return;
		}
	}
	pdus_evil(&queue->pdus, 10, lab->slba);
	queue_flush(queue);
}

/*
 * Data in the SYN that the target takes and the guard does not know of, or the other way round: the
 * first sequence number of one is behind a Flush's place of the other.
 */
static void fast_open_hidden(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	static struct pdus front;
	struct packet syn;

	if (!admin_ready(lab))
		return;
	pdus_icreq(&queue->pdus);
	pdus_clear(&front);
	trick_front_of_connection(&front, lab->subsystem, true);
	pdus_connect(&queue->pdus, 1, lab->admin.cntlid, lab->subsystem);
	syn = raw_packet(
		&queue->raw, (uint32_t)-1, PACKET_SYN, queue->pdus.bytes, queue->pdus.length);
	raw_emit(&queue->raw, &syn);
	raw_wait(&queue->raw, 200);
	if (!queue->raw.synchronised)
		return; /* not passed */
	raw_answer(&queue->raw);
	raw_send(&queue->raw, queue->pdus.bytes, queue->pdus.length);
	pdus_clear(&queue->pdus);
	pdus_evil(&queue->pdus, 10, lab->slba);
	raw_wait(&queue->raw, 100);
	queue_flush(queue);
}

const struct hostile_case cases_options[] = {
	{"mp-capable", mp_capable, CASE_ALL, "MPTCP, one subflow, data in another order", 0},
	{"fast-open", fast_open, CASE_ALL, "ICReq in the SYN", 0},
	{"fast-open-cookie", fast_open, CASE_ALL, "ICReq in the SYN, and a cookie is asked for", 1},
	{"fast-open-connect", fast_open_hidden, CASE_ALL, "ICReq and Connect in the SYN", 0},
	{0},
};
