// SPDX-License-Identifier: BSD-2-Clause
#include "tests/guard-hostile/medium.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "tests/guard-hostile/pdus.h"

#define PIECE_BLOCKS 64
#define PIECE_BYTES  (PIECE_BLOCKS * PDUS_BLOCK)
#define MOST_BLOCKS  2048 /* of the protected namespace: 1 MiB */

static int transfer(struct medium *medium, uint8_t opcode, uint32_t nsid, uint64_t slba,
	uint8_t *data, uint32_t bytes, struct stoq_error *error)
{
	struct peer_request request = {
		.sqe = pdus_sqe(opcode, 0, nsid, slba, bytes, false),
		.length = bytes,
		.by_r2t = opcode == NVME_NVM_WRITE,
	};

	if (opcode == NVME_NVM_READ)
		request.data_in = data;
	else
		request.data_out = data;
	return peer_queue_run(&medium->session.queues[0], &request, error);
}

static int mend(struct medium *medium, uint64_t slba, struct stoq_error *error)
{
	uint8_t data[PIECE_BYTES];

	memset(data, MEDIUM_BYTE, sizeof(data));
	return transfer(medium, NVME_NVM_WRITE, PDUS_DENIED, slba, data, sizeof(data), error);
}

static int begin(
	struct medium *medium, const char *address, const char *subsystem, struct stoq_error *error)
{
	struct peer_session_config config = {
		.host.depth = 4,
		.host_nqn = "nqn.2014-08.org.nvmexpress:uuid:5ea0b1e5-0000-4000-8000-00000000be7e",
		.subsystem_nqn = subsystem,
		.queues = 1,
	};
	int status = peer_address_parse(&config.address, address, error);

	if (!status)
		status = peer_session_open(&medium->session, &config, error);
	if (status)
		return status;
	if (medium->session.block_bytes != PDUS_BLOCK || medium->session.namespaces < 2)
		return stoq_error_set(error, -EINVAL,
			"The target must have two namespaces with blocks of %d bytes", PDUS_BLOCK);
	medium->blocks = medium->session.namespace_bytes / PDUS_BLOCK;
	if (medium->blocks > MOST_BLOCKS)
		medium->blocks = MOST_BLOCKS;
	for (uint64_t at = 0; !status && at + PIECE_BLOCKS <= medium->blocks; at += PIECE_BLOCKS)
		status = mend(medium, at, error);
	return status;
}

int medium_open(struct medium *medium, const char *netns, const char *address,
	const char *subsystem, struct stoq_error *error)
{
	int there = open(netns, O_RDONLY | O_CLOEXEC);
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int status;

	memset(medium, 0, sizeof(*medium));
	if (there < 0 || here < 0 || setns(there, CLONE_NEWNET)) {
		status = stoq_error_set(
			error, -errno, "Cannot enter the network namespace %s: %m", netns);
	} else {
		status = begin(medium, address, subsystem, error);
		if (setns(here, CLONE_NEWNET) && !status)
			status = stoq_error_set(error, -errno, "Cannot leave %s: %m", netns);
	}
	close(there);
	close(here);
	return status;
}

void medium_close(struct medium *medium)
{
	peer_session_close(&medium->session);
}

static bool is_all(const uint8_t *bytes, size_t length, uint8_t value)
{
	return bytes[0] == value && !memcmp(bytes, bytes + 1, length - 1);
}

int medium_check(
	struct medium *medium, uint64_t *changed, uint64_t *first, struct stoq_error *error)
{
	uint8_t data[PIECE_BYTES];
	int status = 0;

	*changed = 0;
	for (uint64_t at = 0; !status && at + PIECE_BLOCKS <= medium->blocks; at += PIECE_BLOCKS) {
		status =
			transfer(medium, NVME_NVM_READ, PDUS_DENIED, at, data, sizeof(data), error);
		if (status || is_all(data, sizeof(data), MEDIUM_BYTE))
			continue;
		for (uint64_t i = 0; i < PIECE_BLOCKS; i++) {
			if (is_all(data + i * PDUS_BLOCK, PDUS_BLOCK, MEDIUM_BYTE))
				continue;
			*first = at + i;
			++*changed;
		}
		status = mend(medium, at, error);
	}
	return status;
}

int medium_holds(
	struct medium *medium, uint64_t slba, uint8_t value, bool *holds, struct stoq_error *error)
{
	uint8_t data[PDUS_BLOCK];
	int status = transfer(medium, NVME_NVM_READ, PDUS_ALLOWED, slba, data, sizeof(data), error);

	*holds = !status && is_all(data, sizeof(data), value);
	return status;
}
