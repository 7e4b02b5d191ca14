/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A record as a table of commands. */
#include "record/export.h"

/* One line a command, in the order in which they ended, below a line of names. 0 or a negative errno. */
int stoq_export_csv(FILE *out, struct stoq_record_reader *reader, struct stoq_export_notes *notes,
	struct stoq_error *error);
