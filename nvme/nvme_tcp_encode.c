// SPDX-License-Identifier: BSD-2-Clause
#include "nvme/nvme_tcp_encode.h"

#include <errno.h>
#include <string.h>

#include "nvme/nvme_tcp_check.h"

/*
 * Copies a header whose type, flags and specific fields are set, completes its common part
 * and adds digest and padding. data_bytes 0: no data.
 */
static size_t finish_front(uint8_t *out, const struct nvme_tcp_format *format,
	struct nvme_tcp_hdr *hdr, size_t hlen, uint32_t data_bytes)
{
	size_t front = hlen + (format->header_digest ? NVME_TCP_DIGEST_LENGTH : 0);
	uint32_t plen;

	if (data_bytes)
		front = nvme_tcp_data_start((uint32_t)front, format->data_alignment);
	plen = (uint32_t)front + data_bytes;
	hdr->hlen = (uint8_t)hlen;
	hdr->pdo = data_bytes ? (uint8_t)front : 0;
	if (format->header_digest)
		hdr->flags |= NVME_TCP_FLAG_HDGST;
	if (format->data_digest && data_bytes) {
		hdr->flags |= NVME_TCP_FLAG_DDGST;
		plen += NVME_TCP_DIGEST_LENGTH;
	}
	hdr->plen = nvme_to_le32(plen);
	memset(out, 0, front);
	memcpy(out, hdr, hlen);
	if (format->header_digest)
		nvme_digest_store(out + hlen, nvme_crc32c(out, hlen));
	return front;
}

static uint8_t digest_bits(const struct nvme_tcp_format *format)
{
	return (format->header_digest ? 1 : 0) | (format->data_digest ? 2 : 0);
}

/* These PDUs never have digests or padding, whatever is agreed on. */
static const struct nvme_tcp_format plain;

size_t nvme_tcp_encode_icreq(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *offer, uint32_t maxr2t_zero_based)
{
	struct nvme_tcp_icreq_pdu pdu = {
		.hdr.type = NVME_TCP_ICREQ,
		.hpda = offer->data_alignment,
		.digest = digest_bits(offer),
		.maxr2t = nvme_to_le32(maxr2t_zero_based),
	};

	return finish_front(out, &plain, &pdu.hdr, sizeof(pdu), 0);
}

size_t nvme_tcp_encode_icresp(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *accepted, uint32_t maxh2cdata_bytes)
{
	struct nvme_tcp_icresp_pdu pdu = {
		.hdr.type = NVME_TCP_ICRESP,
		.cpda = accepted->data_alignment,
		.digest = digest_bits(accepted),
		.maxh2cdata = nvme_to_le32(maxh2cdata_bytes),
	};

	return finish_front(out, &plain, &pdu.hdr, sizeof(pdu), 0);
}

size_t nvme_tcp_encode_term(uint8_t out[static NVME_TCP_FRONT_MAX], enum nvme_tcp_pdu_type type,
	uint16_t fes, uint32_t fei, uint32_t pdu_bytes)
{
	struct nvme_tcp_term_pdu pdu = {
		.hdr.type = type,
		.hdr.hlen = sizeof(pdu),
		.hdr.plen = nvme_to_le32(sizeof(pdu) + pdu_bytes), /* PDO is reserved here */
		.fes = nvme_to_le16(fes),
		.fei_low = nvme_to_le16(fei & 0xffff),
		.fei_high = nvme_to_le16(fei >> 16),
	};

	memcpy(out, &pdu, sizeof(pdu));
	return sizeof(pdu);
}

size_t nvme_tcp_encode_capsule_cmd(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *format, const struct nvme_sqe *sqe, uint32_t data_bytes)
{
	struct nvme_tcp_cmd_pdu pdu = {.hdr.type = NVME_TCP_CAPSULE_CMD, .sqe = *sqe};

	return finish_front(out, format, &pdu.hdr, sizeof(pdu), data_bytes);
}

size_t nvme_tcp_encode_capsule_resp(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *format, const struct nvme_cqe *cqe)
{
	struct nvme_tcp_rsp_pdu pdu = {.hdr.type = NVME_TCP_CAPSULE_RESP, .cqe = *cqe};

	return finish_front(out, format, &pdu.hdr, sizeof(pdu), 0);
}

size_t nvme_tcp_encode_r2t(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *format, uint16_t cid, uint16_t ttag, uint32_t offset,
	uint32_t length)
{
	struct nvme_tcp_r2t_pdu pdu = {
		.hdr.type = NVME_TCP_R2T,
		.command_id = nvme_to_le16(cid),
		.ttag = nvme_to_le16(ttag),
		.r2t_offset = nvme_to_le32(offset),
		.r2t_length = nvme_to_le32(length),
	};

	return finish_front(out, format, &pdu.hdr, sizeof(pdu), 0);
}

size_t nvme_tcp_encode_data(uint8_t out[static NVME_TCP_FRONT_MAX],
	const struct nvme_tcp_format *format, const struct nvme_tcp_data_fields *fields)
{
	struct nvme_tcp_data_pdu pdu = {
		.hdr.type = fields->type,
		.hdr.flags = fields->flags,
		.command_id = nvme_to_le16(fields->cid),
		.ttag = nvme_to_le16(fields->ttag),
		.data_offset = nvme_to_le32(fields->offset),
		.data_length = nvme_to_le32(fields->length),
	};

	return finish_front(out, format, &pdu.hdr, sizeof(pdu), fields->length);
}

static struct nvme_sgl_desc data_sgl(uint32_t bytes, bool in_capsule)
{
	return (struct nvme_sgl_desc){
		.length = nvme_to_le32(bytes),
		.type = in_capsule ? NVME_SGL_DATA_BLOCK_OFFSET : NVME_SGL_TRANSPORT_DATA_BLOCK,
	};
}

struct nvme_sqe nvme_encode_io(const struct nvme_io_fields *fields)
{
	struct nvme_sqe sqe = {
		.opcode = fields->opcode,
		.flags = NVME_SQE_PSDT_SGL,
		.command_id = nvme_to_le16(fields->cid),
		.nsid = nvme_to_le32(fields->nsid),
		.sgl1 = data_sgl(fields->data_bytes, fields->in_capsule),
	};

	if (fields->blocks) {
		sqe.cdw10 = nvme_to_le32((uint32_t)fields->slba);
		sqe.cdw11 = nvme_to_le32((uint32_t)(fields->slba >> 32));
		sqe.cdw12 = nvme_to_le32((fields->blocks - 1) & 0xffff);
	}
	return sqe;
}

struct nvme_cqe nvme_encode_cqe(uint16_t cid, uint16_t sqhd, uint16_t status)
{
	return (struct nvme_cqe){
		.sqhd = nvme_to_le16(sqhd),
		.command_id = nvme_to_le16(cid),
		.status = nvme_to_le16((uint16_t)(status << 1)),
	};
}

struct nvme_sqe nvme_encode_connect(const struct nvme_connect_fields *fields)
{
	struct nvme_connect_sqe connect = {
		.opcode = NVME_OPCODE_FABRICS,
		.flags = NVME_SQE_PSDT_SGL,
		.command_id = nvme_to_le16(fields->cid),
		.fctype = NVME_FABRICS_CONNECT,
		.sgl1 = data_sgl(sizeof(struct nvme_connect_data), true),
		.qid = nvme_to_le16(fields->qid),
		.sqsize = nvme_to_le16(fields->sqsize_zero_based),
		.cattr = fields->cattr,
		.kato_ms = nvme_to_le32(fields->kato_ms),
	};
	struct nvme_sqe sqe;

	memcpy(&sqe, &connect, sizeof(sqe));
	return sqe;
}

int nvme_encode_connect_data(struct nvme_connect_data *out, const uint8_t hostid[static 16],
	uint16_t cntlid, const char *subnqn, const char *hostnqn)
{
	if (strlen(subnqn) > NVME_NQN_MAX || strlen(hostnqn) > NVME_NQN_MAX)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	memcpy(out->hostid, hostid, sizeof(out->hostid));
	out->cntlid = nvme_to_le16(cntlid);
	memcpy(out->subnqn, subnqn, strlen(subnqn));
	memcpy(out->hostnqn, hostnqn, strlen(hostnqn));
	return 0;
}
