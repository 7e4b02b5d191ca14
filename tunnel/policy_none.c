// SPDX-License-Identifier: BSD-2-Clause
/* Policies are part of the guard, which this build has not. */
#include <errno.h>

#include "tunnel/policy.h"
#include "tunnel/rates.h"

int stoq_tunnel_policy_read(
	const char *path, struct stoq_tunnel_policy **result, struct stoq_error *error)
{
	return stoq_error_set(error, -ENOTSUP,
		"%s: this stoq was built without eBPF (-DSTOQ_EBPF=OFF) and has no guard policies",
		path);
}

struct stoq_tunnel_policy *stoq_tunnel_policy_hold(struct stoq_tunnel_policy *policy)
{
	return policy;
}

void stoq_tunnel_policy_release(struct stoq_tunnel_policy *policy)
{
}

void stoq_tunnel_policy_judge(const struct stoq_tunnel_policy *policy,
	struct stoq_policy_subject *subject, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size, struct stoq_policy_verdict *verdict)
{
}

/* No tunnel has a policy, and so none has limits. */
struct stoq_rates *stoq_rates_new(size_t accounts_max)
{
	return NULL;
}

void stoq_rates_free(struct stoq_rates *rates)
{
}

bool stoq_rates_wanted(const struct stoq_tunnel_policy *policy)
{
	return false;
}

uint64_t stoq_rates_charge(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy,
	struct stoq_rates_queue *queue, const struct stoq_policy_subject *subject,
	const struct nvme_sqe *sqe, uint64_t arrived_ns, uint64_t now_ns)
{
	return 0;
}

void stoq_rates_leave(struct stoq_rates *rates, struct stoq_rates_queue *queue)
{
}

void stoq_rates_forget(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy)
{
}

struct json_object *stoq_rates_json(
	struct stoq_rates *rates, const struct stoq_tunnel_policy *policy)
{
	return json_object_new_array();
}

void stoq_rates_metrics(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy,
	const struct stoq_openmetrics *text)
{
}
