// SPDX-License-Identifier: BSD-2-Clause
/* PDUs that targets read in other ways than the guard might. */
#include <string.h>

#include "tests/guard-hostile/trick.h"

/* A command of this opcode whose in-capsule data is the write. */
static void with_opcode(struct lab *lab, uint8_t opcode)
{
	struct queue *queue = &lab->queue;
	static struct pdus evil;
	struct nvme_sqe sqe;

	pdus_clear(&evil);
	pdus_evil(&evil, 10, lab->slba);
	sqe = pdus_sqe(opcode, 9, PDUS_DENIED, 0, (uint32_t)evil.length, true);
	pdus_clear(&queue->pdus);
	pdus_command(&queue->pdus, &sqe, evil.bytes, (uint32_t)evil.length);
	raw_send(&queue->raw, queue->pdus.bytes, queue->pdus.length);
}

static void opcode_03(struct lab *lab)
{
	if (lab_open(lab))
		with_opcode(lab, 0x03);
}

static void opcode_83(struct lab *lab)
{
	if (lab_open(lab))
		with_opcode(lab, 0x83);
}

static void opcode_ff(struct lab *lab)
{
	if (lab_open(lab))
		with_opcode(lab, 0xff);
}

static void opcode_read(struct lab *lab)
{
	if (lab_open(lab))
		with_opcode(lab, NVME_NVM_READ);
}

static void opcode_flush(struct lab *lab)
{
	if (lab_open(lab))
		with_opcode(lab, NVME_NVM_FLUSH);
}

static void plain_write(struct lab *lab)
{
	struct queue *queue = &lab->queue;

	if (!lab_open(lab))
		return;
	pdus_evil(&queue->pdus, 10, lab->slba);
	queue_flush(queue);
}

const struct hostile_case cases_pdu[] = {
	{"plain-write", plain_write, CASE_ALL, "the denied write as it is"},
	{"opcode-03", opcode_03, CASE_SPDK, "the write is in-capsule data of opcode 03h"},
	{"opcode-83", opcode_83, CASE_SPDK, "the same, 83h"},
	{"opcode-ff", opcode_ff, CASE_SPDK, "the same, FFh"},
	{"opcode-read", opcode_read, CASE_SPDK, "the write is in-capsule data of a Read"},
	{"opcode-flush", opcode_flush, CASE_SPDK, "the write is in-capsule data of a Flush"},
	{0},
};
