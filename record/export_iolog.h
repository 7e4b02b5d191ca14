/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A record as a load that fio repeats. */
#include "record/export.h"

/*
 * fio's "version 3 iolog" (fio(1), TRACE FILE FORMAT): reads, writes and flushes in the order in which they
 * began, with times in microseconds from the first one on. Namespaces are files, named after the order in which
 * their subsystems come: subsystem1-namespace1.
 */
int stoq_export_iolog(FILE *out, struct stoq_record_reader *reader, struct stoq_export_notes *notes,
	struct stoq_error *error);
