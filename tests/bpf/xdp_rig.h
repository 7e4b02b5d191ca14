/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The filter's program on the bench: loaded, not attached; frames go in through BPF_PROG_TEST_RUN.
 * Beside it runs the reference, with the same settings. XDP_RIG_TC=1: the program for tc ingress.
 */
#include "tests/bpf/xdp_frames.h"
#include "tests/bpf/xdp_model.h"
#include "xdp/settings.h"
#include "xdp/status.h"

#define XDP_RIG_SKIP 77 /* exit code: cannot run here */
#define XDP_RIG_PORT 9292

struct xdp_rig {
	struct stoq_xdp_bpf *program; /* one of the two */
	struct stoq_xdp_tc_bpf *tc;
	int program_fd;
	struct stoq_xdp_maps maps;
	struct stoq_xdp_stats stats; /* before the next frame */
	struct xdp_model model;
	bool frags;
};

/* Loads; leaves the process with XDP_RIG_SKIP and a reason where that cannot be. */
struct xdp_rig *xdp_rig_open(void);
void xdp_rig_close(struct xdp_rig *rig);

/* For a group of tests that share one. */
extern struct xdp_rig *the_xdp_rig;
int xdp_rig_setup(void **state);
int xdp_rig_teardown(void **state);

/* Forgets connections and limits, of both; settings: ACCEPT, no limits, no prefixes, this port. */
void xdp_rig_reset(struct xdp_rig *rig);

/* Settings of both. A limit is so many packets for ever; 0: none. */
void xdp_rig_set_flags(struct xdp_rig *rig, uint32_t flags);
/* From now on the filter is for this address alone; xdp_rig_set_flags() ends it. */
void xdp_rig_set_address(struct xdp_rig *rig, const char *text);
void xdp_rig_set_key(struct xdp_rig *rig, const struct stoq_cid_key *key);
void xdp_rig_set_limits(struct xdp_rig *rig, uint32_t source, uint32_t total, uint32_t unproven);
void xdp_rig_add_prefix(struct xdp_rig *rig, enum stoq_xdp_list list, const char *text);
void xdp_rig_remove_prefixes(struct xdp_rig *rig);

/* What the transport says about a connection that ends. expired: the time to answer is over. */
void xdp_rig_end_connection(
	struct xdp_rig *rig, const struct stoq_cid *cid, enum stoq_xdp_state state, bool expired);

/*
 * Runs a frame through the program. Checks what holds for every frame: it is not changed, exactly
 * one verdict is counted with its bytes, and the action is the verdict's.
 */
enum stoq_xdp_verdict xdp_rig_run(struct xdp_rig *rig, const uint8_t *frame, size_t length);

/* The same, with only so many bytes in the first buffer. -EINVAL: the kernel cannot do that. */
int xdp_rig_run_split(struct xdp_rig *rig, const uint8_t *frame, size_t length, size_t first,
	enum stoq_xdp_verdict *verdict);

/*
 * At tc: a super-packet of datagrams of so many bytes each. 1: it passes, and frame is as it passed; 0: it is
 * dropped; -EINVAL: as above.
 */
int xdp_rig_run_train(struct xdp_rig *rig, uint8_t *frame, size_t length, uint32_t segment_bytes);

/* Runs it through program and reference, which must agree. */
enum stoq_xdp_verdict xdp_rig_compare(struct xdp_rig *rig, const uint8_t *frame, size_t length);

/* The connection in the program's table. */
bool xdp_rig_connection(
	struct xdp_rig *rig, const struct stoq_cid *cid, struct stoq_xdp_connection *connection);

/* After many frames: connections and counters of both are the same. */
void xdp_rig_compare_state(struct xdp_rig *rig);
