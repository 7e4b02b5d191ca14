// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/tunnel/rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TCP_BYTES (64u << 20)

uint32_t rig_random(struct rig *rig, uint32_t below)
{
	rig->random = rig->random * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(rig->random >> 4) * below >> 28);
}

/* ---- what the muxes ask for ---- */

static int begin(void *context, bool bytes)
{
	struct rig_end *end = context;

	if (bytes && !end->rig->bytes_allowed)
		return -EPERM;
	assert_false(end->rig->began);
	end->rig->began = true;
	end->rig->began_with_bytes = bytes;
	end->rig->lanes = 1;
	return 0;
}

static size_t write_lane(void *context, unsigned int lane, const void *data, size_t size)
{
	struct rig_end *end = context;
	struct rig_pipe *pipe = &end->pipes[lane];
	size_t held = pipe->end - pipe->first, taken = size;

	assert_false(pipe->finish);
	assert_true(lane < end->rig->lanes);
	if (held + taken > pipe->room)
		taken = held < pipe->room ? pipe->room - held : 0;
	if (pipe->end + taken > RIG_PIPE_BYTES) {
		memmove(pipe->bytes, pipe->bytes + pipe->first, held);
		pipe->first = 0;
		pipe->end = held;
	}
	memcpy(pipe->bytes + pipe->end, data, taken);
	pipe->end += taken;
	pipe->hungry |= taken < size;
	return taken;
}

static void finish(void *context, unsigned int lane)
{
	struct rig_end *end = context;

	assert_false(end->pipes[lane].finish);
	end->pipes[lane].finish = true;
}

static void resume(void *context, unsigned int lane)
{
	struct rig_end *end = context;
	struct rig_end *other = &end->rig->ends[!end->mux.config.end];

	other->pipes[lane].paused = false;
	end->resumes++;
}

static unsigned int open_lanes(void *context, unsigned int lanes)
{
	struct rig_end *end = context;

	end->rig->lanes = lanes;
	return lanes;
}

static uint16_t judge(
	void *context, const struct nvme_tcp_cmd_pdu *command, const uint8_t *pdu, size_t size)
{
	struct rig_end *end = context;

	return command->sqe.opcode == end->rig->refuse_opcode ? NVME_STATUS(1, 0x84) : 0;
}

static uint64_t admit(void *context, unsigned int lane, size_t at,
	const struct nvme_tcp_cmd_pdu *command, const uint8_t *pdu, size_t size)
{
	struct rig *rig = ((struct rig_end *)context)->rig;

	assert_true(size >= sizeof(*command));
	assert_memory_equal(pdu, command, sizeof(*command));
	rig->asked++;
	if (!rig->step_ns)
		return 0;
	if (rig->free_ns < rig->now_ns)
		rig->free_ns = rig->now_ns;
	rig->free_ns += rig->step_ns;
	return rig->free_ns;
}

static void rewrite(void *context, uint64_t at, uint8_t *data, size_t size)
{
	struct rig_end *end = context;

	end->rig->rewritten_at = at;
	memset(data, 0xee, size);
}

static void note_targets(void *context, const char *text, size_t size)
{
	struct rig_end *end = context;

	assert_true(size < sizeof(end->rig->targets));
	memcpy(end->rig->targets, text, size);
	end->rig->targets[size] = '\0';
}

static const struct stoq_mux_io io = {.begin = begin,
	.write = write_lane,
	.finish = finish,
	.resume = resume,
	.open_lanes = open_lanes,
	.judge = judge,
	.admit = admit,
	.rewrite = rewrite,
	.targets = note_targets};

/* ---- life ---- */

void rig_init(struct rig *rig, unsigned int lanes, size_t pipe_room, uint32_t seed)
{
	memset(rig, 0, sizeof(*rig));
	rig->random = seed;
	rig->refuse_opcode = 0xffff;
	for (int i = 0; i < 2; i++) {
		struct rig_end *end = &rig->ends[i];
		struct stoq_mux_config config = {.end = (enum stoq_tunnel_end)i,
			.lanes = lanes,
			.output_limit_bytes = 65536,
			.pool = &end->pool,
			.targets = "disk=192.0.2.1:4420\n",
			.io = &io,
			.context = end};

		end->rig = rig;
		stoq_block_pool_init(&end->pool, 1u << 20);
		assert_int_equal(stoq_mux_init(&end->mux, &config), 0);
		end->in = malloc(TCP_BYTES);
		end->out = malloc(TCP_BYTES);
		for (unsigned int j = 0; j < STOQ_LANES_MAX; j++) {
			end->pipes[j].bytes = malloc(RIG_PIPE_BYTES);
			end->pipes[j].room = pipe_room;
		}
	}
}

void rig_destroy(struct rig *rig)
{
	for (int i = 0; i < 2; i++) {
		struct rig_end *end = &rig->ends[i];

		stoq_mux_destroy(&end->mux);
		/* All blocks came back. */
		assert_int_equal(end->pool.used_bytes, 0);
		stoq_block_pool_destroy(&end->pool);
		free(end->in);
		free(end->out);
		for (unsigned int j = 0; j < STOQ_LANES_MAX; j++)
			free(end->pipes[j].bytes);
	}
}

/* ---- steps ---- */

void rig_feed(struct rig *rig, enum stoq_tunnel_end which, const void *bytes, size_t size)
{
	struct rig_end *end = &rig->ends[which];

	assert_true(end->in_size + size <= TCP_BYTES);
	memcpy(end->in + end->in_size, bytes, size);
	end->in_size += size;
}

bool rig_take_tcp(struct rig_end *end, size_t size)
{
	size_t there = end->in_size - end->in_taken, taken;

	if (!stoq_mux_wants_tcp(&end->mux))
		return false;
	if (!there && end->in_over && !end->in_ended) {
		end->in_ended = true;
		stoq_mux_tcp_ended(&end->mux);
		return true;
	}
	if (size > there)
		size = there;
	taken = size ? stoq_mux_from_tcp(&end->mux, end->in + end->in_taken, size, end->rig->now_ns)
		     : 0;
	end->in_taken += taken;
	return taken > 0;
}

static void tell_writer(struct rig_end *end, struct rig_pipe *pipe)
{
	if (!pipe->hungry || pipe->end - pipe->first > pipe->room / 2)
		return;
	pipe->hungry = false;
	stoq_mux_lane_writable(&end->mux, end->rig->now_ns);
}

bool rig_move(struct rig *rig, enum stoq_tunnel_end which, unsigned int lane, size_t size)
{
	struct rig_end *from = &rig->ends[which], *to = &rig->ends[!which];
	struct rig_pipe *pipe = &from->pipes[lane];
	size_t there = pipe->end - pipe->first, taken;
	bool last;

	if (lane >= rig->lanes || pipe->paused || pipe->ended || (!there && !pipe->finish))
		return false;
	if (which == STOQ_TUNNEL_HOST_END && !rig->target_has[lane]) {
		rig->target_has[lane] = true;
		to->mux.bytes = rig->began_with_bytes;
		assert_int_equal(stoq_mux_add_lane(&to->mux, lane), 0);
	}
	if (size > there)
		size = there;
	last = pipe->finish && size == there;
	taken = stoq_mux_from_lane(
		&to->mux, lane, pipe->bytes + pipe->first, size, last, rig->now_ns);
	pipe->first += taken;
	pipe->paused = taken < size;
	pipe->ended = last && taken == size;
	tell_writer(from, pipe);
	return taken > 0 || pipe->ended;
}

void rig_flush(struct rig_end *end)
{
	struct iovec piece;

	while (stoq_byte_queue_peek(&end->mux.merge.out, &piece, 1)) {
		assert_true(end->out_size + piece.iov_len <= TCP_BYTES);
		memcpy(end->out + end->out_size, piece.iov_base, piece.iov_len);
		end->out_size += piece.iov_len;
		stoq_mux_written(&end->mux, piece.iov_len, end->rig->now_ns);
	}
}

/* A random piece: often small, sometimes all there is. */
static size_t any_size(struct rig *rig)
{
	return rig_random(rig, 3) ? 1 + rig_random(rig, 2000) : RIG_PIPE_BYTES;
}

bool rig_step(struct rig *rig)
{
	unsigned int start = rig_random(rig, 2 * STOQ_LANES_MAX);
	bool moved = false, waits = false;

	rig->now_ns += 1000;
	for (int i = 0; i < 2; i++)
		waits |= stoq_mux_look_at_waiting(&rig->ends[i].mux, rig->now_ns) != 0;
	for (int i = 0; i < 2; i++) {
		if (rig_random(rig, 2) == 0)
			moved |= rig_take_tcp(&rig->ends[i], any_size(rig));
		moved |= rig->ends[i].in_taken < rig->ends[i].in_size &&
			 stoq_mux_wants_tcp(&rig->ends[i].mux);
	}
	for (unsigned int i = 0; i < 2 * STOQ_LANES_MAX; i++) {
		unsigned int which = (start + i) % (2 * STOQ_LANES_MAX);

		moved |= rig_move(rig, (enum stoq_tunnel_end)(which & 1), which / 2, any_size(rig));
		if (rig_random(rig, 4) == 0)
			break;
	}
	for (int i = 0; i < 2; i++) {
		bool had = rig->ends[i].mux.merge.out.bytes > 0;

		if (rig_random(rig, 3) == 0)
			rig_flush(&rig->ends[i]);
		moved |= had;
	}
	return moved || waits;
}

void rig_settle(struct rig *rig)
{
	unsigned int idle = 0;

	/* Chance may leave out what could go on: only many idle steps in a row are the end. */
	while (idle < 400)
		idle = rig_step(rig) ? 0 : idle + 1;
}
