/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What nvme-cli calls commands, where that is not what the specification calls them. */
#include <stdbool.h>

struct stoq_guard_cli_word {
	const char *word;    /* `nvme WORD` sends ... */
	const char *command; /* ... this command, as the specification names it; NULL: none */
	bool alone;	     /* nothing else sends it: the word can stand for the command */
};

/* NULL: nvme-cli has no such word. Case, and -, _ and blanks, do not matter. */
const struct stoq_guard_cli_word *stoq_guard_cli_find(const char *word);
