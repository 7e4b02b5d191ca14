// SPDX-License-Identifier: BSD-2-Clause
/* What both directions of a queue have in common: its life, its commands, what was agreed. */
#include "tunnel/mux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/nvme_tcp_check.h"
#include "tunnel/discovery.h"
#include "tunnel/mux_private.h"

/* SQHD of a completion when SQ flow control is off (Base specification 2.0c, 3.3.3.2 and 6.3). */
#define SQHD_OFF	    0xffff
/* A table of commands that may grow so far, however full memory is: for 512 of them. */
#define COMMANDS_FREE_BYTES (1024 * sizeof(struct stoq_command))

/* A lane's way to TCP, for lanes that this end opened or that came. 0 or -ENOMEM. */
static int new_lane(struct stoq_mux *mux, unsigned int lane)
{
	struct stoq_mux_lane *new = calloc(1, sizeof(*new));
	bool to_host = mux->config.end == STOQ_TUNNEL_HOST_END;

	if (!new)
		return -ENOMEM;
	stoq_pdu_reader_init(
		&new->reader, to_host ? NVME_TCP_FROM_CONTROLLER : NVME_TCP_FROM_HOST, true);
	mux->lanes[lane] = new;
	mux->lane_count++;
	return 0;
}

int stoq_mux_init(struct stoq_mux *mux, const struct stoq_mux_config *config)
{
	bool host_end = config->end == STOQ_TUNNEL_HOST_END;

	memset(mux, 0, sizeof(*mux));
	mux->config = *config;
	mux->split.fused_lane = -1;
	mux->merge.fused_lane = -1;
	mux->merge.writer = -1;
	mux->merge.announced = 1;
	stoq_pdu_reader_init(&mux->split.reader,
		host_end ? NVME_TCP_FROM_HOST : NVME_TCP_FROM_CONTROLLER, false);
	return host_end ? new_lane(mux, 0) : 0;
}

void stoq_mux_destroy(struct stoq_mux *mux)
{
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++) {
		if (mux->lanes[i] && mux->lanes[i]->stash)
			stoq_block_put(mux->config.pool, mux->lanes[i]->stash);
		free(mux->lanes[i]);
		mux->lanes[i] = NULL;
	}
	stoq_byte_queue_clear(&mux->merge.out, mux->config.pool);
	stoq_block_pool_discharge(mux->config.pool, stoq_command_table_bytes(&mux->commands));
	stoq_command_table_free(&mux->commands);
	free(mux->split.connect);
	mux->split.connect = NULL;
}

int stoq_mux_add_lane(struct stoq_mux *mux, unsigned int lane)
{
	int ret;

	if (lane && !mux->lanes[0])
		return -EPROTO;
	if (mux->lanes[lane])
		return -EEXIST;
	if (mux->bytes && lane)
		return -EPROTO;
	ret = new_lane(mux, lane);
	if (!ret && mux->split.finished)
		mux->config.io->finish(mux->config.context, lane);
	return ret;
}

/* ---- what passes ---- */

/* The first PDU of a direction is ICReq or ICResp, and no other is (TCP Transport 1.0c, 3.2). */
static int check_order(struct stoq_mux *mux, const struct nvme_tcp_hdr *hdr, unsigned int lane)
{
	enum nvme_tcp_side side = nvme_tcp_sender(hdr->type);
	bool first = !mux->agreed.first_passed[side];
	bool is_ic = hdr->type == NVME_TCP_ICREQ || hdr->type == NVME_TCP_ICRESP;

	mux->agreed.first_passed[side] = true;
	if (first == is_ic && !(is_ic && lane))
		return 0;
	/* A target that wants no connection may answer ICReq with C2HTermReq. */
	if (hdr->type == NVME_TCP_C2H_TERM)
		return 0;
	stoq_mux_fail(mux, STOQ_LANE_PROTOCOL, "%s: a PDU of type %02xh %s",
		side == NVME_TCP_FROM_HOST ? "host" : "target", hdr->type,
		first ? "comes before the connection was initialised" : "comes a second time");
	return -1;
}

/* A host that sends on while nothing is answered must not take all memory. */
static int put_command(struct stoq_mux *mux, const struct stoq_command *command)
{
	size_t before = stoq_command_table_bytes(&mux->commands);

	if (before >= COMMANDS_FREE_BYTES && stoq_command_table_crowded(&mux->commands) &&
		stoq_block_pool_full(mux->config.pool)) {
		stoq_mux_fail(mux, STOQ_LANE_LIMIT,
			"memory is full, and %u commands are outstanding", mux->commands.count);
		return -1;
	}
	/* A host that uses a CID twice: no answer of ours is due for the first one. */
	if (mux->spoilt) {
		const struct stoq_command *old =
			stoq_command_table_find(&mux->commands, command->cid);

		mux->spoilt -= old && old->refuse_with;
	}
	if (stoq_command_table_put(&mux->commands, command)) {
		stoq_mux_fail(mux, STOQ_LANE_LIMIT, "no memory for outstanding commands");
		return -1;
	}
	stoq_block_pool_charge(mux->config.pool, stoq_command_table_bytes(&mux->commands) - before);
	return 0;
}

#define MEAN_SHIFT 3 /* over some eight commands */
static void note_size(struct stoq_mux *mux, const struct stoq_command *command)
{
	if (!command->data_bytes || command->connect)
		return;
	if (!mux->typical_bytes)
		mux->typical_bytes = command->data_bytes;
	mux->typical_bytes =
		(uint32_t)(mux->typical_bytes +
			   ((int64_t)command->data_bytes - mux->typical_bytes) / (1 << MEAN_SHIFT));
}

static int command_begins(struct stoq_mux *mux, const union stoq_pdu_header *header,
	unsigned int lane, uint64_t now_ns)
{
	const struct nvme_connect_sqe *connect = (const void *)&header->cmd.sqe;
	struct stoq_command command = {.started_ns = now_ns,
		.cid = nvme_le16(header->cmd.sqe.command_id),
		.lane = (uint8_t)lane,
		.opcode = header->cmd.sqe.opcode,
		.data_bytes = nvme_le32(header->cmd.sqe.sgl1.length),
		.connect = stoq_mux_is_connect(header)};

	if (command.connect) {
		mux->agreed.connecting = true;
		mux->agreed.no_flow_control = connect->cattr & NVME_CONNECT_CATTR_DISABLE_SQ_FLOW;
		mux->qid = nvme_le16(connect->qid);
		if (mux->agreed.no_flow_control)
			mux->agreed.sqhd = SQHD_OFF;
	}
	command.discovery = !mux->qid && stoq_discovery_asked(&header->cmd.sqe, &command.log_at);
	mux->figures.commands++;
	note_size(mux, &command);
	return put_command(mux, &command);
}

int stoq_mux_pdu_begins(struct stoq_mux *mux, const union stoq_pdu_header *header,
	unsigned int lane, uint64_t now_ns)
{
	uint32_t plen = nvme_le32(header->hdr.plen);

	if (check_order(mux, &header->hdr, lane))
		return -1;
	if (nvme_tcp_sender(header->hdr.type) == NVME_TCP_FROM_HOST)
		mux->figures.from_host_bytes += plen;
	else
		mux->figures.to_host_bytes += plen;
	if (header->hdr.type == NVME_TCP_ICRESP) {
		mux->agreed.header_digest = header->icresp.digest & 1;
		mux->agreed.data_digest = header->icresp.digest & 2;
		mux->agreed.cpda = header->icresp.cpda;
	}
	return header->hdr.type == NVME_TCP_CAPSULE_CMD ? command_begins(mux, header, lane, now_ns)
							: 0;
}

/*
 * The host end opens the other lanes when Connect's answer passes, and says in lane 0 how many: the
 * host sends nothing before it has the answer, so lane 0 is between two PDUs.
 */
static void open_lanes(struct stoq_mux *mux)
{
	const struct stoq_mux_io *io = mux->config.io;
	uint8_t record[STOQ_LANE_RECORD_MAX];
	unsigned int lanes;
	size_t size;

	if (mux->config.lanes < 2 || !stoq_pdu_reader_idle(&mux->split.reader) ||
		mux->split.blocked || mux->split.over)
		return;
	lanes = io->open_lanes(mux->config.context, mux->config.lanes);
	if (lanes < 2)
		return;
	size = stoq_lane_record_encode_lanes(record, lanes);
	if (io->write(mux->config.context, 0, record, size) != size)
		stoq_mux_fail(mux, STOQ_LANE_LIMIT, "lane 0 takes nothing");
	for (unsigned int i = 1; i < lanes; i++)
		if (new_lane(mux, i))
			stoq_mux_fail(mux, STOQ_LANE_LIMIT, "no memory for lanes");
	mux->merge.announced = lanes;
}

static void connect_answered(struct stoq_mux *mux, const struct nvme_cqe *cqe)
{
	mux->agreed.connecting = false;
	if (nvme_status_code(nvme_le16(cqe->status)) || mux->agreed.answered)
		return;
	mux->agreed.answered = true;
	if (mux->config.io->connected)
		mux->config.io->connected(mux->config.context, (uint16_t)nvme_le32(cqe->dw0));
	if (mux->config.end == STOQ_TUNNEL_HOST_END && mux->agreed.no_flow_control &&
		nvme_le16(cqe->sqhd) == SQHD_OFF)
		open_lanes(mux);
}

static void command_ends(
	struct stoq_mux *mux, uint16_t cid, const struct nvme_cqe *cqe, uint64_t now_ns)
{
	const struct stoq_command *found = stoq_command_table_find(&mux->commands, cid);
	bool connect;

	if (cqe)
		mux->agreed.sqhd = nvme_le16(cqe->sqhd);
	if (!found)
		return;
	connect = found->connect;
	/* An event request waits for an event, not for the target. */
	if (mux->qid || found->opcode != NVME_ADMIN_ASYNC_EVENT_REQUEST)
		stoq_histogram_record(&mux->figures.latency, now_ns - found->started_ns);
	mux->figures.completions++;
	if (cqe && nvme_status_code(nvme_le16(cqe->status)))
		mux->figures.errors++;
	stoq_command_table_remove(&mux->commands, cid);
	if (connect && cqe)
		connect_answered(mux, cqe);
}

void stoq_mux_pdu_ends(struct stoq_mux *mux, const union stoq_pdu_header *header, uint64_t now_ns)
{
	if (header->hdr.type == NVME_TCP_CAPSULE_RESP)
		command_ends(mux, nvme_le16(header->rsp.cqe.command_id), &header->rsp.cqe, now_ns);
	else if (header->hdr.type == NVME_TCP_C2H_DATA &&
		 (header->hdr.flags & NVME_TCP_FLAG_SUCCESS))
		command_ends(mux, nvme_le16(header->data.command_id), NULL, now_ns);
}
