// SPDX-License-Identifier: BSD-2-Clause
/* <stoq/nvme.h>: what nvme_tcp_stream and nvme_names find, in the types of the public API. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <stoq/nvme.h>

#include "base/error.h"
#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_stream.h"

#define SAME(a, b) _Static_assert((int)(a) == (int)(b), #a " is " #b)

SAME(STOQ_NVME_FROM_HOST, NVME_TCP_FROM_HOST);
SAME(STOQ_NVME_FROM_CONTROLLER, NVME_TCP_FROM_CONTROLLER);
SAME(STOQ_NVME_ICREQ, NVME_TCP_ICREQ);
SAME(STOQ_NVME_ICRESP, NVME_TCP_ICRESP);
SAME(STOQ_NVME_H2C_TERM_REQ, NVME_TCP_H2C_TERM);
SAME(STOQ_NVME_C2H_TERM_REQ, NVME_TCP_C2H_TERM);
SAME(STOQ_NVME_CAPSULE_CMD, NVME_TCP_CAPSULE_CMD);
SAME(STOQ_NVME_CAPSULE_RESP, NVME_TCP_CAPSULE_RESP);
SAME(STOQ_NVME_H2C_DATA, NVME_TCP_H2C_DATA);
SAME(STOQ_NVME_C2H_DATA, NVME_TCP_C2H_DATA);
SAME(STOQ_NVME_R2T, NVME_TCP_R2T);
SAME(STOQ_NVME_FLAG_HDGST, NVME_TCP_FLAG_HDGST);
SAME(STOQ_NVME_FLAG_DDGST, NVME_TCP_FLAG_DDGST);
SAME(STOQ_NVME_FLAG_LAST, NVME_TCP_FLAG_LAST);
SAME(STOQ_NVME_FLAG_SUCCESS, NVME_TCP_FLAG_SUCCESS);
SAME(STOQ_NVME_OPCODE_FABRICS, NVME_OPCODE_FABRICS);
SAME(STOQ_NVME_DIGEST_NONE, NVME_TCP_DATA_DIGEST_NONE);
SAME(STOQ_NVME_DIGEST_UNCHECKED, NVME_TCP_DATA_DIGEST_UNCHECKED);
SAME(STOQ_NVME_DIGEST_GOOD, NVME_TCP_DATA_DIGEST_GOOD);
SAME(STOQ_NVME_DIGEST_BAD, NVME_TCP_DATA_DIGEST_BAD);
SAME(STOQ_NVME_QUEUE_ADMIN, NVME_QUEUE_ADMIN);
SAME(STOQ_NVME_QUEUE_IO, NVME_QUEUE_IO);

struct stoq_nvme_decoder {
	struct nvme_tcp_stream stream;
	struct stoq_nvme_pdu pdu; /* the last one that began */
	struct stoq_nvme_decoder_callbacks callbacks;
	void *user;
};

/* ---- headers ---- */

/* An ICResp's CPDA and MAXH2CDATA stand where an ICReq's HPDA and MAXR2T do. */
static void read_initialization(
	const struct nvme_tcp_icreq_pdu *in, struct stoq_nvme_initialization *out)
{
	uint32_t limit = nvme_le32(in->maxr2t);

	out->format_version = nvme_le16(in->pfv);
	out->data_alignment = (in->hpda + 1u) * 4;
	out->header_digest = in->digest & 1;
	out->data_digest = in->digest & 2;
	if (in->hdr.type == NVME_TCP_ICREQ)
		out->max_r2t = limit + 1ull;
	else
		out->max_h2c_data = limit;
}

static void read_fabrics(const struct nvme_sqe *sqe, struct stoq_nvme_command *out)
{
	const struct nvme_connect_sqe *connect = (const void *)sqe;

	out->fctype = connect->fctype;
	if (connect->fctype != NVME_FABRICS_CONNECT)
		return;
	out->connect = true;
	out->connect_qid = nvme_le16(connect->qid);
	out->connect_size = nvme_le16(connect->sqsize) + 1u;
}

static void read_command(const struct nvme_sqe *sqe, struct stoq_nvme_command *out)
{
	out->opcode = sqe->opcode;
	out->cid = nvme_le16(sqe->command_id);
	out->sgl_bytes = nvme_le32(sqe->sgl1.length);
	if (sqe->opcode == NVME_OPCODE_FABRICS) {
		read_fabrics(sqe, out);
		return;
	}
	out->nsid = nvme_le32(sqe->nsid);
	if (nvme_has_lba_range(sqe->opcode)) {
		out->slba = nvme_sqe_slba(sqe);
		out->block_count = nvme_sqe_block_count(sqe);
	}
}

static void read_completion(const struct nvme_cqe *cqe, struct stoq_nvme_completion *out)
{
	uint16_t status = nvme_le16(cqe->status), code = nvme_status_code(status);

	out->cid = nvme_le16(cqe->command_id);
	out->sq_head = nvme_le16(cqe->sqhd);
	out->status_code_type = (uint8_t)(code >> 8);
	out->status_code = (uint8_t)code;
	out->do_not_retry = status & NVME_CQE_STATUS_DNR;
	out->result_dwords[0] = nvme_le32(cqe->dw0);
	out->result_dwords[1] = nvme_le32(cqe->dw1);
}

/* An R2T's offset and length stand where a data PDU's do. */
static void read_transfer(const struct nvme_tcp_data_pdu *in, struct stoq_nvme_transfer *out)
{
	out->cid = nvme_le16(in->command_id);
	out->tag = nvme_le16(in->ttag);
	out->offset = nvme_le32(in->data_offset);
	out->length = nvme_le32(in->data_length);
	out->last = in->hdr.flags & NVME_TCP_FLAG_LAST;
	out->success = in->hdr.flags & NVME_TCP_FLAG_SUCCESS;
}

static void read_termination(const struct nvme_tcp_term_pdu *in, struct stoq_nvme_termination *out)
{
	out->fatal_error = nvme_le16(in->fes);
	out->fatal_error_info = nvme_le16(in->fei_low) | (uint32_t)nvme_le16(in->fei_high) << 16;
}

static void read_specific(const struct nvme_tcp_hdr *hdr, struct stoq_nvme_pdu *pdu)
{
	const void *whole = hdr;

	switch (hdr->type) {
	case NVME_TCP_ICREQ:
	case NVME_TCP_ICRESP:
		read_initialization(whole, &pdu->initialization);
		break;
	case NVME_TCP_CAPSULE_CMD:
		read_command(&((const struct nvme_tcp_cmd_pdu *)whole)->sqe, &pdu->command);
		break;
	case NVME_TCP_CAPSULE_RESP:
		read_completion(&((const struct nvme_tcp_rsp_pdu *)whole)->cqe, &pdu->completion);
		break;
	case NVME_TCP_H2C_DATA:
	case NVME_TCP_C2H_DATA:
	case NVME_TCP_R2T:
		read_transfer(whole, &pdu->transfer);
		break;
	default:
		read_termination(whole, &pdu->termination);
		break;
	}
}

/* ---- what the stream tells ---- */

static void on_pdu(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	struct stoq_nvme_decoder *decoder = context;
	struct stoq_nvme_pdu *pdu = &decoder->pdu;

	*pdu = (struct stoq_nvme_pdu){
		.offset = offset,
		.length = nvme_le32(hdr->plen),
		.data_length = nvme_tcp_data_length(hdr),
		.header_length = hdr->hlen,
		.header = (const uint8_t *)hdr,
		.type = hdr->type,
		.flags = hdr->flags,
	};
	if (pdu->data_length)
		pdu->data_offset = hdr->pdo;
	read_specific(hdr, pdu);
	if (decoder->callbacks.pdu)
		decoder->callbacks.pdu(pdu, decoder->user);
}

static void on_data(void *context, const struct nvme_tcp_hdr *hdr, uint32_t at,
	const uint8_t *bytes, size_t length)
{
	struct stoq_nvme_decoder *decoder = context;

	if (decoder->callbacks.data)
		decoder->callbacks.data(&decoder->pdu, at, bytes, length, decoder->user);
}

static void on_end(void *context, const struct nvme_tcp_hdr *hdr, enum nvme_tcp_data_digest digest)
{
	struct stoq_nvme_decoder *decoder = context;

	if (decoder->callbacks.finished)
		decoder->callbacks.finished(
			&decoder->pdu, (enum stoq_nvme_data_digest)digest, decoder->user);
}

static const struct nvme_tcp_stream_events events = {on_pdu, on_data, on_end};

/* ---- the decoder ---- */

void stoq_nvme_decoder_config_init(struct stoq_nvme_decoder_config *config)
{
	*config = (struct stoq_nvme_decoder_config){.side = STOQ_NVME_FROM_HOST};
}

int stoq_nvme_decoder_create(const struct stoq_nvme_decoder_config *config,
	struct stoq_nvme_decoder **decoder, struct stoq_error *error)
{
	struct stoq_nvme_decoder *made;

	if ((unsigned int)config->side >= NVME_TCP_SIDES)
		return stoq_error_set(error, -EINVAL,
			"An NVMe/TCP decoder's side is %d; it is STOQ_NVME_FROM_HOST or "
			"STOQ_NVME_FROM_CONTROLLER.",
			(int)config->side);
	made = calloc(1, sizeof(*made));
	if (!made)
		return stoq_error_set(error, -ENOMEM, "No memory for an NVMe/TCP decoder.");
	nvme_tcp_stream_init(&made->stream, (enum nvme_tcp_side)config->side,
		!config->resynchronize, &events, made);
	made->stream.check_digests = config->check_digests;
	made->stream.never_learn = !config->resynchronize;
	made->callbacks = config->callbacks;
	made->user = config->user;
	*decoder = made;
	return 0;
}

static int failure(const struct nvme_tcp_stream *stream)
{
	if (stream->phase != NVME_TCP_STREAM_LOST)
		return 0;
	return stream->counters.bad_header_digests ? -EBADMSG : -EPROTO;
}

int stoq_nvme_decoder_feed(
	struct stoq_nvme_decoder *decoder, const void *bytes, size_t size, struct stoq_error *error)
{
	const struct nvme_tcp_stream *stream = &decoder->stream;

	if (size)
		nvme_tcp_stream_feed(&decoder->stream, bytes, size);
	switch (failure(stream)) {
	case 0:
		return 0;
	case -EBADMSG:
		return stoq_error_set(error, -EBADMSG,
			"The header of the NVMe/TCP PDU at offset %" PRIu64
			" does not match its digest: it was damaged. Decode what follows with "
			"resynchronize.",
			stream->at);
	default:
		return stoq_error_set(error, -EPROTO,
			"No NVMe/TCP PDU of a %s begins at offset %" PRIu64
			". Is it the other direction, encrypted by TLS, or no NVMe/TCP? A stream "
			"that was entered in its middle or has holes needs resynchronize.",
			stream->side == NVME_TCP_FROM_HOST ? "host" : "controller", stream->at);
	}
}

void stoq_nvme_decoder_status(
	const struct stoq_nvme_decoder *decoder, struct stoq_nvme_decoder_status *status)
{
	const struct nvme_tcp_stream *stream = &decoder->stream;
	bool synchronized = nvme_tcp_stream_synced(stream);
	int code = failure(stream);

	*status = (struct stoq_nvme_decoder_status){
		.code = code,
		.position = code ? stream->at : stream->end,
		.synchronized = synchronized,
		.inside_pdu = synchronized &&
			      (stream->phase == NVME_TCP_STREAM_BODY || stream->at < stream->end),
		.pdus = stream->counters.pdus,
		.bad_headers = stream->counters.bad_headers,
		.bad_header_digests = stream->counters.bad_header_digests,
		.bad_data_digests = stream->counters.bad_data_digests,
		.resynchronizations = stream->counters.resyncs,
		.skipped_bytes = stream->counters.unsynced_bytes,
	};
}

void stoq_nvme_decoder_destroy(struct stoq_nvme_decoder *decoder)
{
	free(decoder);
}

/* ---- names ---- */

/* A name that was made up in the buffer does not count. */
static const char *known(const char *name, const char *buffer)
{
	return name == buffer ? NULL : name;
}

const char *stoq_nvme_pdu_name(uint8_t type)
{
	return nvme_tcp_header_length(type) ? nvme_tcp_pdu_name(type) : NULL;
}

const char *stoq_nvme_opcode_name(enum stoq_nvme_queue queue, uint8_t opcode, uint8_t fctype)
{
	char buffer[NVME_NAME_LENGTH];

	return known(nvme_opcode_name((enum nvme_queue_kind)queue, opcode, fctype, buffer), buffer);
}

const char *stoq_nvme_status_name(
	enum stoq_nvme_queue queue, uint8_t opcode, uint8_t status_code_type, uint8_t status_code)
{
	char buffer[NVME_NAME_LENGTH];

	return known(nvme_status_name((enum nvme_queue_kind)queue, opcode,
			     NVME_STATUS(status_code_type, status_code), buffer),
		buffer);
}
