// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The guard's engine in the kernel, for a test: packets in, decisions out. Never attached. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/guard/engine.h"
#include "guard_engine_shared.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_guard_compiled);
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_guard_request);
} requests SEC(".maps");

/* Work space: an NQN is too large for the stack twice. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stoq_guard_nqn);
} names SEC(".maps");

static __noinline __u32 classify(const struct stoq_guard_names *patterns, const char *text)
{
	__u32 zero = 0;
	struct stoq_guard_nqn *nqn = bpf_map_lookup_elem(&names, &zero);

	if (!nqn)
		return STOQ_GUARD_CLASSES;
	stoq_guard_nqn_load(nqn, text);
	return stoq_guard_classify(patterns, nqn);
}

/* A global function: the verifier looks at it once, whatever the callers know. */
__noinline int guard_decide(const struct stoq_guard_compiled *policy,
	struct stoq_guard_request *request, struct stoq_guard_decision *decision)
{
	if (!policy || !request || !decision)
		return -1;
	stoq_guard_decide(policy, request, decision);
	return 0;
}

SEC("tc")
int decide(struct __sk_buff *skb)
{
	struct guard_engine_trial *trial = (void *)(long)skb->data;
	struct stoq_guard_decision decision = {};
	struct stoq_guard_request request = {};
	struct stoq_guard_compiled *policy;
	__u32 zero = 0, touches;

	if ((void *)(trial + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT;
	policy = bpf_map_lookup_elem(&policies, &zero);
	if (!policy)
		return TC_ACT_SHOT;
	request.host_class = STOQ_GUARD_CLASS_UNKNOWN;
	request.subsystem_class = STOQ_GUARD_CLASS_UNKNOWN;
	if (trial->known) {
		request.host_class = classify(&policy->hosts, trial->host);
		request.subsystem_class = classify(&policy->subsystems, trial->subsystem);
	}
	touches = stoq_guard_request_from_sqe(policy, &request, trial->kind, &trial->sqe);
	if (trial->list_seen && touches == STOQ_GUARD_TOUCHES_LIST)
		stoq_guard_request_range(&request, trial->lba_first, trial->lba_last);
	guard_decide(policy, &request, &decision);
	trial->decision = decision;
	return TC_ACT_OK;
}

/* For measuring: the same two lookups, with and without a decision behind them. */
SEC("tc")
int measure(struct __sk_buff *skb)
{
	struct stoq_guard_decision decision = {};
	struct stoq_guard_compiled *policy;
	struct stoq_guard_request *request;
	__u32 zero = 0;

	policy = bpf_map_lookup_elem(&policies, &zero);
	request = bpf_map_lookup_elem(&requests, &zero);
	if (!policy || !request)
		return -1;
	guard_decide(policy, request, &decision);
	return decision.rule;
}

SEC("tc")
int measure_nothing(struct __sk_buff *skb)
{
	struct stoq_guard_compiled *policy;
	struct stoq_guard_request *request;
	__u32 zero = 0;

	policy = bpf_map_lookup_elem(&policies, &zero);
	request = bpf_map_lookup_elem(&requests, &zero);
	if (!policy || !request)
		return -1;
	return policy->rule_count + request->nsid;
}

char _license[] SEC("license") = "Dual BSD/GPL";
