/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What the parts of the stream engine share: the types of the packet at hand, small helpers, and
 * what each part has for the others. A part includes this and the maps, and no other part; the
 * program includes all of them, in any order.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/stream/command_shared.h"
#include "bpf/stream/counter_shared.h"
#include "bpf/stream/event_shared.h"
#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/program_shared.h"
#include "bpf/stream/series_shared.h"
#include "bpf/stream/stages_shared.h"
#include "bpf/stream/stream_shared.h"
#include "bpf/stream/tcp_shared.h"
#include "nvme/nvme_tcp.h"

/* Whether the stages of commands are counted (stages.bpf.h): an object of its own, so that the others
 * have no instruction of it. */
#ifndef STOQ_STAGED
#define STOQ_STAGED 0
#endif

/* Whether the protocol is checked (check.bpf.h, writes.bpf.h): objects of their own, for the same reason. */
#ifndef STOQ_CHECKED
#define STOQ_CHECKED   0
#define STOQ_UNCHECKED 1
#endif

/* ---- the segment at hand ---- */

#define STOQ_HEADERS_BYTES   192 /* Ethernet, VLAN, IP and TCP headers fit, options included */
#define STOQ_OPTIONS_BYTES   40	 /* at most (RFC 9293, 3.1) */
#define STOQ_OPTIONS_CHANGED 64	 /* where cpu->window has them without those */
/* A segment this far behind the stream belongs to another connection on the same ports. */
#define STOQ_SEQUENCE_JUMP   (256 << 20)

struct stoq_segment {
	struct stoq_flow_key key;
	__u32 sequence;
	__u32 acknowledged;
	__u32 payload_offset;
	__u32 payload_bytes;
	__u32 network_offset; /* of the IP header */
	__u32 tcp_offset;
	__u32 option_bytes; /* of TCP, from tcp_offset + sizeof(struct tcphdr) on */
	__u8 from_a;	    /* the sender is end a of the key */
	__u8 syn, ack, fin, rst, urg;
	__u16 window; /* as it is in the header; only where STOQ_STAGED */
};

enum stoq_parse {
	STOQ_PARSE_TCP = 0,
	STOQ_PARSE_OTHER,     /* not TCP: not looked at */
	STOQ_PARSE_MALFORMED, /* cut short, or lengths that contradict each other */
	STOQ_PARSE_FRAGMENT,
	STOQ_PARSE_TAGS, /* more VLAN tags than are looked through: what is behind them is not known
			  */
};

/* ---- walking and learning ---- */

enum stoq_walk {
	STOQ_WALK_DONE = 0, /* the segment's bytes are used up */
	STOQ_WALK_MORE = 1,
	STOQ_WALK_BAD = 2,  /* no PDU where one had to be */
	STOQ_WALK_HELD = 3, /* the guard wants the packet dropped: the next PDU is not taken */
	STOQ_WALK_SLOW = 4, /* the next PDU is not one for the fast walk */
};

#define STOQ_SCAN_BYTES	  256
#define STOQ_SCAN_NOTHING 0xffffffffu

enum stoq_candidate {
	STOQ_CANDIDATE_NO = 0,
	STOQ_CANDIDATE_SYNCED,
	STOQ_CANDIDATE_OPEN, /* consistent so far; the next header is in a later segment */
};

/* ---- early bytes (early.bpf.h) ---- */

enum stoq_early {
	STOQ_EARLY_KEPT = 0,
	STOQ_EARLY_FULL = 1,  /* no room for some of it */
	STOQ_EARLY_OTHER = 2, /* other bytes are kept for the same place */
};

/* What is done with bytes where some are kept already. */
enum stoq_early_mode {
	STOQ_EARLY_RENEW = 0,	/* the new ones count: the old ones may have been corrupt */
	STOQ_EARLY_KEEP = 1,	/* the old ones count */
	STOQ_EARLY_COMPARE = 2, /* nothing is kept: they are compared */
};

/* Room for a header, wherever it is copied to. */
struct stoq_header_room {
	__u8 bytes[NVME_TCP_HEADER_MAX];
};

/* ---- helpers ---- */

/*
 * capture/ compiles this code for user space, with STOQ_CAPTURE, and gives it the packets of a file
 * (doc/design/capture.md). What differs there stands here.
 */
#ifdef STOQ_CAPTURE
#define STOQ_SETTING		volatile
#define STOQ_BOUND(index, size) ((__u64)(index) & ((size)-1))
#else
#define STOQ_SETTING const volatile

/*
 * Bounds an index where the verifier sees it: in the register that is used. The compiler may
 * test a copy, of which older verifiers learn nothing. size is a power of two.
 */
#define STOQ_BOUND(index, size)                                                                    \
	({                                                                                         \
		__u64 bounded_ = (index);                                                          \
		asm volatile("%0 &= %1" : "+r"(bounded_) : "i"((size)-1));                         \
		bounded_;                                                                          \
	})
#endif

/*
 * How many of the payload's bytes the packet at hand has. In the kernel a packet is whole; one of a
 * capture has what the snap length left of it.
 */
static __always_inline __u32 stoq_present(const struct __sk_buff *skb, const struct stoq_cpu *cpu)
{
#ifdef STOQ_CAPTURE
	__u32 captured = (__u32)(skb->data_end - skb->data);

	if (captured <= cpu->payload_offset)
		return 0;
	if (captured - cpu->payload_offset < cpu->payload_bytes)
		return captured - cpu->payload_offset;
#endif
	return cpu->payload_bytes;
}

static __always_inline int stoq_is_cut(const struct __sk_buff *skb, const struct stoq_cpu *cpu)
{
	return stoq_present(skb, cpu) < cpu->payload_bytes;
}

static __always_inline void *stoq_first(void *map)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(map, &zero);
}

static __always_inline void stoq_count(struct stoq_cpu *cpu, enum stoq_counter counter, __u64 n)
{
	cpu->counters[counter] += n;
}

/* a is behind b in sequence space (RFC 9293 3.4). */
static __always_inline int stoq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

static __always_inline struct stoq_flow_side *stoq_side(
	struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	return &flow->side[cpu->side & 1];
}

/* ---- what each part has for the others ---- */

/* packet.bpf.h */
static __noinline int stoq_parse_segment(struct __sk_buff *skb, struct stoq_segment *segment);
static __always_inline int stoq_parse_packet(struct __sk_buff *skb, struct stoq_segment *segment);

/* follow.bpf.h */
static __always_inline void stoq_on_syn(struct __sk_buff *skb, struct stoq_cpu *cpu,
	const struct stoq_segment *segment, struct stoq_flow *flow);
static __always_inline struct stoq_flow *stoq_flow_of_payload(struct __sk_buff *skb,
	struct stoq_cpu *cpu, const struct stoq_segment *segment, struct stoq_flow *flow);

/* tcp_options.bpf.h */
__noinline __u32 stoq_find_multipath(
	struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 tcp_offset, __u32 bytes);

/* opening.bpf.h */
static __always_inline int stoq_is_tls_record(const __u8 *bytes);
static __always_inline void stoq_tls_found(struct stoq_flow *flow, const __u8 *bytes);
__noinline int stoq_tls_look(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);
static __always_inline int stoq_tls_is_open(const struct stoq_flow *flow);
static __always_inline void stoq_opening_count(struct stoq_cpu *cpu, const struct stoq_flow *flow);

/* flow.bpf.h */
static __always_inline int stoq_flow_is_over(const struct stoq_flow *flow);
static __always_inline void stoq_flow_number(struct stoq_flow *flow);
static __always_inline void stoq_flow_init(
	struct stoq_flow *flow, const struct stoq_segment *segment, int from_host);
static __noinline void stoq_flow_remove(struct stoq_cpu *cpu, const struct stoq_flow_key *key);
static __noinline struct stoq_flow *stoq_flow_create(
	struct stoq_cpu *cpu, const struct stoq_segment *segment, int from_host);
static __always_inline void stoq_side_start(struct stoq_flow_side *side, __u32 sequence);
static __always_inline int stoq_is_icreq(const struct nvme_tcp_hdr *hdr);
static __noinline struct stoq_flow *stoq_flow_discover(
	struct __sk_buff *skb, struct stoq_cpu *cpu, const struct stoq_segment *segment);
static __always_inline enum nvme_tcp_side stoq_sender(
	const struct stoq_flow *flow, const struct stoq_segment *segment);
static __always_inline int stoq_is_closed(
	const struct stoq_flow *flow, const struct stoq_segment *segment);
static __always_inline void stoq_on_end(
	struct stoq_cpu *cpu, struct stoq_flow *flow, struct stoq_flow_side *side, int rst);

/* connection.bpf.h */
static __always_inline struct stoq_flow *stoq_flow_find(const struct stoq_flow_key *key);
static __noinline void stoq_newcomer_syn(const struct stoq_segment *segment, __u32 from);
static __always_inline int stoq_is_same_answer(
	const struct stoq_newcomer *newcomer, const struct stoq_segment *segment);
static __always_inline void stoq_newcomer_answer(
	struct stoq_newcomer *newcomer, const struct stoq_segment *segment, __u32 from);
static __noinline struct stoq_flow *stoq_flow_of_newcomer(struct stoq_cpu *cpu,
	const struct stoq_segment *segment, const struct stoq_newcomer *newcomer);
static __noinline struct stoq_flow *stoq_flow_prove(
	struct stoq_cpu *cpu, const struct stoq_flow_key *key, struct stoq_flow *flow);
static __always_inline int stoq_flow_is_answered(
	const struct stoq_flow *flow, const struct stoq_segment *segment);

/* early.bpf.h */
static __always_inline __u64 stoq_cell_tag(
	const struct stoq_flow *flow, const struct stoq_cpu *cpu, __u32 run, __u32 number);
__noinline int stoq_early_bytes(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu,
	__u32 begin, __u32 mode);
static __always_inline int stoq_early_keep(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 mode);
static __always_inline int stoq_early_is_late(
	const struct stoq_flow_side *side, const struct stoq_cpu *cpu);
static __always_inline __u32 stoq_early_read(
	struct stoq_cpu *cpu, __u32 at, struct stoq_header_room *to);
__noinline __u32 stoq_early_load(struct stoq_cpu *cpu, __u32 at, struct stoq_header_room *to);
__noinline int stoq_early_any(
	struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 sequence, __u32 bytes);
static __always_inline void stoq_early_advance(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 wanted);
static __always_inline void stoq_early_forget(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu);

/* window.bpf.h */
static __always_inline int stoq_window_has(const struct stoq_cpu *cpu, __u32 at, __u32 bytes);
static __always_inline struct nvme_tcp_hdr *stoq_window_header(struct stoq_cpu *cpu, __u32 at);
static __always_inline int stoq_in_window(struct stoq_cpu *cpu, __u32 at);
static __always_inline void stoq_load_window(struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at);

/* commands.bpf.h */
static __always_inline struct stoq_slot *stoq_own_slot(struct stoq_flow *flow, __u16 cid);
static __always_inline int stoq_own_take(
	struct stoq_flow *flow, __u16 cid, __u32 bytes, __u64 packed);
static __always_inline int stoq_shared_take(
	__u32 uid, __u16 cid, __u32 choice, __u32 bytes, __u64 packed);
static __always_inline int stoq_command_begin(
	struct stoq_flow *flow, __u16 cid, const struct stoq_command *command);
static __always_inline void stoq_on_begun(
	struct stoq_flow *flow, struct stoq_cpu *cpu, __u16 cid, int result, int untimed);
static __always_inline int stoq_slot_is(const struct stoq_slot *slot, __u32 owner);
static __always_inline void stoq_slot_free(struct stoq_slot *slot);
static __always_inline struct stoq_slot *stoq_shared_find(__u32 uid, __u16 cid, __u32 choice);
static __always_inline int stoq_command_end(
	struct stoq_flow *flow, __u16 cid, struct stoq_command *command);

/* stages.bpf.h; not called but where STOQ_STAGED */
__noinline int stoq_stage_pdu(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_data_pdu *pdu, __u32 end);
__noinline int stoq_stage_forget(struct stoq_flow *flow, __u32 cid);
__noinline int stoq_stage_data_end(struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 cid);
__noinline int stoq_stages_end(
	struct stoq_cpu *cpu, struct stoq_series_staged *series, __u64 owner, __u64 latency_ns);

/* check.bpf.h; not called but where STOQ_CHECKED */
__noinline int stoq_check_pdu(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu);
__noinline int stoq_check_malformed(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu);
__noinline int stoq_check_begun(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, int result);
__noinline int stoq_check_ended(struct stoq_flow *flow, __u32 cid);
__noinline int stoq_check_forget(struct stoq_flow *flow);

/*
 * Digests, of captures only, where the bytes are all at hand: capture/program.c. A PDU begins (not 0: its header is not what was
 * sent); a segment, or early bytes, may have more of it.
 */
#ifdef STOQ_CAPTURE
static int stoq_digest_pdu(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct nvme_tcp_icreq_pdu *pdu, __u32 sequence);
static void stoq_digest_payload(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);
static void stoq_digest_early(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu);
#else
static __always_inline int stoq_digest_pdu(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	return 0;
}
static __always_inline void stoq_digest_payload(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
}
static __always_inline void stoq_digest_early(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
}
#endif

/* writes.bpf.h; not called but where STOQ_CHECKED */
__noinline int stoq_write_begun(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct nvme_tcp_cmd_pdu *pdu);
__noinline int stoq_write_ranges(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_cpu *cpu, struct nvme_tcp_cmd_pdu *pdu, __u32 sequence);
__noinline int stoq_write_ended(struct stoq_flow *flow, struct stoq_cpu *cpu, __u32 cid);
__noinline int stoq_write_look_at_end(
	struct stoq_flow *flow, struct stoq_cpu *cpu, struct stoq_segment *segment);
__noinline int stoq_write_flow_ended(struct stoq_flow *flow, struct stoq_cpu *cpu);

/* series.bpf.h */
static __always_inline struct stoq_series_key stoq_series_key_of(
	__u32 uid, const struct stoq_command *command);
static __always_inline void stoq_series_time(struct stoq_series *series, __u64 latency_ns);
static __always_inline void stoq_command_count(struct stoq_cpu *cpu, __u32 uid, __u16 cid,
	const struct stoq_command *command, __u16 cqe_status);

/* transfer.bpf.h */
static __always_inline __u32 stoq_transfer_bytes(const struct nvme_sqe *sqe, __u8 fctype);

/* pdu.bpf.h */
static __always_inline void stoq_settle(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 pending);
static __always_inline void stoq_note_digests(
	struct stoq_flow *flow, const struct nvme_tcp_hdr *hdr);
static __always_inline void stoq_on_pdu(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cursor *cursor, struct stoq_cpu *cpu, const struct nvme_tcp_hdr *hdr,
	__u32 sequence);

/* walk_fast.bpf.h */
__noinline int stoq_walk_fast(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);

/* walk.bpf.h */
static __always_inline int stoq_load_byte(
	struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at, __u8 *to);
static __always_inline void stoq_settle_pending(struct stoq_flow *flow, struct stoq_flow_side *side,
	struct stoq_cursor *cursor, struct stoq_cpu *cpu, __u32 end);
static __always_inline int stoq_walk_all(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);

/* learn.bpf.h */
__noinline __u32 stoq_scan(struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at);
static __always_inline void stoq_synced_at(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 at);
static __always_inline int stoq_try_candidate(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu, __u32 at);
__noinline int stoq_learn(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);

/* payload.bpf.h */
static __always_inline int stoq_side_lock(struct stoq_flow_side *side);
static __always_inline void stoq_side_unlock(struct stoq_flow_side *side);
__noinline int stoq_collect_connect(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu);
static __always_inline int stoq_account(struct stoq_flow_side *side, struct stoq_cpu *cpu);
static __always_inline __u32 stoq_wanted(const struct stoq_flow_side *side);
static __always_inline void stoq_on_bad_header(
	struct stoq_flow *flow, struct stoq_flow_side *side, struct stoq_cpu *cpu);
static __always_inline int stoq_walk_early(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu);
static __always_inline void stoq_on_payload(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu);
static __always_inline void stoq_begin_payload(
	struct stoq_cpu *cpu, const struct stoq_segment *segment);
