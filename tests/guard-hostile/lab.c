// SPDX-License-Identifier: BSD-2-Clause
#include "tests/guard-hostile/lab.h"

#define HONEST_TRIES 100

/* Of a run without a guard and of one behind it: what is left of one at the target is not met
 * again. */
#define FIRST_PORT	   20000
#define FIRST_PORT_GUARDED 40000

bool lab_fail(struct lab *lab, const char *problem)
{
	lab->problem = problem;
	return false;
}

void lab_new(struct lab *lab, struct queue *queue)
{
	struct nvme_tcp_format digests = {.header_digest = true, .data_digest = true};

	if (!lab->port)
		lab->port = lab->guarded ? FIRST_PORT_GUARDED : FIRST_PORT;
	lab->random = lab->random * 1664525 + 1013904223;
	raw_init(&queue->raw, &lab->tap, lab->port++, lab->random);
	queue->format = lab->digests ? digests : (struct nvme_tcp_format){0};
	pdus_clear(&queue->pdus);
	if (lab->honest)
		queue->raw.tries = HONEST_TRIES;
}

bool lab_open(struct lab *lab)
{
	uint32_t tries;

	lab_new(lab, &lab->admin);
	lab_new(lab, &lab->queue);
	tries = lab->queue.raw.tries;
	if (!lab->may_fail_to_open)
		lab->admin.raw.tries = lab->queue.raw.tries = HONEST_TRIES;
	if (!queue_start(&lab->admin, 0, 0xffff, lab->subsystem) || !queue_enable(&lab->admin))
		return lab_fail(lab, lab->admin.problem);
	if (!queue_start(&lab->queue, 1, lab->admin.cntlid, lab->subsystem))
		return lab_fail(lab, lab->queue.problem);
	lab->queue.raw.tries = tries;
	return true;
}

void lab_close(struct lab *lab)
{
	raw_free(&lab->queue.raw);
	raw_free(&lab->admin.raw);
}

void lab_skip(struct lab *lab, const char *why)
{
	lab->skipped = why;
}
