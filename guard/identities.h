/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Connections that are older than the guard, and whose they are, as far as others know it. */
#include "bpf/guard_state_shared.h"
#include "guard/sockets.h"

#define STOQ_GUARD_QID_UNKNOWN 0xffff

struct stoq_guard_known {
	struct stoq_guard_end host;
	struct stoq_guard_end controller;
	char host_nqn[NVME_NQN_LENGTH];
	char subsystem_nqn[NVME_NQN_LENGTH];
	uint16_t qid;
	uint16_t vlan_id; /* of the innermost tag; 0: none */
};

struct stoq_guard_identities {
	struct stoq_guard_known *items;
	size_t count;
	size_t capacity;
};

/* 0 or -ENOMEM. A connection that is there already stays as it is: who knows more comes first. */
int stoq_guard_identities_add(
	struct stoq_guard_identities *identities, const struct stoq_guard_known *known);
void stoq_guard_identities_free(struct stoq_guard_identities *identities);

/* The identity of a connection by its two ends in either order and its tag, or NULL. */
const struct stoq_guard_known *stoq_guard_identities_find(
	const struct stoq_guard_identities *identities, const struct stoq_guard_known *known);

/* The program's key for a connection; *host_is_a as in struct stoq_guard_identity. */
void stoq_guard_identity_key(
	struct stoq_flow_key *key, uint8_t *host_is_a, const struct stoq_guard_known *known);

/* Writes them into the program's map. Number that found room, or a negative errno. */
int stoq_guard_identities_store(const struct stoq_guard_identities *identities, int map_fd);
