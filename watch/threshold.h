/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Limits that are watched: "p99>5ms for 10s". Judged once an interval, by the figures of everything that the
 * filter leaves. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/model.h"

#define STOQ_THRESHOLDS_MAX 16

enum stoq_threshold_figure {
	STOQ_THRESHOLD_P50,
	STOQ_THRESHOLD_P95,
	STOQ_THRESHOLD_P99,
	STOQ_THRESHOLD_P999,
	STOQ_THRESHOLD_MEAN,
	STOQ_THRESHOLD_MAX,
	STOQ_THRESHOLD_IOPS,
	STOQ_THRESHOLD_ERRORS, /* a second */
	STOQ_THRESHOLD_BYTES,  /* a second */
	STOQ_THRESHOLD_FIGURES,
};

struct stoq_threshold {
	const char *text; /* the caller's */
	enum stoq_threshold_figure figure;
	bool below; /* "<", else ">" */
	double limit;
	uint64_t for_ns;

	bool known;	       /* there was a value in the last interval */
	double value;	       /* of it: ns, or a second */
	uint64_t beyond_ns;    /* intervals in a row whose value was beyond the limit */
	bool held;	       /* beyond_ns has reached for_ns, once */
	uint64_t held_unix_ns; /* when it did first */
	double held_value;     /* the value then */
};

struct stoq_thresholds {
	struct stoq_threshold items[STOQ_THRESHOLDS_MAX];
	size_t count;
	uint64_t
		interval_ns; /* as it is meant to be: clocks tick a little early or late. 0: as it is */
};

/* One more. 0 or -EINVAL. */
int stoq_thresholds_add(
	struct stoq_thresholds *thresholds, const char *text, struct stoq_error *error);

/* An interval of the model has ended. How many have held now for the first time: they are marked so with this time. */
size_t stoq_thresholds_judge(
	struct stoq_thresholds *thresholds, const struct stoq_model *model, uint64_t unix_ns);

/* What was beyond a limit up to now is not in a row with what comes: nothing was judged in between. */
void stoq_thresholds_interrupt(struct stoq_thresholds *thresholds);

bool stoq_thresholds_have_held(const struct stoq_thresholds *thresholds);

/* "7.20ms", "830" */
#define STOQ_THRESHOLD_VALUE 32
const char *stoq_threshold_write(const struct stoq_threshold *threshold, double value,
	char text[static STOQ_THRESHOLD_VALUE]);
