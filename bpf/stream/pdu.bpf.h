/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What each PDU type means for its flow: one function per type. */
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "bpf/stream/refused_shared.h"
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

/*
 * Which queue is this, if its Connect was before our time? I/O commands name a namespace; only
 * Flush may name all.
 */
static __always_inline int stoq_looks_admin(const struct nvme_sqe *sqe)
{
	__u32 nsid = nvme_le32(sqe->nsid);

	if (sqe->opcode == NVME_ADMIN_IDENTIFY || sqe->opcode == NVME_ADMIN_SET_FEATURES)
		return nsid == 0 || nsid == 0xffffffff || sqe->opcode == NVME_ADMIN_IDENTIFY;
	if (nsid == 0xffffffff)
		return sqe->opcode != NVME_NVM_FLUSH;
	return nsid == 0 && sqe->opcode != NVME_OPCODE_FABRICS;
}

static __always_inline int stoq_is_connect(const struct nvme_sqe *sqe)
{
	return sqe->opcode == NVME_OPCODE_FABRICS &&
	       ((const struct nvme_fabrics_sqe *)sqe)->fctype == NVME_FABRICS_CONNECT;
}

static __always_inline void stoq_on_connect(struct stoq_flow *flow, struct stoq_flow_side *side,
	const struct stoq_cpu *cpu, const struct nvme_tcp_cmd_pdu *pdu, __u32 sequence)
{
	const struct nvme_connect_sqe *connect = (const void *)&pdu->sqe;

	flow->qid = nvme_le16(connect->qid);
	flow->sqsize = nvme_le16(connect->sqsize);
	flow->kato_ms = nvme_le32(connect->kato_ms);
	flow->kind = flow->qid ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
	flow->connect_cid = nvme_le16(connect->command_id);
	flow->connect_accepted = 0;
	flow->connected = 1;
	if (nvme_tcp_data_length(&pdu->hdr) < sizeof(struct nvme_connect_data))
		return;
	side->collect_at = sequence + pdu->hdr.pdo;
	side->collect_offset = 0;
	side->collect_left = sizeof(struct nvme_connect_data);
}

/* What counting needs of an SQE, in the form the table keeps. */
static __always_inline void stoq_command_from_sqe(
	struct stoq_command *command, const struct nvme_sqe *sqe, __u8 kind, __u64 now_ns)
{
	int fabrics = sqe->opcode == NVME_OPCODE_FABRICS;
	int io = kind == NVME_QUEUE_IO && !fabrics;
	__u8 fctype = fabrics ? ((const struct nvme_fabrics_sqe *)sqe)->fctype : 0;
	__u8 opcode = sqe->opcode;

	if (stoq_hook_is_behind_guard()) {
		fctype = fabrics ? stoq_refused_original(sqe, fctype) : 0;
		opcode = stoq_refused_original(sqe, opcode);
	}
	command->start_ns = now_ns;
	command->opcode = opcode;
	command->kind = kind;
	command->fctype = fctype;
	command->nsid = fabrics ? 0 : nvme_le32(sqe->nsid);
	command->bytes = stoq_transfer_bytes(sqe, fctype);
	if ((stoq_keep_details & STOQ_KEEP_SIZES) && !fabrics)
		command->fctype = stoq_size_class(command->bytes);
	command->slba = io ? nvme_sqe_slba(sqe) : 0;
	command->blocks = io && nvme_has_lba_range(opcode) && !nvme_sqe_is_whole_namespace(sqe)
				  ? nvme_sqe_block_count(sqe)
				  : 0;
	command->untimed =
		kind == NVME_QUEUE_ADMIN && sqe->opcode == NVME_ADMIN_ASYNC_EVENT_REQUEST;
}

static __always_inline void stoq_on_command(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cpu *cpu, const struct nvme_tcp_cmd_pdu *pdu, __u32 sequence)
{
	const struct nvme_sqe *sqe = &pdu->sqe;
	struct stoq_command *command = &cpu->command;
	int result;

	if (stoq_is_connect(sqe) && stoq_hook_believes_connect(flow))
		stoq_on_connect(flow, side, cpu, pdu, sequence);
	else if (!flow->connected && stoq_looks_admin(sqe))
		flow->kind = NVME_QUEUE_ADMIN;
	stoq_command_from_sqe(command, sqe, flow->kind, cpu->now_ns);
	command->sequence = sequence;
	result = stoq_command_begin(flow, nvme_le16(sqe->command_id), command);
	if (STOQ_CHECKED) {
		stoq_check_begun(flow, cpu, (void *)pdu, result);
		stoq_write_begun(flow, cpu, (void *)pdu);
	}
	if (result < 0) {
		side->untracked++;
		stoq_count(cpu, STOQ_COUNT_UNTRACKED, 1);
	} else {
		stoq_on_begun(flow, cpu, nvme_le16(sqe->command_id), result, command->untimed);
		if (STOQ_STAGED && result)
			stoq_stage_forget(flow, nvme_le16(sqe->command_id));
	}
}

/* side is the controller's; cqe_status is 0 if a C2HData had the SUCCESS flag. */
static __noinline void stoq_complete(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cpu *cpu, __u32 cid, __u32 cqe_status)
{
	struct stoq_command *command = &cpu->command;

	stoq_hook_ended(flow, cid);
	if (STOQ_CHECKED)
		stoq_check_ended(flow, cid);
	if (stoq_command_end(flow, cid, command)) {
		side->unmatched++;
		stoq_count(cpu, STOQ_COUNT_UNMATCHED, 1);
		if (STOQ_STAGED)
			stoq_stage_forget(flow, cid);
		return;
	}
	if (STOQ_CHECKED)
		stoq_write_ended(flow, cpu, cid);
	if (!command->untimed)
		side->commands++;
	stoq_command_count(cpu, flow->uid, cid, command, cqe_status);
}

/* The end of the PDU that was taken last has come; enum stoq_pending. */
static __always_inline void stoq_settle(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 pending)
{
	if (STOQ_STAGED && pending == STOQ_PENDING_DATA_END)
		stoq_stage_data_end(flow, cpu, side->cursor.pending_cid);
	else
		stoq_complete(flow, side, cpu, side->cursor.pending_cid, 0);
}

static __always_inline void stoq_on_response(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cpu *cpu, const struct nvme_cqe *cqe)
{
	__u16 cid = nvme_le16(cqe->command_id), status = nvme_le16(cqe->status);

	if (flow->connected && !flow->connect_accepted && cid == flow->connect_cid &&
		!nvme_status_code(status)) {
		flow->cntlid = nvme_le32(cqe->dw0) & 0xffff;
		flow->connect_accepted = 1;
	}
	stoq_complete(flow, side, cpu, cid, status);
}

/* The last C2HData of a read may stand for its completion; it ends with the data's last byte. */
static __always_inline void stoq_on_data_to_host(
	struct stoq_cursor *cursor, const struct nvme_tcp_data_pdu *pdu)
{
	if (!(pdu->hdr.flags & NVME_TCP_FLAG_SUCCESS))
		return;
	cursor->pending = STOQ_PENDING_COMPLETION;
	cursor->pending_cid = nvme_le16(pdu->command_id);
}

static __always_inline void stoq_report_pdu(struct stoq_flow *flow, struct stoq_cpu *cpu,
	const struct nvme_tcp_hdr *hdr, __u32 sequence)
{
	struct stoq_event_pdu *event =
		bpf_ringbuf_reserve(&stoq_events, sizeof(struct stoq_event_pdu), 0);

	if (!event) {
		stoq_count(cpu, STOQ_COUNT_EVENTS_LOST, 1);
		return;
	}
	event->type = STOQ_EVENT_PDU;
	event->uid = flow->uid;
	event->time_ns = cpu->now_ns;
	event->sequence = sequence;
	event->side = cpu->side;
	event->header_bytes = hdr->hlen;
	event->pad[0] = 0;
	event->pad[1] = 0;
	__builtin_memcpy(event->header, hdr, sizeof(event->header));
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void stoq_note_digests(
	struct stoq_flow *flow, const struct nvme_tcp_hdr *hdr)
{
	flow->header_digest |= hdr->flags & NVME_TCP_FLAG_HDGST;
	flow->data_digest |= (hdr->flags & NVME_TCP_FLAG_DDGST) >> 1;
}

/* A whole, consistent header, at this sequence number. */
static __always_inline void stoq_on_pdu(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cursor *cursor, struct stoq_cpu *cpu, const struct nvme_tcp_hdr *hdr,
	__u32 sequence)
{
	side->pdus++;
	cpu->pdu_types[STOQ_BOUND(hdr->type, STOQ_TYPES_ROOM)]++;
	if (hdr->flags & (NVME_TCP_FLAG_HDGST | NVME_TCP_FLAG_DDGST))
		stoq_note_digests(flow, hdr);
	if (STOQ_STAGED)
		stoq_stage_pdu(flow, cpu, (void *)hdr, cursor->next_header - cpu->sequence);
	switch (hdr->type) {
	case NVME_TCP_ICREQ:
		flow->from_start = 1;
		flow->negotiated |=
			STOQ_NEGOTIATED_ICREQ |
			(((const struct nvme_tcp_icreq_pdu *)(const void *)hdr)->digest &
				STOQ_NEGOTIATED_OFFER);
		break;
	case NVME_TCP_ICRESP:
		flow->negotiated |=
			STOQ_NEGOTIATED_ICRESP |
			(((const struct nvme_tcp_icresp_pdu *)(const void *)hdr)->digest &
				STOQ_NEGOTIATED_OFFER)
				<< STOQ_NEGOTIATED_ANSWER_SHIFT;
		break;
	case NVME_TCP_CAPSULE_CMD:
		stoq_on_command(flow, side, cpu, (const void *)hdr, sequence);
		break;
	case NVME_TCP_CAPSULE_RESP:
		stoq_on_response(flow, side, cpu,
			&((const struct nvme_tcp_rsp_pdu *)(const void *)hdr)->cqe);
		break;
	case NVME_TCP_C2H_DATA:
		stoq_on_data_to_host(cursor, (const void *)hdr);
		break;
	case NVME_TCP_H2C_TERM:
	case NVME_TCP_C2H_TERM:
		flow->terminated = 1 + cpu->side;
		flow->term_fes =
			nvme_le16(((const struct nvme_tcp_term_pdu *)(const void *)hdr)->fes);
		break;
	default:
		break; /* R2T and H2CData change nothing that is counted */
	}
	if (stoq_report_pdus)
		stoq_report_pdu(flow, cpu, hdr, sequence);
}
