/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a driver says of its XDP, asked without changing anything (Linux 6.3 and later). */
#include <stdint.h>

#define STOQ_XDP_FEATURE_BASIC	   (1 << 0) /* native: pass, drop, send back */
#define STOQ_XDP_FEATURE_REDIRECT  (1 << 1)
#define STOQ_XDP_FEATURE_ZERO_COPY (1 << 3) /* AF_XDP */
#define STOQ_XDP_FEATURE_FRAGMENTS (1 << 5) /* receives packets of several buffers */

/* 0, or -ENOTSUP: the kernel is older and does not tell; -ENODEV; other negative errnos. */
int stoq_xdp_features(int ifindex, uint64_t *features);
