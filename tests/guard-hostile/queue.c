// SPDX-License-Identifier: BSD-2-Clause
#include "tests/guard-hostile/queue.h"

#include <string.h>

#include "base/clock.h"

#define TRIES 200

bool queue_flush(struct queue *queue)
{
	bool sent = raw_send(&queue->raw, queue->pdus.bytes, queue->pdus.length);

	pdus_clear(&queue->pdus);
	return sent;
}

const struct nvme_tcp_hdr *queue_next(struct queue *queue, int milliseconds)
{
	struct raw *raw = &queue->raw;
	const struct nvme_tcp_hdr *hdr;
	uint32_t length;

	if (!raw_wait_bytes(raw, sizeof(*hdr), milliseconds))
		return NULL;
	hdr = (const void *)(raw->received + raw->taken);
	length = nvme_le32(hdr->plen);
	if (length < sizeof(*hdr) || !raw_wait_bytes(raw, length, milliseconds))
		return NULL;
	raw->taken += length;
	return hdr;
}

uint16_t queue_response(struct queue *queue, uint16_t cid)
{
	const struct nvme_tcp_hdr *hdr;

	while ((hdr = queue_next(queue, QUEUE_ANSWER_MS(queue)))) {
		const struct nvme_tcp_rsp_pdu *pdu = (const void *)hdr;

		if (hdr->type != NVME_TCP_CAPSULE_RESP || nvme_le16(pdu->cqe.command_id) != cid)
			continue;
		queue->dw0 = nvme_le32(pdu->cqe.dw0);
		return nvme_status_code(nvme_le16(pdu->cqe.status));
	}
	return QUEUE_NO_ANSWER;
}

bool queue_r2t(struct queue *queue, uint16_t cid, struct nvme_tcp_r2t_pdu *r2t)
{
	const struct nvme_tcp_hdr *hdr;

	while ((hdr = queue_next(queue, QUEUE_ANSWER_MS(queue)))) {
		memcpy(r2t, hdr, sizeof(*r2t));
		if (hdr->type == NVME_TCP_R2T && nvme_le16(r2t->command_id) == cid)
			return true;
	}
	return false;
}

uint16_t queue_run(
	struct queue *queue, const struct nvme_sqe *sqe, const void *data, uint32_t bytes)
{
	pdus_clear(&queue->pdus);
	pdus_command(&queue->pdus, sqe, data, bytes);
	if (!queue_flush(queue))
		return QUEUE_NO_ANSWER;
	return queue_response(queue, nvme_le16(sqe->command_id));
}

static bool fail(struct queue *queue, const char *problem)
{
	queue->problem = problem;
	return false;
}

bool queue_initialise(struct queue *queue)
{
	const struct nvme_tcp_hdr *hdr;
	struct nvme_tcp_format none = {0};

	pdus_clear(&queue->pdus);
	queue->pdus.format = queue->format;
	pdus_icreq(&queue->pdus);
	queue->pdus.format = none;
	if (!queue_flush(queue))
		return fail(queue, "ICReq is not acknowledged");
	hdr = queue_next(queue, QUEUE_ANSWER_MS(queue));
	if (!hdr || hdr->type != NVME_TCP_ICRESP)
		return fail(queue, "no ICResp");
	queue->format.data_alignment = ((const struct nvme_tcp_icresp_pdu *)hdr)->cpda;
	queue->pdus.format = queue->format;
	return true;
}

bool queue_connect(struct queue *queue, uint16_t qid, uint16_t cntlid, const char *subsystem)
{
	queue->qid = qid;
	pdus_connect(&queue->pdus, qid, cntlid, subsystem);
	if (!queue_flush(queue))
		return fail(queue, "Connect is not acknowledged");
	if (queue_response(queue, 0) != 0)
		return fail(queue, "Connect is refused, or not answered");
	queue->cntlid = (uint16_t)queue->dw0;
	return true;
}

bool queue_start(struct queue *queue, uint16_t qid, uint16_t cntlid, const char *subsystem)
{
	return (raw_open(&queue->raw) || fail(queue, "no SYN and ACK")) &&
	       queue_initialise(queue) && queue_connect(queue, qid, cntlid, subsystem);
}

static uint16_t property(
	struct queue *queue, enum nvme_fabrics_type type, uint32_t offset, uint64_t value)
{
	struct nvme_property_sqe fields = {
		.opcode = NVME_OPCODE_FABRICS,
		.flags = NVME_SQE_PSDT_SGL,
		.fctype = (uint8_t)type,
		.offset = nvme_to_le32(offset),
		.value = nvme_to_le64(value),
	};
	struct nvme_sqe sqe;

	memcpy(&sqe, &fields, sizeof(sqe));
	return queue_run(queue, &sqe, NULL, 0);
}

bool queue_enable(struct queue *queue)
{
	if (property(queue, NVME_FABRICS_PROPERTY_SET, 0x14, 0x00460001))
		return fail(queue, "Property Set fails");
	for (int i = 0; i < TRIES; i++) {
		if (property(queue, NVME_FABRICS_PROPERTY_GET, 0x1c, 0))
			return fail(queue, "Property Get fails");
		if (queue->dw0 & 1)
			return true;
		raw_wait(&queue->raw, 5);
	}
	return fail(queue, "the controller does not become ready");
}
