// SPDX-License-Identifier: BSD-2-Clause
#include "flow/identities.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/stream_shared.h"

#define INDEX_MIN 64

void stoq_flow_identity_key(
	struct stoq_flow_key *key, uint8_t *host_is_a, const struct stoq_flow_known *known)
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

static size_t hash_key(const struct stoq_flow_key *key)
{
	const uint8_t *byte = (const uint8_t *)key;
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(*key); i++)
		hash = (hash ^ byte[i]) * 0x100000001b3; /* FNV-1a */
	return (size_t)(hash ^ hash >> 32);
}

/* The place of a key in the index: where it is, or would be. */
static uint32_t *find_place(
	const struct stoq_flow_identities *identities, const struct stoq_flow_key *key)
{
	size_t mask = identities->index_size - 1, i = hash_key(key) & mask;

	for (; identities->index[i]; i = (i + 1) & mask) {
		struct stoq_flow_key other;
		uint8_t host_is_a;

		stoq_flow_identity_key(
			&other, &host_is_a, &identities->items[identities->index[i] - 1]);
		if (memcmp(&other, key, sizeof(other)) == 0)
			break;
	}
	return &identities->index[i];
}

static int grow_index(struct stoq_flow_identities *identities)
{
	size_t size = identities->index_size ? 2 * identities->index_size : INDEX_MIN;
	uint32_t *index = calloc(size, sizeof(*index));

	if (!index)
		return -ENOMEM;
	free(identities->index);
	identities->index = index;
	identities->index_size = size;
	for (size_t i = 0; identities->items && i < identities->count; i++) {
		struct stoq_flow_key key;
		uint8_t host_is_a;

		stoq_flow_identity_key(&key, &host_is_a, &identities->items[i]);
		*find_place(identities, &key) = (uint32_t)i + 1;
	}
	return 0;
}

const struct stoq_flow_known *stoq_flow_identities_find_key(
	const struct stoq_flow_identities *identities, const struct stoq_flow_key *key)
{
	uint32_t item = identities->index_size ? *find_place(identities, key) : 0;

	return item ? &identities->items[item - 1] : NULL;
}

const struct stoq_flow_known *stoq_flow_identities_find(
	const struct stoq_flow_identities *identities, const struct stoq_flow_known *known)
{
	struct stoq_flow_key key;
	uint8_t host_is_a;

	stoq_flow_identity_key(&key, &host_is_a, known);
	return stoq_flow_identities_find_key(identities, &key);
}

int stoq_flow_identities_add(
	struct stoq_flow_identities *identities, const struct stoq_flow_known *known)
{
	struct stoq_flow_key key;
	uint8_t host_is_a;
	void *items;

	if (stoq_flow_identities_find(identities, known))
		return 0;
	if (2 * identities->count >= identities->index_size && grow_index(identities))
		return -ENOMEM;
	items = stoq_array_room(identities->items, identities->count, &identities->capacity,
		sizeof(*identities->items));
	if (!items)
		return -ENOMEM;
	identities->items = items;
	stoq_flow_identity_key(&key, &host_is_a, known);
	*find_place(identities, &key) = (uint32_t)identities->count + 1;
	identities->items[identities->count++] = *known;
	return 0;
}

void stoq_flow_identities_free(struct stoq_flow_identities *identities)
{
	free(identities->items);
	free(identities->index);
	*identities = (struct stoq_flow_identities){0};
}
