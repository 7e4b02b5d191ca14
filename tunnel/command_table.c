// SPDX-License-Identifier: BSD-2-Clause
/* Open addressing, linear probing; at most half of the slots are in use. */
#include "tunnel/command_table.h"

#include <errno.h>
#include <stdlib.h>

#define FREE_NS	       UINT64_MAX
#define FIRST_CAPACITY 16

/* Linux: a generation in the upper 4 bits of a CID, the tag below (nvme_cid(), host/nvme.h). */
static uint32_t home_of(const struct stoq_command_table *table, uint16_t cid)
{
	return (cid * 0x9e3779b1u >> 12) & (table->capacity - 1);
}

/* The slot that has this CID, or the free one where it would be. */
static uint32_t slot_of(const struct stoq_command_table *table, uint16_t cid)
{
	uint32_t slot = home_of(table, cid);

	while (table->slots[slot].started_ns != FREE_NS && table->slots[slot].cid != cid)
		slot = (slot + 1) & (table->capacity - 1);
	return slot;
}

static int grow(struct stoq_command_table *table)
{
	struct stoq_command_table larger = {
		.capacity = table->capacity ? 2 * table->capacity : FIRST_CAPACITY,
		.count = table->count,
		.data_bytes = table->data_bytes};

	larger.slots = malloc(larger.capacity * sizeof(larger.slots[0]));
	if (!larger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < larger.capacity; i++)
		larger.slots[i].started_ns = FREE_NS;
	for (uint32_t i = 0; i < table->capacity; i++)
		if (table->slots[i].started_ns != FREE_NS)
			larger.slots[slot_of(&larger, table->slots[i].cid)] = table->slots[i];
	free(table->slots);
	*table = larger;
	return 0;
}

int stoq_command_table_put(struct stoq_command_table *table, const struct stoq_command *command)
{
	struct stoq_command *slot;

	if (stoq_command_table_crowded(table) && grow(table))
		return -ENOMEM;
	slot = &table->slots[slot_of(table, command->cid)];
	if (slot->started_ns == FREE_NS)
		table->count++;
	else
		table->data_bytes -= slot->data_bytes;
	table->data_bytes += command->data_bytes;
	*slot = *command;
	return 0;
}

const struct stoq_command *stoq_command_table_find(
	const struct stoq_command_table *table, uint16_t cid)
{
	const struct stoq_command *slot;

	if (!table->count)
		return NULL;
	slot = &table->slots[slot_of(table, cid)];
	return slot->started_ns == FREE_NS ? NULL : slot;
}

void stoq_command_table_replace_answer(
	struct stoq_command_table *table, uint16_t cid, uint16_t status)
{
	table->slots[slot_of(table, cid)].refuse_with = status;
}

void stoq_command_table_remove(struct stoq_command_table *table, uint16_t cid)
{
	uint32_t mask = table->capacity - 1, hole, next;

	if (!table->count)
		return;
	hole = slot_of(table, cid);
	if (table->slots[hole].started_ns == FREE_NS)
		return;
	table->count--;
	table->data_bytes -= table->slots[hole].data_bytes;
	/* What follows moves up if the hole is on its way from its home. */
	for (next = (hole + 1) & mask; table->slots[next].started_ns != FREE_NS;
		next = (next + 1) & mask) {
		uint32_t home = home_of(table, table->slots[next].cid);

		if (((next - home) & mask) >= ((next - hole) & mask)) {
			table->slots[hole] = table->slots[next];
			hole = next;
		}
	}
	table->slots[hole].started_ns = FREE_NS;
}

void stoq_command_table_free(struct stoq_command_table *table)
{
	free(table->slots);
	*table = (struct stoq_command_table){0};
}
