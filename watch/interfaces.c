// SPDX-License-Identifier: BSD-2-Clause
#include "watch/interfaces.h"

#include <errno.h>
#include <string.h>

void stoq_interfaces_look(struct stoq_watch *watch)
{
	if (watch->decoder)
		return;
	for (size_t i = 0; i < watch->interface_count; i++) {
		char name[IF_NAMESIZE] = "";

		if (watch->gone[i])
			continue;
		if (if_indextoname(watch->ifindexes[i], name))
			memcpy(watch->interfaces[i], name, sizeof(name));
		else
			watch->gone[i] = errno == ENXIO;
	}
}
