/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A policy of 1,000 rules, to measure what they cost: each for a host of its own, or the first
 * ones with an LBA range of namespace 1.
 */
#include <stddef.h>

#include "bpf/guard/policy_shared.h"

#define MANY_RULES_TEXT (STOQ_GUARD_RULES_MAX * 128 + 64)

/* Writes its text, with a NUL behind it; returns its length. */
size_t many_rules_write(char text[static MANY_RULES_TEXT], size_t ranges);
