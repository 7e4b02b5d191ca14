/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Loading the program of limits, and giving its maps names that outlive us. */
#include "guard/pins.h"
#include "guard/program.h"

struct stoq_limiter_program;

/* audit: nothing waits. Maps of the program before are taken over if they fit, with what they hold. */
int stoq_limiter_program_load(struct stoq_limiter_program **program,
	const struct stoq_guard_pins *pins, const struct stoq_guard_bare *bare, bool audit,
	struct stoq_error *error);
void stoq_limiter_program_free(struct stoq_limiter_program *program);
int stoq_limiter_program_pin(const struct stoq_limiter_program *program,
	const struct stoq_guard_pins *pins, struct stoq_error *error);
int stoq_limiter_program_fd(const struct stoq_limiter_program *program, bool ingress);
uint64_t stoq_limiter_program_build(void);
