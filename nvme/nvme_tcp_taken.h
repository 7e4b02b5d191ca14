/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What all known targets take off the stream alike, so that whatever looks at commands before them finds the same
 * ones: doc/design/guard-program.md, "What targets take off the stream". For the guard's program and for the tunnel.
 */
#include "nvme/nvme_tcp_check.h"

/* The transfer direction of a command: bits 1:0 of its opcode or Fabrics type (Base 2.0, 3.3.3). */
static inline __u8 nvme_sqe_direction(const struct nvme_sqe *sqe)
{
	return (sqe->opcode == NVME_OPCODE_FABRICS ? nvme_le32(sqe->nsid) : sqe->opcode) & 3;
}

/*
 * Targets take the data of a capsule off the stream as data only if the command sends some and
 * does nothing else (direction 01b). With any other direction SPDK goes on reading behind the
 * header (lib/nvmf/tcp.c, nvmf_tcp_req_process()), and so does nvmet where bit 0 is clear
 * (nvme_is_write()): the data would be PDUs.
 */
static inline int nvme_sqe_sends_data(const struct nvme_sqe *sqe)
{
	return nvme_sqe_direction(sqe) == 1;
}

/* Bit 0 of the direction, which is all that nvmet looks at. */
static inline int nvme_sqe_may_send(const struct nvme_sqe *sqe)
{
	return nvme_sqe_direction(sqe) & 1;
}

/*
 * A capsule that all targets step over alike: its data of the length that PLEN and the SGL both have, of a
 * command that sends some; a command whose SGL points into the capsule has to have its data there.
 */
static inline int nvme_tcp_capsule_is_taken(const struct nvme_tcp_cmd_pdu *pdu)
{
	const struct nvme_sgl_desc *sgl = &pdu->sqe.sgl1;
	__u32 data = nvme_tcp_data_length(&pdu->hdr);

	if (data)
		return data == nvme_le32(sgl->length) && !nvme_le64(sgl->addr) &&
		       nvme_sqe_sends_data(&pdu->sqe);
	return sgl->type != NVME_SGL_DATA_BLOCK_OFFSET || !nvme_le32(sgl->length) ||
	       !nvme_sqe_may_send(&pdu->sqe);
}

/*
 * From its PLEN on it could be a host's header. With data digests, nvmet takes four bytes more than there are off the stream behind a command
 * that it does not know and whose data are to be asked for, if they would fit into a capsule (nvmet_tcp_handle_req_failure()): it compares them with the
 * digest of memory that the host may have filled before, and goes on behind them. So the next PDU must be none from there on. Only
 * one of 1.5 MB and more can be, and not if its data have a multiple of four bytes.
 */
static inline int nvme_tcp_is_header_from_plen(const struct nvme_tcp_hdr *hdr)
{
	__u32 plen = nvme_le32(hdr->plen);
	__u8 type = plen, hlen = plen >> 16;

	return (type == NVME_TCP_CAPSULE_CMD || type == NVME_TCP_H2C_DATA) &&
	       hlen == nvme_tcp_header_length(type);
}

/*
 * Data are behind the header, with as much padding as the controller's CPDA asks for and no more:
 * nvmet does not look at PDO. And nothing from its PLEN on is another header.
 */
static inline int nvme_tcp_starts_well(const struct nvme_tcp_hdr *hdr, __u8 cpda)
{
	__u32 start = nvme_tcp_data_start_min(hdr);

	return !nvme_tcp_is_header_from_plen(hdr) &&
	       hdr->pdo == (cpda ? nvme_tcp_data_start(start, cpda) : start);
}
