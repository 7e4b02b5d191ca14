/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Names of what bpf/xdp/xdp_shared.h numbers, as they stand in JSON; "?" for what has none. */
#include "bpf/xdp/xdp_shared.h"

/* "pass_established", "drop_denied". */
const char *stoq_xdp_verdict_name(enum stoq_xdp_verdict verdict);

/* What that means, in a few words: "established connection". */
const char *stoq_xdp_verdict_text(enum stoq_xdp_verdict verdict);

/* "handshaking", "established", "closing", "closed". */
const char *stoq_xdp_state_name(enum stoq_xdp_state state);
