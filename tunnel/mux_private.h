/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the files of the mux share. */
#include "tunnel/mux.h"

/* FUSE of the first command of a pair (Base specification 2.0c, figure 86). */
#define NVME_SQE_FUSE_FIRST  0x01
#define NVME_SQE_FUSE_SECOND 0x02

/* Writes to a lane; one that takes less blocks what comes from TCP. How many bytes it took. */
size_t stoq_mux_write_lane(
	struct stoq_mux *mux, unsigned int lane, const uint8_t *data, size_t size);

/*
 * A PDU's header passes, in either direction: checks that it may come now, and notes commands. 0,
 * or -1: the mux has failed.
 */
int stoq_mux_pdu_begins(struct stoq_mux *mux, const union stoq_pdu_header *header,
	unsigned int lane, uint64_t now_ns);
/* A PDU has passed to its end. */
void stoq_mux_pdu_ends(struct stoq_mux *mux, const union stoq_pdu_header *header, uint64_t now_ns);

/* True if this is the header of a Connect capsule. */
bool stoq_mux_is_connect(const union stoq_pdu_header *header);

/* Host end: a piece of a PDU from TCP; one that is fed again is noted again. */
void stoq_mux_note_connect(struct stoq_mux *mux, const struct stoq_pdu_piece *piece);

/* True if the capsule carries the ranges of blocks that its command touches. */
bool stoq_mux_lists_ranges(const union stoq_pdu_header *header);

/*
 * Target end: true if the PDU that begins is a capsule that may not go on yet. at: as admit() has it.
 */
bool stoq_mux_has_to_wait(struct stoq_mux *mux, unsigned int lane, size_t at,
	const struct stoq_pdu_piece *piece, uint64_t now_ns);
/* The state of order between lanes has changed: those that had to wait look again. */
void stoq_mux_wake_lanes(struct stoq_mux *mux, uint64_t now_ns);

/* Target end: false: the mux has failed, the PDU must not go on. */
bool stoq_mux_admits(struct stoq_mux *mux, const union stoq_pdu_header *header);
/* The status to refuse a command with that comes at the wrong time, 0: it may go on. */
uint16_t stoq_mux_judge_order(const struct stoq_mux *mux, const union stoq_pdu_header *header);

/* The capsule is the second of a fused pair. */
bool stoq_mux_is_second(const union stoq_pdu_header *header);
/* The header of a command with a reserved opcode in the place of its own, and its digest if it has one; how many bytes. */
#define STOQ_MUX_FRONT_BYTES (sizeof(struct nvme_tcp_cmd_pdu) + NVME_TCP_DIGEST_LENGTH)
size_t stoq_mux_spoil(
	uint8_t out[static STOQ_MUX_FRONT_BYTES], const struct nvme_tcp_cmd_pdu *command);
/* Target end: the target answers a command that was spoilt: we do so in its place. */
bool stoq_mux_replaces(struct stoq_mux *mux, const union stoq_pdu_header *header);

/* Answers a command in the target's place. */
void stoq_mux_refuse(struct stoq_mux *mux, unsigned int lane, uint16_t cid, uint16_t status);
/* A record of the targets goes before the answer to this command. */
void stoq_mux_tell_targets(struct stoq_mux *mux, unsigned int lane);
/* Writes those that can be written; wakes the lanes that waited for room for theirs. */
void stoq_mux_write_own(struct stoq_mux *mux, uint64_t now_ns);
/* Is there room for one more? */
bool stoq_mux_has_room_for_own(const struct stoq_mux *mux);
