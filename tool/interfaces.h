/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Network interfaces, and which of them `stoq watch` takes when it is told none. */
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "probe/netdev.h"

struct tool_interface {
	char name[IF_NAMESIZE];
	char driver[STOQ_NETDEV_DRIVER_BYTES]; /* as ethtool tells; "" where there is none */
	unsigned int flags;		       /* IFF_ */
	unsigned short hatype;		       /* ARPHRD_ */
};

/*
 * Loopback, and each Ethernet interface that is up and does not stand on others: what passes
 * a bridge, a bond or a VLAN passes the interfaces below it, and is seen there.
 */
bool tool_interface_is_watched(const struct tool_interface *interface);

/* All interfaces of this network namespace. *list is the caller's to free(). */
int tool_interfaces_list(struct tool_interface **list, size_t *count, struct stoq_error *error);
