/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* SPDK's nvmf_tgt: found, started with an RPC socket of its own, configured over it. */
#include "target/state.h"

/*
 * Starts and configures; returns when the subsystem's listener is there. The state's process
 * is set and saved before nvmf_tgt does anything: on failure the caller ends it.
 */
int stoq_spdk_start(const struct stoq_target_config *config, const struct stoq_target_paths *paths,
	struct stoq_target_state *state, struct stoq_error *error);

/* Ends nvmf_tgt and removes what DPDK leaves behind for it. */
int stoq_spdk_stop(const struct stoq_target_state *state, struct stoq_error *error);
