// SPDX-License-Identifier: BSD-2-Clause
#include "tests/judge/line.h"

#include <inttypes.h>
#include <stdbool.h>

#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp_check.h"

static void print_initialize(FILE *out, const struct nvme_tcp_icreq_pdu *pdu)
{
	bool request = pdu->hdr.type == NVME_TCP_ICREQ;

	fprintf(out, " pfv=%u %s=%u digest=%u %s=%u", nvme_le16(pdu->pfv),
		request ? "hpda" : "cpda", pdu->hpda, pdu->digest,
		request ? "maxr2t" : "maxh2cdata", nvme_le32(pdu->maxr2t));
}

static void print_fabrics(
	FILE *out, struct line_connection *connection, const struct nvme_fabrics_sqe *sqe)
{
	const struct nvme_connect_sqe *connect = (const void *)sqe;

	fprintf(out, " fctype=%u", sqe->fctype);
	if (sqe->fctype != NVME_FABRICS_CONNECT)
		return;
	connection->kind = connect->qid ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
	fprintf(out, " qid=%u sqsize=%u", nvme_le16(connect->qid), nvme_le16(connect->sqsize));
}

static void print_command(FILE *out, struct line_connection *connection, const struct nvme_sqe *sqe)
{
	bool fabrics = sqe->opcode == NVME_OPCODE_FABRICS;

	fprintf(out, " opcode=%u cid=%u", sqe->opcode, nvme_le16(sqe->command_id));
	if (fabrics) {
		print_fabrics(out, connection, (const void *)sqe);
		return;
	}
	fprintf(out, " nsid=%u", nvme_le32(sqe->nsid));
	if (connection->kind == NVME_QUEUE_IO && nvme_has_lba_range(sqe->opcode))
		fprintf(out, " slba=%" PRIu64 " blocks=%u", (uint64_t)nvme_sqe_slba(sqe),
			nvme_sqe_block_count(sqe));
	fprintf(out, " sgl=%u", sqe->sgl1.type);
	if (sqe->sgl1.type == NVME_SGL_DATA_BLOCK_OFFSET)
		fprintf(out, " length=%u", nvme_le32(sqe->sgl1.length));
}

static void print_completion(FILE *out, const struct nvme_cqe *cqe)
{
	uint16_t status = nvme_le16(cqe->status);

	fprintf(out, " cid=%u sqhd=%u status=%u dnr=%d", nvme_le16(cqe->command_id),
		nvme_le16(cqe->sqhd), nvme_status_code(status), !!(status & NVME_CQE_STATUS_DNR));
}

static void print_transfer(FILE *out, const struct nvme_tcp_data_pdu *pdu)
{
	fprintf(out, " cid=%u ttag=%u offset=%u length=%u", nvme_le16(pdu->command_id),
		nvme_le16(pdu->ttag), nvme_le32(pdu->data_offset), nvme_le32(pdu->data_length));
}

static void print_fields(
	FILE *out, struct line_connection *connection, const struct nvme_tcp_hdr *hdr)
{
	const void *pdu = hdr;

	switch (hdr->type) {
	case NVME_TCP_ICREQ:
	case NVME_TCP_ICRESP:
		print_initialize(out, pdu);
		break;
	case NVME_TCP_H2C_TERM:
	case NVME_TCP_C2H_TERM:
		fprintf(out, " fes=%u", nvme_le16(((const struct nvme_tcp_term_pdu *)pdu)->fes));
		break;
	case NVME_TCP_CAPSULE_CMD:
		print_command(out, connection, &((const struct nvme_tcp_cmd_pdu *)pdu)->sqe);
		break;
	case NVME_TCP_CAPSULE_RESP:
		print_completion(out, &((const struct nvme_tcp_rsp_pdu *)pdu)->cqe);
		break;
	default:
		print_transfer(out, pdu);
	}
}

void line_print(FILE *out, struct line_connection *connection, const struct nvme_tcp_hdr *hdr,
	uint64_t offset)
{
	fprintf(out, "%u %s %" PRIu64 " %s flags=%u hlen=%u pdo=%u plen=%u", connection->id,
		nvme_tcp_sender(hdr->type) == NVME_TCP_FROM_HOST ? "host" : "controller", offset,
		nvme_tcp_pdu_name(hdr->type), hdr->flags, hdr->hlen, hdr->pdo,
		nvme_le32(hdr->plen));
	print_fields(out, connection, hdr);
	fputc('\n', out);
}
