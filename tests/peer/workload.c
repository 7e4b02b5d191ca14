// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/workload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No power of two, so that data at the wrong place is found. */
#define PATTERN_PERIOD (257ul * 4096)
#define ALIGNMENT      4096u /* of I/O in the namespace */

/* xorshift64*, Vigna 2016. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

/* 0 to limit - 1; limit is far below 2^32 or the bias is of no matter here. */
static uint64_t below(struct peer_workload *workload, uint64_t limit)
{
	return (uint64_t)((unsigned __int128)next_random(&workload->random) * limit >> 64);
}

uint8_t *peer_pattern_new(void)
{
	size_t size = PATTERN_PERIOD + PEER_LARGEST_IO;
	uint8_t *pattern = malloc(size);
	uint64_t state = 1;

	if (!pattern)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		if (i < PATTERN_PERIOD) /* never 0, which is what unwritten blocks hold */
			pattern[i] = (uint8_t)(next_random(&state) >> 56 | 1);
		else
			pattern[i] = pattern[i - PATTERN_PERIOD];
	}
	return pattern;
}

void peer_pattern_free(uint8_t *pattern)
{
	free(pattern);
}

static uint32_t largest_size(const struct peer_workload_config *config)
{
	uint32_t largest = 0;

	for (uint32_t i = 0; i < config->size_count; i++) {
		if (config->sizes[i].last > largest)
			largest = config->sizes[i].last;
	}
	return largest;
}

static int prepare_verify(struct peer_workload *workload, uint16_t depth)
{
	const struct peer_workload_config *config = &workload->config;
	uint64_t part = config->namespace_bytes / config->queues / ALIGNMENT * ALIGNMENT;

	workload->first_byte = part * config->queue;
	workload->bytes = part;
	workload->written =
		calloc(config->namespaces, part / config->block_bytes * sizeof(*workload->written));
	workload->moments = calloc(depth, sizeof(*workload->moments));
	return workload->written && workload->moments ? 0 : -ENOMEM;
}

int peer_workload_init(struct peer_workload *workload, const struct peer_workload_config *config,
	const uint8_t *pattern, uint16_t depth)
{
	int status = 0;

	memset(workload, 0, sizeof(*workload));
	workload->config = *config;
	workload->pattern = pattern;
	workload->random = (config->seed * 0x9e3779b97f4a7c15ull) ^ (config->queue + 1);
	workload->random += !workload->random;
	workload->bytes = config->namespace_bytes / ALIGNMENT * ALIGNMENT;
	for (int i = 0; i < PEER_ACTIONS; i++)
		workload->weight_sum += config->weights[i];
	workload->ranges = calloc(depth, sizeof(*workload->ranges));
	if (!workload->ranges)
		status = -ENOMEM;
	if (!status && config->verify)
		status = prepare_verify(workload, depth);
	if (!status && (!workload->weight_sum || largest_size(config) > workload->bytes))
		status = -EINVAL;
	if (status)
		peer_workload_free(workload);
	return status;
}

void peer_workload_free(struct peer_workload *workload)
{
	free(workload->written);
	free(workload->moments);
	free(workload->ranges);
	workload->written = NULL;
	workload->moments = NULL;
	workload->ranges = NULL;
}

/* ---- the next command ---- */

static enum peer_action pick_action(struct peer_workload *workload)
{
	const uint32_t *weights = workload->config.weights;
	uint64_t left = below(workload, workload->weight_sum);
	int action = 0;

	while (left >= weights[action])
		left -= weights[action++];
	return action;
}

static uint32_t pick_size(struct peer_workload *workload)
{
	const struct peer_size_range *range =
		&workload->config.sizes[below(workload, workload->config.size_count)];
	uint32_t step = (uint32_t)below(workload, (range->last - range->first) / range->step + 1);

	return range->first + step * range->step;
}

static uint64_t pick_offset(struct peer_workload *workload, uint32_t size)
{
	return workload->first_byte +
	       below(workload, (workload->bytes - size) / ALIGNMENT + 1) * ALIGNMENT;
}

static const uint8_t *pattern_at(const struct peer_workload *workload, uint64_t offset)
{
	return workload->pattern + offset % PATTERN_PERIOD;
}

/* Index in written[] of a command's first block. */
static uint64_t first_written(
	const struct peer_workload *workload, const struct nvme_sqe *sqe, uint64_t slba)
{
	uint32_t block_bytes = workload->config.block_bytes;
	uint64_t per_namespace = workload->bytes / block_bytes;

	return (nvme_le32(sqe->nsid) - 1) * per_namespace + slba -
	       workload->first_byte / block_bytes;
}

static void forget_written(
	struct peer_workload *workload, const struct nvme_sqe *sqe, uint64_t slba, uint32_t blocks)
{
	workload->zeroing_begun++;
	workload->zeroing_outstanding++;
	if (workload->written)
		memset(workload->written + first_written(workload, sqe, slba), 0,
			blocks * sizeof(*workload->written));
}

static const uint8_t opcodes[PEER_ACTIONS] = {
	[PEER_READ] = NVME_NVM_READ,
	[PEER_WRITE] = NVME_NVM_WRITE,
	[PEER_FLUSH] = NVME_NVM_FLUSH,
	[PEER_COMPARE] = NVME_NVM_COMPARE,
	[PEER_WRITE_ZEROES] = NVME_NVM_WRITE_ZEROES,
	[PEER_DEALLOCATE] = NVME_NVM_DATASET_MANAGEMENT,
};

static void add_range(struct peer_workload *workload, uint16_t cid, struct peer_pick *pick,
	const struct nvme_io_fields *fields)
{
	struct nvme_dsm_range *range = &workload->ranges[cid];

	range->slba = nvme_to_le64(fields->slba);
	range->length_blocks = nvme_to_le32(fields->blocks);
	pick->sqe.cdw10 = 0;		      /* one range */
	pick->sqe.cdw11 = nvme_to_le32(0x04); /* Attribute - Deallocate */
	pick->sqe.cdw12 = 0;
	pick->data_out = range;
	pick->length = sizeof(*range);
}

static void add_data(struct peer_workload *workload, uint16_t cid, enum peer_action action,
	struct peer_pick *pick, const struct nvme_io_fields *fields)
{
	uint32_t size = fields->blocks * workload->config.block_bytes;

	switch (action) {
	case PEER_READ:
		pick->length = size;
		break;
	case PEER_WRITE:
	case PEER_COMPARE:
		pick->length = size;
		pick->data_out = pattern_at(workload, fields->slba * workload->config.block_bytes);
		break;
	case PEER_DEALLOCATE:
		add_range(workload, cid, pick, fields);
		__attribute__((fallthrough));
	case PEER_WRITE_ZEROES:
		forget_written(workload, &pick->sqe, fields->slba, fields->blocks);
		break;
	default:
		break;
	}
	pick->in_capsule = pick->data_out && pick->length <= workload->config.in_capsule_bytes;
}

void peer_workload_next(struct peer_workload *workload, uint16_t cid, struct peer_pick *pick)
{
	enum peer_action action = pick_action(workload);
	struct nvme_io_fields fields = {.opcode = opcodes[action]};

	fields.nsid = 1;
	if (workload->config.namespaces > 1)
		fields.nsid += (uint32_t)below(workload, workload->config.namespaces);
	if (action != PEER_FLUSH) {
		uint32_t size = pick_size(workload);

		fields.slba = pick_offset(workload, size) / workload->config.block_bytes;
		fields.blocks = size / workload->config.block_bytes;
	}
	*pick = (struct peer_pick){.sqe = nvme_encode_io(&fields)};
	add_data(workload, cid, action, pick, &fields);
	if (workload->moments)
		workload->moments[cid] = (struct peer_moment){
			.writes = workload->writes,
			/* Never equal again if there is one now. */
			.zeroing_begun = workload->zeroing_begun - !!workload->zeroing_outstanding,
		};
}

/* ---- what came of it ---- */

static int mismatch(struct peer_workload *workload, const char *text)
{
	workload->problem = text;
	return -EILSEQ;
}

int peer_workload_check(struct peer_workload *workload, const struct nvme_sqe *sqe, uint32_t offset,
	const uint8_t *bytes, uint32_t length)
{
	uint32_t block_bytes = workload->config.block_bytes;
	const uint8_t *pattern = pattern_at(workload, nvme_sqe_slba(sqe) * block_bytes) + offset;
	const uint32_t *written;
	uint32_t before;

	if (sqe->opcode != NVME_NVM_READ || !workload->written ||
		memcmp(bytes, pattern, length) == 0)
		return 0;
	written = workload->written + first_written(workload, sqe, nvme_sqe_slba(sqe));
	before = workload->moments[nvme_le16(sqe->command_id)].writes;
	for (uint32_t i = 0; i < length; i++) {
		uint32_t since = written[(offset + i) / block_bytes];

		if (bytes[i] == pattern[i])
			continue;
		if (bytes[i])
			return mismatch(workload, "data that was never written there was read");
		if (since && since <= before)
			return mismatch(workload, "zeroes were read where data had been written");
	}
	return 0;
}

void peer_workload_done(struct peer_workload *workload, const struct nvme_sqe *sqe, bool success)
{
	uint32_t blocks = nvme_sqe_block_count(sqe), *written;
	const struct peer_moment *then;

	if (sqe->opcode == NVME_NVM_WRITE_ZEROES || sqe->opcode == NVME_NVM_DATASET_MANAGEMENT)
		workload->zeroing_outstanding--;
	if (!workload->written || sqe->opcode != NVME_NVM_WRITE || !success)
		return;
	/* A write and a zeroing at the same time: who came last is not known. */
	then = &workload->moments[nvme_le16(sqe->command_id)];
	if (workload->zeroing_outstanding || then->zeroing_begun != workload->zeroing_begun)
		return;
	workload->writes++;
	written = workload->written + first_written(workload, sqe, nvme_sqe_slba(sqe));
	for (uint32_t i = 0; i < blocks; i++)
		written[i] = workload->writes;
}
