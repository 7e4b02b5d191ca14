/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the kernel reports of an interface's driver. Nothing is changed. */
#include <stdbool.h>
#include <stdint.h>

#define STOQ_NETDEV_DRIVER_BYTES 32 /* with the final 0, as struct ethtool_drvinfo has it */

#define STOQ_NETDEV_XDP_BASIC	  (1 << 0) /* native: pass, drop, send back */
#define STOQ_NETDEV_XDP_REDIRECT  (1 << 1)
#define STOQ_NETDEV_XDP_ZERO_COPY (1 << 3) /* AF_XDP */
#define STOQ_NETDEV_XDP_FRAGMENTS (1 << 5) /* receives packets of several buffers */

struct stoq_netdev {
	uint64_t xdp_features;
	uint32_t zero_copy_segments; /* buffers a packet may have with zero-copy; 0: it does not
					tell */
};

/* Its XDP features. 0, or -ENOTSUP: the kernel is older than 6.3 and does not tell; -ENODEV; other negative errnos. */
int stoq_netdev_ask(int ifindex, struct stoq_netdev *netdev);

/*
 * Whether the kernel lets a packet take several frames of an AF_XDP socket (XDP_USE_SG, Linux 6.6), whatever the
 * driver. Needs CAP_NET_RAW; false without.
 */
bool stoq_netdev_has_several_frames(void);

/* The driver's name, as ETHTOOL_GDRVINFO has it. 0, or a negative errno, with an empty name. */
int stoq_netdev_driver(const char *interface, char driver[static STOQ_NETDEV_DRIVER_BYTES]);
