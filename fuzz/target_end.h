/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A target behind the guard, for fuzz_guard_target.c: Linux' TCP (tcp_model.h) under SPDK's or nvmet's way of reading the
 * stream (tests/bpf/target_model.h). It answers what it takes; no command that it takes may be one that the policy refuses.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz/tcp_model.h"
#include "nvme/nvme_tcp.h"
#include "tests/bpf/guard_rig.h"
#include "tests/bpf/target_model.h"

struct target_end {
	struct tcp_model tcp;
	struct target_model reader;
	uint32_t acknowledged; /* what the host has of its answers */
	uint32_t begun;	       /* the connection that is read */
	size_t read_at;
	uint16_t qid;
	uint16_t answered; /* commands behind the Connect */
	bool initialised, connected, dead;
	struct nvme_tcp_r2t_pdu asked; /* length 0: nothing */
};
extern struct target_end target_end;

/* Where packets of the host's, or of whoever is on its side, and of the target's meet the guard. */
extern struct guard_place from_outside, from_target;

/* A frame through the guard. False: it was dropped. out: NULL or room for WIRE_FRAME_MAX. */
bool guard_hook_pass(struct guard_place place, const uint8_t *frame, size_t length, uint8_t *out);

/* A segment of the target's, which acknowledges what it has. */
void target_end_send(uint8_t flags, uint32_t sequence, const void *payload, size_t bytes);
/* A frame of the host's has passed the guard. */
void target_end_receive(const uint8_t *frame, size_t length);
/* nvmet: whether it has this command and this namespace. */
bool target_end_knows(const uint8_t *pdu);
