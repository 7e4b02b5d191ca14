/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What an interface's driver says of its XDP, asked without changing anything (Linux 6.3 and
 * later). */
#include <stdint.h>

#define STOQ_NETDEV_XDP_BASIC	  (1 << 0) /* native: pass, drop, send back */
#define STOQ_NETDEV_XDP_REDIRECT  (1 << 1)
#define STOQ_NETDEV_XDP_ZERO_COPY (1 << 3) /* AF_XDP */
#define STOQ_NETDEV_XDP_FRAGMENTS (1 << 5) /* receives packets of several buffers */

struct stoq_netdev {
	uint64_t xdp_features;
	uint32_t zero_copy_segments; /* buffers a packet may have with zero-copy; 0: it does not
					tell */
};

/* 0, or -ENOTSUP: the kernel is older and does not tell; -ENODEV; other negative errnos. */
int stoq_netdev_ask(int ifindex, struct stoq_netdev *netdev);
