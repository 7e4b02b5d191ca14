/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The guard's program on the bench. A link is a connection with its two ends: what each of them
 * has written, and what the other one has received of it after the guard let it pass, changed it
 * or dropped it. Each packet that passes is checked: its TCP checksum, and that nothing but payload
 * was touched.
 */
#include "bpf/guard/state_shared.h"
#include "tests/bpf/dialog.h"

#define LINK_BYTES 65536

/* Where a packet meets the guard. All 0: loopback, where both ends are. */
struct guard_place {
	uint32_t ifindex; /* the interface whose hook it is; 0: loopback */
	uint32_t from;	  /* the interface by which it came in; 0: it was made here */
};

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
	bool loses;		 /* what passes the guard is lost behind it */
	/* The guard ends the connection: resets, and segments that the controller does not accept,
	 * and whether a reset was what the controller expects. */
	size_t resets, unacceptable;
	bool reset_exact;
};

extern struct stoq_guard_bpf *the_guard;

/*
 * Set before guard_setup(): each packet also meets a guard in audit mode, with tables of its own, which has to let
 * it pass as it is. At the end both have to have counted the same kinds of verdicts.
 */
extern bool guard_audited;
extern struct stoq_guard_bpf *the_auditor;
/* One that only the auditor meets. */
void guard_audit_run(struct guard_place place, const uint8_t *frame, size_t length);
uint64_t guard_total_of(struct stoq_guard_bpf *guard, enum stoq_guard_total total);
struct stoq_guard_record guard_last_record_of(struct stoq_guard_bpf *guard);

/* For a group of tests: cmocka's setup and teardown. Strict wherever the policy is, unless changed
 * before. */
extern enum stoq_guard_strictness guard_strictness;
int guard_setup(void **state);
int guard_teardown(void **state);

/*
 * A program in audit mode or one that enforces takes the place of the_guard, with all its tables, as `stoq guard on --replace` has
 * it; the policy in force is put in force again.
 */
void guard_replace(bool audit);

/* Interfaces front, back and third, in a network namespace of our own; or skips. */
void guard_own_interfaces(void);

/* Puts a policy in force; NULL: none. */
void guard_install(const char *yaml);
uint64_t guard_rule_count(uint32_t rule);
uint64_t guard_total(enum stoq_guard_total total);
/* The last record of the log; asserts that it is there. */
struct stoq_guard_record guard_last_record(void);
/* The record of the log with this sequence number; asserts that it is still there. */
struct stoq_guard_record guard_record(uint64_t sequence);
uint64_t guard_log_last(void);
/* What the table of flows has for this link, if it is there. */
bool link_flow(const struct guard_link *link, struct stoq_flow *flow);
struct stoq_guard_room guard_room(void);
/* How many connections may be followed. */
void guard_set_limit(uint64_t limit);
/* Takes the patches away that were kept, to see what happens. */
void guard_empty_chunks(void);
/* The policy in force, compiled. */
extern struct stoq_guard_compiled *guard_compiled;

/* Runs one frame. False: it was dropped. out, if not NULL, gets the frame as it left. */
bool guard_run(const uint8_t *frame, size_t length, uint8_t *out);

/* The same, in another place. */
bool guard_run_at(struct guard_place place, const uint8_t *frame, size_t length, uint8_t *out);

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

/* Appends what the dialog's functions made to what a side has written; returns where it begins. */
size_t link_write(struct guard_link *link, enum nvme_tcp_side side);
/* Sends what a side has written, from one place to another. False: dropped. */
bool link_send(struct guard_link *link, enum nvme_tcp_side side, size_t from, size_t to);
/* Sends other bytes as if they were that. */
bool link_send_bytes(struct guard_link *link, enum nvme_tcp_side side, size_t from,
	const uint8_t *bytes, size_t length);
/* Everything that was not sent yet. */
bool link_flush(struct guard_link *link, enum nvme_tcp_side side);
/* How many bytes of a side have arrived without a gap. */
size_t link_arrived(const struct guard_link *link, enum nvme_tcp_side side);

/* The command that begins at a place of what arrived, checked: its header digest. */
struct nvme_sqe link_command(const struct guard_link *link, size_t at);
struct nvme_cqe link_response(const struct guard_link *link, size_t at);
/* A target would refuse it, and go on behind it. */
bool link_is_refused(const struct nvme_sqe *sqe);

/* A command of 8 blocks, written by the host; with data in the capsule or without. */
struct nvme_io_fields link_fields(uint8_t opcode, uint16_t cid, uint32_t nsid, uint64_t slba);
size_t link_write_command(struct guard_link *link, const struct nvme_io_fields *fields);

/* The controller asks for data, or says that a command is done; asserts that it passes. */
void link_r2t(
	struct guard_link *link, uint16_t cid, uint16_t ttag, uint32_t offset, uint32_t length);
void link_complete(struct guard_link *link, uint16_t cid);
