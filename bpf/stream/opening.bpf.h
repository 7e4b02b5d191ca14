/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Connections that end before their first command: after an ICReq that was refused or not answered,
 * or within a TLS handshake. Each is counted once, when both directions have ended.
 */
#include "bpf/stream/stream.bpf.h"
#include "nvme/nvme_tcp_check.h"

/* What was seen of a TLS connection: bits of struct stoq_flow's tls. */
#define STOQ_TLS_HELLO	    1 /* it began while it was looked at */
#define STOQ_TLS_HOST	    2 /* the host sent a record that an ICReq fits in ... */
#define STOQ_TLS_CONTROLLER 4 /* ... and then the controller one for an ICResp */

#define STOQ_TLS_ALERT	   0x15
#define STOQ_TLS_HANDSHAKE 0x16
#define STOQ_TLS_DATA	   0x17
#define STOQ_TLS_HEADER	   5
#define STOQ_TLS_RECORDS   4 /* looked at in a segment: Finished and ICReq may share one */

/*
 * What of a record is not payload: the content type and the tag (RFC 8446 5.2, with the 16 bytes of
 * all of its cipher suites but one, that has 8). Finished and alerts are shorter than an ICReq.
 */
#define STOQ_TLS_OVERHEAD 9

/* A TLS record header (RFC 8446 5.1): handshake, change cipher spec, alert or data. */
static __always_inline int stoq_is_tls_record(const __u8 *bytes)
{
	return bytes[0] >= 0x14 && bytes[0] <= 0x17 && bytes[1] == 3 && bytes[2] <= 4;
}

/* The first bytes of a direction are those of a TLS record. */
static __always_inline void stoq_tls_found(struct stoq_flow *flow, const __u8 *bytes)
{
	flow->encrypted = 1;
	if (bytes[0] == STOQ_TLS_HANDSHAKE)
		flow->tls |= STOQ_TLS_HELLO;
}

/*
 * Looks at the records that begin with this segment, until the handshake is known to have been
 * completed. Global, so that the verifier follows it once.
 */
__noinline int stoq_tls_look(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	__u32 at = 0;

	if (!flow || !cpu)
		return 0;
	for (int i = 0; i < STOQ_TLS_RECORDS; i++) {
		__u8 header[8];
		__u32 length;

		if (at + STOQ_TLS_HEADER > cpu->payload_bytes ||
			bpf_skb_load_bytes(skb, cpu->payload_offset + at, header, STOQ_TLS_HEADER))
			return 0;
		length = header[3] << 8 | header[4];
		/* One that is not encrypted has a level and a description (RFC 8446 6). */
		if (header[0] == STOQ_TLS_ALERT && length == 2 &&
			bpf_skb_load_bytes(skb, cpu->payload_offset + at + STOQ_TLS_HEADER,
				header + 6, 2) == 0)
			flow->alert = header[7] + 1;
		if (header[0] == STOQ_TLS_DATA &&
			length >= sizeof(struct nvme_tcp_icreq_pdu) + STOQ_TLS_OVERHEAD) {
			if (cpu->side == NVME_TCP_FROM_HOST)
				flow->tls |= STOQ_TLS_HOST;
			else if (flow->tls & STOQ_TLS_HOST)
				flow->tls |= STOQ_TLS_CONTROLLER;
		}
		at += STOQ_TLS_HEADER + length;
	}
	return 0;
}

static __always_inline int stoq_tls_is_open(const struct stoq_flow *flow)
{
	return (flow->tls & STOQ_TLS_CONTROLLER) || !(flow->tls & STOQ_TLS_HELLO);
}

/* The connection has ended: has anything come of it? */
static __always_inline void stoq_opening_count(struct stoq_cpu *cpu, const struct stoq_flow *flow)
{
	if (flow->encrypted)
		stoq_count(cpu, STOQ_COUNT_HANDSHAKES_FAILED, !stoq_tls_is_open(flow));
	else if (flow->from_start && !flow->connected && !flow->side[NVME_TCP_FROM_HOST].commands)
		stoq_count(cpu, STOQ_COUNT_NEGOTIATIONS_FAILED, 1);
}
