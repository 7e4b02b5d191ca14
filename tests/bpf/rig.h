/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The tc program on the bench: loaded, not attached; frames go in through BPF_PROG_TEST_RUN,
 * what it found comes out. Every PDU and every command is reported. A twin of the program, loaded
 * without reports, takes the fast walk (bpf/stream/walk_fast.bpf.h): it gets the same frames, and
 * what it found is compared whenever the rig is cleared or closed. Both count stages, and have a
 * clock that the rig sets, so that their times are the same. A third program is the one that counts
 * no stages, a fourth the one that checks the protocol, both as they are in the product.
 */
#include "bpf/stream/program_shared.h"
#include "bpf/stream/series_shared.h"
#include "bpf/stream/stream_shared.h"
#include "tests/bpf/wire.h"

#define RIG_SKIP 77 /* exit code: cannot run here */

struct rig {
	struct stoq_watch_bpf *program, *twin, *plain, *checked;
	uint64_t *program_clock, *twin_clock;
	uint64_t now_ns; /* when the frames pass; 0: when they are sent */
	struct ring_buffer *ring, *checked_ring;
	struct stoq_slot *slots, *twin_slots; /* the tables of outstanding commands */
	struct stoq_event_staged *commands;
	struct stoq_event_pdu *pdus;
	struct stoq_event_violation *violations; /* of the program that checks */
	struct stoq_event_write *writes;
	size_t pdu_count, pdu_capacity;
	size_t violation_count, violation_capacity;
	size_t write_count, write_capacity;
	size_t command_count, command_capacity;
};

/* Loads; leaves the process with RIG_SKIP and a reason where that cannot be. */
struct rig *rig_open(void);
void rig_close(struct rig *rig);

/* For a group of tests that share one: cmocka's setup and teardown, and what they make. */
extern struct rig *the_rig;
int rig_setup(void **state);
int rig_teardown(void **state);

/* Forgets events, flows, series and outstanding commands; counters go on. */
void rig_clear(struct rig *rig);

/* Runs one frame. Asserts that the program hands it on unchanged. Events are collected. */
void rig_send(struct rig *rig, const struct wire_path *path, const struct wire_segment *segment);
void rig_send_frame(struct rig *rig, const uint8_t *frame, size_t length);

/* A path over IPv4 to port 4420. */
struct wire_path rig_path(void);

/* The only flow there is. False: none, or more than one. */
bool rig_flow(struct rig *rig, struct stoq_flow *flow);
size_t rig_flow_count(struct rig *rig);

uint64_t rig_counter(struct rig *rig, enum stoq_counter counter);
/* All series together: what they count of commands, and their stages. */
void rig_series(struct rig *rig, struct stoq_series_staged *sum);
size_t rig_outstanding(struct rig *rig);
/* Cells for early bytes that are in use, of both programs. */
uint32_t rig_cells_used(struct rig *rig);
