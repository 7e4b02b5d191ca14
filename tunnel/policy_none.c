// SPDX-License-Identifier: BSD-2-Clause
/* Policies are part of the guard, which this build has not. */
#include <errno.h>

#include "tunnel/policy.h"

int stoq_tunnel_policy_read(
	const char *path, struct stoq_tunnel_policy **policy, struct stoq_error *error)
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
