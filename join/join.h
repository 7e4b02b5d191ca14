/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Two records of the same traffic, one taken at the host and one at the target: which share of each
 * command's time belongs to whom. A command is the same in both if the ends of its connection, TCP sequence number of
 * the capsule, command identifier and contents are. Durations are compared, not instants: the clocks need not
 * agree. doc/design/join.md.
 */
#include "base/histogram.h"
#include "flow/model.h"
#include "join/connections.h"
#include "record/reader.h"

/* Where the time of these commands went; for each one total = target + between, exactly. */
struct stoq_join_group {
	struct stoq_identity identity; /* host, subsystem, namespace, opcode */
	struct stoq_histogram total;   /* at the host */
	struct stoq_histogram target;
	struct stoq_histogram between; /* network and both TCP stacks, to and fro */
};

#define STOQ_JOIN_GROUPS_MAX 4096 /* what comes later is in `others` */

/* Commands that are in one record and have no partner, by reason. */
struct stoq_join_alone {
	uint64_t connection; /* the other record does not have their connection */
	uint64_t nameless;   /* their own record does not have it */
	uint64_t outside;    /* before or after what both records have of the connection */
	uint64_t missing;    /* the other record lacks it: lost there, or not seen */
	uint64_t ambiguous;  /* several commands with the same number and identifier */
	uint64_t different;  /* the same number and identifier, other contents */
	uint64_t crowded;    /* live: too many others waited for their partners */
	uint64_t longer;     /* took longer at the target than at the host: records swapped? */
};

/* Connections of one record whose ends the other does not have, and that may be the same. */
struct stoq_join_hint {
	struct stoq_flow_end host, controller;		     /* in the host's record */
	struct stoq_flow_end target_host, target_controller; /* in the target's */
};
#define STOQ_JOIN_HINTS 4

struct stoq_join {
	struct stoq_join_connections connections;
	struct stoq_join_group *groups; /* most time first */
	size_t group_count, group_capacity;
	uint32_t *group_index;	       /* hash of identities: index + 1 */
	struct stoq_join_group others; /* for which there was no group */
	struct stoq_join_group overall;
	uint64_t commands[STOQ_JOIN_SIDES];
	struct stoq_join_alone alone[STOQ_JOIN_SIDES];
	struct stoq_join_hint hints[STOQ_JOIN_HINTS];
	size_t hint_count;
	unsigned int passes; /* so often each record was read for matching */
};

/* Commands of the host's record that are kept in memory at once, 56 bytes each in a hash that is
 * two thirds full at most. */
#define STOQ_JOIN_ROOM_DEFAULT (5u << 19)

/*
 * Reads both records, several times: they have to be files. 0 or a negative errno. *join is to be freed in
 * any case. Maps that fit a connection of the host's are marked.
 */
int stoq_join_run(struct stoq_join *join, struct stoq_record_reader *readers[STOQ_JOIN_SIDES],
	struct stoq_join_maps *maps, uint32_t room, struct stoq_error *error);
void stoq_join_free(struct stoq_join *join);
