/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The room for connections: as many as are allowed are followed, and one that is makes way for
 * another only when it has ended, or is dead.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "bpf/stream/hooks.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_GUARD_ENDED_NS                                                                        \
	120000000000ull /* an end that was not answered: Linux gives up then                       \
			 */
#define STOQ_GUARD_DEAD_NS     604800000000000ull /* seven days without a byte */
#define STOQ_GUARD_SWEEP_NS    1000000000ull	  /* all of them are looked at once in this time */
#define STOQ_GUARD_SWEEP_LIMIT 64

/* The names of a Connect, by its flow's number. */
static __always_inline struct nvme_connect_data *stoq_guard_names_of(__u32 uid)
{
	struct nvme_connect_data *data = bpf_map_lookup_elem(&stoq_guard_names, &uid);

	return data ? data : bpf_map_lookup_elem(&stoq_connects, &uid);
}

static __always_inline void stoq_hook_flow_gone(__u32 uid)
{
	struct stoq_guard_room *room = stoq_first(&stoq_guard_room);

	bpf_map_delete_elem(&stoq_guard_names, &uid);
	if (room)
		__sync_fetch_and_add(&room->used, -1);
}

static __always_inline int stoq_guard_is_dead(const struct stoq_flow *flow, __u64 now_ns)
{
	const struct stoq_flow_side *host = &flow->side[NVME_TCP_FROM_HOST];
	const struct stoq_flow_side *controller = &flow->side[NVME_TCP_FROM_CONTROLLER];
	__u64 last_ns = flow->first_seen_ns;

	if (host->last_seen_ns > last_ns)
		last_ns = host->last_seen_ns;
	if (controller->last_seen_ns > last_ns)
		last_ns = controller->last_seen_ns;
	return now_ns > last_ns + (host->finished || controller->finished ? STOQ_GUARD_ENDED_NS
									  : STOQ_GUARD_DEAD_NS);
}

struct stoq_guard_sweep {
	__u64 now_ns;
	struct stoq_guard_room *room;
};

static long stoq_guard_sweep_flow(
	void *map, const void *key, struct stoq_flow *flow, struct stoq_guard_sweep *sweep)
{
	__u32 uid = flow->uid;

	if (!stoq_guard_is_dead(flow, sweep->now_ns) || bpf_map_delete_elem(&stoq_flows, key))
		return 0;
	stoq_hook_flow_gone(uid);
	sweep->room->made++;
	/* Counted there: what is on the stack the verifier would follow turn by turn. */
	return ++sweep->room->swept >= STOQ_GUARD_SWEEP_LIMIT;
}

/* Takes dead flows away, if it was not tried just now. */
static __noinline void stoq_guard_sweep(struct stoq_guard_room *room)
{
	struct stoq_guard_sweep sweep = {.now_ns = bpf_ktime_get_ns(), .room = room};

	if (room->swept_ns && sweep.now_ns - room->swept_ns < STOQ_GUARD_SWEEP_NS)
		return;
	room->swept_ns = sweep.now_ns;
	room->swept = 0;
	bpf_for_each_map_elem(&stoq_flows, stoq_guard_sweep_flow, &sweep, 0);
}

static __always_inline int stoq_guard_room_take(struct stoq_guard_room *room)
{
	__u64 limit = room->limit ? room->limit : STOQ_GUARD_CONNECTIONS_DEFAULT;

	if (__sync_fetch_and_add(&room->used, 1) < limit)
		return 0;
	__sync_fetch_and_add(&room->used, -1);
	return 1;
}

/* Whether there is no room for one more flow; if there is, it is taken. */
static __always_inline int stoq_hook_flow_room(void)
{
	struct stoq_guard_room *room = stoq_first(&stoq_guard_room);

	if (!room)
		return 1;
	if (!stoq_guard_room_take(room))
		return 0;
	stoq_guard_sweep(room);
	return stoq_guard_room_take(room);
}
