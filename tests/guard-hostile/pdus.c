// SPDX-License-Identifier: BSD-2-Clause
#include "tests/guard-hostile/pdus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_NQN "nqn.2014-08.org.nvmexpress:uuid:5ea0b1e5-0000-4000-8000-00000000beef"

/* Where this much is appended. */
static size_t reserve(struct pdus *pdus, size_t length)
{
	size_t at = pdus->length;

	if (length > PDUS_MAX - at) {
		fputs("guard-hostile: a case writes too many PDUs\n", stderr);
		abort();
	}
	pdus->length += length;
	return at;
}

void pdus_clear(struct pdus *pdus)
{
	pdus->length = 0;
}

size_t pdus_bytes(struct pdus *pdus, const void *bytes, size_t length)
{
	size_t at = reserve(pdus, length);

	if (length)
		memcpy(pdus->bytes + at, bytes, length);
	return at;
}

size_t pdus_fill(struct pdus *pdus, uint8_t value, size_t length)
{
	size_t at = reserve(pdus, length);

	memset(pdus->bytes + at, value, length);
	return at;
}

/* The data of the PDU that was begun at `at`, and its digest. */
static size_t finish(struct pdus *pdus, size_t at, const void *data, uint32_t bytes)
{
	uint8_t digest[NVME_TCP_DIGEST_LENGTH];

	pdus_bytes(pdus, data, bytes);
	if (bytes && pdus->format.data_digest) {
		nvme_digest_store(digest, nvme_crc32c(data, bytes));
		pdus_bytes(pdus, digest, sizeof(digest));
	}
	return at;
}

size_t pdus_icreq(struct pdus *pdus)
{
	uint8_t front[NVME_TCP_FRONT_MAX];

	return pdus_bytes(pdus, front, nvme_tcp_encode_icreq(front, &pdus->format, 0));
}

size_t pdus_command(struct pdus *pdus, const struct nvme_sqe *sqe, const void *data, uint32_t bytes)
{
	uint8_t front[NVME_TCP_FRONT_MAX];
	size_t at = pdus_bytes(
		pdus, front, nvme_tcp_encode_capsule_cmd(front, &pdus->format, sqe, bytes));

	return finish(pdus, at, data, bytes);
}

size_t pdus_data(struct pdus *pdus, const struct nvme_tcp_data_fields *fields, const void *data)
{
	uint8_t front[NVME_TCP_FRONT_MAX];
	size_t at = pdus_bytes(pdus, front, nvme_tcp_encode_data(front, &pdus->format, fields));

	return finish(pdus, at, data, fields->length);
}

size_t pdus_connect(struct pdus *pdus, uint16_t qid, uint16_t cntlid, const char *subsystem)
{
	static const uint8_t hostid[16] = "stoq-hostile-1";
	struct nvme_connect_fields fields = {.qid = qid, .sqsize_zero_based = 31};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	struct nvme_connect_data data;

	if (nvme_encode_connect_data(&data, hostid, cntlid, subsystem, HOST_NQN))
		abort();
	return pdus_command(pdus, &sqe, &data, sizeof(data));
}

struct nvme_sqe pdus_sqe(
	uint8_t opcode, uint16_t cid, uint32_t nsid, uint64_t slba, uint32_t bytes, bool in_capsule)
{
	struct nvme_io_fields fields = {
		.opcode = opcode,
		.cid = cid,
		.nsid = nsid,
		.slba = slba,
		.blocks = bytes / PDUS_BLOCK,
		.data_bytes = bytes,
		.in_capsule = in_capsule,
	};

	return nvme_encode_io(&fields);
}

size_t pdus_evil(struct pdus *pdus, uint16_t cid, uint64_t slba)
{
	struct nvme_sqe sqe = pdus_sqe(NVME_NVM_WRITE, cid, PDUS_DENIED, slba, PDUS_BLOCK, true);
	uint8_t data[PDUS_BLOCK];

	memset(data, PDUS_EVIL_BYTE, sizeof(data));
	return pdus_command(pdus, &sqe, data, sizeof(data));
}

size_t pdus_compare_front(struct pdus *pdus, uint16_t cid, uint32_t data_bytes)
{
	struct nvme_sqe sqe = pdus_sqe(NVME_NVM_COMPARE, cid, PDUS_DENIED, 0, data_bytes, true);
	uint8_t front[NVME_TCP_FRONT_MAX];

	return pdus_bytes(
		pdus, front, nvme_tcp_encode_capsule_cmd(front, &pdus->format, &sqe, data_bytes));
}

size_t pdus_flush(struct pdus *pdus, uint16_t cid)
{
	struct nvme_sqe sqe = pdus_sqe(NVME_NVM_FLUSH, cid, PDUS_DENIED, 0, 0, false);

	return pdus_command(pdus, &sqe, NULL, 0);
}
