/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A link is a connection with its two ends: what each of them has written, and what the other one has received of it after the
 * guard (guard_rig.h) let it pass, changed it or dropped it. Each packet that passes is checked: its TCP checksum, and
 * that nothing but payload was touched.
 */
#include "nvme/nvme_tcp_encode.h"
#include "tests/bpf/guard_rig.h"

#define LINK_BYTES 65536

struct guard_link {
	struct wire_path path;
	struct guard_place place[NVME_TCP_SIDES]; /* of what a side sends */
	struct dialog dialog;		/* its writing functions make what link_write() takes */
	uint32_t first[NVME_TCP_SIDES]; /* sequence number of a side's first byte */
	size_t written[NVME_TCP_SIDES];
	uint8_t bytes[NVME_TCP_SIDES][LINK_BYTES];
	/* The first copy of a byte counts, as in a TCP receiver. */
	uint8_t received[NVME_TCP_SIDES][LINK_BYTES];
	bool here[NVME_TCP_SIDES][LINK_BYTES];
	bool no_acknowledgement; /* acknowledge nothing */
	uint16_t next_cid;	 /* of link_write_next() */
	bool reset_exact;	 /* a reset was what the controller expects */
	bool loses;		 /* what passes the guard is lost behind it */
	/* The guard ends the connection: resets, and segments that the controller does not accept. */
	size_t resets, unacceptable;
};

/* A segment with flags, without payload or with `bytes` of it, all 0. False: it was dropped. */
bool link_flags(struct guard_link *link, enum nvme_tcp_side side, uint8_t flags, uint32_t sequence,
	uint32_t acknowledged, size_t bytes);

/* A connection from its first byte: SYNs, IC PDUs, Connect of queue qid. */
void link_open(struct guard_link *link, uint16_t qid);
/* The same, but nothing is sent yet, and its parts. The controller ends what the link was before,
 * unless the host's port is 0. */
void link_start(struct guard_link *link);
void link_syns(struct guard_link *link);
void link_negotiate(struct guard_link *link); /* with the ICReq and ICResp behind them */
void link_handshake(struct guard_link *link, uint16_t qid);

/* The key of a link over IPv4 without VLAN tags; its host is end a in the first 20,000 links. */
struct stoq_flow_key link_key(const struct guard_link *link);

/* The same under a policy that denies writes to the first 34 blocks of namespace 1; nothing is acknowledged. */
void link_open_protected(struct guard_link *link);

/* Appends what the dialog's functions made to what a side has written; returns where it begins. */
size_t link_write(struct guard_link *link, enum nvme_tcp_side side);
/* Sends what a side has written, from one place to another. False: dropped. */
bool link_send(struct guard_link *link, enum nvme_tcp_side side, size_t from, size_t to);
/* Sends other bytes as if they were that. */
bool link_send_bytes(struct guard_link *link, enum nvme_tcp_side side, size_t from,
	const uint8_t *bytes, size_t length);
/* Everything that was not sent yet. */
bool link_flush(struct guard_link *link, enum nvme_tcp_side side);
/* What was not sent yet does not pass, for this reason, however often it is tried, and is forgotten. */
void link_expect_dropped(
	struct guard_link *link, enum nvme_tcp_side side, enum stoq_guard_total reason);
/* How many bytes of a side have arrived without a gap. */
size_t link_arrived(const struct guard_link *link, enum nvme_tcp_side side);

/* The command that begins at a place of what arrived, checked: its header digest. */
struct nvme_sqe link_command(const struct guard_link *link, size_t at);
struct nvme_cqe link_response(const struct guard_link *link, size_t at);
/* A target would refuse it, and go on behind it. */
bool link_is_refused(const struct nvme_sqe *sqe);

/* What the host wrote there has arrived as it was. */
void link_assert_unchanged(const struct guard_link *link, size_t from, size_t to);
/* The target refuses what it was sent; asserts that the host gets this status. */
void link_complete_refused(struct guard_link *link, uint16_t cid, uint16_t status);

/* A command of 8 blocks, written by the host; with data in the capsule or without. */
struct nvme_io_fields link_fields(uint8_t opcode, uint16_t cid, uint32_t nsid, uint64_t slba);
size_t link_write_command(struct guard_link *link, const struct nvme_io_fields *fields);

/* The same in namespace 1, by opcode and identifier. */
size_t link_write_io(struct guard_link *link, uint8_t opcode, uint16_t cid);
/* A command whose identifier is another one each time, from 7 on. */
size_t link_write_next(struct guard_link *link, uint8_t opcode, uint32_t nsid, uint64_t slba);
/* A write whose data are to be asked for; asserts that it passes. */
void link_begin_write(struct guard_link *link, uint16_t cid, uint32_t bytes);
/* Data PDUs: those that an R2T asked for, and writing one. */
struct nvme_tcp_data_fields link_asked_data(
	uint16_t cid, uint16_t ttag, uint32_t offset, uint32_t length);
void link_write_data(struct guard_link *link, enum nvme_tcp_side side,
	const struct nvme_tcp_data_fields *fields);

/* The controller asks for data, or says that a command is done; asserts that it passes. */
void link_r2t(
	struct guard_link *link, uint16_t cid, uint16_t ttag, uint32_t offset, uint32_t length);
void link_complete(struct guard_link *link, uint16_t cid);

/* What the table of flows has for this link, if it is there. */
bool link_flow(const struct guard_link *link, struct stoq_flow *flow);
