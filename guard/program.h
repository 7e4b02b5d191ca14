/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The guard's BPF program in the kernel: loading it, and giving its maps names that outlive
 * us. bpf/guard/state_shared.h tells what the maps mean.
 */
#include <stdint.h>

#include "bpf/guard/state_shared.h"
#include "bpf/stream/program_shared.h"
#include "guard/pins.h"

struct stoq_guard_program;

struct stoq_guard_program_config {
	uint16_t ports[STOQ_GUARD_PORTS_MAX]; /* of the controllers; 0: no more */
	enum stoq_guard_strictness strictness;
};

/* Interfaces of tunnels: see stoq_bare_interfaces in bpf/stream/packet.bpf.h. */
struct stoq_guard_bare {
	uint32_t interfaces[STOQ_BARE_MAX];
};

/* Which maps of a guard that is on, if they fit, a program takes over with what they hold. */
enum stoq_guard_reuse {
	STOQ_GUARD_REUSE_NONE,
	STOQ_GUARD_REUSE_ALL,
	STOQ_GUARD_REUSE_ALL_BUT_TOTALS, /* what would have been refused is not what was refused */
};

/*
 * Loads the program; audit: one that changes and drops nothing. With reuse, maps that have names and fit are taken over with what they hold,
 * so that known connections stay known. -EPERM, -EOPNOTSUPP, -ENOMEM and what the verifier says.
 */
int stoq_guard_program_load(struct stoq_guard_program **program,
	const struct stoq_guard_program_config *config, const struct stoq_guard_bare *bare,
	bool audit, const struct stoq_guard_pins *pins, enum stoq_guard_reuse reuse,
	struct stoq_error *error);
void stoq_guard_program_free(struct stoq_guard_program *program);

/* Gives names to the program and its maps. */
int stoq_guard_program_pin(const struct stoq_guard_program *program,
	const struct stoq_guard_pins *pins, struct stoq_error *error);

/* Tells programs apart: another number for each that was ever built. */
uint64_t stoq_guard_program_build(void);

/* Its descriptor, while it is not freed. */
int stoq_guard_program_fd(const struct stoq_guard_program *program);
