/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The stages of commands, as viewers show them: bpf/stream/stages_shared.h has what they are. */
#include <stdint.h>

#include "bpf/stream/stages_shared.h"

/* "answer", "host", "data", "end". */
const char *stoq_stage_name(enum stoq_stage stage);

/* Adds what other holds. */
void stoq_stage_add(struct stoq_stage_series *sum, const struct stoq_stage_series *other);

/* As stoq_histogram_percentile_ns(), of the commands that had time in this stage; off by at most 1/8. */
uint64_t stoq_stage_percentile_ns(const struct stoq_stage_series *stage, double fraction);

/* Bounds of a bucket in ns: lower <= time < upper. The last one's upper is UINT64_MAX. */
uint64_t stoq_stage_lower_ns(unsigned int bucket);
uint64_t stoq_stage_upper_ns(unsigned int bucket);
