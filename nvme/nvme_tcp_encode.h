/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Writes NVMe/TCP PDUs. An encoder fills the front of a PDU, everything before its data: header,
 * header digest, padding up to the data. The data itself is the caller's and is not copied;
 * it follows as it is, then the data digest if the format has one and there is data:
 *
 *   front = nvme_tcp_encode_capsule_cmd(buffer, &format, &sqe, length);
 *   send(buffer, front); send(data, length);
 *   if (format.data_digest)
 *	   nvme_digest_store(digest, nvme_crc32c(data, length)), send(digest, 4);
 *
 * Pure, no allocation. Lengths are not limited here: NVME_TCP_DATA_MAX is the caller's duty.
 */
#include "nvme/nvme_digest.h"
#include "nvme/nvme_tcp.h"

#include <stdbool.h>

/* What both sides agreed on in ICReq and ICResp. */
struct nvme_tcp_format {
	bool header_digest;
	bool data_digest;
	uint8_t data_alignment; /* of the receiver (HPDA, CPDA): 0's based, in dwords, 0..31 */
};

#define NVME_TCP_FRONT_MAX NVME_TCP_PDO_MAX

/* Each returns the bytes it wrote. */
size_t nvme_tcp_encode_icreq(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *offer, uint32_t maxr2t_zero_based);
size_t nvme_tcp_encode_icresp(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *accepted, uint32_t maxh2cdata_bytes);
/* pdu_bytes of the PDU in error follow as data, at most NVME_TCP_TERM_PLEN_MAX - HLEN. */
size_t nvme_tcp_encode_term(uint8_t out[static NVME_TCP_FRONT_MAX], enum nvme_tcp_pdu_type type,
	uint16_t fes, uint32_t fei, uint32_t pdu_bytes);
/* data_bytes: of in-capsule data, 0: none. */
size_t nvme_tcp_encode_capsule_cmd(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *format, const struct nvme_sqe *sqe, uint32_t data_bytes);
size_t nvme_tcp_encode_capsule_resp(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *format, const struct nvme_cqe *cqe);
size_t nvme_tcp_encode_r2t(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *format, uint16_t cid, uint16_t ttag, uint32_t offset,
	uint32_t length);

/* H2CData and C2HData. */
struct nvme_tcp_data_fields {
	enum nvme_tcp_pdu_type type;
	uint8_t flags; /* NVME_TCP_FLAG_LAST, NVME_TCP_FLAG_SUCCESS */
	uint16_t cid;
	uint16_t ttag; /* of the R2T that H2CData answers; 0 in C2HData */
	uint32_t offset;
	uint32_t length; /* not 0 */
};
size_t nvme_tcp_encode_data(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *format, const struct nvme_tcp_data_fields *fields);

/* ---- what goes into the capsules ---- */

/* An NVM command; data_bytes is what the SGL says; in_capsule: the data follows in the PDU. */
struct nvme_io_fields {
	uint8_t opcode;
	uint16_t cid;
	uint32_t nsid;
	uint64_t slba;
	uint32_t blocks; /* 1 and up; 0 leaves CDW10 to CDW12 zero */
	uint32_t data_bytes;
	bool in_capsule;
};
struct nvme_sqe nvme_encode_io(const struct nvme_io_fields *fields);

/* status: NVME_STATUS(), without DNR. */
struct nvme_cqe nvme_encode_cqe(uint16_t cid, uint16_t sqhd, uint16_t status);

/* Fabrics Connect; its data, a struct nvme_connect_data, travels in the capsule. */
struct nvme_connect_fields {
	uint16_t cid;
	uint16_t qid;
	uint16_t sqsize_zero_based;
	uint8_t cattr;
	uint32_t kato_ms;
};
struct nvme_sqe nvme_encode_connect(const struct nvme_connect_fields *fields);

/* NQNs longer than their fields allow give -EINVAL, else 0. */
int nvme_encode_connect_data(struct nvme_connect_data *out, const uint8_t hostid[static 16],
	uint16_t cntlid, const char *subnqn, const char *hostnqn);
