/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A conversation of a host and a controller over one connection, made up, as frames with times: SYNs,
 * ICReq, Connect, commands of every shape. What is in it is known, by the reference decoder of nvme/
 * and by construction.
 */
#include "nvme/nvme_tcp_encode.h"
#include "tests/bpf/wire.h"

#define TALK_START_NS	1600000000000000000u
#define TALK_LATENCY_NS 250000u /* of every command */
#define TALK_STEP_NS	1000000u

#define TALK_HOST_NQN	   "nqn.2014-08.org.nvmexpress:uuid:11111111-2222-3333-4444-555555555555"
#define TALK_SUBSYSTEM_NQN "nqn.2026-11.test:subsystem"

struct talk_frame {
	uint64_t time_ns;
	size_t length;
	bool from_controller;
	bool has_payload;
	uint8_t bytes[WIRE_FRAME_MAX];
};

struct talk {
	struct wire_path path;
	struct nvme_tcp_format format;
	uint32_t piece;	   /* the most payload of a frame */
	uint32_t random;   /* not 0: frames are cut at random, too */
	unsigned int cids; /* identifiers that commands use in turn; 0: 100 */
	uint32_t sequence[NVME_TCP_SIDES];
	uint64_t now_ns;
	struct talk_frame *frames;
	size_t frame_count, frame_capacity;
	/* Each side's bytes. */
	uint8_t *streams[NVME_TCP_SIDES];
	size_t stream_bytes[NVME_TCP_SIDES];
	/* What there is in it, Connect included. */
	uint64_t commands, errors, bytes;
	size_t first_io; /* frame with which the I/O commands begin */
};

/* Fill in path, piece, random and format before; path.host_port tells connections apart. */
void talk_make(struct talk *talk, unsigned int commands);
void talk_free(struct talk *talk);

/* PDUs of both sides, by the reference decoder. */
uint64_t talk_pdus(const struct talk *talk);

/* As a user would set it up: IPv4, port 4420, frames of 1,400 bytes. */
void talk_init(struct talk *talk);
