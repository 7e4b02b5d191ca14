/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "tool/verb.h"

/* What the programs that make up the tool have in common: stoq, and stoq-quic behind it. */

/* Runs run() with the standard descriptors open; its exit status, or failure where output did not arrive. */
int tool_program(int argc, char **argv, int (*run)(int argc, char **argv));

/* The verb of that name in a table that a NULL name ends; NULL: no verb has that name. */
const struct tool_verb *tool_verb_find(const struct tool_verb *verbs, const char *name);

/* Runs the verb with argv[1] as it wants its argv[0]. */
int tool_verb_run(const struct tool_verb *verb, int argc, char **argv);
