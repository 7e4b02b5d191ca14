/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a target's Linux makes of frames: the receiving half of one TCP port, for one host's address
 * and port at a time. From the kernel's sources (6.12): net/8021q/vlan_core.c, net/core/skbuff.c
 * (skb_vlan_untag()), net/ipv4/ip_input.c, net/ipv6/{ip6_input,exthdrs,reassembly}.c,
 * net/ipv4/tcp_input.c, tcp_ipv4.c, tcp_minisocks.c, tcp.c. Where the kernel would wait, time is
 * the caller's. Fragments are not put together: what is one never arrives.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_MODEL_STREAM (1u << 17)
#define TCP_MODEL_EARLY	 32

enum tcp_model_state {
	TCP_MODEL_LISTEN,
	TCP_MODEL_SYN_RECEIVED,
	TCP_MODEL_ESTABLISHED,
};

/* A segment that came too early, as it lies in the out-of-order queue. */
struct tcp_model_early {
	uint32_t sequence, end;
	uint8_t bytes[4096];
};

struct tcp_model {
	uint8_t mac[6];
	bool ipv6;
	uint8_t host[16], target[16]; /* an IPv4 address in the first four bytes */
	uint16_t host_port, target_port;

	enum tcp_model_state state;
	uint32_t first, expected;		       /* of the host's sequence numbers */
	uint32_t sent, next_isn;		       /* of our own */
	uint32_t begun;				       /* connections that were established */
	struct tcp_model_early early[TCP_MODEL_EARLY]; /* by sequence number */
	size_t early_count;
	bool urgent;
	uint32_t urgent_at;
	/* What a reader has been given of this connection; the urgent bytes are not there. */
	uint8_t stream[TCP_MODEL_STREAM];
	size_t stream_bytes;
};

/* What the caller has to send for the target. */
enum tcp_model_answer {
	TCP_MODEL_SILENCE,
	TCP_MODEL_ACK,
	TCP_MODEL_SYN_ACK,
	TCP_MODEL_RST,
	TCP_MODEL_FIN, /* the host has closed, so the target does; it listens again */
};

enum tcp_model_answer tcp_model_receive(
	struct tcp_model *model, const uint8_t *frame, size_t length);
/* It has ended the connection, or forgotten it after a minute. */
void tcp_model_forget(struct tcp_model *model);
