// SPDX-License-Identifier: BSD-2-Clause
/* What TCP does with a segment's bytes: urgent data, overlap, checksums. */
#include <string.h>

#include "tests/guard-hostile/trick.h"

/*
 * So many bytes of a Compare's data are urgent ones, which Linux takes out of the stream
 * (net/ipv4/tcp.c, tcp_recvmsg_locked()): the target's Compare ends so many bytes later.
 */
static void send_urgent(struct lab *lab, uint32_t count)
{
	struct raw *raw = &lab->queue.raw;
	static const uint8_t byte = MEDIUM_BYTE;

	for (uint32_t i = 0; i < count && !raw->reset; i++) {
		uint32_t place = raw_place(raw);
		struct packet packet =
			raw_packet(raw, place, PACKET_ACK | PACKET_PSH | PACKET_URG, &byte, 1);

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

const struct hostile_case cases_tcp[] = {
	{"urgent", urgent, CASE_ALL, "72 urgent bytes inside a Compare's data"},
	{0},
};
