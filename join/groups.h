/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The sums of a join. */
#include "join/join.h"

struct stoq_join_command;

/* Whose a command is. */
struct stoq_join_names_of {
	const char *host_nqn, *subsystem_nqn; /* "": not known; the addresses stand for them */
	struct stoq_flow_end host, controller;
};

/* 0 or -ENOMEM. */
int stoq_join_groups_init(struct stoq_join *join);

/* A command that is in both records, and took no longer at the target than at the host. 0 or -ENOMEM. */
int stoq_join_groups_add(struct stoq_join *join, const struct stoq_join_names_of *names,
	const struct stoq_join_command *command);

/* When all were added: puts them in order. */
void stoq_join_groups_finish(struct stoq_join *join);

/* Forgets all that was added. */
void stoq_join_groups_clear(struct stoq_join *join);
void stoq_join_groups_free(struct stoq_join *join);
