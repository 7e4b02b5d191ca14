/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The connections of two records, and which of them have the same ends. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "join/map.h"
#include "record/entry.h"

enum stoq_join_side { STOQ_JOIN_HOST, STOQ_JOIN_TARGET, STOQ_JOIN_SIDES };

#define STOQ_JOIN_CONNECTIONS_MAX (1u << 20) /* of each record */
#define STOQ_JOIN_NO_CONNECTION	  UINT32_MAX

/* Of a host and a subsystem; each pair is kept once. */
struct stoq_join_nqns {
	char host[NVME_NQN_LENGTH];
	char subsystem[NVME_NQN_LENGTH];
};

/* A connection as one record has it. */
struct stoq_join_connection {
	uint32_t uid;
	uint32_t path;
	uint16_t qid, cntlid;	     /* STOQ_RECORD_UNKNOWN: not known */
	struct stoq_join_nqns *nqns; /* NULL: not known */
};

/*
 * Two ends, as the target's record has them. Ports are used again, and networks have addresses of their own:
 * it may be several connections, of several hosts.
 */
struct stoq_join_path {
	struct stoq_flow_end host, controller;
	bool in[STOQ_JOIN_SIDES];
	uint32_t latest[STOQ_JOIN_SIDES]; /* index of the connection that was added last */
};

struct stoq_join_connections {
	struct stoq_join_path *paths;
	size_t path_count, path_capacity;
	struct stoq_join_connection *items[STOQ_JOIN_SIDES];
	size_t count[STOQ_JOIN_SIDES], capacity[STOQ_JOIN_SIDES];
	struct stoq_join_end *ends;		     /* hash of ends */
	struct stoq_join_uid *uids[STOQ_JOIN_SIDES]; /* hash of the records' numbers */
	struct stoq_join_names_entry *names;	     /* hash of names */
};

/* An entry of a record. 0, -ENOMEM or -E2BIG. Ends that a map fits are marked in it. */
int stoq_join_connections_add(struct stoq_join_connections *connections, enum stoq_join_side side,
	const struct stoq_record_connection *entry, struct stoq_join_maps *maps);
void stoq_join_connections_free(struct stoq_join_connections *connections);

/* Index of the connection that this number stands for, or STOQ_JOIN_NO_CONNECTION. */
uint32_t stoq_join_connections_find(
	const struct stoq_join_connections *connections, enum stoq_join_side side, uint32_t uid);
