// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/reload.h"

#include <stdlib.h>

#include "tunnel/link.h"
#include "tunnel/link_limits.h"
#include "tunnel/policy.h"

/* In the worker's thread. */
struct adoption {
	struct stoq_tunnel_worker *worker;
	struct stoq_tunnel_policy *policy;
};

static void adopt(void *argument)
{
	struct adoption *adoption = argument;

	stoq_tunnel_policy_release(adoption->worker->policy);
	adoption->worker->policy = adoption->policy;
	for (struct stoq_tunnel_link *link = adoption->worker->links; link; link = link->next)
		stoq_link_limits_changed(link);
	free(adoption);
}

/* False: a worker could not be told. */
static bool spread_policy(struct stoq_tunnel *tunnel, struct stoq_tunnel_policy *policy)
{
	bool all = true;

	for (unsigned int i = 0; i < tunnel->worker_count; i++) {
		struct adoption *adoption = malloc(sizeof(*adoption));

		if (adoption)
			*adoption = (struct adoption){
				&tunnel->workers[i], stoq_tunnel_policy_hold(policy)};
		if (adoption && !stoq_transport_post(tunnel->transport, i, adopt, adoption))
			continue;
		if (adoption)
			stoq_tunnel_policy_release(policy);
		free(adoption);
		all = false;
	}
	return all;
}

static void reload_policy(struct stoq_tunnel *tunnel)
{
	struct stoq_tunnel_policy *policy;
	struct stoq_error error;

	if (!tunnel->config.policy_file)
		return;
	if (stoq_tunnel_policy_read(tunnel->config.policy_file, &policy, &error)) {
		stoq_tunnel_log(tunnel, STOQ_LOG_WARNING,
			"the policy was not read again, the one from before stays in force: %s",
			error.text);
		return;
	}
	stoq_rates_forget(tunnel->rates, policy);
	if (spread_policy(tunnel, policy))
		stoq_tunnel_log(tunnel, STOQ_LOG_INFO, "the policy was read again");
	else
		stoq_tunnel_log(tunnel, STOQ_LOG_WARNING,
			"no memory: the policy from before stays in force in a worker");
	stoq_tunnel_policy_release(policy);
}

void stoq_tunnel_answer(struct stoq_tunnel *tunnel)
{
	struct stoq_error error;

	if (!tunnel->reload_wanted)
		return;
	tunnel->reload_wanted = false;
	if (stoq_transport_reload_certificates(tunnel->transport, &error))
		stoq_tunnel_log(tunnel, STOQ_LOG_WARNING,
			"the certificates were not read again, those from before stay in use: %s",
			error.text);
	else
		stoq_tunnel_log(tunnel, STOQ_LOG_INFO, "the certificates were read again");
	reload_policy(tunnel);
}
