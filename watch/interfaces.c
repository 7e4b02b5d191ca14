// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "watch/watch_private.h"

void stoq_interfaces_look(struct stoq_inspect *inspect)
{
	for (size_t i = 0; i < inspect->interface_count; i++) {
		char name[IF_NAMESIZE] = "";

		if (inspect->gone[i])
			continue;
		if (if_indextoname(inspect->ifindexes[i], name))
			memcpy(inspect->interfaces[i], name, sizeof(name));
		else
			inspect->gone[i] = errno == ENXIO;
	}
}
