/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* XDP and AF_XDP on an interface. */
#include "probe/netdev.h"
#include "probe/probe.h"

/* What the kernel tells of an interface of this process's network namespace. */
struct stoq_probe_link {
	char driver[STOQ_NETDEV_DRIVER_BYTES];
	short flags;
	bool ethernet;
	int mtu;
	unsigned int queues; /* 0: it does not tell */
};

/* XDP and AF_XDP on an interface. */
void stoq_probe_interface_xdp(
	struct stoq_probe *probe, const char *interface, const struct stoq_probe_link *link);
