// SPDX-License-Identifier: BSD-2-Clause
#include "record/entry_found.h"

#include <endian.h>
#include <string.h>

#include "bpf/stream/event_shared.h"

/* ---- to the file ---- */

static void encode_violation(
	struct stoq_record_wire_violation *wire, const struct stoq_event_violation *event)
{
	*wire = (struct stoq_record_wire_violation){.time_unix_ns = htole64(event->time_ns),
		.uid = htole32(event->uid),
		.kind = htole32(event->violation.kind),
		.expected = htole32(event->violation.expected),
		.came = htole32(event->violation.came),
		.sequence = htole32(event->violation.sequence),
		.side = event->side,
		.header_bytes = event->header_bytes};
	memcpy(wire->header, event->header, sizeof(wire->header));
}

static struct stoq_record_wire_write encode_write(const struct stoq_overlap_write *write)
{
	return (struct stoq_record_wire_write){.slba = htole64(write->slba),
		.start_unix_ns = htole64(write->start_ns),
		.end_unix_ns = htole64(write->end_ns),
		.blocks = htole32(write->blocks),
		.uid = htole32(write->uid),
		.cid = htole16(write->cid),
		.opcode = write->opcode,
		.end = write->end};
}

static void encode_overlap(
	struct stoq_record_wire_overlap *wire, const struct stoq_overlap *overlap)
{
	*wire = (struct stoq_record_wire_overlap){.first = encode_write(&overlap->first),
		.second = encode_write(&overlap->second),
		.nsid = htole32(overlap->nsid),
		.same_host = overlap->same_host};
}

static void encode_counts(
	struct stoq_record_wire_counts *wire, const struct stoq_record_counts *counts)
{
	const struct stoq_overlap_counts *overlaps = &counts->overlaps;

	*wire = (struct stoq_record_wire_counts){.time_unix_ns = htole64(counts->time_unix_ns),
		.overlaps = {htole64(overlaps->found), htole64(overlaps->compared),
			htole64(overlaps->unnamed), htole64(overlaps->full),
			htole64(overlaps->lost)}};
	for (size_t i = 0; i < STOQ_VIOLATIONS_ROOM; i++)
		wire->violations[i] = htole64(counts->violations[i]);
}

void stoq_record_encode_found(void *wire, const struct stoq_record_entry *entry)
{
	if (entry->kind == STOQ_RECORD_VIOLATION)
		encode_violation(wire, &entry->violation);
	else if (entry->kind == STOQ_RECORD_OVERLAP)
		encode_overlap(wire, &entry->overlap);
	else
		encode_counts(wire, &entry->counts);
}

/* ---- from the file ---- */

static void decode_violation(
	struct stoq_event_violation *event, const struct stoq_record_wire_violation *wire)
{
	*event = (struct stoq_event_violation){.type = STOQ_EVENT_VIOLATION,
		.uid = le32toh(wire->uid),
		.time_ns = le64toh(wire->time_unix_ns),
		.violation = {.kind = le32toh(wire->kind),
			.expected = le32toh(wire->expected),
			.came = le32toh(wire->came),
			.sequence = le32toh(wire->sequence)},
		.side = wire->side & 1,
		.header_bytes = wire->header_bytes < NVME_TCP_HEADER_MAX ? wire->header_bytes
									 : NVME_TCP_HEADER_MAX};
	memcpy(event->header, wire->header, sizeof(event->header));
}

static struct stoq_overlap_write decode_write(const struct stoq_record_wire_write *wire)
{
	return (struct stoq_overlap_write){.slba = le64toh(wire->slba),
		.start_ns = le64toh(wire->start_unix_ns),
		.end_ns = le64toh(wire->end_unix_ns),
		.blocks = le32toh(wire->blocks),
		.uid = le32toh(wire->uid),
		.cid = le16toh(wire->cid),
		.opcode = wire->opcode,
		.end = wire->end <= STOQ_OVERLAP_CUT ? wire->end : STOQ_OVERLAP_OUTSTANDING};
}

static void decode_overlap(
	struct stoq_overlap *overlap, const struct stoq_record_wire_overlap *wire)
{
	*overlap = (struct stoq_overlap){.first = decode_write(&wire->first),
		.second = decode_write(&wire->second),
		.nsid = le32toh(wire->nsid),
		.same_host = wire->same_host != 0};
}

static void decode_counts(
	struct stoq_record_counts *counts, const struct stoq_record_wire_counts *wire)
{
	*counts = (struct stoq_record_counts){.time_unix_ns = le64toh(wire->time_unix_ns),
		.overlaps = {.found = le64toh(wire->overlaps[0]),
			.compared = le64toh(wire->overlaps[1]),
			.unnamed = le64toh(wire->overlaps[2]),
			.full = le64toh(wire->overlaps[3]),
			.lost = le64toh(wire->overlaps[4])}};
	for (size_t i = 0; i < STOQ_VIOLATIONS_ROOM; i++)
		counts->violations[i] = le64toh(wire->violations[i]);
}

void stoq_record_decode_found(struct stoq_record_entry *entry, const void *wire)
{
	if (entry->kind == STOQ_RECORD_VIOLATION)
		decode_violation(&entry->violation, wire);
	else if (entry->kind == STOQ_RECORD_OVERLAP)
		decode_overlap(&entry->overlap, wire);
	else
		decode_counts(&entry->counts, wire);
}
