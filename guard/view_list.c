// SPDX-License-Identifier: BSD-2-Clause
#include "guard/view_list.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "ebpf/map_dump.h"
#include "flow/identity.h"

static void take_ends(
	struct stoq_flow_known *known, const struct stoq_flow_key *key, bool host_is_a)
{
	struct stoq_flow_end *a = host_is_a ? &known->host : &known->controller;
	struct stoq_flow_end *b = host_is_a ? &known->controller : &known->host;

	memcpy(a->address, key->address_a, sizeof(a->address));
	memcpy(b->address, key->address_b, sizeof(b->address));
	a->port = ntohs(key->port_a);
	b->port = ntohs(key->port_b);
	known->vlan_id = key->vlan_id;
}

/* As with identities: nothing stands behind the end of a name. */
static void copy_nqn(char to[static NVME_NQN_LENGTH], const char *from)
{
	memset(to, 0, NVME_NQN_LENGTH);
	memcpy(to, from, strnlen(from, NVME_NQN_MAX));
}

static void take_names(struct stoq_flow_known *known, const struct stoq_guard_view *view,
	const struct stoq_flow_key *key, const struct stoq_flow *flow)
{
	struct nvme_connect_data connect;
	struct stoq_guard_identity identity;

	if (flow->connected && stoq_guard_view_connect(view, flow->uid, &connect)) {
		copy_nqn(known->host_nqn, connect.hostnqn);
		copy_nqn(known->subsystem_nqn, connect.subnqn);
	} else if (bpf_map_lookup_elem(view->identities_fd, key, &identity) == 0) {
		copy_nqn(known->host_nqn, identity.host);
		copy_nqn(known->subsystem_nqn, identity.subsystem);
	}
}

static int take_flow(const struct stoq_guard_view *view, const struct stoq_flow_key *key,
	const struct stoq_flow *flow, struct stoq_flow_identities *connections)
{
	struct stoq_flow_known known = {.qid = flow->connected ? flow->qid : STOQ_FLOW_QID_UNKNOWN};

	if (!flow->uid || stoq_flow_state_of(flow) == STOQ_FLOW_CLOSED)
		return 0;
	take_ends(&known, key, flow->host_is_a);
	take_names(&known, view, key, flow);
	return stoq_flow_identities_add(connections, &known);
}

/* As the program takes it at its next packet. */
static bool is_whole(const struct stoq_guard_view *view, const struct stoq_flow *flow)
{
	return flow->guard.whole && !stoq_guard_unseen_since(view->state, flow->first_seen_ns);
}

int stoq_guard_view_list(const struct stoq_guard_view *view, struct stoq_flow_identities *whole,
	struct stoq_flow_identities *part)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);
	struct stoq_map_dump flows;
	int result = bpf_obj_get_info_by_fd(view->flows_fd, &info, &length);

	if (!result)
		result = stoq_map_dump_init(&flows, sizeof(struct stoq_flow_key),
			sizeof(struct stoq_flow), info.max_entries);
	if (result)
		return result;
	result = stoq_map_dump_read(&flows, view->flows_fd);
	for (size_t i = 0; !result && i < flows.count; i++) {
		const struct stoq_flow *flow = stoq_map_dump_value(&flows, i);

		result = take_flow(view, stoq_map_dump_key(&flows, i), flow,
			is_whole(view, flow) ? whole : part);
	}
	stoq_map_dump_free(&flows);
	return result;
}
