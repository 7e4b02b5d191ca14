/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Whose connections are, as far as others know it: for those that began before anyone looked at
 * their packets. Found by the key that the programs have of a connection.
 */
#include "flow/end.h"
#include "nvme/nvme.h"

struct stoq_flow_key; /* bpf/stream/stream_shared.h */

#define STOQ_FLOW_QID_UNKNOWN 0xffff

struct stoq_flow_known {
	struct stoq_flow_end host;
	struct stoq_flow_end controller;
	char host_nqn[NVME_NQN_LENGTH]; /* what follows its end is 0 */
	char subsystem_nqn[NVME_NQN_LENGTH];
	uint16_t qid;
	uint16_t vlan_id; /* of the innermost tag; 0: none */
};

struct stoq_flow_identities {
	struct stoq_flow_known *items;
	size_t count;
	size_t capacity;
	uint32_t *index;   /* open addressing; item + 1, 0: free */
	size_t index_size; /* a power of two, at least twice the count */
};

/* 0 or -ENOMEM. A connection that is there already stays as it is: the better source comes first.
 */
int stoq_flow_identities_add(
	struct stoq_flow_identities *identities, const struct stoq_flow_known *known);
void stoq_flow_identities_free(struct stoq_flow_identities *identities);

/* The identity of a connection by its two ends in either order and its tag, or NULL. */
const struct stoq_flow_known *stoq_flow_identities_find(
	const struct stoq_flow_identities *identities, const struct stoq_flow_known *known);

/* The same by a program's key. */
const struct stoq_flow_known *stoq_flow_identities_find_key(
	const struct stoq_flow_identities *identities, const struct stoq_flow_key *key);

/* The programs' key for a connection. *host_is_a: end a of the key is the NVMe host. */
void stoq_flow_identity_key(
	struct stoq_flow_key *key, uint8_t *host_is_a, const struct stoq_flow_known *known);
