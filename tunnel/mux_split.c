// SPDX-License-Identifier: BSD-2-Clause
/* From TCP to lanes. */
#include <errno.h>

#include "tunnel/mux_private.h"

size_t stoq_mux_write_lane(
	struct stoq_mux *mux, unsigned int lane, const uint8_t *data, size_t size)
{
	size_t taken = mux->config.io->write(mux->config.context, lane, data, size);

	if (taken < size)
		mux->split.blocked = true;
	return taken;
}

/* ---- which lane ---- */

/* Of a command that begins; the second of a fused pair follows the first. */
static unsigned int lane_of_new(struct stoq_mux *mux, const struct nvme_sqe *sqe)
{
	unsigned int lane = nvme_le16(sqe->command_id) % mux->lane_count;

	if (mux->split.fused_lane >= 0)
		lane = (unsigned int)mux->split.fused_lane;
	mux->split.fused_lane =
		(sqe->flags & NVME_SQE_FUSE_MASK) == NVME_SQE_FUSE_FIRST ? (int)lane : -1;
	return lane;
}

/* Of a command that goes on. One that is not known is the receiver's to refuse, in any lane. */
static unsigned int lane_of_known(const struct stoq_mux *mux, uint16_t cid)
{
	const struct stoq_command *command = stoq_command_table_find(&mux->commands, cid);

	return command && command->lane < STOQ_LANES_MAX && mux->lanes[command->lane]
		       ? command->lane
		       : 0;
}

static unsigned int lane_of(struct stoq_mux *mux, const union stoq_pdu_header *header)
{
	switch (header->hdr.type) {
	case NVME_TCP_CAPSULE_CMD:
		return lane_of_new(mux, &header->cmd.sqe);
	case NVME_TCP_CAPSULE_RESP:
		return lane_of_known(mux, nvme_le16(header->rsp.cqe.command_id));
	case NVME_TCP_H2C_DATA:
	case NVME_TCP_C2H_DATA:
	case NVME_TCP_R2T:
		return lane_of_known(mux, nvme_le16(header->data.command_id));
	default:
		return 0;
	}
}

/* ---- PDUs ---- */

static bool is_term(const struct nvme_tcp_hdr *hdr)
{
	return hdr->type == NVME_TCP_H2C_TERM || hdr->type == NVME_TCP_C2H_TERM;
}

/* The answer to a command that was spoilt: ours goes in its place, with the SQHD that it had. */
static void replace(struct stoq_mux *mux, uint64_t now_ns)
{
	const struct nvme_cqe *cqe = &mux->split.reader.header.rsp.cqe;
	const struct stoq_command *command =
		stoq_command_table_find(&mux->commands, nvme_le16(cqe->command_id));
	struct stoq_command copy = *command;

	mux->split.discarding = false;
	mux->spoilt--;
	stoq_mux_pdu_ends(mux, &mux->split.reader.header, now_ns);
	stoq_mux_refuse(mux, copy.lane, copy.cid, copy.refuse_with);
}

static void pass_end(struct stoq_mux *mux, uint64_t now_ns)
{
	if (mux->split.discarding) {
		replace(mux, now_ns);
		return;
	}
	stoq_mux_pdu_ends(mux, &mux->split.reader.header, now_ns);
	stoq_mux_tell_times(mux, now_ns);
	if (mux->own_count)
		stoq_mux_write_own(mux, now_ns);
	/* Nothing may follow a TermReq. */
	if (is_term(&mux->split.reader.header.hdr))
		mux->split.over = true;
}

static int pass_begin(struct stoq_mux *mux, uint64_t now_ns)
{
	const union stoq_pdu_header *header = &mux->split.reader.header;
	bool first = !mux->agreed.first_passed[mux->split.reader.side];

	mux->split.lane = lane_of(mux, header);
	mux->split.discarding = stoq_mux_replaces(mux, header);
	if (stoq_mux_pdu_begins(mux, header, mux->split.lane, now_ns))
		return -1;
	if (!first || mux->config.end != STOQ_TUNNEL_HOST_END ||
		!mux->config.io->begin(mux->config.context, false))
		return 0;
	stoq_mux_fail(mux, STOQ_LANE_LIMIT, "lane 0 takes nothing");
	return -1;
}

/* Passes on what fits; what does not is given back to the reader, or kept if it was the reader's.
 */
static void pass_piece(struct stoq_mux *mux, const struct stoq_pdu_piece *piece,
	const uint8_t **data, uint64_t now_ns)
{
	const uint8_t *header = mux->split.reader.header.bytes;
	size_t left = 0;

	if (!mux->split.discarding)
		left = piece->size -
		       stoq_mux_write_lane(mux, mux->split.lane, piece->bytes, piece->size);

	if (!left) {
		if (piece->ends)
			pass_end(mux, now_ns);
	} else if (piece->bytes == header) {
		mux->split.pending = piece->bytes + piece->size - left;
		mux->split.pending_bytes = left;
	} else {
		stoq_pdu_reader_put_back(&mux->split.reader, left);
		*data -= left;
	}
}

/* The rest of a header that the reader has. */
static void pass_pending(struct stoq_mux *mux, uint64_t now_ns)
{
	size_t taken = stoq_mux_write_lane(
		mux, mux->split.lane, mux->split.pending, mux->split.pending_bytes);

	mux->split.pending += taken;
	mux->split.pending_bytes -= taken;
	if (!mux->bytes && !mux->split.pending_bytes && !mux->split.reader.rest)
		pass_end(mux, now_ns);
}

/* ---- what is not NVMe/TCP ---- */

/* The first bytes are no ICReq: from here on they are carried as they are, or refused. */
static size_t begin_bytes(struct stoq_mux *mux, const uint8_t *data, size_t size)
{
	struct stoq_pdu_reader *reader = &mux->split.reader;

	if (mux->config.io->begin(mux->config.context, true)) {
		stoq_mux_fail(mux, STOQ_LANE_NOT_NVME,
			"what the host sends is not NVMe/TCP: it does not begin with ICReq");
		return 0;
	}
	mux->bytes = true;
	mux->split.pending = reader->header.bytes;
	mux->split.pending_bytes = reader->have;
	reader->have = 0;
	pass_pending(mux, 0);
	return mux->split.pending_bytes ? 0 : stoq_mux_write_lane(mux, 0, data, size);
}

static void refuse_bytes(struct stoq_mux *mux)
{
	stoq_mux_fail(mux, STOQ_LANE_PROTOCOL, "what the %s sends is not NVMe/TCP",
		mux->config.end == STOQ_TUNNEL_HOST_END ? "host" : "target");
}

static size_t take_bytes(struct stoq_mux *mux, const uint8_t *data, size_t size)
{
	return stoq_mux_write_lane(mux, 0, data, size);
}

/* ---- the interface ---- */

/* No more PDUs come from TCP: ends the lanes as soon as all was written. */
static void finish_lanes(struct stoq_mux *mux)
{
	if (!mux->split.over) {
		mux->split.over = true;
		mux->times_due_ns = 0; /* the last record */
		stoq_mux_tell_times(mux, 0);
	}
	if (mux->split.finished || mux->own_count)
		return;
	mux->split.finished = true;
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		if (mux->lanes[i])
			mux->config.io->finish(mux->config.context, i);
}

static size_t take_pdus(struct stoq_mux *mux, const uint8_t *data, size_t size, uint64_t now_ns)
{
	const uint8_t *start = data, *end = data + size;
	struct stoq_pdu_piece piece;

	while (stoq_mux_wants_tcp(mux) && !mux->split.over) {
		enum stoq_pdu_verdict verdict =
			stoq_pdu_reader_next(&mux->split.reader, &data, end, &piece);

		if (verdict == STOQ_PDU_MORE)
			break;
		if (verdict == STOQ_PDU_BAD) {
			if (mux->config.end == STOQ_TUNNEL_HOST_END &&
				!mux->agreed.first_passed[NVME_TCP_FROM_HOST])
				data += begin_bytes(mux, data, (size_t)(end - data));
			else
				refuse_bytes(mux);
			break;
		}
		if (piece.begins && pass_begin(mux, now_ns))
			break;
		if (mux->config.end == STOQ_TUNNEL_HOST_END)
			stoq_mux_note_connect(mux, &piece);
		pass_piece(mux, &piece, &data, now_ns);
	}
	if (!mux->split.over)
		return (size_t)(data - start);
	finish_lanes(mux);
	return size;
}

size_t stoq_mux_from_tcp(struct stoq_mux *mux, const uint8_t *data, size_t size, uint64_t now_ns)
{
	if (!stoq_mux_wants_tcp(mux))
		return 0;
	return mux->bytes ? take_bytes(mux, data, size) : take_pdus(mux, data, size, now_ns);
}

void stoq_mux_tcp_ended(struct stoq_mux *mux)
{
	if (mux->split.over || stoq_mux_failed(mux))
		return;
	if (!mux->bytes && mux->config.end == STOQ_TUNNEL_HOST_END &&
		!mux->agreed.first_passed[NVME_TCP_FROM_HOST])
		/* Lane 0 has no header yet: it must not end. */
		stoq_mux_fail(mux, STOQ_LANE_TCP_RESET, "the host ended it before its first PDU");
	else if (!mux->bytes && !stoq_pdu_reader_idle(&mux->split.reader))
		stoq_mux_fail(mux, STOQ_LANE_TCP_RESET, "the TCP connection ended inside a PDU");
	else
		finish_lanes(mux);
}

void stoq_mux_lane_writable(struct stoq_mux *mux, uint64_t now_ns)
{
	mux->split.blocked = false;
	/* It may be the end of a completion, with nothing more to come from TCP. */
	if (mux->split.pending_bytes)
		pass_pending(mux, now_ns);
	if (mux->own_count)
		stoq_mux_write_own(mux, now_ns);
	if (mux->split.over)
		finish_lanes(mux);
}
