/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A model made by hand: two interfaces, two hosts, reads, writes and a few errors. */
#include "flow/model.h"

enum { FIXTURE_GROUPS = 3, FIXTURE_STATUSES = 2 };

struct fixture {
	struct stoq_model model;
	struct stoq_group groups[FIXTURE_GROUPS];
	struct stoq_status_line statuses[FIXTURE_STATUSES];
	struct stoq_flow_line flows[2];
};

/* One second of 400,000 reads at about 60 us, 100,000 writes at about 150 us, 10 Flushes. */
void fixture_init(struct fixture *fixture);

/*
 * With stages: of the reads' time 7/8 in the first one, of the writes' 1/4 in each; all commands of
 * a kind alike.
 */
void fixture_add_stages(struct fixture *fixture);

/* An identity of which nothing is known. */
struct stoq_identity fixture_nobody(void);

/* count commands of this latency, in the interval and in total. */
void fixture_record(struct stoq_group *group, uint64_t ns, uint64_t count, uint64_t bytes_each);
