// SPDX-License-Identifier: BSD-2-Clause
#include "guard/identities.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

int stoq_guard_identities_store(const struct stoq_flow_identities *identities, int map_fd)
{
	int stored = 0;

	for (size_t i = 0; i < identities->count; i++) {
		const struct stoq_flow_known *known = &identities->items[i];
		struct stoq_guard_identity identity = {.qid = known->qid};
		struct stoq_flow_key key;
		int result;

		stoq_flow_identity_key(&key, &identity.host_is_a, known);
		memcpy(identity.host, known->host_nqn, sizeof(identity.host));
		memcpy(identity.subsystem, known->subsystem_nqn, sizeof(identity.subsystem));
		result = bpf_map_update_elem(map_fd, &key, &identity, BPF_ANY);
		if (result == -E2BIG)
			return stored;
		if (result)
			return result;
		stored++;
	}
	return stored;
}
