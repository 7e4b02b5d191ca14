// SPDX-License-Identifier: BSD-2-Clause
#include "tests/guard-hostile/trick.h"

#include <string.h>

#include "tests/guard-hostile/medium.h"

/* Of the PDU that hides the rest: more than all that will follow. */
#define COVER (2 * TRICK_DATA)

bool trick_begin_compare(struct lab *lab, uint32_t *place)
{
	struct queue *queue = &lab->queue;

	pdus_clear(&queue->pdus);
	pdus_compare_front(&queue->pdus, 9, TRICK_DATA);
	if (!queue_flush(queue))
		return lab_fail(lab, "a Compare does not pass");
	*place = raw_place(&queue->raw);
	return true;
}

void trick_hide(struct lab *lab, const struct pdus *front)
{
	struct pdus *pdus = &lab->queue.pdus;

	pdus_clear(pdus);
	pdus_bytes(pdus, front->bytes, front->length);
	pdus_fill(pdus, MEDIUM_BYTE, TRICK_DATA - front->length);
	pdus_evil(pdus, 10, lab->slba);
}

void trick_front_of_data(struct pdus *front)
{
	struct nvme_tcp_data_fields fields = {
		.type = NVME_TCP_H2C_DATA, .flags = NVME_TCP_FLAG_LAST, .length = COVER};
	uint8_t bytes[NVME_TCP_FRONT_MAX];

	pdus_bytes(front, bytes, nvme_tcp_encode_data(bytes, &front->format, &fields));
}

void trick_front_of_connection(struct pdus *front, const char *subsystem, bool connect)
{
	pdus_icreq(front);
	if (connect)
		pdus_connect(front, 1, 1, subsystem);
	pdus_compare_front(front, 9, COVER);
}

struct packet trick_from_controller(
	const struct raw *raw, uint8_t flags, uint32_t sequence, uint32_t acknowledged)
{
	struct packet packet = raw->form;

	memcpy(packet.source, raw->form.destination, sizeof(packet.source));
	memcpy(packet.destination, raw->form.source, sizeof(packet.destination));
	packet.source_port = raw->form.destination_port;
	packet.destination_port = raw->form.source_port;
	packet.flags = flags;
	packet.sequence = sequence;
	packet.acknowledged = acknowledged;
	return packet;
}
