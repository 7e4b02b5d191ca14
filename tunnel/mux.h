/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * One NVMe queue in the tunnel: a TCP connection at either end, and lanes between them (see
 * lane_header.h). A mux is one end of it: it splits what comes from TCP into lanes, PDU by PDU, and
 * merges what comes from lanes into one TCP connection. It opens no socket and reads no clock:
 * lanes are functions of its user, times are arguments.
 *
 * Which lane a PDU takes: all PDUs of a command take one, which the host end chooses by the CID and
 * the target end keeps. In lane 0 go: what is no command's (ICReq, ICResp, TermReq), and everything
 * until Connect was answered and the answer says that SQ flow control is off (SQHD FFFFh). With
 * flow control, completions have an order, as SQHD only grows, so there is one lane.
 *
 * Order between lanes that is kept: the capsules of a fused pair follow each other, without another
 * capsule between them; TermReq and the end of the connection come last.
 *
 * A PDU of which a part is missing does not hold up the TCP connection: it waits in its lane until
 * it is whole, or until STOQ_BLOCK_ROOM bytes of it are there; then it has the TCP connection for
 * itself up to its end. So memory is bounded, whatever PLEN is. What a lane brings when it cannot
 * be written, or must not be yet (admit()), is not taken; QUIC's flow control carries that back to the other end. Once the pool is
 * full, a queue has two blocks of its own at most: one for TCP, and one for a PDU in pieces.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "tunnel/blocks.h"
#include "tunnel/command_table.h"
#include "tunnel/lane_header.h"
#include "tunnel/pdu_reader.h"

struct stoq_mux;

/* What a mux asks of its user; context is stoq_mux_config's. All are needed, but for the last
 * six. */
struct stoq_mux_io {
	/*
	 * Host end, once: the queue begins; bytes: it is not NVMe/TCP. Writes lane 0's header. 0,
	 * or a negative errno: bytes are not allowed.
	 */
	int (*begin)(void *context, bool bytes);
	/* How many bytes it took; if less, stoq_mux_lane_writable() is due when there is room. */
	size_t (*write)(void *context, unsigned int lane, const void *data, size_t size);
	void (*finish)(void *context, unsigned int lane); /* nothing follows */
	/* Offer again what stoq_mux_from_lane() did not take: soon, not from within. */
	void (*resume)(void *context, unsigned int lane);
	/* Host end: opens lanes up to that number in all; how many there are then. */
	unsigned int (*open_lanes)(void *context, unsigned int lanes);
	/*
	 * Target end: may this command go to the target? The status of enum nvme_status to refuse
	 * it with, 0: it may. pdu: of a Connect the whole PDU, else at least the header.
	 */
	uint16_t (*judge)(void *context, const struct nvme_tcp_cmd_pdu *command, const uint8_t *pdu,
		size_t size);
	/*
	 * Target end: when may this command go to the target, by limits? 0: now. Asked once for a command, or again after
	 * stoq_mux_ask_again(). at: bytes of the lane that stoq_mux_from_lane() has taken before it in this call; pdu: at least
	 * the header. NULL: there are no limits.
	 */
	uint64_t (*admit)(void *context, unsigned int lane, size_t at,
		const struct nvme_tcp_cmd_pdu *command, const uint8_t *pdu, size_t size);
	/*
	 * Host end: data of a discovery log are about to go to the host; `at`: where they lie in
	 * the log. Changes them in place.
	 */
	void (*rewrite)(void *context, uint64_t at, uint8_t *data, size_t size);
	/* Host end: the text of a record of targets. */
	void (*targets)(void *context, const char *text, size_t size);
	/* Host end: what the host asks for in a Connect. The target end gets it by judge(). */
	void (*asked)(void *context, const struct nvme_connect_data *data);
	/* A Connect has succeeded. cntlid: the controller that the answer names. */
	void (*connected)(void *context, uint16_t cntlid);
};

struct stoq_mux_config {
	enum stoq_tunnel_end end;
	unsigned int lanes;	   /* most lanes: 1 to STOQ_LANES_MAX; host end */
	size_t output_limit_bytes; /* that wait for TCP; a PDU that was begun may exceed it */
	struct stoq_block_pool *pool;
	const char *targets; /* target end: the text of STOQ_LANE_RECORD_TARGETS; NULL: none */
	const struct stoq_mux_io *io;
	void *context;
};

struct stoq_mux_figures {
	uint64_t commands, completions, errors, refused;
	uint64_t from_host_bytes, to_host_bytes; /* of PDUs */
	/* From the capsule to the end of the answer, at this end's TCP connection. */
	struct stoq_histogram latency;
	struct stoq_lane_times at_target; /* host end: as the target end reported it last */
};

/* One lane's way to TCP. */
struct stoq_mux_lane {
	struct stoq_pdu_reader reader;
	struct stoq_block *stash; /* of a PDU that is not being written yet */
	bool held;		  /* what is in the stash has to wait for other lanes */
	bool discarding;	  /* the PDU is not passed on */
	bool paused;		  /* not all was taken */
	/* A capsule that was admitted for later: of it nothing is taken, so it takes no memory. */
	bool admitted;
	bool waits;
	uint64_t due_ns;
	bool finished;
};

/* What this end adds to what it passes on: written when the lane is between two PDUs. */
enum stoq_mux_own_kind {
	STOQ_MUX_RESPONSE, /* in the target's place */
	STOQ_MUX_TIMES,	   /* records */
	STOQ_MUX_TARGETS,
};
struct stoq_mux_own {
	uint8_t kind;
	uint8_t lane;
	uint16_t done; /* bytes of it that the lane took */
	uint16_t cid;
	uint16_t status;
	struct stoq_lane_times times;
};
#define STOQ_MUX_OWN_MAX 64

struct stoq_mux {
	struct stoq_mux_config config;
	struct stoq_mux_figures figures;
	enum stoq_lane_code code; /* why it failed, STOQ_LANE_DONE: it did not */
	char reason[128];
	bool bytes;		/* it is not NVMe/TCP */
	uint16_t qid;		/* of Connect */
	uint32_t typical_bytes; /* that a command moves: a running mean of those that move any */

	/* The rest is private. */
	struct stoq_command_table commands;
	struct stoq_mux_lane *lanes[STOQ_LANES_MAX];
	unsigned int lane_count;
	struct {
		bool answered;
		bool no_flow_control; /* Connect asked for it */
		bool connecting;      /* a Connect waits for its answer */
		bool header_digest;   /* ICResp agreed */
		bool data_digest;
		uint8_t cpda;
		bool first_passed[NVME_TCP_SIDES];
		uint16_t sqhd; /* the last one */
	} agreed;

	/* From TCP to lanes. */
	struct {
		struct stoq_pdu_reader reader;
		unsigned int lane;	/* of the PDU in progress */
		const uint8_t *pending; /* of the reader's header: not written yet */
		size_t pending_bytes;
		int fused_lane; /* the next capsule goes there; -1: none */
		/* Host end: of a Connect that is passing, NULL: none does. */
		struct nvme_connect_data *connect;
		bool discarding; /* the PDU is replaced by one of ours */
		bool blocked;	 /* a lane took less than it was given */
		bool over;	 /* TCP has ended, or a TermReq was passed on */
		bool finished;	 /* and so have the lanes */
	} split;

	/* From lanes to TCP. */
	struct {
		struct stoq_byte_queue out;
		uint64_t written_bytes; /* of it, to TCP */
		unsigned int announced; /* lanes that have to end */
		int writer;		/* the lane whose PDU is being written; -1: none */
		int fused_lane;		/* -1: none */
		bool fused_refused;	/* the first of the pair was */
		bool starved;		/* a lane was not taken for lack of memory */
		bool over;		/* all lanes have ended */
	} merge;

	struct stoq_mux_own own[STOQ_MUX_OWN_MAX];
	unsigned int own_count;
	unsigned int spoilt;   /* outstanding commands whose answers will be replaced by own ones */
	uint64_t times_due_ns; /* target end: the next record of times */
	uint64_t times_told;   /* commands in the last one */
};

/* 0 or -ENOMEM. The host end has lane 0 from here on, the target end none. */
int stoq_mux_init(struct stoq_mux *mux, const struct stoq_mux_config *config);
void stoq_mux_destroy(struct stoq_mux *mux);

/* Target end: a lane came. 0, -ENOMEM, -EEXIST, or -EPROTO: lane 0 has to be first. */
int stoq_mux_add_lane(struct stoq_mux *mux, unsigned int lane);

/* True once nothing can go on: see code and reason. The user resets TCP and all lanes. */
static inline bool stoq_mux_failed(const struct stoq_mux *mux)
{
	return mux->code != STOQ_LANE_DONE;
}
void stoq_mux_fail(struct stoq_mux *mux, enum stoq_lane_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- from TCP ---- */

/*
 * Bytes of TCP. How many were taken: less than size after a lane took less; the rest is given again
 * once stoq_mux_lane_writable() has been called, before anything else.
 */
size_t stoq_mux_from_tcp(struct stoq_mux *mux, const uint8_t *data, size_t size, uint64_t now_ns);
/* Nothing more comes from TCP; not before all was taken. */
void stoq_mux_tcp_ended(struct stoq_mux *mux);
/* There is room in a lane again. */
void stoq_mux_lane_writable(struct stoq_mux *mux, uint64_t now_ns);
static inline bool stoq_mux_wants_tcp(const struct stoq_mux *mux)
{
	return !mux->split.blocked && !stoq_mux_failed(mux);
}

/* Target end: a record of the times at the target, if one is due. Also when nothing passes: what came last would be missing. */
void stoq_mux_tell_times(struct stoq_mux *mux, uint64_t now_ns);

/* ---- to TCP ---- */

/* Bytes of a lane; finished: none follow. How many were taken; the rest is offered after resume().
 */
size_t stoq_mux_from_lane(struct stoq_mux *mux, unsigned int lane, const uint8_t *data, size_t size,
	bool finished, uint64_t now_ns);
/*
 * Lanes whose capsules may go to the target now go on. When the next one may, 0: none waits. To be called then, and after
 * stoq_mux_from_lane().
 */
uint64_t stoq_mux_look_at_waiting(struct stoq_mux *mux, uint64_t now_ns);
/* Limits have changed: admit() is asked again about capsules that wait. */
void stoq_mux_ask_again(struct stoq_mux *mux);
/* What to write to TCP: mux->merge.out by stoq_byte_queue_peek(). Afterwards: */
void stoq_mux_written(struct stoq_mux *mux, size_t size, uint64_t now_ns);
static inline bool stoq_mux_output(const struct stoq_mux *mux)
{
	return mux->merge.out.bytes > 0;
}
/* All was written and nothing more will come: TCP's sending side can be shut down. */
static inline bool stoq_mux_output_over(const struct stoq_mux *mux)
{
	return mux->merge.over && !mux->merge.out.bytes;
}
/* Both directions have ended. */
static inline bool stoq_mux_over(const struct stoq_mux *mux)
{
	return mux->split.finished && stoq_mux_output_over(mux);
}
