// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/address.h"

#define WAYS 4
#define SETS 1024

int stoq_peers_open(struct stoq_peers *peers, uint16_t port, stoq_peers_ask ask, void *context)
{
	*peers = (struct stoq_peers){.port = port, .ask = ask, .context = context};
	peers->table = calloc((size_t)WAYS * SETS, sizeof(*peers->table));
	return peers->table ? 0 : -ENOMEM;
}

void stoq_peers_close(struct stoq_peers *peers)
{
	free(peers->table);
	peers->table = NULL;
}

static uint32_t mix(uint32_t hash, uint32_t word)
{
	hash ^= word ^ word >> 16;
	hash = (hash ^ hash >> 13) * 0x9e3779b1;
	return hash ^ hash >> 16;
}

static uint32_t set_of(const struct stoq_address *remote)
{
	uint32_t hash = stoq_address_port(remote), words[4];
	size_t count = remote->sa.sa_family == AF_INET ? 1 : 4;

	if (count == 1)
		memcpy(words, &remote->in.sin_addr, 4);
	else
		memcpy(words, &remote->in6.sin6_addr, 16);
	for (size_t i = 0; i < count; i++)
		hash = mix(hash, words[i]);
	return hash % SETS;
}

static bool same_local(const struct stoq_address *a, const struct stoq_address *b)
{
	return a->length == b->length && (!a->length || stoq_address_same_host(a, b));
}

static struct stoq_peer *find(struct stoq_peers *peers, const struct stoq_address *remote,
	const struct stoq_address *local)
{
	struct stoq_peer *set = &peers->table[set_of(remote) * WAYS];

	for (int i = 0; i < WAYS; i++)
		if (set[i].remote.length && stoq_address_equal(&set[i].remote, remote) &&
			same_local(&set[i].local, local))
			return &set[i];
	return NULL;
}

static struct stoq_peer *oldest(struct stoq_peer *set)
{
	struct stoq_peer *peer = &set[0];

	for (int i = 0; i < WAYS; i++) {
		if (!set[i].remote.length)
			return &set[i];
		if (set[i].used_ns < peer->used_ns)
			peer = &set[i];
	}
	return peer;
}

struct stoq_peer *stoq_peers_get(struct stoq_peers *peers, const struct stoq_address *remote,
	const struct stoq_address *local, uint64_t now_ns)
{
	struct stoq_peer *peer = find(peers, remote, local);

	if (!peer) {
		peer = oldest(&peers->table[set_of(remote) * WAYS]);
		*peer = (struct stoq_peer){.remote = *remote, .local = *local};
	}
	peer->used_ns = now_ns;
	return peer;
}

/* Asks the kernel and makes the headers. */
static void look_up(struct stoq_peers *peers, struct stoq_peer *peer, uint64_t now_ns)
{
	bool ipv6 = peer->remote.sa.sa_family == AF_INET6;
	struct stoq_way *way = &peer->way;
	int code;

	peers->lookups++;
	peer->generation = peers->generation;
	peer->known = false;
	code = peers->ask(peers->context, &peer->remote, &peer->local, way);
	if (!code) {
		stoq_address_set_port(&way->source, peers->port);
		code = stoq_frame_template_make(
			&peer->frames, &way->link, &way->source, &peer->remote);
	}
	if (!code && way->mtu <= stoq_frame_overhead(ipv6))
		code = -EMSGSIZE;
	if (code) {
		peer->retry_ns = now_ns + (code == -EAGAIN ? STOQ_PEERS_RESOLVE_NS
							   : STOQ_PEERS_ELSEWHERE_NS);
		return;
	}
	peer->max_payload_bytes = way->mtu - stoq_frame_overhead(ipv6);
	peer->known = true;
	peer->socket_ns = now_ns;
}

bool stoq_peers_by_frames(struct stoq_peers *peers, struct stoq_peer *peer, uint64_t now_ns)
{
	if (peers->paused)
		return false;
	if (peer->first < STOQ_PEERS_FIRST) {
		peer->first++;
		return false;
	}
	if (peer->generation != peers->generation || (!peer->known && now_ns >= peer->retry_ns))
		look_up(peers, peer, now_ns);
	if (!peer->known)
		return false;
	if (now_ns - peer->socket_ns >= STOQ_PEERS_CONFIRM_NS) {
		peer->socket_ns = now_ns;
		return false;
	}
	return true;
}

void stoq_peers_seen(struct stoq_peers *peers, const struct stoq_address *remote,
	const struct stoq_address *local, uint32_t queue)
{
	struct stoq_address any = {.length = 0};
	struct stoq_peer *peer = find(peers, remote, local);

	if (!peer)
		peer = find(peers, remote, &any);
	if (peer)
		peer->queue = queue;
}

static void neighbour_changed(struct stoq_peers *peers, const struct stoq_kernel_event *event)
{
	struct stoq_peer *peer;

	for (int i = 0; i < WAYS * SETS; i++) {
		peer = &peers->table[i];
		if (!peer->remote.length || !peer->way.next_hop.length ||
			peer->way.neighbour_ifindex != event->ifindex ||
			!stoq_address_same_host(&peer->way.next_hop, &event->neighbour))
			continue;
		if (peer->known && event->reachable &&
			memcmp(peer->way.link.remote_mac, event->mac, STOQ_MAC_BYTES) == 0)
			continue;
		/* Asked again with the next datagram. */
		peer->known = false;
		peer->retry_ns = 0;
	}
}

void stoq_peers_event(struct stoq_peers *peers, const struct stoq_kernel_event *event)
{
	if (event->what == STOQ_KERNEL_NEIGHBOUR)
		neighbour_changed(peers, event);
	else
		peers->generation++;
}
