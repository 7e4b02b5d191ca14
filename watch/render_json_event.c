// SPDX-License-Identifier: BSD-2-Clause
#include "watch/render_json_event.h"

#include <stdio.h>
#include <string.h>

#include "flow/json_put.h"
#include "flow/label.h"
#include "flow/stages.h"
#include "flow/violations.h"
#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp_check.h"
#include "watch/overlaps.h"
#include "watch/watch.h"

static struct json_object *stages_of(const struct stoq_event_command *event)
{
	const struct stoq_stages *stages = stoq_event_stages(event);
	struct json_object *object = stages ? json_object_new_object() : NULL;

	for (unsigned int i = 0; object && i < STOQ_STAGES; i++)
		stoq_json_put_u64(object, stoq_stage_name((enum stoq_stage)i), stages->ns[i]);
	return object;
}

char *stoq_json_command(const struct stoq_event_command *event, const struct stoq_identity *queue,
	uint64_t unix_offset_ns)
{
	struct json_object *object = stoq_json_new_report("command", STOQ_JSON_SCHEMA_VERSION);

	stoq_json_put_time(object, event->start_ns + unix_offset_ns);
	stoq_json_put_u64(object, "latency_ns", event->latency_ns);
	stoq_json_put(object, "stages_ns", stages_of(event));
	stoq_json_put_u64(object, "flow", event->uid);
	stoq_json_put_identity(object, queue);
	stoq_json_put_opcode(object, event->kind, event->opcode, event->fctype);
	stoq_json_put_u64(object, "cid", event->cid);
	stoq_json_put_known(object, "nsid", event->opcode != NVME_OPCODE_FABRICS, event->nsid);
	stoq_json_put_known(object, "slba", event->blocks, event->slba);
	stoq_json_put_known(object, "blocks", event->blocks, event->blocks);
	stoq_json_put_u64(object, "bytes", event->bytes);
	stoq_json_put_status(object, event->kind, event->opcode, event->status);
	stoq_json_put_bool(object, "dnr", event->dnr);
	return stoq_json_finish(object);
}

static void put_header_bytes(
	struct json_object *object, const uint8_t header[NVME_TCP_HEADER_MAX], unsigned int bytes)
{
	char hex[2 * NVME_TCP_HEADER_MAX + 1] = "";

	for (unsigned int i = 0; i < bytes && i < NVME_TCP_HEADER_MAX; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", header[i]);
	stoq_json_put_string(object, "header", hex);
}

static void put_command(struct json_object *object, const struct nvme_sqe *sqe)
{
	bool fabrics = sqe->opcode == NVME_OPCODE_FABRICS;

	stoq_json_put_u64(object, "cid", nvme_le16(sqe->command_id));
	stoq_json_put_u64(object, "opcode", sqe->opcode);
	stoq_json_put_known(object, "fctype", fabrics, nvme_le32(sqe->nsid) & 0xff);
	stoq_json_put_known(object, "nsid", !fabrics, nvme_le32(sqe->nsid));
	stoq_json_put_u64(object, "sgl_type", sqe->sgl1.type);
	stoq_json_put_u64(object, "sgl_length", nvme_le32(sqe->sgl1.length));
	stoq_json_put_u64(object, "cdw10", nvme_le32(sqe->cdw10));
	stoq_json_put_u64(object, "cdw11", nvme_le32(sqe->cdw11));
	stoq_json_put_u64(object, "cdw12", nvme_le32(sqe->cdw12));
}

static void put_completion(struct json_object *object, const struct nvme_cqe *cqe)
{
	uint16_t status = nvme_le16(cqe->status);

	stoq_json_put_u64(object, "cid", nvme_le16(cqe->command_id));
	stoq_json_put_u64(object, "sqhd", nvme_le16(cqe->sqhd));
	stoq_json_put_u64(object, "status", nvme_status_code(status));
	stoq_json_put_bool(object, "dnr", status & NVME_CQE_STATUS_DNR);
	stoq_json_put_u64(object, "dw0", nvme_le32(cqe->dw0));
	stoq_json_put_u64(object, "dw1", nvme_le32(cqe->dw1));
}

/* H2CData, C2HData and R2T have the same layout. */
static void put_transfer(struct json_object *object, const struct nvme_tcp_data_pdu *pdu)
{
	stoq_json_put_u64(object, "cid", nvme_le16(pdu->command_id));
	stoq_json_put_u64(object, "ttag", nvme_le16(pdu->ttag));
	stoq_json_put_u64(object, "offset", nvme_le32(pdu->data_offset));
	stoq_json_put_u64(object, "length", nvme_le32(pdu->data_length));
}

static void put_initialize(struct json_object *object, const struct nvme_tcp_icreq_pdu *pdu)
{
	bool request = pdu->hdr.type == NVME_TCP_ICREQ;

	stoq_json_put_u64(object, "pfv", nvme_le16(pdu->pfv));
	stoq_json_put_u64(object, request ? "hpda" : "cpda", pdu->hpda);
	stoq_json_put_u64(object, "digest", pdu->digest);
	stoq_json_put_u64(object, request ? "maxr2t" : "maxh2cdata", nvme_le32(pdu->maxr2t));
}

static void put_fields(struct json_object *object, const struct nvme_tcp_hdr *hdr)
{
	const void *pdu = hdr;

	switch (hdr->type) {
	case NVME_TCP_ICREQ:
	case NVME_TCP_ICRESP:
		put_initialize(object, pdu);
		break;
	case NVME_TCP_H2C_TERM:
	case NVME_TCP_C2H_TERM:
		stoq_json_put_u64(
			object, "fes", nvme_le16(((const struct nvme_tcp_term_pdu *)pdu)->fes));
		break;
	case NVME_TCP_CAPSULE_CMD:
		put_command(object, &((const struct nvme_tcp_cmd_pdu *)pdu)->sqe);
		break;
	case NVME_TCP_CAPSULE_RESP:
		put_completion(object, &((const struct nvme_tcp_rsp_pdu *)pdu)->cqe);
		break;
	default:
		put_transfer(object, pdu);
	}
}

char *stoq_json_pdu(const struct stoq_event_pdu *event, uint64_t unix_offset_ns)
{
	struct json_object *object = stoq_json_new_report("pdu", STOQ_JSON_SCHEMA_VERSION);
	struct nvme_tcp_icreq_pdu header = {0}; /* the longest: a copy that is aligned */

	memcpy(&header, event->header, sizeof(header));
	stoq_json_put_time(object, event->time_ns + unix_offset_ns);
	stoq_json_put_u64(object, "flow", event->uid);
	stoq_json_put_string(
		object, "sender", event->side == NVME_TCP_FROM_HOST ? "host" : "controller");
	stoq_json_put_u64(object, "tcp_sequence", event->sequence);
	stoq_json_put_u64(object, "pdu_type", header.hdr.type);
	stoq_json_put_string(object, "pdu_name", nvme_tcp_pdu_name(header.hdr.type));
	stoq_json_put_u64(object, "flags", header.hdr.flags);
	stoq_json_put_u64(object, "hlen", header.hdr.hlen);
	stoq_json_put_u64(object, "pdo", header.hdr.pdo);
	stoq_json_put_u64(object, "plen", nvme_le32(header.hdr.plen));
	/* A header that was cut short has its bytes, but no fields that might be made up. */
	if (nvme_tcp_header_length(header.hdr.type) &&
		event->header_bytes >= nvme_tcp_header_length(header.hdr.type))
		put_fields(object, &header.hdr);
	put_header_bytes(object, event->header, event->header_bytes);
	return stoq_json_finish(object);
}

static struct json_object *violation_of(const struct stoq_event_violation *event)
{
	struct json_object *object = json_object_new_object();
	const struct stoq_violation *violation = &event->violation;
	int cid = stoq_violation_cid(event);

	stoq_json_put_string(object, "kind", stoq_violation_name(violation->kind));
	stoq_json_put_string(
		object, "sender", event->side == NVME_TCP_FROM_HOST ? "host" : "controller");
	stoq_json_put_u64(object, "pdu_type", event->header[0]);
	stoq_json_put_string(object, "pdu_name", nvme_tcp_pdu_name(event->header[0]));
	stoq_json_put_known(object, "cid", cid >= 0, (uint64_t)cid);
	stoq_json_put_u64(object, "expected", violation->expected);
	stoq_json_put_u64(object, "came", violation->came);
	stoq_json_put_u64(object, "tcp_sequence", violation->sequence);
	put_header_bytes(object, event->header, event->header_bytes);
	return object;
}

static struct json_object *overlap_write(const struct stoq_overlap_write *write,
	const struct stoq_identity *queue, uint64_t unix_offset_ns)
{
	static const char *const ends[] = {[STOQ_OVERLAP_OUTSTANDING] = "outstanding",
		[STOQ_OVERLAP_ENDED] = "completion",
		[STOQ_OVERLAP_CUT] = "connection"};
	struct json_object *object = json_object_new_object();
	bool all = write->blocks == STOQ_WRITE_ALL_BLOCKS;

	stoq_json_put_u64(object, "flow", write->uid);
	stoq_json_put_identity(object, queue);
	stoq_json_put_opcode(object, NVME_QUEUE_IO, write->opcode, 0);
	stoq_json_put_u64(object, "cid", write->cid);
	stoq_json_put_u64(object, "slba", write->slba);
	stoq_json_put_known(object, "blocks", !all, write->blocks);
	stoq_json_put_u64(object, "begin_unix_ns", write->start_ns + unix_offset_ns);
	stoq_json_put_known(object, "end_unix_ns", write->end_ns, write->end_ns + unix_offset_ns);
	stoq_json_put_string(object, "ended_by", ends[write->end]);
	return object;
}

static struct json_object *overlap_of(
	const struct stoq_event_happening *event, uint64_t unix_offset_ns)
{
	const struct stoq_overlap *overlap = event->overlap;
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "nsid", overlap->nsid);
	stoq_json_put_bool(object, "same_host", overlap->same_host);
	stoq_json_put(
		object, "first", overlap_write(&overlap->first, event->first, unix_offset_ns));
	stoq_json_put(
		object, "second", overlap_write(&overlap->second, event->second, unix_offset_ns));
	return object;
}

char *stoq_json_happening(const struct stoq_event_happening *event,
	const struct stoq_identity *queue, uint64_t unix_offset_ns)
{
	struct json_object *object = stoq_json_new_report("event", STOQ_JSON_SCHEMA_VERSION);

	stoq_json_put_time(object, event->time_ns + unix_offset_ns);
	stoq_json_put_string(object, "event", stoq_happening_name(event->what));
	stoq_json_put_string(object, "reason", event->reason[0] ? event->reason : NULL);
	stoq_json_put_known(object, "duration_ns", event->duration_ns, event->duration_ns);
	stoq_json_put_u64(object, "flow", event->uid);
	stoq_json_put(
		object, "violation", event->violation ? violation_of(event->violation) : NULL);
	stoq_json_put(object, "overlap", event->overlap ? overlap_of(event, unix_offset_ns) : NULL);
	stoq_json_put_identity(object, queue);
	return stoq_json_finish(object);
}
