/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The key that xdp-hold seals with and xdp-flood knows. */
#include "bpf/xdp/cid_shared.h"

static const struct stoq_cid_key xdp_test_key = {{0x0123456789abcdefull, 0xfedcba9876543210ull}};
