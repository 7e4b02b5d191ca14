// SPDX-License-Identifier: BSD-2-Clause
/* The NVM command set over RAM. */
#include <string.h>

#include "tests/peer/target.h"

static bool touches(uint64_t slba, uint64_t blocks, uint64_t lba, uint64_t count)
{
	return slba < lba + count && lba < slba + blocks;
}

static void apply_faults(const struct peer_target_config *config, struct peer_command *command,
	uint64_t slba, uint64_t blocks)
{
	for (uint32_t i = 0; i < config->fault_count; i++) {
		if (touches(slba, blocks, config->faults[i].lba, 1))
			command->status = config->faults[i].status;
	}
	command->late = touches(slba, blocks, config->slow_lba, config->slow_blocks);
}

/* The memory of a range of blocks; NULL: status is set. */
static uint8_t *locate(const struct peer_target *target, struct peer_command *command,
	uint64_t slba, uint64_t blocks)
{
	const struct peer_target_config *config = &target->config;
	uint32_t nsid = nvme_le32(command->sqe.nsid);
	uint64_t capacity = config->namespace_bytes / config->block_bytes;

	if (nsid == 0 || nsid > config->namespaces) {
		command->status = NVME_STATUS(0, 0x0b); /* Invalid Namespace or Format */
		return NULL;
	}
	if (slba > capacity || blocks > capacity - slba) {
		command->status = NVME_STATUS(0, 0x80); /* LBA Out of Range */
		return NULL;
	}
	return target->memory[nsid - 1] + slba * config->block_bytes;
}

static void start_transfer(const struct peer_target *target, struct peer_command *command)
{
	uint64_t slba = nvme_sqe_slba(&command->sqe);
	uint32_t blocks = nvme_sqe_block_count(&command->sqe);
	uint64_t bytes = (uint64_t)blocks * target->config.block_bytes;

	command->data = locate(target, command, slba, blocks);
	if (!command->data)
		return;
	if (bytes > PEER_MAX_TRANSFER)
		command->status = NVME_STATUS(0, 0x02); /* Invalid Field in Command */
	else if (bytes != nvme_le32(command->sqe.sgl1.length))
		command->status = NVME_STATUS(0, 0x0d); /* Data SGL Length Invalid */
	else
		apply_faults(&target->config, command, slba, blocks);
	command->length = (uint32_t)bytes;
}

static void start_write_zeroes(const struct peer_target *target, struct peer_command *command)
{
	uint64_t slba = nvme_sqe_slba(&command->sqe);
	uint32_t blocks = nvme_sqe_block_count(&command->sqe);

	if (locate(target, command, slba, blocks))
		apply_faults(&target->config, command, slba, blocks);
}

void peer_io_start(struct peer_connection *connection, struct peer_command *command)
{
	const struct peer_target *target = connection->target;

	switch (command->sqe.opcode) {
	case NVME_NVM_READ:
		start_transfer(target, command);
		return;
	case NVME_NVM_COMPARE:
		command->compare = true;
		__attribute__((fallthrough));
	case NVME_NVM_WRITE:
		command->from_host = true;
		start_transfer(target, command);
		return;
	case NVME_NVM_WRITE_ZEROES:
		start_write_zeroes(target, command);
		return;
	case NVME_NVM_DATASET_MANAGEMENT:
		command->from_host = true;
		peer_command_buffer(command, ((nvme_le32(command->sqe.cdw10) & 0xff) + 1) *
						     (uint32_t)sizeof(struct nvme_dsm_range));
		return;
	case NVME_NVM_FLUSH:
		return;
	default:
		command->status = NVME_STATUS(0, 0x01); /* Invalid Command Opcode */
	}
}

static void zero_blocks(const struct peer_target *target, struct peer_command *command,
	uint64_t slba, uint64_t blocks)
{
	uint8_t *memory = locate(target, command, slba, blocks);

	if (memory)
		memset(memory, 0, blocks * target->config.block_bytes);
}

/* Deallocated blocks read as zeroes. */
static void deallocate(const struct peer_target *target, struct peer_command *command)
{
	const struct nvme_dsm_range *ranges = (const void *)command->data;

	if (!(nvme_le32(command->sqe.cdw11) & 0x04)) /* Attribute - Deallocate */
		return;
	for (uint32_t i = 0; i < command->length / sizeof(*ranges) && !command->status; i++)
		zero_blocks(target, command, nvme_le64(ranges[i].slba),
			nvme_le32(ranges[i].length_blocks));
}

void peer_io_finish(struct peer_connection *connection, struct peer_command *command)
{
	switch (command->sqe.opcode) {
	case NVME_NVM_WRITE:
		__atomic_add_fetch(&connection->target->writes, 1, __ATOMIC_RELAXED);
		break;
	case NVME_NVM_COMPARE:
		if (command->mismatch)
			command->status = NVME_STATUS(2, 0x85); /* Compare Failure */
		break;
	case NVME_NVM_WRITE_ZEROES:
		zero_blocks(connection->target, command, nvme_sqe_slba(&command->sqe),
			nvme_sqe_block_count(&command->sqe));
		break;
	case NVME_NVM_DATASET_MANAGEMENT:
		deallocate(connection->target, command);
		break;
	default:
		break;
	}
}
