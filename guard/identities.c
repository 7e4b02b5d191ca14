// SPDX-License-Identifier: BSD-2-Clause
#include "guard/identities.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static bool same_end(const struct stoq_guard_end *one, const struct stoq_guard_end *other)
{
	return one->port == other->port && stoq_guard_end_same_address(one, other);
}

const struct stoq_guard_known *stoq_guard_identities_find(
	const struct stoq_guard_identities *identities, const struct stoq_guard_known *known)
{
	const struct stoq_guard_end *one = &known->host, *other = &known->controller;

	for (size_t i = 0; i < identities->count; i++) {
		const struct stoq_guard_known *item = &identities->items[i];

		if (item->vlan_id != known->vlan_id)
			continue;
		if ((same_end(&item->host, one) && same_end(&item->controller, other)) ||
			(same_end(&item->host, other) && same_end(&item->controller, one)))
			return item;
	}
	return NULL;
}

int stoq_guard_identities_add(
	struct stoq_guard_identities *identities, const struct stoq_guard_known *known)
{
	void *items;

	if (stoq_guard_identities_find(identities, known))
		return 0;
	items = stoq_array_room(identities->items, identities->count, &identities->capacity,
		sizeof(*identities->items));
	if (!items)
		return -ENOMEM;
	identities->items = items;
	identities->items[identities->count++] = *known;
	return 0;
}

void stoq_guard_identities_free(struct stoq_guard_identities *identities)
{
	free(identities->items);
	*identities = (struct stoq_guard_identities){0};
}

void stoq_guard_identity_key(
	struct stoq_flow_key *key, uint8_t *host_is_a, const struct stoq_guard_known *known)
{
	uint16_t host_port = htons(known->host.port), port = htons(known->controller.port);
	__u64 host[2], controller[2];

	memcpy(host, known->host.address, sizeof(host));
	memcpy(controller, known->controller.address, sizeof(controller));
	*host_is_a = (uint8_t)stoq_end_is_first(host, controller, host_port, port);
	*key = (struct stoq_flow_key){
		.port_a = *host_is_a ? host_port : port,
		.port_b = *host_is_a ? port : host_port,
		.vlan_id = known->vlan_id,
	};
	memcpy(key->address_a, *host_is_a ? host : controller, sizeof(key->address_a));
	memcpy(key->address_b, *host_is_a ? controller : host, sizeof(key->address_b));
}

int stoq_guard_identities_store(const struct stoq_guard_identities *identities, int map_fd)
{
	int stored = 0;

	for (size_t i = 0; i < identities->count; i++) {
		const struct stoq_guard_known *known = &identities->items[i];
		struct stoq_guard_identity identity = {.qid = known->qid};
		struct stoq_flow_key key;
		int result;

		stoq_guard_identity_key(&key, &identity.host_is_a, known);
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
