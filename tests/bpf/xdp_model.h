/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The reference for the XDP program: the same decisions, written a second time, from the RFCs and
 * from bpf/xdp/xdp_shared.h, in plain C over whole frames. Time stands still here: limits are just
 * numbers of packets, and nothing ages.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/xdp/xdp_shared.h"

#define XDP_MODEL_ENTRIES  4096
#define XDP_MODEL_PREFIXES 16

struct xdp_model_connection {
	struct stoq_cid cid;
	enum stoq_xdp_state state;
	bool expired; /* of closing: the time to answer is over */
};

struct xdp_model {
	/* settings */
	uint32_t flags;
	struct stoq_cid_key key;
	uint8_t local[16]; /* with STOQ_XDP_ONE_ADDRESS */
	bool ports[65536];
	uint32_t source_burst, total_burst, unproven_burst; /* 0: no limit */
	struct stoq_xdp_prefix allow[XDP_MODEL_PREFIXES], deny[XDP_MODEL_PREFIXES];
	size_t allow_count, deny_count;

	/* state */
	struct xdp_model_connection connections[XDP_MODEL_ENTRIES];
	struct stoq_xdp_tuple opens[XDP_MODEL_ENTRIES];
	struct {
		uint8_t network[16];
		uint32_t taken;
	} sources[XDP_MODEL_ENTRIES];
	size_t connection_count, open_count, source_count;
	uint32_t total_taken, unproven_taken;
	uint64_t opened, established; /* as in struct stoq_xdp_stats */
};

/* Forgets the state, keeps the settings. */
void xdp_model_reset(struct xdp_model *model);

enum stoq_xdp_verdict xdp_model_run(struct xdp_model *model, const uint8_t *frame, size_t length);

/* The entry for this connection ID: the one there is, also if only its first half is the same. */
struct xdp_model_connection *xdp_model_add(struct xdp_model *model, const struct stoq_cid *cid);
