/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* From a flow, as the kernel has it, to who it is. */
#include <stdbool.h>

#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/stream_shared.h"
#include "flow/identities.h"
#include "flow/model.h"

/* An identity that knows nothing. */
void stoq_identity_clear(struct stoq_identity *identity);

/* Addresses, CNTLID and QID of a flow; the names from connect data, if there is any (or NULL). */
void stoq_identity_from_flow(struct stoq_identity *identity, const struct stoq_flow_key *key,
	const struct stoq_flow *flow, const struct nvme_connect_data *connect);

/* The ends of a connection: their names, "" if they are not known; an end without a name has its address instead. */
void stoq_identity_from_ends(struct stoq_identity *identity, const char *host_nqn,
	const char *subsystem_nqn, const struct stoq_flow_end *host,
	const struct stoq_flow_end *controller);

/* Adds a command: nsid, -1: it has none; fctype: of a Fabrics command, else not looked at. */
void stoq_identity_add_command(struct stoq_identity *identity, int64_t nsid,
	enum nvme_queue_kind kind, uint8_t opcode, uint8_t fctype);

/* The names, and the queue's number, of a flow whose Connect was not seen. */
void stoq_identity_add_known(struct stoq_identity *identity, const struct stoq_flow_known *known);

/*
 * Leaves what the axis tells apart, clears the rest. A queue or host whose names are not
 * known is told apart by its addresses.
 */
void stoq_identity_reduce(struct stoq_identity *identity, enum stoq_axis axis);

/* Takes the port off "192.0.2.1:40000", "[2001:db8::1]:40000", if there is one. */
void stoq_identity_strip_port(char *address, size_t size);

bool stoq_identity_equal(const struct stoq_identity *one, const struct stoq_identity *other);
uint32_t stoq_identity_hash(const struct stoq_identity *identity);

/* The state of a flow as a whole, from its two directions. */
enum stoq_flow_state stoq_flow_state_of(const struct stoq_flow *flow);
