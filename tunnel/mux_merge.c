// SPDX-License-Identifier: BSD-2-Clause
/* From lanes to TCP. */
#include <errno.h>
#include <string.h>

#include "nvme/nvme_digest.h"
#include "nvme/nvme_tcp_check.h"
#include "tunnel/mux_private.h"

/* Command Aborted due to Failed Fused Command (Base specification 2.0c, figure 94). */
#define ABORTED_FAILED_FUSED NVME_STATUS(0, 0x09)

/* Lanes of a queue that may wait for other lanes with a PDU each while memory is full. */
#define HELD_MAX 1

static void out_of_memory(struct stoq_mux *mux)
{
	stoq_mux_fail(mux, STOQ_LANE_LIMIT, "no memory for bytes on their way");
}

static void write_out(struct stoq_mux *mux, const uint8_t *data, size_t size)
{
	if (stoq_byte_queue_add(&mux->merge.out, mux->config.pool, data, size))
		out_of_memory(mux);
}

/* ---- order between lanes ---- */

static bool others_finished(const struct stoq_mux *mux, unsigned int lane)
{
	for (unsigned int i = 0; i < mux->merge.announced; i++)
		if (i != lane && !(mux->lanes[i] && mux->lanes[i]->finished))
			return false;
	return true;
}

/* All lanes have ended, and nothing of them waits. */
static void look_for_end(struct stoq_mux *mux)
{
	for (unsigned int i = 0; i < mux->merge.announced; i++)
		if (!mux->lanes[i] || !mux->lanes[i]->finished || mux->lanes[i]->held)
			return;
	mux->merge.over = true;
}

/* Has the PDU that this lane begins to wait, for what other lanes have above all? */
static bool must_wait(const struct stoq_mux *mux, unsigned int lane)
{
	switch (mux->lanes[lane]->reader.header.hdr.type) {
	case NVME_TCP_CAPSULE_CMD:
		/* Without room for an answer it could not be refused. */
		return !stoq_mux_has_room_for_own(mux) ||
		       (mux->merge.fused_lane >= 0 && mux->merge.fused_lane != (int)lane);
	case NVME_TCP_H2C_TERM:
	case NVME_TCP_C2H_TERM:
		return !others_finished(mux, lane);
	default:
		return false;
	}
}

/* Stashes of this queue: those that wait for other lanes, or those that wait for the rest of their PDU. */
static unsigned int count_stashes(const struct stoq_mux *mux, bool held)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		count += mux->lanes[i] && mux->lanes[i]->stash && mux->lanes[i]->held == held;
	return count;
}

/*
 * With the pool full, a queue gathers one PDU at a time: the rest of that one comes in its own lane,
 * so it goes on. The second of a fused pair may always come, as others wait for it.
 */
static bool has_memory(const struct stoq_mux *mux, unsigned int lane)
{
	return !stoq_block_pool_full(mux->config.pool) || mux->lanes[lane]->stash ||
	       mux->merge.writer == (int)lane || mux->merge.fused_lane == (int)lane ||
	       !count_stashes(mux, false);
}

static bool may_write(const struct stoq_mux *mux, unsigned int lane)
{
	const struct stoq_mux_lane *from = mux->lanes[lane];
	bool mine = mux->merge.writer < 0 || mux->merge.writer == (int)lane;

	return !stoq_mux_failed(mux) && mine && !from->held && !from->waits &&
	       stoq_mux_has_room_for_own(mux) &&
	       stoq_byte_queue_open(
		       &mux->merge.out, mux->config.pool, mux->config.output_limit_bytes) &&
	       has_memory(mux, lane);
}

/* ---- a PDU's way ---- */

static void end_pdu(struct stoq_mux *mux, unsigned int lane, uint64_t now_ns)
{
	struct stoq_mux_lane *from = mux->lanes[lane];
	bool had_writer = mux->merge.writer == (int)lane;

	if (had_writer)
		mux->merge.writer = -1;
	if (!from->discarding)
		stoq_mux_pdu_ends(mux, &from->reader.header, now_ns);
	from->discarding = false;
	if (had_writer)
		stoq_mux_wake_lanes(mux, now_ns);
}

/* Notes what a capsule means for the capsules of other lanes. */
static void note_fused(struct stoq_mux *mux, unsigned int lane, uint64_t now_ns)
{
	const union stoq_pdu_header *header = &mux->lanes[lane]->reader.header;
	bool was_fused = mux->merge.fused_lane >= 0;

	if (header->hdr.type != NVME_TCP_CAPSULE_CMD)
		return;
	mux->merge.fused_lane = (header->cmd.sqe.flags & NVME_SQE_FUSE_MASK) == NVME_SQE_FUSE_FIRST
					? (int)lane
					: -1;
	mux->merge.fused_refused = mux->lanes[lane]->discarding;
	if (was_fused && mux->merge.fused_lane < 0)
		stoq_mux_wake_lanes(mux, now_ns);
}

/* The status to refuse the PDU with, 0: it goes on. */
static uint16_t judge(
	struct stoq_mux *mux, const union stoq_pdu_header *header, const uint8_t *pdu, size_t size)
{
	uint16_t status;

	if (header->hdr.type != NVME_TCP_CAPSULE_CMD || !mux->config.io->judge)
		return 0;
	status = stoq_mux_judge_order(mux, header);
	if (status)
		return status;
	/* Both or none (Base specification 2.0c, 3.4.2): a target must not get the second alone. */
	if (mux->merge.fused_refused && stoq_mux_is_second(header))
		return ABORTED_FAILED_FUSED;
	return mux->config.io->judge(mux->config.context, &header->cmd, pdu, size);
}

/* A record: it ends here. Each end sends its own ones only. */
static void take_record(struct stoq_mux *mux, unsigned int lane, const uint8_t *record, size_t size)
{
	const struct nvme_tcp_hdr *hdr = &mux->lanes[lane]->reader.header.hdr;
	bool host_end = mux->config.end == STOQ_TUNNEL_HOST_END;

	if (hdr->type == STOQ_LANE_RECORD_LANES && !host_end && !lane && mux->merge.announced == 1)
		mux->merge.announced = stoq_lane_record_lanes(hdr);
	else if (hdr->type == STOQ_LANE_RECORD_TIMES && host_end)
		stoq_lane_record_times(record, &mux->figures.at_target);
	else if (hdr->type == STOQ_LANE_RECORD_TARGETS && host_end && mux->config.io->targets)
		mux->config.io->targets(mux->config.context, (const char *)record + sizeof(*hdr),
			size - sizeof(*hdr));
	else
		stoq_mux_fail(mux, STOQ_LANE_PROTOCOL, "lane %u carries a record of type %02xh",
			lane, hdr->type);
}

/* Target end: a command that reads a discovery log, in which the host end changes addresses. */
static bool asks_for_targets(const struct stoq_mux *mux, const union stoq_pdu_header *header)
{
	const struct stoq_command *command;

	if (mux->config.end != STOQ_TUNNEL_TARGET_END || header->hdr.type != NVME_TCP_CAPSULE_CMD)
		return false;
	command = stoq_command_table_find(&mux->commands, nvme_le16(header->cmd.sqe.command_id));
	return command && command->discovery;
}

/* The target gets a second that it has to fail, and with it the first; its answer is replaced. */
static void spoil_second(struct stoq_mux *mux, unsigned int lane, const uint8_t *pdu, size_t size,
	uint16_t status, uint64_t now_ns)
{
	union stoq_pdu_header header;
	uint8_t front[STOQ_MUX_FRONT_BYTES];
	size_t spoilt = stoq_mux_spoil(front, &mux->lanes[lane]->reader.header.cmd);

	/* What goes on is noted, not what was refused: that may be a Connect. */
	memcpy(&header.cmd, front, sizeof(header.cmd));
	/* It was gathered, so its header and digest are here. */
	if (size < spoilt || stoq_mux_pdu_begins(mux, &header, lane, now_ns))
		return;
	mux->spoilt++;
	stoq_command_table_replace_answer(
		&mux->commands, nvme_le16(header.cmd.sqe.command_id), status);
	write_out(mux, front, spoilt);
	write_out(mux, pdu + spoilt, size - spoilt);
}

/* The first bytes of a PDU are about to be written. */
static void begin_pdu(
	struct stoq_mux *mux, unsigned int lane, const uint8_t *pdu, size_t size, uint64_t now_ns)
{
	struct stoq_mux_lane *from = mux->lanes[lane];
	const union stoq_pdu_header *header = &from->reader.header;
	uint16_t status;

	if (stoq_lane_record_valid(&header->hdr)) {
		take_record(mux, lane, pdu, size);
		from->discarding = true;
		return;
	}
	if (!stoq_mux_admits(mux, header))
		return;
	status = judge(mux, header, pdu, size);
	if (status && mux->merge.fused_lane == (int)lane && !mux->merge.fused_refused &&
		stoq_mux_is_second(header)) {
		spoil_second(mux, lane, pdu, size, status, now_ns);
		return;
	}
	if (status) {
		stoq_mux_refuse(mux, lane, nvme_le16(header->cmd.sqe.command_id), status);
		from->discarding = true;
		return;
	}
	if (stoq_mux_pdu_begins(mux, header, lane, now_ns))
		return;
	if (asks_for_targets(mux, header))
		stoq_mux_tell_targets(mux, lane);
	write_out(mux, pdu, size);
}

/* Writes what a lane has of a PDU that begins. */
static void start_pdu(
	struct stoq_mux *mux, unsigned int lane, const uint8_t *pdu, size_t size, uint64_t now_ns)
{
	struct stoq_mux_lane *from = mux->lanes[lane];

	begin_pdu(mux, lane, pdu, size, now_ns);
	/* Before others are woken. */
	if (from->reader.rest && !from->discarding)
		mux->merge.writer = (int)lane;
	note_fused(mux, lane, now_ns);
	if (!from->reader.rest)
		end_pdu(mux, lane, now_ns);
}

/* ---- PDUs that wait ---- */

/* The command whose part of the discovery log this is, NULL: it is not part of one. */
static const struct stoq_command *discovery_of(
	const struct stoq_mux *mux, const union stoq_pdu_header *header)
{
	const struct stoq_command *command;

	if (header->hdr.type != NVME_TCP_C2H_DATA || !mux->config.io->rewrite || mux->qid)
		return NULL;
	command = stoq_command_table_find(&mux->commands, nvme_le16(header->data.command_id));
	return command && command->discovery ? command : NULL;
}

/* Are the data looked at? */
static bool is_read(const union stoq_pdu_header *header)
{
	return stoq_mux_is_connect(header) || stoq_lane_record_valid(&header->hdr) ||
	       stoq_mux_lists_ranges(header) || stoq_mux_is_second(header);
}

/*
 * A part of a PDU waits if others could go before it, and in any case if its data are looked at. A
 * discovery log is changed, so it needs memory of ours.
 */
static bool has_to_gather(const struct stoq_mux *mux, unsigned int lane, bool whole)
{
	const union stoq_pdu_header *header = &mux->lanes[lane]->reader.header;

	if (must_wait(mux, lane) || discovery_of(mux, header))
		return true;
	return !whole && (mux->lane_count > 1 || is_read(header));
}

/* Changes a part of a discovery log, and its digest, if the PDU is here as a whole. */
static void rewrite_discovery(struct stoq_mux *mux, unsigned int lane)
{
	struct stoq_mux_lane *from = mux->lanes[lane];
	const union stoq_pdu_header *header = &from->reader.header;
	const struct stoq_command *command = discovery_of(mux, header);
	uint32_t length = nvme_tcp_data_length(&header->hdr);
	uint8_t *data = from->stash->data + header->hdr.pdo;

	if (!command || from->reader.rest)
		return;
	mux->config.io->rewrite(mux->config.context,
		command->log_at + nvme_le32(header->data.data_offset), data, length);
	if (header->hdr.flags & NVME_TCP_FLAG_DDGST)
		nvme_digest_store(data + length, nvme_crc32c(data, length));
}

/* Those that wait for other lanes stay for as long as the other end likes. */
static void look_at_held(struct stoq_mux *mux)
{
	if (stoq_block_pool_full(mux->config.pool) && count_stashes(mux, true) > HELD_MAX)
		stoq_mux_fail(mux, STOQ_LANE_LIMIT,
			"memory is full, and commands in more than %d lanes wait for other lanes",
			HELD_MAX);
}

static void resume(struct stoq_mux *mux, unsigned int lane)
{
	mux->lanes[lane]->paused = false;
	mux->config.io->resume(mux->config.context, lane);
}

/* Lanes that were not taken because the pool was full. */
static void resume_starved(struct stoq_mux *mux)
{
	if (!mux->merge.starved)
		return;
	mux->merge.starved = false;
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		if (mux->lanes[i] && mux->lanes[i]->paused)
			resume(mux, i);
}

static void start_stash(struct stoq_mux *mux, unsigned int lane, uint64_t now_ns)
{
	struct stoq_mux_lane *from = mux->lanes[lane];
	struct stoq_block *stash = from->stash;

	from->held = must_wait(mux, lane);
	if (from->held) {
		look_at_held(mux);
		return;
	}
	rewrite_discovery(mux, lane);
	from->stash = NULL;
	start_pdu(mux, lane, stash->data, stash->end, now_ns);
	stoq_block_put(mux->config.pool, stash);
	resume_starved(mux);
	if (from->finished)
		look_for_end(mux);
}

/* Puts a piece into the stash; what does not fit goes back to the reader. */
static void stash_piece(struct stoq_mux *mux, unsigned int lane, const struct stoq_pdu_piece *piece,
	const uint8_t **data, uint64_t now_ns)
{
	struct stoq_mux_lane *from = mux->lanes[lane];
	size_t room, size = piece->size;

	if (!from->stash)
		from->stash = stoq_block_get(mux->config.pool);
	if (!from->stash) {
		out_of_memory(mux);
		return;
	}
	room = STOQ_BLOCK_ROOM - from->stash->end;
	if (size > room) {
		stoq_pdu_reader_put_back(&from->reader, size - room);
		*data -= size - room;
		size = room;
	}
	memcpy(from->stash->data + from->stash->end, piece->bytes, size);
	from->stash->end += (uint32_t)size;
	if (!from->reader.rest || from->stash->end == STOQ_BLOCK_ROOM)
		start_stash(mux, lane, now_ns);
}

void stoq_mux_wake_lanes(struct stoq_mux *mux, uint64_t now_ns)
{
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++) {
		struct stoq_mux_lane *lane = mux->lanes[i];

		if (!lane)
			continue;
		if (lane->held && mux->merge.writer < 0 && !must_wait(mux, i))
			start_stash(mux, i, now_ns);
		if (lane->paused && may_write(mux, i))
			resume(mux, i);
	}
}

/* ---- the interface ---- */

static void take_piece(struct stoq_mux *mux, unsigned int lane, const struct stoq_pdu_piece *piece,
	const uint8_t **data, uint64_t now_ns)
{
	struct stoq_mux_lane *from = mux->lanes[lane];

	if (from->stash || (piece->begins && has_to_gather(mux, lane, piece->ends))) {
		stash_piece(mux, lane, piece, data, now_ns);
	} else if (piece->begins) {
		start_pdu(mux, lane, piece->bytes, piece->size, now_ns);
	} else {
		if (!from->discarding)
			write_out(mux, piece->bytes, piece->size);
		if (piece->ends)
			end_pdu(mux, lane, now_ns);
	}
}

static size_t take_pdus(
	struct stoq_mux *mux, unsigned int lane, const uint8_t *data, size_t size, uint64_t now_ns)
{
	const uint8_t *start = data, *end = data + size;
	struct stoq_pdu_piece piece;

	while (data < end && may_write(mux, lane)) {
		size_t at = (size_t)(data - start);
		enum stoq_pdu_verdict verdict =
			stoq_pdu_reader_next(&mux->lanes[lane]->reader, &data, end, &piece);

		if (verdict == STOQ_PDU_BAD)
			stoq_mux_fail(
				mux, STOQ_LANE_PROTOCOL, "lane %u carries what is no PDU", lane);
		if (verdict != STOQ_PDU_PIECE)
			break;
		if (stoq_mux_has_to_wait(mux, lane, at, &piece, now_ns)) {
			data = stoq_pdu_reader_put_back_begin(
				&mux->lanes[lane]->reader, &piece, data);
			break;
		}
		take_piece(mux, lane, &piece, &data, now_ns);
	}
	return (size_t)(data - start);
}

/* Targets do not look at the flags, nor at PDO (nvmet_tcp_try_recv_pdu(), SPDK's nvmf_tcp_pdu_ch_handle()). */
static bool is_icreq(const struct nvme_tcp_hdr *hdr)
{
	return hdr->type == NVME_TCP_ICREQ && hdr->hlen == sizeof(struct nvme_tcp_icreq_pdu);
}

/*
 * Bytes that are NVMe/TCP all the same: a host end that calls them bytes would have its hosts' NQNs
 * unchecked. The reader, which has nothing else to do, keeps the first ones.
 */
static bool hides_nvme(struct stoq_mux *mux, const uint8_t *data, size_t size)
{
	struct stoq_pdu_reader *reader = &mux->lanes[0]->reader;
	size_t part = sizeof(reader->header.hdr) - reader->have;

	if (mux->config.end != STOQ_TUNNEL_TARGET_END || !part)
		return false;
	if (part > size)
		part = size;
	memcpy(reader->header.bytes + reader->have, data, part);
	reader->have += (uint32_t)part;
	return reader->have == sizeof(reader->header.hdr) && is_icreq(&reader->header.hdr);
}

static size_t take_bytes(struct stoq_mux *mux, const uint8_t *data, size_t size)
{
	if (!may_write(mux, 0))
		return 0;
	if (hides_nvme(mux, data, size))
		stoq_mux_fail(mux, STOQ_LANE_NOT_NVME,
			"the host end calls an NVMe/TCP connection bytes, so that its host is not "
			"checked");
	else
		write_out(mux, data, size);
	return size;
}

static void lane_ends(struct stoq_mux *mux, unsigned int lane, uint64_t now_ns)
{
	struct stoq_mux_lane *from = mux->lanes[lane];

	if (!mux->bytes && !stoq_pdu_reader_idle(&from->reader)) {
		stoq_mux_fail(mux, STOQ_LANE_PROTOCOL, "lane %u ended inside a PDU", lane);
		return;
	}
	from->finished = true;
	/* The second of its fused pair will not come. */
	if (mux->merge.fused_lane == (int)lane)
		mux->merge.fused_lane = -1;
	stoq_mux_wake_lanes(mux, now_ns);
	look_for_end(mux);
}

size_t stoq_mux_from_lane(struct stoq_mux *mux, unsigned int lane, const uint8_t *data, size_t size,
	bool finished, uint64_t now_ns)
{
	size_t taken;

	if (stoq_mux_failed(mux))
		return size;
	taken = mux->bytes ? take_bytes(mux, data, size) : take_pdus(mux, lane, data, size, now_ns);
	mux->lanes[lane]->paused = taken < size;
	mux->merge.starved |= taken < size && !has_memory(mux, lane);
	if (taken == size && finished && !mux->lanes[lane]->finished)
		lane_ends(mux, lane, now_ns);
	return taken;
}

void stoq_mux_written(struct stoq_mux *mux, size_t size, uint64_t now_ns)
{
	stoq_byte_queue_drop(&mux->merge.out, mux->config.pool, size);
	mux->merge.written_bytes += size;
	if (mux->merge.out.bytes <= mux->config.output_limit_bytes / 2)
		stoq_mux_wake_lanes(mux, now_ns);
}
