// SPDX-License-Identifier: BSD-2-Clause
#include "flow/render_event.h"

#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "bpf/stream/event_shared.h"
#include "flow/label.h"
#include "flow/text.h"
#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp_check.h"

#define DETAIL_SIZE 160

const char *stoq_event_command_heading(void)
{
	return "STARTED                          LATENCY OPCODE             CID        NSID        "
	       "     SLBA "
	       "BLOCKS    BYTES STATUS                       QUEUE";
}

void stoq_event_command_line(char line[static STOQ_EVENT_LINE],
	const struct stoq_event_command *event, const struct stoq_identity *queue,
	uint64_t unix_offset_ns)
{
	char time[STOQ_TIMESTAMP], latency[STOQ_TEXT_NUMBER], label[STOQ_LABEL_SIZE];
	char opcode[NVME_NAME_LENGTH], status[NVME_NAME_LENGTH], status_text[64];
	char slba[24] = "-", blocks[16] = "-", nsid[16] = "-";

	if (event->blocks) {
		snprintf(slba, sizeof(slba), "%llu", (unsigned long long)event->slba);
		snprintf(blocks, sizeof(blocks), "%u", event->blocks);
	}
	if (event->opcode != NVME_OPCODE_FABRICS)
		snprintf(nsid, sizeof(nsid), "%u", event->nsid);
	snprintf(status_text, sizeof(status_text), "%.40s%s",
		event->status ? nvme_status_name(event->kind, event->opcode, event->status, status)
			      : "ok",
		event->dnr ? " (DNR)" : "");
	stoq_group_label(label, queue, STOQ_BY_QUEUE, 0);
	snprintf(line, STOQ_EVENT_LINE, "%s %7s %-18.18s 0x%04x %8s %16s %6s %8u %-28s %s",
		stoq_timestamp_local(time, event->start_ns + unix_offset_ns, 6),
		stoq_text_time(latency, event->latency_ns, ""),
		nvme_opcode_name(event->kind, event->opcode, event->fctype, opcode), event->cid,
		nsid, slba, blocks, event->bytes, status_text, label);
}

/* Bits 1:0 of the opcode, or of the Fabrics command type: 10b is to the host (Base 5, 6). */
static bool is_read(const struct stoq_event_command *event)
{
	return ((event->opcode == NVME_OPCODE_FABRICS ? event->fctype : event->opcode) & 3) == 2;
}

bool stoq_event_stages_line(
	char line[static STOQ_EVENT_LINE], const struct stoq_event_command *event)
{
	const struct stoq_stages *stages = stoq_event_stages(event);
	const char *const words[STOQ_STAGES] = {
		[STOQ_STAGE_ANSWER] = is_read(event) ? "to the first data" : "to the R2T",
		[STOQ_STAGE_HOST] = "from there to the host's data",
		[STOQ_STAGE_DATA] = "of data",
		[STOQ_STAGE_END] = "from the last data to the completion",
	};
	char number[STOQ_TEXT_NUMBER];
	int used;

	if (!stages || stages->ns[STOQ_STAGE_ANSWER] == event->latency_ns)
		return false;
	used = snprintf(
		line, STOQ_EVENT_LINE, "    of %s:", stoq_text_time(number, event->latency_ns, ""));
	for (int i = 0; i < STOQ_STAGES; i++)
		if (stages->ns[i])
			used += snprintf(line + used, STOQ_EVENT_LINE - (size_t)used, " %s %s,",
				stoq_text_time(number, stages->ns[i], ""), words[i]);
	line[used - 1] = '\0'; /* the last comma */
	return true;
}

const char *stoq_event_pdu_heading(void)
{
	return "TIME                              FLOW SENDER     TYPE          SEQUENCE     PLEN "
	       "DETAIL";
}

static void describe_command(char *out, const struct nvme_sqe *sqe)
{
	if (sqe->opcode == NVME_OPCODE_FABRICS)
		snprintf(out, DETAIL_SIZE, "cid 0x%04x fabrics type 0x%02x",
			nvme_le16(sqe->command_id), nvme_le32(sqe->nsid) & 0xff);
	else
		snprintf(out, DETAIL_SIZE, "cid 0x%04x opcode 0x%02x nsid %u cdw10 0x%x length %u",
			nvme_le16(sqe->command_id), sqe->opcode, nvme_le32(sqe->nsid),
			nvme_le32(sqe->cdw10), nvme_le32(sqe->sgl1.length));
}

static void describe_transfer(char *out, const struct nvme_tcp_data_pdu *pdu)
{
	snprintf(out, DETAIL_SIZE, "cid 0x%04x offset %u length %u%s%s", nvme_le16(pdu->command_id),
		nvme_le32(pdu->data_offset), nvme_le32(pdu->data_length),
		pdu->hdr.flags & NVME_TCP_FLAG_LAST ? " LAST" : "",
		pdu->hdr.flags & NVME_TCP_FLAG_SUCCESS ? " SUCCESS" : "");
}

static void describe(char *out, const struct nvme_tcp_hdr *hdr)
{
	const void *pdu = hdr;
	const struct nvme_tcp_icreq_pdu *initialize = pdu;
	const struct nvme_cqe *cqe = &((const struct nvme_tcp_rsp_pdu *)pdu)->cqe;

	switch (hdr->type) {
	case NVME_TCP_ICREQ:
	case NVME_TCP_ICRESP:
		snprintf(out, DETAIL_SIZE, "digest 0x%x %s %u", initialize->digest,
			hdr->type == NVME_TCP_ICREQ ? "maxr2t" : "maxh2cdata",
			nvme_le32(initialize->maxr2t));
		break;
	case NVME_TCP_H2C_TERM:
	case NVME_TCP_C2H_TERM:
		snprintf(out, DETAIL_SIZE, "fatal error status %u",
			nvme_le16(((const struct nvme_tcp_term_pdu *)pdu)->fes));
		break;
	case NVME_TCP_CAPSULE_CMD:
		describe_command(out, &((const struct nvme_tcp_cmd_pdu *)pdu)->sqe);
		break;
	case NVME_TCP_CAPSULE_RESP:
		snprintf(out, DETAIL_SIZE, "cid 0x%04x status 0x%x", nvme_le16(cqe->command_id),
			nvme_status_code(nvme_le16(cqe->status)));
		break;
	default:
		describe_transfer(out, pdu);
	}
}

void stoq_event_pdu_line(char line[static STOQ_EVENT_LINE], const struct stoq_event_pdu *event,
	uint64_t unix_offset_ns)
{
	struct nvme_tcp_icreq_pdu header = {0}; /* the longest: a copy that is aligned */
	char time[STOQ_TIMESTAMP], detail[DETAIL_SIZE] = "";

	memcpy(&header, event->header, sizeof(header));
	if (nvme_tcp_header_length(header.hdr.type) &&
		event->header_bytes >= nvme_tcp_header_length(header.hdr.type))
		describe(detail, &header.hdr);
	snprintf(line, STOQ_EVENT_LINE, "%s %5u %-10s %-11s %10u %8u %s",
		stoq_timestamp_local(time, event->time_ns + unix_offset_ns, 6), event->uid,
		event->side == NVME_TCP_FROM_HOST ? "host" : "controller",
		nvme_tcp_pdu_name(header.hdr.type), event->sequence, nvme_le32(header.hdr.plen),
		detail);
}
