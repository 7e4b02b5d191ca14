/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The sums of a join. */
#include "join/join.h"

struct stoq_join_command;

/* 0 or -ENOMEM. */
int stoq_join_groups_init(struct stoq_join *join);

/*
 * A command that is in both records, and took no longer at the target than at the host. Its names are those of
 * its own connection, by the record that has them. 0 or -ENOMEM.
 */
int stoq_join_groups_add(struct stoq_join *join, const struct stoq_join_command *command);

/* When all were added: puts them in order. */
void stoq_join_groups_finish(struct stoq_join *join);
