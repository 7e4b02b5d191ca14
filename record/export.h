/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A record as other programs read it: commands only, as there are no data in it. */
#include <stdio.h>

#include "record/reader.h"

/* What was left out. */
struct stoq_export_notes {
	uint64_t written;
	uint64_t
		other; /* neither read, write nor flush, or blocks that are not known: fio cannot repeat it */
	uint64_t late; /* written with the time of a later command, as they ended so much later */
};

/* One line a command, in the order in which they ended, below a line of names. 0 or a negative errno. */
int stoq_export_csv(FILE *out, struct stoq_record_reader *reader, struct stoq_export_notes *notes,
	struct stoq_error *error);

/*
 * fio's "version 3 iolog" (fio(1), TRACE FILE FORMAT): reads, writes and flushes in the order in which they
 * began, with times in microseconds from the first one on. Namespaces are files, named after the order in which
 * their subsystems come: subsystem1-namespace1.
 */
int stoq_export_iolog(FILE *out, struct stoq_record_reader *reader, struct stoq_export_notes *notes,
	struct stoq_error *error);
