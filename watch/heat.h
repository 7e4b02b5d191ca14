/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Latency over time: a column per interval of time, a row per power of two. When there is no room for one more column,
 * each two become one, so that all of the time is shown in bounded memory.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/model.h"
#include "watch/screen.h"

#define STOQ_HEAT_COLUMNS   256
#define STOQ_HEAT_ROWS	    21 /* below 16 us; 16 us, 32 us, ... up to 8.6 s and more */
#define STOQ_HEAT_FIRST_BIT 14 /* 2^14 ns: where the second row begins */

struct stoq_heat {
	uint64_t counts[STOQ_HEAT_COLUMNS][STOQ_HEAT_ROWS];
	size_t columns;
	unsigned int span;	/* intervals in a column; 0: none was taken yet */
	unsigned int last_span; /* in the last one */
	uint64_t time_ns;	/* that all of them cover */
	uint64_t interval_ns;	/* as it is meant to be: a longer one is several. 0: each is one */
};

/* An interval of the model has ended. Of one that is several, the last has the commands. */
void stoq_heat_take(struct stoq_heat *heat, const struct stoq_model *model);

/* A title, as many rows as there are latencies, but not more than `rows`, and a line of times. Returns how many. */
#define STOQ_HEAT_HEAD 2
unsigned int stoq_draw_heat(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	const struct stoq_heat *heat, bool unicode);
