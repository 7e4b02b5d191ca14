/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The commands of a record, each with its connection: what exports go through. */
#include <stdio.h>

#include "record/reader.h"

/* Connections beyond it: the least recently used one is forgotten, and its later commands have none. */
#define STOQ_RECORD_COMMANDS_CONNECTIONS 65536

/* connection: NULL: the record does not have it. */
typedef void (*stoq_record_take)(void *context, const struct stoq_record_command *command,
	const struct stoq_record_connection *connection);

/*
 * Hands every command on, in the order in which they ended. Ends early when out has an error, which is looked at
 * behind each command. 0 or a negative errno.
 */
int stoq_record_each(struct stoq_record_reader *reader, FILE *out, stoq_record_take take,
	void *context, struct stoq_error *error);
