// SPDX-License-Identifier: BSD-2-Clause
/* Ends of a queue that do what honest ones do not, and lanes that take little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/stream/refused_shared.h"
#include "nvme/nvme_tcp_encode.h"
#include "tests/unit/tunnel/actors.h"
#include "tunnel/mux_private.h"

#define ROOMY	  (1u << 19)
#define RSP_BYTES sizeof(struct nvme_tcp_rsp_pdu)

static const struct nvme_tcp_format plain = {0};
static struct rig rig;
static struct actors actors;

static struct rig_end *target_end(void)
{
	return &rig.ends[STOQ_TUNNEL_TARGET_END];
}

static void start(unsigned int lanes)
{
	rig_init(&rig, lanes, ROOMY, 1);
	actors_init(&actors, &rig, 9000);
	actors_connect(&actors, true);
	rig_settle(&rig);
	for (unsigned int i = 1; i < lanes; i++) {
		assert_int_equal(stoq_mux_add_lane(&target_end()->mux, i), 0);
		rig.target_has[i] = true;
	}
}

/* A command that comes out of a lane, past the host end. False: it was not taken. */
static bool command_comes(unsigned int lane, uint8_t opcode, uint16_t cid, uint8_t fuse)
{
	struct nvme_sqe sqe = {.opcode = opcode, .flags = fuse, .command_id = nvme_to_le16(cid)};
	uint8_t pdu[NVME_TCP_FRONT_MAX];
	size_t size = nvme_tcp_encode_capsule_cmd(pdu, &plain, &sqe, 0);

	return stoq_mux_from_lane(&target_end()->mux, lane, pdu, size, false, 0) == size;
}

static size_t bytes_in_lanes(void)
{
	size_t sum = 0;

	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		sum += target_end()->pipes[i].end - target_end()->pipes[i].first;
	return sum;
}

/*
 * A host end that reads nothing, with a fused command that makes all other lanes wait: when the
 * fused pair ends, more commands are to be refused at once than there is room for answers.
 */
static void refusals_of_held_lanes_wait_for_room(void **state)
{
	unsigned int commands = 0;

	start(STOQ_LANES_MAX);
	target_end()->pool.limit_bytes = STOQ_LANES_MAX * STOQ_BLOCK_BYTES;
	rig.refuse_opcode = NVME_NVM_WRITE;
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		target_end()->pipes[i].room = 0;
	for (; commands < STOQ_MUX_OWN_MAX - 1; commands++)
		assert_true(command_comes(0, NVME_NVM_WRITE, (uint16_t)commands, 1));
	for (unsigned int i = 1; i < STOQ_LANES_MAX; i++)
		assert_true(command_comes(i, NVME_NVM_WRITE, (uint16_t)commands++, 0));
	assert_true(command_comes(0, NVME_NVM_READ, (uint16_t)commands, 0));
	assert_false(stoq_mux_failed(&target_end()->mux));
	assert_in_range(target_end()->mux.own_count, 1, STOQ_MUX_OWN_MAX);

	/* All are answered as soon as the host end reads. */
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		target_end()->pipes[i].room = ROOMY;
	stoq_mux_lane_writable(&target_end()->mux, 0);
	assert_int_equal(target_end()->mux.figures.refused, commands);
	assert_int_equal(bytes_in_lanes(), commands * RSP_BYTES);
	rig_destroy(&rig);
}

/* ---- fused pairs ---- */

static size_t output_bytes(void)
{
	return target_end()->mux.merge.out.bytes;
}

/* The opcode of the last capsule, of which size bytes wait for TCP. */
static uint8_t last_opcode(void)
{
	struct nvme_tcp_cmd_pdu last;

	rig_flush(target_end());
	memcpy(&last, target_end()->out + target_end()->out_size - sizeof(last), sizeof(last));
	return last.sqe.opcode;
}

static void answer(uint16_t cid, uint16_t status)
{
	struct nvme_cqe cqe = nvme_encode_cqe(cid, 0xffff, status);
	uint8_t pdu[NVME_TCP_FRONT_MAX];

	nvme_tcp_encode_capsule_resp(pdu, &plain, &cqe);
	rig_feed(&rig, STOQ_TUNNEL_TARGET_END, pdu, RSP_BYTES);
	/* In pieces: none of it may pass. */
	rig_take_tcp(target_end(), 5);
	rig_take_tcp(target_end(), RSP_BYTES);
}

/* The status that the lane has for this command; 0xffff: it has no answer. */
static uint16_t answered(unsigned int lane, uint16_t cid)
{
	const struct rig_pipe *pipe = &target_end()->pipes[lane];

	for (size_t at = pipe->first; at + RSP_BYTES <= pipe->end; at += RSP_BYTES) {
		struct nvme_tcp_rsp_pdu pdu;

		memcpy(&pdu, pipe->bytes + at, sizeof(pdu));
		if (pdu.hdr.type == NVME_TCP_CAPSULE_RESP && nvme_le16(pdu.cqe.command_id) == cid)
			return nvme_status_code(nvme_le16(pdu.cqe.status));
	}
	return 0xffff;
}

/* A target must not write without having compared. */
static void without_its_first_the_second_of_a_pair_does_not_pass(void **state)
{
	size_t before;

	start(2);
	rig_settle(&rig);
	before = output_bytes();
	rig.refuse_opcode = NVME_NVM_COMPARE;
	assert_true(command_comes(1, NVME_NVM_COMPARE, 1, 1));
	assert_true(command_comes(1, NVME_NVM_WRITE, 2, 2));
	assert_int_equal(output_bytes(), before);
	assert_int_equal(answered(1, 1), NVME_STATUS(1, 0x84));
	assert_int_equal(answered(1, 2), NVME_STATUS(0, 0x09));
	/* The next one is no pair's. */
	assert_true(command_comes(1, NVME_NVM_WRITE, 3, 0));
	assert_int_equal(output_bytes(), before + sizeof(struct nvme_tcp_cmd_pdu));
	rig_destroy(&rig);
}

/* The target has the first already, and ends it because of a second that it has to fail. */
static void a_refused_second_ends_its_pair(void **state)
{
	size_t before;

	start(2);
	rig_settle(&rig);
	before = output_bytes();
	rig.refuse_opcode = NVME_NVM_WRITE;
	assert_true(command_comes(1, NVME_NVM_COMPARE, 1, 1));
	assert_true(command_comes(1, NVME_NVM_WRITE, 2, 2));
	assert_int_equal(output_bytes(), before + 2 * sizeof(struct nvme_tcp_cmd_pdu));
	assert_int_equal(last_opcode(), 0x70);
	assert_int_equal(answered(1, 2), 0xffff);
	answer(1, NVME_STATUS(0, 0x09));
	answer(2, NVME_STATUS(0, 0x01));
	assert_int_equal(bytes_in_lanes(), 2 * RSP_BYTES);
	assert_int_equal(answered(1, 1), NVME_STATUS(0, 0x09));
	assert_int_equal(answered(1, 2), NVME_STATUS(1, 0x84));
	assert_int_equal(target_end()->mux.commands.count, 0);
	assert_int_equal(target_end()->mux.spoilt, 0);
	rig_destroy(&rig);
}

/* Answers that are due later have their room. */
static void many_refused_seconds_have_room_for_their_answers(void **state)
{
	uint16_t cid = 0;

	start(2);
	rig.refuse_opcode = NVME_NVM_WRITE;
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		target_end()->pipes[i].room = 0;
	while (command_comes(1, NVME_NVM_COMPARE, cid, 1) &&
		command_comes(1, NVME_NVM_WRITE, (uint16_t)(cid + 1), 2))
		cid += 2;
	assert_int_equal(target_end()->mux.spoilt, STOQ_MUX_OWN_MAX);
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		target_end()->pipes[i].room = ROOMY;
	stoq_mux_lane_writable(&target_end()->mux, 0);
	for (uint16_t i = 1; i < cid; i += 2)
		answer(i, NVME_STATUS(0, 0x01));
	assert_int_equal(bytes_in_lanes(), STOQ_MUX_OWN_MAX * RSP_BYTES);
	assert_int_equal(target_end()->mux.spoilt, 0);
	rig_destroy(&rig);
}

/* A lane that was not taken because there was no room for an answer goes on. */
static void a_lane_goes_on_after_its_refusals(void **state)
{
	start(2);
	rig.refuse_opcode = NVME_NVM_WRITE;
	target_end()->pipes[0].room = 0;
	for (unsigned int i = 0; i < STOQ_MUX_OWN_MAX; i++)
		assert_true(command_comes(0, NVME_NVM_WRITE, (uint16_t)i, 0));
	assert_false(command_comes(0, NVME_NVM_WRITE, STOQ_MUX_OWN_MAX, 0));
	target_end()->resumes = 0;
	target_end()->pipes[0].room = ROOMY;
	stoq_mux_lane_writable(&target_end()->mux, 0);
	assert_int_equal(target_end()->resumes, 1);
	rig_destroy(&rig);
}

/* The target sends nothing after it. */
static void a_completion_in_pieces_passes_a_narrow_lane(void **state)
{
	uint8_t pdu[NVME_TCP_FRONT_MAX];
	struct nvme_cqe cqe = nvme_encode_cqe(1, 0xffff, 0);

	start(2);
	actors_begin(&actors, 1, ACTORS_WRITE_IN_CAPSULE, 512, 0);
	rig_settle(&rig);
	actors_read_target(&actors);
	actors.commands[1].answered = true;
	target_end()->pipes[1].room = 10;
	assert_int_equal(nvme_tcp_encode_capsule_resp(pdu, &plain, &cqe), RSP_BYTES);
	rig_feed(&rig, STOQ_TUNNEL_TARGET_END, pdu, RSP_BYTES);
	rig_take_tcp(target_end(), 4);
	rig_take_tcp(target_end(), RSP_BYTES);
	for (int i = 0; i < 8; i++)
		rig_move(&rig, STOQ_TUNNEL_TARGET_END, 1, ROOMY);
	rig_flush(&rig.ends[STOQ_TUNNEL_HOST_END]);
	actors_read_host(&actors);
	assert_false(actors.commands[1].outstanding);
	rig_destroy(&rig);
}

/* ---- what targets read in another way than we do ---- */

static struct nvme_tcp_cmd_pdu write_of(uint32_t data_bytes)
{
	struct nvme_io_fields fields = {.opcode = NVME_NVM_WRITE,
		.cid = 1,
		.nsid = 1,
		.blocks = 1,
		.data_bytes = data_bytes,
		.in_capsule = true};
	struct nvme_sqe sqe = nvme_encode_io(&fields);
	uint8_t front[NVME_TCP_FRONT_MAX];
	struct nvme_tcp_cmd_pdu pdu;

	assert_int_equal(nvme_tcp_encode_capsule_cmd(front, &plain, &sqe, data_bytes), sizeof(pdu));
	memcpy(&pdu, front, sizeof(pdu));
	return pdu;
}

/* The header and as many zeros as PLEN has room for. Did it get through to the target's TCP connection? */
static bool passes(struct nvme_tcp_cmd_pdu pdu)
{
	uint8_t bytes[2048] = {0};
	size_t size = nvme_le32(pdu.hdr.plen);
	bool passed;

	start(1);
	memcpy(bytes, &pdu, sizeof(pdu));
	assert_in_range(size, sizeof(pdu), sizeof(bytes));
	stoq_mux_from_lane(&target_end()->mux, 0, bytes, size, false, 0);
	passed = target_end()->mux.merge.out.bytes == size;
	assert_int_equal(passed, !stoq_mux_failed(&target_end()->mux));
	if (!passed)
		assert_int_equal(target_end()->mux.merge.out.bytes, 0);
	rig_destroy(&rig);
	return passed;
}

static void capsules_that_targets_read_differently_do_not_pass(void **state)
{
	struct nvme_tcp_cmd_pdu honest = write_of(512), pdu = honest;

	assert_true(passes(honest));
	/* nvmet does not look at PDO: it would find the last 64 bytes to be a PDU. */
	pdu.hdr.pdo = 72 + 64;
	pdu.hdr.plen = nvme_to_le32(72 + 64 + 512);
	assert_false(passes(pdu));
	/* Nor at PLEN. */
	pdu = honest;
	pdu.hdr.plen = nvme_to_le32(72 + 515);
	assert_false(passes(pdu));
	/* Digests that were not agreed on. */
	pdu = honest;
	pdu.hdr.flags = NVME_TCP_FLAG_DDGST;
	pdu.hdr.plen = nvme_to_le32(72 + 512 + 4);
	assert_false(passes(pdu));
	pdu = honest;
	pdu.hdr.flags = NVME_TCP_FLAG_HDGST;
	pdu.hdr.pdo = 76;
	pdu.hdr.plen = nvme_to_le32(76 + 512);
	assert_false(passes(pdu));
	/* It has its data in the capsule, but there are none: what follows would be taken for them. */
	pdu = honest;
	pdu.hdr.pdo = 0;
	pdu.hdr.plen = nvme_to_le32(72);
	assert_false(passes(pdu));
	/* Data of a read would be PDUs. */
	pdu = honest;
	pdu.sqe.opcode = NVME_NVM_READ;
	assert_false(passes(pdu));
}

/* ---- commands at the wrong time ---- */

static void connect_comes(unsigned int lane, uint16_t cid)
{
	struct nvme_connect_fields fields = {.cid = cid, .qid = 1, .sqsize_zero_based = 127};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	uint8_t pdu[NVME_TCP_FRONT_MAX + 1024] = {0};
	size_t size = nvme_tcp_encode_capsule_cmd(pdu, &plain, &sqe, 1024) + 1024;

	assert_int_equal(stoq_mux_from_lane(&target_end()->mux, lane, pdu, size, false, 0), size);
}

static void start_unconnected(void)
{
	uint8_t front[NVME_TCP_FRONT_MAX];

	rig_init(&rig, 4, ROOMY, 1);
	rig_feed(&rig, STOQ_TUNNEL_HOST_END, front, nvme_tcp_encode_icreq(front, &plain, 0));
	rig_settle(&rig);
	rig_feed(
		&rig, STOQ_TUNNEL_TARGET_END, front, nvme_tcp_encode_icresp(front, &plain, 131072));
	rig_settle(&rig);
	target_end()->out_size = 0;
}

static size_t bytes_to_target(void)
{
	rig_flush(target_end());
	return target_end()->out_size;
}

static void only_one_connect_goes_before_all_else(void **state)
{
	start_unconnected();
	assert_true(command_comes(0, NVME_NVM_READ, 1, 0));
	assert_int_equal(bytes_to_target(), 0);
	connect_comes(0, 2);
	assert_int_equal(bytes_to_target(), 72 + 1024);
	/* Neither a second one nor a command before the answer. */
	connect_comes(0, 3);
	assert_true(command_comes(0, NVME_NVM_READ, 4, 0));
	assert_int_equal(bytes_to_target(), 72 + 1024);
	assert_int_equal(target_end()->mux.figures.refused, 3);
	rig_destroy(&rig);
}

static void no_connect_follows_one_that_succeeded(void **state)
{
	start(4);
	target_end()->out_size = 0;
	connect_comes(1, 3);
	assert_int_equal(bytes_to_target(), 0);
	assert_int_equal(target_end()->mux.figures.refused, 1);
	rig_destroy(&rig);
}

static void nothing_goes_before_icresp(void **state)
{
	uint8_t front[NVME_TCP_FRONT_MAX];

	rig_init(&rig, 4, ROOMY, 1);
	rig_feed(&rig, STOQ_TUNNEL_HOST_END, front, nvme_tcp_encode_icreq(front, &plain, 0));
	rig_settle(&rig);
	target_end()->out_size = 0;
	connect_comes(0, 1);
	assert_int_equal(bytes_to_target(), 0);
	assert_int_equal(target_end()->mux.code, STOQ_LANE_PROTOCOL);
	rig_destroy(&rig);
}

static void no_data_go_before_a_connect(void **state)
{
	uint8_t pdu[NVME_TCP_FRONT_MAX + 64] = {0};
	struct nvme_tcp_data_pdu data = {.hdr = {.type = NVME_TCP_H2C_DATA,
						 .flags = NVME_TCP_FLAG_LAST,
						 .hlen = sizeof(data),
						 .pdo = sizeof(data),
						 .plen = nvme_to_le32(sizeof(data) + 64)},
		.data_length = nvme_to_le32(64)};

	memcpy(pdu, &data, sizeof(data));
	start_unconnected();
	connect_comes(0, 1);
	assert_int_equal(bytes_to_target(), 72 + 1024);
	stoq_mux_from_lane(&target_end()->mux, 0, pdu, sizeof(data) + 64, false, 0);
	assert_int_equal(bytes_to_target(), 72 + 1024);
	assert_int_equal(target_end()->mux.code, STOQ_LANE_PROTOCOL);
	rig_destroy(&rig);

	start(1);
	target_end()->out_size = 0;
	stoq_mux_from_lane(&target_end()->mux, 0, pdu, sizeof(data) + 64, false, 0);
	assert_int_equal(bytes_to_target(), sizeof(data) + 64);
	rig_destroy(&rig);
}

/* A Connect capsule of that queue, as a part of a fused pair. */
static void fused_connect_comes(uint16_t qid, uint16_t cid, uint8_t fuse)
{
	struct nvme_connect_fields fields = {.cid = cid, .qid = qid, .sqsize_zero_based = 127};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	uint8_t pdu[NVME_TCP_FRONT_MAX + 1024] = {0};
	size_t size;

	sqe.flags |= fuse;
	size = nvme_tcp_encode_capsule_cmd(pdu, &plain, &sqe, 1024) + 1024;
	assert_int_equal(stoq_mux_from_lane(&target_end()->mux, 0, pdu, size, false, 0), size);
}

/* Fabrics commands are never fused: as the first of a pair, a Connect would bring along a second that was refused. */
static void a_connect_is_no_part_of_a_fused_pair(void **state)
{
	start_unconnected();
	fused_connect_comes(1, 1, NVME_SQE_FUSE_FIRST);
	fused_connect_comes(1, 2, NVME_SQE_FUSE_SECOND);
	assert_int_equal(bytes_to_target(), 0);
	assert_int_equal(answered(0, 1), NVME_STATUS(0, 0x02));
	assert_int_equal(answered(0, 2), NVME_STATUS(0, 0x02));
	connect_comes(0, 3);
	assert_int_equal(bytes_to_target(), 72 + 1024);
	rig_destroy(&rig);
}

/* The qid of a Connect that was the second of a pair: else commands of an I/O queue would be judged as those of an admin queue. */
static void a_refused_connect_changes_nothing_of_its_queue(void **state)
{
	start(2);
	rig_settle(&rig);
	target_end()->mux.qid = 1;
	target_end()->out_size = 0;
	assert_true(command_comes(0, NVME_NVM_COMPARE, 1, NVME_SQE_FUSE_FIRST));
	fused_connect_comes(0, 2, NVME_SQE_FUSE_SECOND);
	assert_int_equal(target_end()->mux.qid, 1);
	assert_false(target_end()->mux.agreed.connecting);
	/* The target gets a second, for the sake of its first; not a Connect. */
	assert_int_equal(bytes_to_target(), 72 + 72 + 1024);
	assert_int_equal(target_end()->out[72 + offsetof(struct nvme_tcp_cmd_pdu, sqe)],
		STOQ_REFUSED_OPCODE_DATA);
	rig_destroy(&rig);
}

/* ---- ends ---- */

/* The second of a fused pair never comes: what waited for it goes on, and the queue ends. */
static void half_of_a_fused_pair_does_not_keep_a_queue(void **state)
{
	start(2);
	target_end()->out_size = 0;
	assert_true(command_comes(0, NVME_NVM_READ, 1, 1));
	assert_true(command_comes(1, NVME_NVM_READ, 2, 0));
	assert_int_equal(bytes_to_target(), 72);
	stoq_mux_from_lane(&target_end()->mux, 1, NULL, 0, true, 0);
	assert_false(target_end()->mux.merge.over);
	stoq_mux_from_lane(&target_end()->mux, 0, NULL, 0, true, 0);
	assert_int_equal(bytes_to_target(), 2 * 72);
	assert_true(stoq_mux_output_over(&target_end()->mux));
	rig_destroy(&rig);
}

/* ---- memory ---- */

#define CAPSULE_BYTES (72 + 512)
#define PART_BYTES    100 /* its header and some data, so that a lane has to keep it */

/* Bytes [from, to) of a write's capsule. How many were taken. */
static size_t part_comes(unsigned int lane, uint8_t fuse, size_t from, size_t to)
{
	struct nvme_tcp_cmd_pdu write = write_of(512);
	uint8_t pdu[CAPSULE_BYTES] = {0};

	write.sqe.flags |= fuse;
	write.sqe.command_id = nvme_to_le16((uint16_t)lane);
	memcpy(pdu, &write, sizeof(write));
	return stoq_mux_from_lane(&target_end()->mux, lane, pdu + from, to - from, false, 0);
}

static void start_without_memory(void)
{
	start(4);
	target_end()->out_size = 0;
	target_end()->resumes = 0;
	target_end()->pool.limit_bytes = 1;
}

static size_t table_bytes(void)
{
	return stoq_command_table_bytes(&target_end()->mux.commands);
}

static void a_full_pool_lets_a_queue_gather_one_pdu_at_a_time(void **state)
{
	start_without_memory();
	assert_int_equal(part_comes(1, 0, 0, PART_BYTES), PART_BYTES);
	assert_int_equal(part_comes(2, 0, 0, PART_BYTES), 0);
	assert_int_equal(part_comes(3, 0, 0, CAPSULE_BYTES), 0);
	assert_int_equal(target_end()->pool.used_bytes, table_bytes() + STOQ_BLOCK_BYTES);
	assert_int_equal(target_end()->resumes, 0);

	/* The rest of the first one comes; then the others go on. */
	assert_int_equal(part_comes(1, 0, PART_BYTES, CAPSULE_BYTES), CAPSULE_BYTES - PART_BYTES);
	assert_int_equal(target_end()->resumes, 2);
	assert_int_equal(bytes_to_target(), CAPSULE_BYTES);
	assert_int_equal(part_comes(2, 0, 0, PART_BYTES), PART_BYTES);
	assert_int_equal(part_comes(2, 0, PART_BYTES, CAPSULE_BYTES), CAPSULE_BYTES - PART_BYTES);
	assert_int_equal(bytes_to_target(), 2 * CAPSULE_BYTES);
	assert_int_equal(part_comes(3, 0, 0, CAPSULE_BYTES), CAPSULE_BYTES);
	assert_int_equal(bytes_to_target(), 3 * CAPSULE_BYTES);
	rig_destroy(&rig);
}

/* What the first of a fused pair holds up may fill memory: the queue ends instead, at the second of them. */
static void a_full_pool_keeps_one_pdu_that_waits_for_a_fused_pair(void **state)
{
	start_without_memory();
	assert_true(command_comes(0, NVME_NVM_READ, 1, NVME_SQE_FUSE_FIRST));
	assert_int_equal(bytes_to_target(), 72);
	assert_int_equal(part_comes(1, 0, 0, CAPSULE_BYTES), CAPSULE_BYTES);
	/* The second of the pair passes, in pieces, too. */
	assert_int_equal(part_comes(0, 2, 0, PART_BYTES), PART_BYTES);
	assert_int_equal(part_comes(2, 0, 0, CAPSULE_BYTES), 0);
	assert_int_equal(part_comes(0, 2, PART_BYTES, CAPSULE_BYTES), CAPSULE_BYTES - PART_BYTES);
	assert_false(stoq_mux_failed(&target_end()->mux));
	assert_int_equal(bytes_to_target(), 72 + 2 * CAPSULE_BYTES);
	rig_destroy(&rig);

	start_without_memory();
	assert_true(command_comes(0, NVME_NVM_READ, 1, NVME_SQE_FUSE_FIRST));
	assert_int_equal(bytes_to_target(), 72);
	assert_int_equal(part_comes(1, 0, 0, CAPSULE_BYTES), CAPSULE_BYTES);
	assert_int_equal(part_comes(2, 0, 0, CAPSULE_BYTES), CAPSULE_BYTES);
	assert_int_equal(target_end()->mux.code, STOQ_LANE_LIMIT);
	assert_in_range(target_end()->pool.used_bytes, 0, table_bytes() + 2 * STOQ_BLOCK_BYTES);
	rig_destroy(&rig);
}

/* A target that never answers, and a host that sends on. */
static void outstanding_commands_are_memory(void **state)
{
	unsigned int commands = 0;

	start(1);
	for (; commands < 5000; commands++) {
		assert_true(command_comes(0, NVME_NVM_READ, (uint16_t)(100 + commands), 0));
		bytes_to_target();
		target_end()->out_size = 0;
	}
	assert_true(table_bytes() >= commands * sizeof(struct stoq_command));
	assert_in_range(
		target_end()->pool.used_bytes, table_bytes(), table_bytes() + STOQ_BLOCK_BYTES);
	rig_destroy(&rig);

	start_without_memory();
	for (commands = 0; commands < 5000 && !stoq_mux_failed(&target_end()->mux); commands++) {
		command_comes(0, NVME_NVM_READ, (uint16_t)(100 + commands), 0);
		bytes_to_target();
		target_end()->out_size = 0;
	}
	assert_int_equal(target_end()->mux.code, STOQ_LANE_LIMIT);
	assert_in_range(commands, 500, 520);
	rig_destroy(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_of_held_lanes_wait_for_room),
		cmocka_unit_test(without_its_first_the_second_of_a_pair_does_not_pass),
		cmocka_unit_test(a_refused_second_ends_its_pair),
		cmocka_unit_test(many_refused_seconds_have_room_for_their_answers),
		cmocka_unit_test(a_lane_goes_on_after_its_refusals),
		cmocka_unit_test(a_completion_in_pieces_passes_a_narrow_lane),
		cmocka_unit_test(capsules_that_targets_read_differently_do_not_pass),
		cmocka_unit_test(only_one_connect_goes_before_all_else),
		cmocka_unit_test(no_connect_follows_one_that_succeeded),
		cmocka_unit_test(no_data_go_before_a_connect),
		cmocka_unit_test(a_connect_is_no_part_of_a_fused_pair),
		cmocka_unit_test(a_refused_connect_changes_nothing_of_its_queue),
		cmocka_unit_test(nothing_goes_before_icresp),
		cmocka_unit_test(half_of_a_fused_pair_does_not_keep_a_queue),
		cmocka_unit_test(a_full_pool_lets_a_queue_gather_one_pdu_at_a_time),
		cmocka_unit_test(a_full_pool_keeps_one_pdu_that_waits_for_a_fused_pair),
		cmocka_unit_test(outstanding_commands_are_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
