/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Whose a connection is, and which limits hold for it. The guard knows; it saw the packet first. */
#include "bpf/limit/limit.bpf.h"
#include "bpf/stream/maps.bpf.h"

struct stoq_limit_text {
	char text[NVME_NQN_LENGTH];
};

/* The class of a name, which stands in limit->nqn then. Global, so that it is verified once. */
__noinline int stoq_limit_class(
	const struct stoq_guard_names *names, const struct stoq_limit_text *text)
{
	struct stoq_limit_cpu *limit = stoq_first(&stoq_limit_cpus);

	if (!limit || !names || !text)
		return STOQ_GUARD_CLASS_UNKNOWN;
	stoq_guard_nqn_load(&limit->nqn, text->text);
	return stoq_guard_classify(names, &limit->nqn);
}

/* Gives the host in limit->host a number. */
static __always_inline __u32 stoq_limit_new_number(struct stoq_limit_cpu *limit)
{
	struct stoq_limit_totals *totals = stoq_first(&stoq_limit_totals);
	__u32 *found, number;

	if (!totals)
		return STOQ_LIMIT_HOST_OTHERS;
	number = __sync_fetch_and_add(&totals->hosts, 1) + 1;
	if (bpf_map_update_elem(&stoq_limit_hosts, &limit->host, &number, BPF_NOEXIST) == 0)
		return number;
	/* Another CPU was first, or there is no room. */
	found = bpf_map_lookup_elem(&stoq_limit_hosts, &limit->host);
	if (found)
		return *found;
	__sync_fetch_and_add(&totals->hosts_full, 1);
	return STOQ_LIMIT_HOST_OTHERS;
}

/* The number of the host whose name stands in limit->nqn. */
static __always_inline __u32 stoq_limit_number(struct stoq_limit_cpu *limit)
{
	__u32 *found;

	__builtin_memcpy(&limit->host, limit->nqn.words, sizeof(limit->host));
	found = bpf_map_lookup_elem(&stoq_limit_hosts, &limit->host);
	return found ? *found : stoq_limit_new_number(limit);
}

static __always_inline struct nvme_connect_data *stoq_limit_names_of(
	const struct stoq_flow *guarded)
{
	__u32 uid = guarded->uid;
	struct nvme_connect_data *data;

	if (!guarded->guard.named)
		return 0;
	data = bpf_map_lookup_elem(&stoq_limit_names, &uid);
	return data ? data : bpf_map_lookup_elem(&stoq_connects, &uid);
}

/*
 * Looks up the flow of the segment at hand. As long as its names are not known it is looked up again with each
 * command.
 */
__noinline int stoq_limit_classify(struct stoq_flow *flow, struct stoq_limit_installed *installed)
{
	struct stoq_limit_cpu *limit = stoq_first(&stoq_limit_cpus);
	__u32 host = STOQ_GUARD_CLASS_UNKNOWN, subsystem = STOQ_GUARD_CLASS_UNKNOWN;
	struct nvme_connect_data *data;
	struct stoq_flow *guarded;

	if (!flow || !installed || !limit)
		return 0;
	flow->limit.limits = 0;
	flow->limit.io = 0;
	flow->limit.host = STOQ_LIMIT_HOST_OTHERS;
	guarded = bpf_map_lookup_elem(&stoq_limit_guarded, &limit->segment.key);
	if (!guarded || !guarded->connected) {
		STOQ_LIMIT_COUNT(unknown, 1);
		return 0;
	}
	flow->limit.io = guarded->kind == NVME_QUEUE_IO;
	data = stoq_limit_names_of(guarded);
	if (data) {
		subsystem = stoq_limit_class(&installed->match.subsystems, (void *)data->subnqn);
		host = stoq_limit_class(&installed->match.hosts, (void *)data->hostnqn);
		flow->limit.host = stoq_limit_number(limit);
		flow->limit.generation = installed->generation;
	}
	flow->limit.limits = stoq_limit_matching(installed, host, subsystem);
	return 0;
}
