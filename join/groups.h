/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The sums of a join. */
#include "join/join.h"

/* 0 or -ENOMEM. */
int stoq_join_groups_init(struct stoq_join *join);

/* A command that is in both records: of this connection, and took so long at either end. 0 or -ENOMEM. */
int stoq_join_groups_add(struct stoq_join *join, const struct stoq_join_connection *connection,
	const struct stoq_record_command *command, uint64_t total_ns, uint64_t target_ns);

/* When all were added: puts them in order. */
void stoq_join_groups_finish(struct stoq_join *join);
