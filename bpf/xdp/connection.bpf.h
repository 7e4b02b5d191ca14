/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Which connection a packet belongs to. Connections are found by the connection ID that we gave
 * them, so one that moves to another address stays the same. A connection ID counts as ours if it
 * is in the table, if its seal is right, or, where they are not sealed, if a handshake was let in
 * from the same 4-tuple. States only go forward; aging is by the time of the last packet.
 *
 * Keys of maps are copied to the stack: at tc a packet's description is an argument of a global function, and Linux before
 * 6.2 takes no key from there.
 */
#include "bpf/xdp/limit.bpf.h"
#include "bpf/xdp/quic.bpf.h"

static __always_inline int stoq_xdp_same_remote(
	const struct stoq_xdp_connection *connection, const struct stoq_xdp_tuple *tuple)
{
	const __u32 *a = (const __u32 *)connection->remote, *b = (const __u32 *)tuple->remote;

	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] &&
	       connection->remote_port == tuple->remote_port;
}

static __always_inline void stoq_xdp_set_remote(
	struct stoq_xdp_connection *connection, const struct stoq_xdp_tuple *tuple)
{
	__builtin_memcpy(connection->remote, tuple->remote, sizeof(connection->remote));
	connection->remote_port = tuple->remote_port;
}

/* The entry is this connection ID's, and not too old to count. */
static __always_inline int stoq_xdp_is_live(const struct stoq_xdp_config *config,
	const struct stoq_xdp_connection *found, const struct stoq_cid *cid, __u64 now_ns)
{
	return found->tag == cid->tag && found->last_ns + config->idle_timeout_ns >= now_ns;
}

/* A handshake from this 4-tuple was let in not long ago. */
static __always_inline int stoq_xdp_is_open(
	const struct stoq_xdp_config *config, const struct stoq_xdp_tuple *tuple, __u64 now_ns)
{
	struct stoq_xdp_tuple key = *tuple;
	__u64 *opened_ns = bpf_map_lookup_elem(&stoq_xdp_opens, &key);

	return opened_ns && *opened_ns + config->handshake_timeout_ns >= now_ns;
}

/* counts: it is a connection that begins. */
static __always_inline void stoq_xdp_add(const struct stoq_xdp_packet *packet,
	struct stoq_xdp_stats *stats, __u8 state, int counts, __u64 now_ns)
{
	struct stoq_xdp_connection connection = {
		.tag = packet->cid.tag,
		.last_ns = now_ns,
		.generation = packet->generation,
		.state = state,
	};

	__u64 key = packet->cid.random;

	stoq_xdp_set_remote(&connection, &packet->tuple);
	bpf_map_update_elem(&stoq_xdp_conns, &key, &connection, BPF_ANY);
	if (!counts)
		return;
	stats->opened++;
	if (state == STOQ_XDP_ESTABLISHED)
		stats->established++;
}

/* A packet of a connection in the table: its verdict. Writes only what has changed. */
static __always_inline int stoq_xdp_follow(const struct stoq_xdp_config *config,
	struct stoq_xdp_connection *found, const struct stoq_xdp_packet *packet,
	struct stoq_xdp_stats *stats, __u8 state, __u64 now_ns)
{
	int same = stoq_xdp_same_remote(found, &packet->tuple);
	int verdict =
		state == STOQ_XDP_ESTABLISHED ? STOQ_XDP_PASS_ESTABLISHED : STOQ_XDP_PASS_HANDSHAKE;

	if (!same || found->generation != packet->generation) {
		int denied = stoq_xdp_check_source(config, &packet->tuple);

		if (denied)
			return denied;
	}
	if (found->state >= STOQ_XDP_CLOSING)
		return found->state == STOQ_XDP_CLOSED ||
				       found->last_ns + config->closing_timeout_ns < now_ns
			       ? STOQ_XDP_DROP_CLOSED
			       : verdict;
	if (found->generation != packet->generation)
		found->generation = packet->generation;
	if (!same) {
		stoq_xdp_set_remote(found, &packet->tuple);
		stats->migrated++;
	}
	if (found->state < state) {
		found->state = state;
		stats->established++;
	}
	if (found->last_ns != now_ns)
		found->last_ns = now_ns;
	return verdict;
}

/* A packet that is no opening Initial and whose connection ID is not in the table. */
static __noinline int stoq_xdp_introduce(const struct stoq_xdp_config *config,
	const struct stoq_xdp_packet *packet, struct stoq_xdp_stats *stats, __u32 kind,
	__u64 now_ns)
{
	int is_short = kind == STOQ_XDP_KIND_SHORT, has_cid = packet->cid_bytes == STOQ_CID_BYTES;
	__u8 state = is_short ? STOQ_XDP_ESTABLISHED : STOQ_XDP_HANDSHAKING;
	int verdict = STOQ_XDP_PASS_UNPROVEN, proven;

	proven = config->flags & STOQ_XDP_CHECK_CID
			 ? has_cid && stoq_cid_tag(&config->cid_key, packet->cid.random) ==
					      packet->cid.tag
			 : kind != STOQ_XDP_KIND_ZERO_RTT &&
				   stoq_xdp_is_open(config, &packet->tuple, now_ns);
	if (proven)
		verdict = is_short ? STOQ_XDP_PASS_ESTABLISHED : STOQ_XDP_PASS_HANDSHAKE;
	else if (kind == STOQ_XDP_KIND_ZERO_RTT && stoq_xdp_is_open(config, &packet->tuple, now_ns))
		return STOQ_XDP_PASS_HANDSHAKE; /* its connection ID was the client's choice */
	else
		verdict = stoq_xdp_admit_unproven(config, now_ns);
	/* Unsealed and let through: taken for a connection that is older than the program. */
	if (has_cid && (proven || (is_short && verdict == STOQ_XDP_PASS_UNPROVEN &&
					  !(config->flags & STOQ_XDP_CHECK_CID))))
		/*
		 * A short header comes first of a connection that is older than the program, or
		 * goes on by another ID; where IDs are not sealed also of one whose handshake came
		 * in datagrams that began with Initials, which are not introduced there.
		 */
		stoq_xdp_add(packet, stats, state,
			!is_short || (proven && !(config->flags & STOQ_XDP_CHECK_CID)), now_ns);
	return verdict;
}

/* The first packet of a client, or one of a version that has to be negotiated. */
static __noinline int stoq_xdp_open(const struct stoq_xdp_config *config,
	const struct stoq_xdp_packet *packet, __u32 kind, __u64 now_ns)
{
	struct stoq_xdp_tuple key;
	int verdict;

	if (!(config->flags & STOQ_XDP_ACCEPT))
		return stoq_xdp_admit_unproven(config, now_ns);
	if (kind == STOQ_XDP_KIND_INITIAL && packet->cid_bytes < STOQ_XDP_INITIAL_CID_MIN)
		return STOQ_XDP_DROP_QUIC;
	verdict = stoq_xdp_admit(config, &packet->tuple, now_ns);
	if (verdict != STOQ_XDP_PASS_INITIAL)
		return verdict;
	if (kind == STOQ_XDP_KIND_VERSION)
		return STOQ_XDP_PASS_VERSION;
	key = packet->tuple;
	bpf_map_update_elem(&stoq_xdp_opens, &key, &now_ns, BPF_ANY);
	return verdict;
}

static __always_inline int stoq_xdp_is_opening(
	const struct stoq_xdp_config *config, const struct stoq_xdp_packet *packet, __u32 kind)
{
	if (kind == STOQ_XDP_KIND_VERSION)
		return 1;
	/* A client's later Initials carry a connection ID of ours. */
	return kind == STOQ_XDP_KIND_INITIAL &&
	       !(config->flags & STOQ_XDP_CHECK_CID && packet->cid_bytes == STOQ_CID_BYTES &&
		       stoq_cid_tag(&config->cid_key, packet->cid.random) == packet->cid.tag);
}

/*
 * What becomes of a well-formed packet. found: what is in the table under its connection ID, which
 * is for the caller to look up, as it may know already.
 */
static __always_inline int stoq_xdp_decide(const struct stoq_xdp_config *config,
	struct stoq_xdp_packet *packet, struct stoq_xdp_stats *stats, __u32 kind,
	struct stoq_xdp_connection *found)
{
	__u8 state = kind == STOQ_XDP_KIND_SHORT ? STOQ_XDP_ESTABLISHED : STOQ_XDP_HANDSHAKING;
	int opening = stoq_xdp_is_opening(config, packet, kind), denied;
	__u64 now_ns = bpf_ktime_get_coarse_ns();

	/* A change that comes while we look must not count as looked at. */
	packet->generation = *(const volatile __u32 *)&config->generation;
	/* A server's Initial to us may be small (RFC 9000 section 14.1): it carries a connection ID of ours. */
	if (opening && config->flags & STOQ_XDP_ACCEPT &&
		packet->end - packet->payload < STOQ_XDP_INITIAL_BYTES)
		return STOQ_XDP_DROP_SMALL;
	if (found && stoq_xdp_is_live(config, found, &packet->cid, now_ns))
		return stoq_xdp_follow(config, found, packet, stats, state, now_ns);
	if (config->allow_prefixes || config->deny_prefixes) {
		denied = stoq_xdp_check_source(config, &packet->tuple);
		if (denied)
			return denied;
	}
	if (opening)
		return stoq_xdp_open(config, packet, kind, now_ns);
	return stoq_xdp_introduce(config, packet, stats, kind, now_ns);
}
