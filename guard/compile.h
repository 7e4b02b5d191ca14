/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* From a policy to the tables that bpf/guard/engine.h decides by. */
#include "base/error.h"
#include "bpf/guard/engine.h"
#include "guard/policy.h"

/* Into a struct that is all 0. 0 or -EINVAL: it does not fit the tables. */
int stoq_guard_compile_into(const struct stoq_guard_policy *policy,
	struct stoq_guard_compiled *compiled, struct stoq_error *error);

/* Allocates *compiled (3 MiB; free() it). The same policy gives the same bytes. 0, -ENOMEM, or as above. */
int stoq_guard_compile(const struct stoq_guard_policy *policy,
	struct stoq_guard_compiled **compiled, struct stoq_error *error);

/* 64 bits. It need not be cryptographic: nobody gains by a collision. */
uint64_t stoq_guard_hash(const uint8_t *bytes, size_t size);

/* The class of an NQN; NULL: it is not known. */
uint16_t stoq_guard_class_of(const struct stoq_guard_names *names, const char *nqn);
