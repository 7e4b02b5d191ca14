/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A fair share: the `limits` of a policy. stoq-guard-policy(5), LIMITS, is the language. */
#include <stdio.h>

#include "bpf/limit/limit_shared.h"
#include "guard/explain.h"
#include "guard/policy.h"

struct guard_policy_file;

enum stoq_guard_direction {
	STOQ_GUARD_BOTH,
	STOQ_GUARD_READS,  /* data to the host */
	STOQ_GUARD_WRITES, /* all other I/O commands */
};

struct stoq_guard_limit {
	const char *name;
	enum stoq_guard_direction direction;
	bool group;		 /* all hosts share it; else each has its own */
	uint64_t iops;		 /* 0: not limited */
	uint64_t bytes_a_second; /* 0: not limited */
	uint64_t burst_ns;
};

/* Takes the limits of the policy's own file; what is wrong with them are mistakes of it. */
void guard_limits_take(struct stoq_guard_policy *policy, struct guard_policy_file *file);
void guard_limits_free(struct stoq_guard_policy *policy);

/*
 * What the program reads (4 MiB; free() it); *compiled is NULL if the policy has no limits. Its generation is
 * left to the caller. 0, -EINVAL or -ENOMEM.
 */
int stoq_guard_limits_compile(const struct stoq_guard_policy *policy,
	struct stoq_limit_installed **compiled, struct stoq_error *error);

/* How a limit is told apart from others, over reloads: by its name. */
uint64_t stoq_guard_limit_id(const struct stoq_guard_limit *limit);

/* "1,000 IOPS, 200 MB/s, burst 100 ms". */
#define STOQ_GUARD_LIMIT_RATES 128
void stoq_guard_limit_rates(
	const struct stoq_guard_limit *limit, char text[static STOQ_GUARD_LIMIT_RATES]);
const char *stoq_guard_direction_name(enum stoq_guard_direction direction);

/* The limits, one below the other, as `check` prints them. */
void stoq_guard_limits_print(FILE *file, const struct stoq_guard_policy *policy);

/* Whether limit `index` holds for the command. Admin and Fabrics commands have none. */
bool stoq_guard_limit_holds(const struct stoq_guard_policy *policy, size_t index,
	const struct stoq_guard_question *question);
