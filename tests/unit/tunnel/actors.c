// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/tunnel/actors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_encode.h"

static const struct nvme_tcp_format plain = {0};

static uint8_t byte_of(const struct actors_command *command, uint32_t at)
{
	return (uint8_t)(command->number * 131 + at * 7 + (at >> 9));
}

static void feed(struct actors *actors, enum stoq_tunnel_end end, const uint8_t *pdu, size_t size)
{
	rig_feed(actors->rig, end, pdu, size);
}

static void feed_data(struct actors *actors, enum stoq_tunnel_end end,
	const struct actors_command *command, uint32_t at, uint32_t bytes)
{
	uint8_t *data = malloc(bytes);

	for (uint32_t i = 0; i < bytes; i++)
		data[i] = byte_of(command, at + i);
	rig_feed(actors->rig, end, data, bytes);
	free(data);
}

void actors_init(struct actors *actors, struct rig *rig, uint32_t max_bytes)
{
	memset(actors, 0, sizeof(*actors));
	actors->rig = rig;
	actors->max_bytes = max_bytes;
	stoq_pdu_reader_init(&actors->at_host, NVME_TCP_FROM_CONTROLLER, false);
	stoq_pdu_reader_init(&actors->at_target, NVME_TCP_FROM_HOST, false);
	actors->host_saw_type = -1;
}

/* ---- the host ---- */

static struct nvme_sqe capsule_of(
	const struct actors_command *command, unsigned int cid, uint8_t fuse)
{
	struct nvme_io_fields fields = {
		.opcode = command->kind == ACTORS_READ ? NVME_NVM_READ : NVME_NVM_WRITE,
		.cid = (uint16_t)cid,
		.nsid = 1,
		.slba = command->number,
		.blocks = 8,
		.data_bytes = command->bytes,
		.in_capsule = command->kind == ACTORS_WRITE_IN_CAPSULE};
	struct nvme_sqe sqe = nvme_encode_io(&fields);

	sqe.flags |= fuse;
	return sqe;
}

void actors_begin(struct actors *actors, unsigned int cid, enum actors_kind kind, uint32_t bytes,
	uint8_t fuse)
{
	struct actors_command *command = &actors->commands[cid];
	uint8_t front[NVME_TCP_FRONT_MAX];
	struct nvme_sqe sqe;
	uint32_t in_capsule = kind == ACTORS_WRITE_IN_CAPSULE ? bytes : 0;

	assert_false(command->outstanding);
	*command = (struct actors_command){
		.outstanding = true, .kind = kind, .number = actors->begun++, .bytes = bytes};
	sqe = capsule_of(command, cid, fuse);
	feed(actors, STOQ_TUNNEL_HOST_END, front,
		nvme_tcp_encode_capsule_cmd(front, &plain, &sqe, in_capsule));
	if (in_capsule)
		feed_data(actors, STOQ_TUNNEL_HOST_END, command, 0, bytes);
}

static void complete(struct actors *actors, struct actors_command *command)
{
	assert_true(command->outstanding && command->answered);
	if (command->kind == ACTORS_READ)
		assert_int_equal(command->moved, command->bytes);
	command->outstanding = false;
	actors->completed++;
}

static void take_data(
	struct actors_command *command, const struct nvme_tcp_data_pdu *pdu, const uint8_t *data)
{
	uint32_t length = nvme_le32(pdu->data_length);

	assert_true(command->outstanding);
	assert_int_equal(nvme_le32(pdu->data_offset), command->moved);
	for (uint32_t i = 0; i < length; i++)
		if (data[i] != byte_of(command, command->moved + i))
			fail_msg("byte %u of command %u is wrong", command->moved + i,
				command->number);
	command->moved += length;
}

/* The data that R2T asks for, in PDUs of up to 16 KiB. */
static void send_data(struct actors *actors, const struct nvme_tcp_r2t_pdu *r2t)
{
	uint16_t cid = nvme_le16(r2t->command_id);
	struct actors_command *command = &actors->commands[cid];
	uint32_t at = nvme_le32(r2t->r2t_offset), end = at + nvme_le32(r2t->r2t_length);

	while (at < end) {
		uint8_t front[NVME_TCP_FRONT_MAX];
		uint32_t bytes = end - at < 16384 ? end - at : 16384;
		struct nvme_tcp_data_fields fields = {.type = NVME_TCP_H2C_DATA,
			.flags = at + bytes == end ? NVME_TCP_FLAG_LAST : 0,
			.cid = cid,
			.ttag = nvme_le16(r2t->ttag),
			.offset = at,
			.length = bytes};

		feed(actors, STOQ_TUNNEL_HOST_END, front,
			nvme_tcp_encode_data(front, &plain, &fields));
		feed_data(actors, STOQ_TUNNEL_HOST_END, command, at, bytes);
		at += bytes;
	}
}

static void host_gets(struct actors *actors, const uint8_t *pdu)
{
	const union stoq_pdu_header *header = &actors->at_host.header;
	uint16_t cid = nvme_le16(header->data.command_id);

	actors->host_saw_type = header->hdr.type;
	switch (header->hdr.type) {
	case NVME_TCP_C2H_DATA:
		assert_true(cid < ACTORS_DEPTH);
		take_data(&actors->commands[cid], &header->data, pdu + header->hdr.pdo);
		if (header->hdr.flags & NVME_TCP_FLAG_SUCCESS)
			complete(actors, &actors->commands[cid]);
		break;
	case NVME_TCP_R2T:
		send_data(actors, &header->r2t);
		break;
	case NVME_TCP_CAPSULE_RESP:
		cid = nvme_le16(header->rsp.cqe.command_id);
		actors->last_status = nvme_status_code(nvme_le16(header->rsp.cqe.status));
		if (actors->flow_control && cid < ACTORS_DEPTH) {
			/* SQHD comes in the order in which the target counted it. */
			assert_int_equal(
				nvme_le16(header->rsp.cqe.sqhd), (uint16_t)(actors->sqhd + 1));
			actors->sqhd++;
		}
		if (cid < ACTORS_DEPTH)
			complete(actors, &actors->commands[cid]);
		break;
	}
}

/* ---- the target ---- */

static void target_gets(struct actors *actors, const uint8_t *pdu)
{
	const union stoq_pdu_header *header = &actors->at_target.header;
	struct actors_command *command;
	struct nvme_sqe expected;

	switch (header->hdr.type) {
	case NVME_TCP_CAPSULE_CMD:
		if (header->cmd.sqe.opcode == NVME_OPCODE_FABRICS)
			break;
		command = &actors->commands[nvme_le16(header->cmd.sqe.command_id)];
		assert_false(command->at_target);
		expected = capsule_of(command, nvme_le16(header->cmd.sqe.command_id),
			header->cmd.sqe.flags & NVME_SQE_FUSE_MASK);
		assert_memory_equal(&header->cmd.sqe, &expected, sizeof(expected));
		for (uint32_t i = 0; i < nvme_tcp_data_length(&header->hdr); i++)
			assert_int_equal(pdu[header->hdr.pdo + i], byte_of(command, i));
		command->at_target = true;
		break;
	case NVME_TCP_H2C_DATA:
		command = &actors->commands[nvme_le16(header->data.command_id)];
		take_data(command, &header->data, pdu + header->hdr.pdo);
		break;
	}
}

static void answer(struct actors *actors, unsigned int cid)
{
	uint8_t front[NVME_TCP_FRONT_MAX];
	struct nvme_cqe cqe = nvme_encode_cqe((uint16_t)cid, 0xffff, 0);

	if (actors->flow_control)
		cqe.sqhd = nvme_to_le16(++actors->counted);
	actors->commands[cid].answered = true;
	feed(actors, STOQ_TUNNEL_TARGET_END, front,
		nvme_tcp_encode_capsule_resp(front, &plain, &cqe));
}

static void give_data(struct actors *actors, unsigned int cid)
{
	struct actors_command *command = &actors->commands[cid];
	uint8_t front[NVME_TCP_FRONT_MAX];
	uint32_t rest = command->bytes - command->given;
	uint32_t bytes = rig_random(actors->rig, 2) ? rest : 1 + rig_random(actors->rig, rest);
	bool last = bytes == rest, success = last && !actors->flow_control && command->number % 2;
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_C2H_DATA,
		.flags = (last ? NVME_TCP_FLAG_LAST : 0) | (success ? NVME_TCP_FLAG_SUCCESS : 0),
		.cid = (uint16_t)cid,
		.offset = command->given,
		.length = bytes};

	feed(actors, STOQ_TUNNEL_TARGET_END, front, nvme_tcp_encode_data(front, &plain, &fields));
	feed_data(actors, STOQ_TUNNEL_TARGET_END, command, command->given, bytes);
	command->given += bytes;
	if (success)
		command->answered = true;
	else if (last)
		answer(actors, cid);
}

static void ask(struct actors *actors, unsigned int cid)
{
	struct actors_command *command = &actors->commands[cid];
	uint8_t front[NVME_TCP_FRONT_MAX];

	command->asked = true;
	feed(actors, STOQ_TUNNEL_TARGET_END, front,
		nvme_tcp_encode_r2t(front, &plain, (uint16_t)cid, 1, 0, command->bytes));
}

/* The target goes on with one of its commands. */
static void serve(struct actors *actors)
{
	unsigned int cid = rig_random(actors->rig, ACTORS_DEPTH);
	struct actors_command *command = &actors->commands[cid];

	if (!command->outstanding || !command->at_target || command->answered)
		return;
	if (command->kind == ACTORS_READ)
		give_data(actors, cid);
	else if (command->kind == ACTORS_WRITE && !command->asked)
		ask(actors, cid);
	else if (command->kind == ACTORS_WRITE_IN_CAPSULE || command->moved == command->bytes)
		answer(actors, cid);
}

/* ---- both ---- */

/* Hands out the whole PDUs that are there. */
static void read_output(struct actors *actors, struct stoq_pdu_reader *reader,
	const struct rig_end *end, size_t *done, void (*got)(struct actors *, const uint8_t *))
{
	for (;;) {
		const uint8_t *start = end->out + *done, *data = start;
		struct stoq_pdu_piece piece;
		enum stoq_pdu_verdict verdict =
			stoq_pdu_reader_next(reader, &data, end->out + end->out_size, &piece);

		assert_int_not_equal(verdict, STOQ_PDU_BAD);
		if (verdict == STOQ_PDU_MORE || !piece.ends) {
			/* Not whole yet: from its first byte the next time. */
			reader->have = reader->rest = 0;
			return;
		}
		*done += piece.size;
		got(actors, start);
	}
}

void actors_read_host(struct actors *actors)
{
	read_output(actors, &actors->at_host, &actors->rig->ends[STOQ_TUNNEL_HOST_END],
		&actors->host_read, host_gets);
}

void actors_read_target(struct actors *actors)
{
	read_output(actors, &actors->at_target, &actors->rig->ends[STOQ_TUNNEL_TARGET_END],
		&actors->target_read, target_gets);
}

static void exchange_ic(struct actors *actors)
{
	uint8_t front[NVME_TCP_FRONT_MAX];

	feed(actors, STOQ_TUNNEL_HOST_END, front, nvme_tcp_encode_icreq(front, &plain, 0));
	rig_settle(actors->rig);
	actors_read_target(actors);
	assert_int_equal(actors->at_target.header.hdr.type, NVME_TCP_ICREQ);
	feed(actors, STOQ_TUNNEL_TARGET_END, front, nvme_tcp_encode_icresp(front, &plain, 131072));
	rig_settle(actors->rig);
	actors_read_host(actors);
	assert_int_equal(actors->host_saw_type, NVME_TCP_ICRESP);
}

void actors_connect(struct actors *actors, bool no_flow_control)
{
	struct nvme_connect_fields fields = {.cid = 0xfff0,
		.qid = 1,
		.sqsize_zero_based = 127,
		.cattr = no_flow_control ? NVME_CONNECT_CATTR_DISABLE_SQ_FLOW : 0};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	uint8_t front[NVME_TCP_FRONT_MAX], data[1024] = {0};
	struct nvme_cqe cqe = nvme_encode_cqe(0xfff0, no_flow_control ? 0xffff : 0, 0);

	exchange_ic(actors);
	actors->flow_control = !no_flow_control;
	feed(actors, STOQ_TUNNEL_HOST_END, front,
		nvme_tcp_encode_capsule_cmd(front, &plain, &sqe, sizeof(data)));
	rig_feed(actors->rig, STOQ_TUNNEL_HOST_END, data, sizeof(data));
	rig_settle(actors->rig);
	actors_read_target(actors);
	feed(actors, STOQ_TUNNEL_TARGET_END, front,
		nvme_tcp_encode_capsule_resp(front, &plain, &cqe));
	rig_settle(actors->rig);
	actors_read_host(actors);
	assert_int_equal(actors->host_saw_type, NVME_TCP_CAPSULE_RESP);
}

static void begin_some(struct actors *actors)
{
	unsigned int cid = rig_random(actors->rig, ACTORS_DEPTH);
	uint32_t bytes = 1 + rig_random(actors->rig, actors->max_bytes);
	enum actors_kind kind = (enum actors_kind)rig_random(actors->rig, 3);

	if (actors->commands[cid].outstanding)
		return;
	/* In-capsule data are short. */
	if (kind == ACTORS_WRITE_IN_CAPSULE)
		bytes = 1 + bytes % 8192;
	actors_begin(actors, cid, kind, bytes, 0);
}

void actors_run(struct actors *actors, uint32_t commands)
{
	uint32_t idle = 0;

	while (actors->completed < commands) {
		if (actors->begun < commands)
			begin_some(actors);
		idle = rig_step(actors->rig) ? 0 : idle + 1;
		actors_read_target(actors);
		serve(actors);
		actors_read_host(actors);
		assert_false(stoq_mux_failed(&actors->rig->ends[0].mux));
		assert_false(stoq_mux_failed(&actors->rig->ends[1].mux));
		if (idle > 100000)
			fail_msg("it is stuck: %u of %u commands are done", actors->completed,
				actors->begun);
	}
}
