// SPDX-License-Identifier: BSD-2-Clause
#include "flow/identity.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/endpoint.h"

void stoq_identity_clear(struct stoq_identity *identity)
{
	memset(identity, 0, sizeof(*identity));
	identity->cntlid = -1;
	identity->qid = -1;
	identity->nsid = -1;
	identity->opcode = -1;
	identity->fctype = -1;
	identity->size = -1;
}

/* An NQN field need not be terminated. */
static void copy_nqn(char *nqn, const char *field)
{
	memcpy(nqn, field, NVME_NQN_LENGTH);
	nqn[NVME_NQN_LENGTH - 1] = '\0';
	/* What follows the end must not tell two equal names apart. */
	memset(nqn + strlen(nqn), 0, NVME_NQN_LENGTH - strlen(nqn));
}

void stoq_identity_from_flow(struct stoq_identity *identity, const struct stoq_flow_key *key,
	const struct stoq_flow *flow, const struct nvme_connect_data *connect)
{
	const uint8_t *host = flow->host_is_a ? key->address_a : key->address_b;
	const uint8_t *controller = flow->host_is_a ? key->address_b : key->address_a;

	stoq_identity_clear(identity);
	stoq_endpoint_text(
		identity->host_address, host, ntohs(flow->host_is_a ? key->port_a : key->port_b));
	stoq_endpoint_text(identity->controller_address, controller,
		ntohs(flow->host_is_a ? key->port_b : key->port_a));
	identity->kind = flow->kind;
	if (!flow->connected)
		return;
	if (flow->qid != 0xffff)
		identity->qid = flow->qid;
	if (flow->cntlid != 0xffff)
		identity->cntlid = flow->cntlid;
	if (!connect)
		return;
	copy_nqn(identity->host_nqn, connect->hostnqn);
	copy_nqn(identity->subsystem_nqn, connect->subnqn);
	/* An I/O queue's Connect names its controller, whatever the response says. */
	if (identity->cntlid < 0 && nvme_le16(connect->cntlid) != 0xffff)
		identity->cntlid = nvme_le16(connect->cntlid);
}

void stoq_identity_from_ends(struct stoq_identity *identity, const char *host_nqn,
	const char *subsystem_nqn, const struct stoq_flow_end *host,
	const struct stoq_flow_end *controller)
{
	stoq_identity_clear(identity);
	snprintf(identity->host_nqn, sizeof(identity->host_nqn), "%s", host_nqn);
	snprintf(identity->subsystem_nqn, sizeof(identity->subsystem_nqn), "%s", subsystem_nqn);
	if (!host_nqn[0])
		stoq_host_text(identity->host_address, host->address);
	if (!subsystem_nqn[0])
		stoq_endpoint_text(
			identity->controller_address, controller->address, controller->port);
}

void stoq_identity_add_command(struct stoq_identity *identity, int64_t nsid,
	enum nvme_queue_kind kind, uint8_t opcode, uint8_t fctype)
{
	identity->nsid = nsid;
	identity->kind = kind;
	identity->opcode = opcode;
	if (opcode == NVME_OPCODE_FABRICS)
		identity->fctype = fctype;
}

void stoq_identity_add_known(struct stoq_identity *identity, const struct stoq_flow_known *known)
{
	copy_nqn(identity->host_nqn, known->host_nqn);
	copy_nqn(identity->subsystem_nqn, known->subsystem_nqn);
	if (known->qid == STOQ_FLOW_QID_UNKNOWN)
		return;
	identity->qid = known->qid;
	identity->kind = known->qid ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
}

static void clear_text(char *text, size_t size)
{
	memset(text, 0, size);
}

/* Where the port begins, with its colon; NULL: there is none. */
static char *port_of(char *address)
{
	char *colon = strrchr(address, ':'), *end = strrchr(address, ']');

	return colon && (!end || colon > end) ? colon : NULL;
}

void stoq_identity_strip_port(char *address, size_t size)
{
	char *port = port_of(address);

	if (port)
		memset(port, 0, size - (size_t)(port - address));
}

/* Every queue of a host has a port of its own. */
static void keep_host_address(struct stoq_identity *identity, const struct stoq_identity *all)
{
	memcpy(identity->host_address, all->host_address, sizeof(all->host_address));
	stoq_identity_strip_port(identity->host_address, sizeof(identity->host_address));
}

static void keep_controller_address(struct stoq_identity *identity, const struct stoq_identity *all)
{
	memcpy(identity->controller_address, all->controller_address,
		sizeof(all->controller_address));
}

static void keep_host(struct stoq_identity *identity, const struct stoq_identity *all)
{
	memcpy(identity->host_nqn, all->host_nqn, sizeof(all->host_nqn));
	if (!all->host_nqn[0])
		keep_host_address(identity, all);
}

static void keep_subsystem(struct stoq_identity *identity, const struct stoq_identity *all)
{
	memcpy(identity->subsystem_nqn, all->subsystem_nqn, sizeof(all->subsystem_nqn));
	if (!all->subsystem_nqn[0])
		keep_controller_address(identity, all);
}

/* Fabrics commands are the same on every queue. */
static void keep_opcode(struct stoq_identity *identity, const struct stoq_identity *all)
{
	identity->kind = all->fctype < 0 ? all->kind : NVME_QUEUE_ADMIN;
	identity->opcode = all->opcode;
	identity->fctype = all->fctype;
}

/* A connection that is gone has no port any more, and is not told apart from others. */
static void keep_queue(
	struct stoq_identity *identity, const struct stoq_identity *all, bool connection)
{
	const struct stoq_identity kept = *identity;

	*identity = *all;
	identity->nsid = kept.nsid;
	identity->opcode = kept.opcode;
	identity->fctype = kept.fctype;
	identity->size = kept.size;
	if (connection && !port_of(identity->host_address))
		clear_text(identity->host_address, sizeof(identity->host_address));
}

static void keep(
	struct stoq_identity *identity, const struct stoq_identity *all, enum stoq_axis axis)
{
	switch (axis) {
	case STOQ_BY_HOST:
		keep_host(identity, all);
		break;
	case STOQ_BY_NAMESPACE:
		identity->nsid = all->nsid;
		__attribute__((fallthrough));
	case STOQ_BY_SUBSYSTEM:
		keep_subsystem(identity, all);
		break;
	case STOQ_BY_QUEUE:
	case STOQ_BY_CONNECTION:
		keep_queue(identity, all, axis == STOQ_BY_CONNECTION);
		break;
	case STOQ_BY_PATH:
		keep_host_address(identity, all);
		keep_controller_address(identity, all);
		break;
	case STOQ_BY_SIZE:
		identity->size = all->size;
		break;
	case STOQ_BY_COMMAND:
		keep_host(identity, all);
		keep_subsystem(identity, all);
		keep_opcode(identity, all);
		identity->nsid = all->nsid;
		break;
	case STOQ_BY_OPCODE:
	default:
		keep_opcode(identity, all);
		break;
	}
}

static bool is_of_queue(enum stoq_axis axis)
{
	return axis == STOQ_BY_QUEUE || axis == STOQ_BY_CONNECTION;
}

void stoq_identity_reduce(struct stoq_identity *identity, enum stoq_axis axis)
{
	const struct stoq_identity all = *identity;
	enum stoq_axis first = stoq_axis_first(axis), second = stoq_axis_second(axis);

	stoq_identity_clear(identity);
	/* A queue has a kind, whatever the opcode: it comes last. */
	if (second != STOQ_AXES && !is_of_queue(second))
		keep(identity, &all, second);
	keep(identity, &all, first);
	if (is_of_queue(second))
		keep(identity, &all, second);
}

bool stoq_identity_equal(const struct stoq_identity *one, const struct stoq_identity *other)
{
	return strcmp(one->host_nqn, other->host_nqn) == 0 &&
	       strcmp(one->subsystem_nqn, other->subsystem_nqn) == 0 &&
	       strcmp(one->host_address, other->host_address) == 0 &&
	       strcmp(one->controller_address, other->controller_address) == 0 &&
	       one->cntlid == other->cntlid && one->qid == other->qid && one->nsid == other->nsid &&
	       one->opcode == other->opcode && one->fctype == other->fctype &&
	       one->size == other->size && one->kind == other->kind;
}

static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t count)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ byte[i]) * 16777619u; /* FNV-1a */
	return hash;
}

uint32_t stoq_identity_hash(const struct stoq_identity *identity)
{
	uint32_t hash = 2166136261u;

	hash = hash_bytes(hash, identity->host_nqn, strlen(identity->host_nqn));
	hash = hash_bytes(hash, identity->subsystem_nqn, strlen(identity->subsystem_nqn));
	hash = hash_bytes(hash, identity->host_address, strlen(identity->host_address));
	hash = hash_bytes(hash, identity->controller_address, strlen(identity->controller_address));
	hash = hash_bytes(hash, &identity->cntlid, sizeof(identity->cntlid));
	hash = hash_bytes(hash, &identity->qid, sizeof(identity->qid));
	hash = hash_bytes(hash, &identity->nsid, sizeof(identity->nsid));
	hash = hash_bytes(hash, &identity->opcode, sizeof(identity->opcode));
	hash = hash_bytes(hash, &identity->fctype, sizeof(identity->fctype));
	hash = hash_bytes(hash, &identity->size, sizeof(identity->size));
	return hash_bytes(hash, &identity->kind, sizeof(identity->kind));
}

enum stoq_flow_state stoq_flow_state_of(const struct stoq_flow *flow)
{
	const struct stoq_flow_side *host = &flow->side[NVME_TCP_FROM_HOST];
	const struct stoq_flow_side *controller = &flow->side[NVME_TCP_FROM_CONTROLLER];

	if (host->finished && controller->finished)
		return STOQ_FLOW_CLOSED;
	if (flow->multipath)
		return STOQ_FLOW_MULTIPATH;
	if (flow->encrypted)
		return STOQ_FLOW_ENCRYPTED;
	if (host->state == STOQ_FLOW_LOST || controller->state == STOQ_FLOW_LOST)
		return STOQ_FLOW_LOST;
	if (host->state == STOQ_FLOW_SYNCED && controller->state == STOQ_FLOW_SYNCED)
		return STOQ_FLOW_SYNCED;
	return STOQ_FLOW_LEARNING;
}
