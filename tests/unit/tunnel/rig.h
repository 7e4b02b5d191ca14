/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Both ends of a queue with lanes in memory between them: each lane is two pipes of limited room,
 * moved on in any order and in pieces of any size, as the test (or chance) wants it.
 */
#include "tunnel/mux.h"

#define RIG_PIPE_BYTES (1u << 20)

/* One direction of a lane. */
struct rig_pipe {
	uint8_t *bytes;
	size_t first, end;
	size_t room; /* bytes it holds at most */
	bool finish; /* nothing follows */
	bool ended;  /* the reader has been told */
	bool paused; /* the reader did not take all */
	bool hungry; /* the writer got less than it had */
};

struct rig_end {
	struct rig *rig;
	struct stoq_mux mux;
	struct stoq_block_pool pool;
	struct rig_pipe pipes[STOQ_LANES_MAX]; /* from this end */
	/* TCP. */
	uint8_t *in; /* what comes; how far it was taken */
	size_t in_taken, in_size;
	bool in_over, in_ended;
	uint8_t *out; /* what went */
	size_t out_size;
	unsigned int resumes;
};

struct rig {
	struct rig_end ends[2]; /* by enum stoq_tunnel_end */
	unsigned int lanes;	/* that were opened */
	bool target_has[STOQ_LANES_MAX];
	bool bytes_allowed, began, began_with_bytes;
	uint64_t rewritten_at;	/* as rewrite() was called last, and its bytes set to 0xee */
	char targets[32];	/* as targets() got them */
	uint16_t refuse_opcode; /* judge() refuses it; 0xffff: none */
	/* admit(): one command each step_ns, from free_ns on; 0: at once. What it was asked for. */
	uint64_t step_ns, free_ns;
	uint32_t asked;
	uint64_t now_ns;
	uint32_t random;
};

void rig_init(struct rig *rig, unsigned int lanes, size_t pipe_room, uint32_t seed);
void rig_destroy(struct rig *rig);

uint32_t rig_random(struct rig *rig, uint32_t below);

/* Adds bytes that come by TCP. */
void rig_feed(struct rig *rig, enum stoq_tunnel_end which, const void *bytes, size_t size);
/* One step of everything that can go on, in random pieces. False: nothing could. */
bool rig_step(struct rig *rig);
/* Until nothing goes on any more. */
void rig_settle(struct rig *rig);

/* Single steps, for tests that choose the order. */
bool rig_take_tcp(struct rig_end *end, size_t size);
bool rig_move(struct rig *rig, enum stoq_tunnel_end from, unsigned int lane, size_t size);
void rig_flush(struct rig_end *end);
