/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the packets of an interface begin with, as a tc program sees them. */
#include "base/error.h"

enum stoq_link {
	STOQ_LINK_ETHERNET,
	STOQ_LINK_LOOPBACK, /* Ethernet headers too; each packet passes out and in */
	STOQ_LINK_BARE,	    /* the IP header: tunnels */
};

/*
 * An interface's link type (ARPHRD_... of net/if_arp.h), or a negative errno. Asked of the kernel by name
 * (SIOCGIFHWADDR): /sys may be missing, or another network namespace's.
 */
int stoq_link_type(const char *interface);

/*
 * The same as far as programs have to know it. -EOPNOTSUPP: it begins with something that the program cannot read.
 */
int stoq_link_of(const char *interface, enum stoq_link *link, struct stoq_error *error);
