/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The program of limits on the bench: loaded, with limits, and connections whose hosts it knows. */
#include "bpf/limit/limit_shared.h"
#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/stream_shared.h"
#include "tests/bpf/dialog.h"

struct bpf_map;

#define LIMIT_MS	 1000000ull
#define LIMIT_FLOW_BYTES 65536 /* room for a value of stoq_flows, of any program */
/* 100 ms for each command: a guest that stands still for a moment does not decide. */
#define LIMIT_TEN	 "  - {name: a, iops: 10, burst: 0ms}\n"

extern struct stoq_limit_bpf *the_limit;
extern bool limit_joins; /* segments have an option of Multipath TCP */
extern int
	limit_verdict; /* about the packet that was sent last: TC_ACT_UNSPEC or TC_ACT_REDIRECT */

/* For a group of tests: cmocka's setup and teardown. */
int limit_setup(void **state);
int limit_setup_audit(void **state);
int limit_teardown(void **state);

/* Puts limits in force, as a policy has them. */
void limit_install(const char *limits);
struct stoq_limit_totals limit_totals(void);

/* Takes everything out of a map; key: room for one. */
void limit_empty(const struct bpf_map *map, void *key);
void limit_forget_accounts(void);

/* A connection of this host on which Connect is done; all others are forgotten. host: NULL: its name is not known. */
void limit_open(struct dialog *dialog, const char *host, uint16_t qid);
/* What the guard would have found out about the connection that was seen last. */
void limit_introduce(const char *host, uint16_t qid);
/* TCP of the connection that was opened last has measured such a round trip time: its packets may wait as long. */
void limit_set_round_trip(uint32_t us);
/* How many PDUs of that connection the program has looked at. */
uint64_t limit_pdus(void);

/* Sends what was written. The departure time that the packet has behind the program; 0: none. */
uint64_t limit_send(struct dialog *dialog, enum nvme_tcp_side side, bool egress, uint8_t flags);
/* The host's command comes in; the controller's answer to it leaves, at this time. */
void limit_command(
	struct dialog *dialog, uint8_t opcode, uint16_t cid, uint32_t nsid, uint32_t bytes);
uint64_t limit_answer(struct dialog *dialog, uint16_t cid);
/* Whether one more command has to wait. */
bool limit_waits(struct dialog *dialog, uint8_t opcode, uint32_t nsid, uint32_t bytes);
