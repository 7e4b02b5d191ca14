/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The guard's program on the bench: loaded, with a policy, and run packet by packet. */
#include "bpf/guard/state_shared.h"
#include "tests/bpf/dialog.h"

/* Where a packet meets the guard. All 0: loopback, where both ends are. */
struct guard_place {
	uint32_t ifindex; /* the interface whose hook it is; 0: loopback */
	uint32_t from;	  /* the interface by which it came in; 0: it was made here */
};

extern struct stoq_guard_bpf *the_guard;

/*
 * Set before guard_setup(): each packet also meets a guard in audit mode, with tables of its own, which has to let
 * it pass as it is. At the end both have to have counted the same kinds of verdicts.
 */
extern bool guard_audited;
/* Bits of enum stoq_guard_total that the auditor alone may have counted: its connections go on where those of the other are stopped. */
extern uint64_t guard_audit_more;
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
/* A policy that refuses nothing; as the setup of a test. */
int guard_install_allowing(void **state);
uint64_t guard_rule_count(uint32_t rule);
uint64_t guard_total(enum stoq_guard_total total);
/* The last record of the log; asserts that it is there. */
struct stoq_guard_record guard_last_record(void);
/* The record of the log with this sequence number; asserts that it is still there. */
struct stoq_guard_record guard_record(uint64_t sequence);
uint64_t guard_log_last(void);
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
