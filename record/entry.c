// SPDX-License-Identifier: BSD-2-Clause
#include "record/entry_found.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>
#include <zlib.h>

size_t stoq_record_entry_bytes(unsigned int kind)
{
	switch (kind) {
	case STOQ_RECORD_CONNECTION:
		return sizeof(struct stoq_record_wire_connection);
	case STOQ_RECORD_COMMAND:
		return sizeof(struct stoq_record_wire_command);
	case STOQ_RECORD_MISSED:
		return sizeof(struct stoq_record_wire_missed);
	case STOQ_RECORD_VIOLATION:
		return sizeof(struct stoq_record_wire_violation);
	case STOQ_RECORD_OVERLAP:
		return sizeof(struct stoq_record_wire_overlap);
	case STOQ_RECORD_COUNTS:
		return sizeof(struct stoq_record_wire_counts);
	default:
		return 0;
	}
}

uint32_t stoq_record_block_crc(const struct stoq_record_wire_block *block, const void *stored)
{
	uLong crc = crc32(0, (const uint8_t *)block, offsetof(struct stoq_record_wire_block, crc));

	return (uint32_t)crc32(crc, stored, le32toh(block->stored_bytes));
}

/* ---- to the file ---- */

static void encode_connection(
	struct stoq_record_wire_connection *wire, const struct stoq_record_connection *connection)
{
	*wire = (struct stoq_record_wire_connection){
		.uid = htole32(connection->uid),
		.flags = (__u8)((connection->connected ? STOQ_RECORD_CONNECTED : 0) |
				(connection->closed ? STOQ_RECORD_CLOSED : 0)),
		.kind = (__u8)connection->kind,
		.vlan_id = htole16(connection->vlan_id),
		.host_port = htole16(connection->host.port),
		.controller_port = htole16(connection->controller.port),
		.qid = htole16(connection->qid),
		.cntlid = htole16(connection->cntlid),
		.time_unix_ns = htole64(connection->time_unix_ns),
	};
	memcpy(wire->host, connection->host.address, sizeof(wire->host));
	memcpy(wire->controller, connection->controller.address, sizeof(wire->controller));
	memcpy(wire->host_nqn, connection->host_nqn, sizeof(wire->host_nqn));
	memcpy(wire->subsystem_nqn, connection->subsystem_nqn, sizeof(wire->subsystem_nqn));
}

static void encode_command(
	struct stoq_record_wire_command *wire, const struct stoq_record_command *command)
{
	*wire = (struct stoq_record_wire_command){
		.start_unix_ns = htole64(command->start_unix_ns),
		.latency_ns = htole64(command->latency_ns),
		.slba = htole64(command->slba),
		.uid = htole32(command->uid),
		.sequence = htole32(command->sequence),
		.nsid = htole32(command->nsid),
		.bytes = htole32(command->bytes),
		.blocks = htole32(command->blocks),
		.cid = htole16(command->cid),
		.status =
			htole16((uint16_t)(command->status |
					   (command->do_not_retry ? STOQ_RECORD_DO_NOT_RETRY : 0))),
		.opcode = command->opcode,
		.kind = command->kind,
		.fctype = command->fctype,
		.flags = command->staged ? STOQ_RECORD_STAGED : 0,
	};
	for (size_t i = 0; command->staged && i < STOQ_STAGES; i++)
		wire->stages[i] = htole64(command->stages.ns[i]);
}

static void encode_missed(
	struct stoq_record_wire_missed *wire, const struct stoq_record_missed *missed)
{
	*wire = (struct stoq_record_wire_missed){
		.time_unix_ns = htole64(missed->time_unix_ns),
		.lost = htole64(missed->lost),
		.unmatched = htole64(missed->unmatched),
		.unended = htole64(missed->unended),
		.untracked = htole64(missed->untracked),
		.unsynced_bytes = htole64(missed->unsynced_bytes),
	};
}

size_t stoq_record_encode(void *wire, const struct stoq_record_entry *entry)
{
	switch (entry->kind) {
	case STOQ_RECORD_CONNECTION:
		encode_connection(wire, &entry->connection);
		break;
	case STOQ_RECORD_COMMAND:
		encode_command(wire, &entry->command);
		break;
	case STOQ_RECORD_MISSED:
		encode_missed(wire, &entry->missed);
		break;
	default:
		stoq_record_encode_found(wire, entry);
	}
	return stoq_record_entry_bytes(entry->kind);
}

/* ---- from the file ---- */

/* A name ends within its field, and behind its end there is nothing. */
static void decode_nqn(char nqn[static NVME_NQN_LENGTH], const char *field)
{
	size_t length = strnlen(field, NVME_NQN_LENGTH - 1);

	memset(nqn, 0, NVME_NQN_LENGTH);
	memcpy(nqn, field, length);
}

static void decode_connection(
	struct stoq_record_connection *connection, const struct stoq_record_wire_connection *wire)
{
	*connection = (struct stoq_record_connection){
		.uid = le32toh(wire->uid),
		.connected = wire->flags & STOQ_RECORD_CONNECTED,
		.closed = wire->flags & STOQ_RECORD_CLOSED,
		.kind = wire->kind & 1,
		.vlan_id = le16toh(wire->vlan_id) & 0xfff,
		.host.port = le16toh(wire->host_port),
		.controller.port = le16toh(wire->controller_port),
		.qid = le16toh(wire->qid),
		.cntlid = le16toh(wire->cntlid),
		.time_unix_ns = le64toh(wire->time_unix_ns),
	};
	memcpy(connection->host.address, wire->host, sizeof(wire->host));
	memcpy(connection->controller.address, wire->controller, sizeof(wire->controller));
	decode_nqn(connection->host_nqn, wire->host_nqn);
	decode_nqn(connection->subsystem_nqn, wire->subsystem_nqn);
}

static void decode_command(
	struct stoq_record_command *command, const struct stoq_record_wire_command *wire)
{
	uint16_t status = le16toh(wire->status);

	*command = (struct stoq_record_command){
		.start_unix_ns = le64toh(wire->start_unix_ns),
		.latency_ns = le64toh(wire->latency_ns),
		.slba = le64toh(wire->slba),
		.uid = le32toh(wire->uid),
		.sequence = le32toh(wire->sequence),
		.nsid = le32toh(wire->nsid),
		.bytes = le32toh(wire->bytes),
		.blocks = le32toh(wire->blocks),
		.cid = le16toh(wire->cid),
		.status = status & 0x7ff,
		.do_not_retry = status & STOQ_RECORD_DO_NOT_RETRY,
		.opcode = wire->opcode,
		.kind = wire->kind & 1,
		.fctype = wire->fctype,
		.staged = wire->flags & STOQ_RECORD_STAGED,
	};
	for (size_t i = 0; command->staged && i < STOQ_STAGES; i++)
		command->stages.ns[i] = le64toh(wire->stages[i]);
}

static void decode_missed(
	struct stoq_record_missed *missed, const struct stoq_record_wire_missed *wire)
{
	*missed = (struct stoq_record_missed){
		.time_unix_ns = le64toh(wire->time_unix_ns),
		.lost = le64toh(wire->lost),
		.unmatched = le64toh(wire->unmatched),
		.unended = le64toh(wire->unended),
		.untracked = le64toh(wire->untracked),
		.unsynced_bytes = le64toh(wire->unsynced_bytes),
	};
}

void stoq_record_decode(
	struct stoq_record_entry *entry, enum stoq_record_kind kind, const void *wire)
{
	entry->kind = kind;
	switch (kind) {
	case STOQ_RECORD_CONNECTION:
		decode_connection(&entry->connection, wire);
		break;
	case STOQ_RECORD_COMMAND:
		decode_command(&entry->command, wire);
		break;
	case STOQ_RECORD_MISSED:
		decode_missed(&entry->missed, wire);
		break;
	default:
		stoq_record_decode_found(entry, wire);
	}
}
