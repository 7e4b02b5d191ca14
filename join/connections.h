/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The connections of two records, and which of them are the same. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "join/map.h"
#include "record/reader.h"

enum stoq_join_side { STOQ_JOIN_HOST, STOQ_JOIN_TARGET, STOQ_JOIN_SIDES };

#define STOQ_JOIN_CONNECTIONS_MAX (1u << 20) /* of both records; each takes a kilobyte */
#define STOQ_JOIN_NO_CONNECTION	  UINT32_MAX

/* By its two ends, as the target's record has them. Ports are used again: it may be several. */
struct stoq_join_connection {
	struct stoq_flow_end host, controller;
	bool in[STOQ_JOIN_SIDES];
	/* As the side that knows more has it. */
	uint16_t qid, cntlid;
	enum nvme_queue_kind kind;
	char host_nqn[NVME_NQN_LENGTH];
	char subsystem_nqn[NVME_NQN_LENGTH];
};

struct stoq_join_connections {
	struct stoq_join_connection *items;
	size_t count, capacity;
	struct stoq_join_end *ends;		     /* hash of ends */
	struct stoq_join_uid *uids[STOQ_JOIN_SIDES]; /* hash of the records' numbers */
};

/* An entry of a record. 0, -ENOMEM or -E2BIG. */
int stoq_join_connections_add(struct stoq_join_connections *connections, enum stoq_join_side side,
	const struct stoq_record_connection *entry, const struct stoq_join_maps *maps);
void stoq_join_connections_free(struct stoq_join_connections *connections);

/* Index of the connection that this number stands for, or STOQ_JOIN_NO_CONNECTION. */
uint32_t stoq_join_connections_find(
	const struct stoq_join_connections *connections, enum stoq_join_side side, uint32_t uid);
