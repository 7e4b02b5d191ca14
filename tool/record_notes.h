/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a reader of a record has to know about it: what it lacks, and why. */
#include "record/reader.h"

/* Prints a notice (message.h) for each kind of thing that the record called `name`, which was read to its end, lacks. */
void tool_record_notes(const char *name, const struct stoq_record_notes *notes);
