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
