/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Makes a running nvmf_tgt the target that a config describes, over its JSON-RPC socket. */
#include "target/jsonrpc.h"
#include "target/state.h"

/*
 * Transport, block devices with delays and faults, subsystem, namespaces, hosts, listener.
 * Sets the state's software. SPDK's own message and what it logged are in the error.
 */
int stoq_spdk_configure(struct stoq_jsonrpc *rpc, const struct stoq_target_config *config,
	const struct stoq_target_paths *paths, uint64_t deadline_ns,
	struct stoq_target_state *state, struct stoq_error *error);
