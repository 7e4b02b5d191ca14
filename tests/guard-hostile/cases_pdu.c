// SPDX-License-Identifier: BSD-2-Clause
/* PDUs and commands that targets read in other ways than the guard might. */
#include <stdlib.h>
#include <string.h>

#include "tests/guard-hostile/trick.h"

static struct pdus evil;

/* ---- where data of a command begins and ends ---- */

static void plain_write(struct lab *lab)
{
	if (!lab_open(lab))
		return;
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	queue_flush(&lab->queue);
}

/* A command of this opcode whose in-capsule data is the write. */
static void with_opcode(struct lab *lab)
{
	struct queue *queue = &lab->queue;
	struct nvme_sqe sqe;

	if (!lab_open(lab))
		return;
	pdus_clear(&evil);
	pdus_evil(&evil, 10, lab->slba);
	sqe = pdus_sqe((uint8_t)lab->way, 9, PDUS_DENIED, 0, (uint32_t)evil.length, true);
	pdus_command(&queue->pdus, &sqe, evil.bytes, (uint32_t)evil.length);
	raw_send(&queue->raw, queue->pdus.bytes, queue->pdus.length);
}

/* All of them, one after the other; those of fabrics by their type. */
static void every_opcode(struct lab *lab)
{
	for (int opcode = 0; opcode < 256; opcode++) {
		struct nvme_sqe sqe;

		if (!lab_open(lab))
			return;
		pdus_clear(&evil);
		pdus_evil(&evil, 10, lab->slba);
		sqe = pdus_sqe(lab->way ? NVME_OPCODE_FABRICS : (uint8_t)opcode, 9,
			lab->way ? (uint32_t)opcode : PDUS_DENIED, 0, (uint32_t)evil.length, true);
		pdus_command(&lab->queue.pdus, &sqe, evil.bytes, (uint32_t)evil.length);
		raw_put(&lab->queue.raw, raw_place(&lab->queue.raw), lab->queue.pdus.bytes,
			lab->queue.pdus.length);
		raw_wait(&lab->queue.raw, 2);
		lab_close(lab);
	}
}

/* ---- headers that lie ---- */

static uint32_t below(uint32_t *random, uint32_t limit)
{
	*random = *random * 1664525 + 1013904223;
	return (*random >> 8) % limit;
}

/* A command or data PDU with writes in it at any alignment, writes behind it, and some bytes
 * changed. */
static void write_lie(struct lab *lab, uint32_t *random)
{
	static const uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 17, 32, 40, 41, 44, 47};
	static const uint8_t values[] = {
		0, 1, 2, 3, 4, 5, 6, 8, 9, 20, 24, 64, 72, 76, 0x40, 0x5a, 0x80, 0x90, 0xff};
	static const uint8_t opcodes[] = {0, 1, 2, 3, 5, 8, 9, 0x7f, 0x83};
	struct pdus *pdus = &lab->queue.pdus;
	uint32_t shift = below(random, 76);
	struct nvme_sqe sqe;

	pdus_clear(&evil);
	pdus_fill(&evil, 0, shift);
	for (uint16_t i = 0; i < 6; i++)
		pdus_evil(&evil, (uint16_t)(20 + i), lab->slba + i);
	sqe = pdus_sqe(opcodes[below(random, sizeof(opcodes))], 9, PDUS_DENIED, 0, 4 * PDUS_BLOCK,
		below(random, 4) != 0);
	pdus_clear(pdus);
	if (below(random, 4)) {
		pdus_command(pdus, &sqe, evil.bytes, 4 * PDUS_BLOCK);
	} else {
		struct nvme_tcp_data_fields fields = {.type = NVME_TCP_H2C_DATA,
			.flags = NVME_TCP_FLAG_LAST,
			.cid = 9,
			.length = 4 * PDUS_BLOCK};

		pdus_data(pdus, &fields, evil.bytes);
	}
	for (uint32_t i = 0; i <= below(random, 3); i++)
		pdus->bytes[bytes[below(random, sizeof(bytes))]] =
			values[below(random, sizeof(values))];
	pdus_bytes(pdus, evil.bytes + shift, evil.length - shift);
}

static void lies(struct lab *lab)
{
	uint32_t random = (uint32_t)lab->way;

	for (int round = 0; round < 100; round++) {
		if (!lab_open(lab))
			return;
		write_lie(lab, &random);
		raw_put(&lab->queue.raw, raw_place(&lab->queue.raw), lab->queue.pdus.bytes,
			lab->queue.pdus.length);
		raw_wait(&lab->queue.raw, 3);
		lab_close(lab);
	}
}

/* ---- PDUs out of place ---- */

static void second_icreq(struct lab *lab)
{
	if (!lab_open(lab))
		return;
	pdus_icreq(&lab->queue.pdus);
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	queue_flush(&lab->queue);
}

static void second_connect(struct lab *lab)
{
	if (!lab_open(lab))
		return;
	pdus_connect(&lab->queue.pdus, 1, lab->admin.cntlid, lab->subsystem);
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	queue_flush(&lab->queue);
}

static void after_term(struct lab *lab)
{
	uint8_t term[NVME_TCP_FRONT_MAX];

	if (!lab_open(lab))
		return;
	pdus_bytes(&lab->queue.pdus, term, nvme_tcp_encode_term(term, NVME_TCP_H2C_TERM, 1, 0, 0));
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	queue_flush(&lab->queue);
}

/* The termination's data is the write; how long it is, the target may not believe. */
static void inside_term(struct lab *lab)
{
	uint8_t term[NVME_TCP_FRONT_MAX];

	if (!lab_open(lab))
		return;
	pdus_bytes(&lab->queue.pdus, term,
		nvme_tcp_encode_term(term, NVME_TCP_H2C_TERM, 1, 0, PDUS_EVIL_BYTES));
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	queue_flush(&lab->queue);
}

/* Before the Connect, before ICReq, on the admin queue. */
static void early_write(struct lab *lab)
{
	lab_new(lab, &lab->admin);
	lab_new(lab, &lab->queue);
	if (!queue_start(&lab->admin, 0, 0xffff, lab->subsystem) || !queue_enable(&lab->admin) ||
		!raw_open(&lab->queue.raw)) {
		lab_fail(lab, "no connection");
		return;
	}
	if (lab->way == 1)
		pdus_icreq(&lab->queue.pdus);
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	if (lab->way == 0)
		pdus_icreq(&lab->queue.pdus);
	pdus_connect(&lab->queue.pdus, 1, lab->admin.cntlid, lab->subsystem);
	pdus_evil(&lab->queue.pdus, 10, lab->slba + 1);
	queue_flush(&lab->queue);
}

/* ICReq, Connect and the write in one go: nothing has been answered yet. */
static void at_once(struct lab *lab)
{
	lab_new(lab, &lab->admin);
	lab_new(lab, &lab->queue);
	if (!queue_start(&lab->admin, 0, 0xffff, lab->subsystem) || !queue_enable(&lab->admin) ||
		!raw_open(&lab->queue.raw)) {
		lab_fail(lab, "no connection");
		return;
	}
	pdus_icreq(&lab->queue.pdus);
	pdus_connect(&lab->queue.pdus, 1, lab->admin.cntlid, lab->subsystem);
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	queue_flush(&lab->queue);
}

/* ---- other commands that change blocks ---- */

static void run_command(struct lab *lab, struct nvme_sqe *sqe, const void *data, uint32_t bytes)
{
	if (lab_open(lab) && queue_run(&lab->queue, sqe, data, bytes) == QUEUE_NO_ANSWER)
		lab_fail(lab, "no answer");
}

static void write_zeroes(struct lab *lab)
{
	struct nvme_sqe sqe =
		pdus_sqe(NVME_NVM_WRITE_ZEROES, 9, PDUS_DENIED, lab->slba, PDUS_BLOCK, false);

	sqe.sgl1 = (struct nvme_sgl_desc){.type = NVME_SGL_TRANSPORT_DATA_BLOCK};
	run_command(lab, &sqe, NULL, 0);
}

static struct nvme_sqe deallocate(const struct lab *lab, struct nvme_dsm_range *range)
{
	struct nvme_sqe sqe =
		pdus_sqe(NVME_NVM_DATASET_MANAGEMENT, 9, PDUS_DENIED, 0, sizeof(*range), true);

	sqe.cdw10 = nvme_to_le32(0);
	sqe.cdw11 = nvme_to_le32(4);
	sqe.cdw12 = nvme_to_le32(0);
	*range = (struct nvme_dsm_range){
		.slba = nvme_to_le64(lab->slba), .length_blocks = nvme_to_le32(1)};
	return sqe;
}

static void dataset(struct lab *lab)
{
	struct nvme_dsm_range range;
	struct nvme_sqe sqe = deallocate(lab, &range);

	run_command(lab, &sqe, &range, sizeof(range));
}

/* Both halves of a fused pair; the Compare succeeds. */
static void fused(struct lab *lab)
{
	struct nvme_sqe compare =
		pdus_sqe(NVME_NVM_COMPARE, 9, PDUS_DENIED, lab->slba, PDUS_BLOCK, true);
	uint8_t same[PDUS_BLOCK];
	size_t at;

	if (!lab_open(lab))
		return;
	memset(same, MEDIUM_BYTE, sizeof(same));
	compare.flags |= 1;
	pdus_command(&lab->queue.pdus, &compare, same, sizeof(same));
	at = pdus_evil(&lab->queue.pdus, 10, lab->slba);
	lab->queue.pdus.bytes[at + 9] |= 2;
	queue_flush(&lab->queue);
}

/* The write's data comes by R2T, and a part of its header in another segment. */
static void asked_write(struct lab *lab)
{
	struct nvme_sqe sqe =
		pdus_sqe(NVME_NVM_WRITE, 9, PDUS_DENIED, lab->slba, PDUS_BLOCK, false);
	struct queue *queue = &lab->queue;
	uint8_t block[PDUS_BLOCK];
	struct nvme_tcp_r2t_pdu r2t;
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_H2C_DATA,
		.flags = NVME_TCP_FLAG_LAST,
		.cid = 9,
		.length = PDUS_BLOCK};

	if (!lab_open(lab))
		return;
	memset(block, PDUS_EVIL_BYTE, sizeof(block));
	pdus_command(&queue->pdus, &sqe, NULL, 0);
	raw_send(&queue->raw, queue->pdus.bytes, (size_t)lab->way);
	raw_send(&queue->raw, queue->pdus.bytes + lab->way, queue->pdus.length - (size_t)lab->way);
	pdus_clear(&queue->pdus);
	if (!queue_r2t(queue, 9, &r2t))
		return;
	fields.ttag = nvme_le16(r2t.ttag);
	pdus_data(&queue->pdus, &fields, block);
	queue_flush(queue);
}

const struct hostile_case cases_pdu[] = {
	{"plain-write", plain_write, CASE_ALL, "the denied write as it is", 0},
	{"opcode-03", with_opcode, CASE_SPDK, "the write is in-capsule data of opcode 03h", 0x03},
	{"opcode-83", with_opcode, CASE_SPDK, "the same, 83h", 0x83},
	{"opcode-ff", with_opcode, CASE_SPDK, "the same, FFh", 0xff},
	{"opcode-read", with_opcode, CASE_NONE, "the write is in-capsule data of a Read",
		NVME_NVM_READ},
	{"opcode-flush", with_opcode, CASE_NONE, "the write is in-capsule data of a Flush",
		NVME_NVM_FLUSH},
	{"every-opcode", every_opcode, CASE_NONE, "the same of every opcode", 0},
	{"every-fabrics-type", every_opcode, CASE_NONE, "the same of every Fabrics type", 1},
	{"lies-1", lies, CASE_NONE, "writes inside and behind of headers that lie", 1},
	{"lies-2", lies, CASE_NONE, "the same", 22},
	{"second-icreq", second_icreq, CASE_NONE, "a second ICReq, the write", 0},
	{"second-connect", second_connect, CASE_ALL, "a second Connect, the write", 0},
	{"after-term", after_term, CASE_NONE, "H2CTermReq, the write", 0},
	{"inside-term", inside_term, CASE_NONE, "the write as H2CTermReq's data", 0},
	{"before-icreq", early_write, CASE_NONE, "the write before ICReq", 0},
	{"before-connect", early_write, CASE_NONE, "the write before Connect", 1},
	{"at-once", at_once, CASE_ALL, "ICReq, Connect and the write before any answer", 0},
	{"write-zeroes", write_zeroes, CASE_ALL, "Write Zeroes", 0},
	{"dataset-management", dataset, CASE_ALL, "Deallocate", 0},
	{"fused", fused, CASE_NONE, "Compare and Write, fused", 0},
	{"asked-write", asked_write, CASE_ALL, "the write's data by R2T", 16},
	{"asked-write-56", asked_write, CASE_ALL, "the same, cut behind SLBA", 56},
	{"asked-write-65", asked_write, CASE_ALL, "the same, cut at its end", 65},
	{0},
};
