/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The model as JSON, one object a line: doc/watch-json.md is the contract. Pure;
 * strings from the wire come out as valid UTF-8 without control characters. What is returned
 * ends without a newline and is the caller's to free(); NULL means no memory.
 */
#include <stdbool.h>

#include "flow/model.h"

/* The last interval. unix_ns: when it ended. */
char *stoq_json_interval(const struct stoq_model *model, uint64_t unix_ns, bool histograms);

/* Everything since the start, with histograms. unix_ns: when it ended. */
struct stoq_threshold;
/* A threshold that has held now. */
char *stoq_json_threshold(const struct stoq_threshold *threshold);

char *stoq_json_summary(const struct stoq_model *model, uint64_t unix_ns);
