// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/compile.h"
#include "guard/print.h"
#include "nvme/nvme_tcp_check.h"
#include "tunnel/policy_private.h"

int stoq_tunnel_policy_read(
	const char *path, struct stoq_tunnel_policy **result, struct stoq_error *error)
{
	static uint64_t serial;
	struct stoq_tunnel_policy *policy = calloc(1, sizeof(*policy));
	int ret;

	if (!policy)
		return stoq_error_set(error, -ENOMEM, "no memory for the policy %s", path);
	ret = stoq_guard_source_read(&policy->source, path, error);
	if (ret) {
		free(policy);
		return ret;
	}
	policy->users = 1;
	policy->serial = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
	*result = policy;
	return 0;
}

struct stoq_tunnel_policy *stoq_tunnel_policy_hold(struct stoq_tunnel_policy *policy)
{
	if (policy)
		__atomic_add_fetch(&policy->users, 1, __ATOMIC_RELAXED);
	return policy;
}

void stoq_tunnel_policy_release(struct stoq_tunnel_policy *policy)
{
	if (!policy || __atomic_sub_fetch(&policy->users, 1, __ATOMIC_ACQ_REL))
		return;
	stoq_guard_source_free(&policy->source);
	free(policy);
}

/* ---- one command ---- */

static const char *known(const char *nqn)
{
	return nqn[0] ? nqn : NULL;
}

static void classify(const struct stoq_tunnel_policy *policy, struct stoq_policy_subject *subject)
{
	if (subject->serial == policy->serial)
		return;
	subject->serial = policy->serial;
	subject->host_class =
		stoq_guard_class_of(&policy->source.compiled->hosts, known(subject->host_nqn));
	subject->subsystem_class = stoq_guard_class_of(
		&policy->source.compiled->subsystems, known(subject->subsystem_nqn));
}

/* The ranges of Dataset Management, as far as they are here; NULL: they are not, or not all. */
static const uint8_t *ranges_of(const struct nvme_tcp_cmd_pdu *command, const uint8_t *pdu,
	size_t size, unsigned int *count)
{
	*count = (nvme_le32(command->sqe.cdw10) & 0xff) + 1;
	if (command->sqe.opcode != NVME_NVM_DATASET_MANAGEMENT ||
		nvme_tcp_data_length(&command->hdr) < *count * sizeof(struct nvme_dsm_range) ||
		command->hdr.pdo + *count * sizeof(struct nvme_dsm_range) > size)
		return NULL;
	return pdu + command->hdr.pdo;
}

/* Each range by itself: one that is refused refuses the command. False: there is none. */
static bool decide_ranges(const struct stoq_tunnel_policy *policy,
	const struct stoq_guard_request *request, const uint8_t *ranges, unsigned int count,
	struct stoq_guard_decision *decision)
{
	bool any = false;

	for (unsigned int i = 0; i < count; i++) {
		struct stoq_guard_request part = *request;
		struct stoq_guard_decision next;
		struct nvme_dsm_range range;
		uint64_t first, last;

		memcpy(&range, ranges + i * sizeof(range), sizeof(range));
		if (!range.length_blocks)
			continue;
		first = nvme_le64(range.slba);
		last = first + nvme_le32(range.length_blocks) - 1;
		stoq_guard_request_range(&part, first, last < first ? UINT64_MAX : last);
		stoq_guard_decide(policy->source.compiled, &part, &next);
		if (any)
			stoq_guard_merge(decision, &next);
		else
			*decision = next;
		any = true;
	}
	return any;
}

static void describe(const struct stoq_tunnel_policy *policy,
	const struct stoq_guard_decision *decision, struct stoq_policy_verdict *verdict)
{
	bool denied = decision->verdict == STOQ_GUARD_DENY;
	uint16_t rule = denied ? decision->rule : decision->log_rule;
	char label[STOQ_GUARD_RULE_LABEL];
	const char *name;

	verdict->denied = denied;
	verdict->status = denied && policy->source.policy.mode != STOQ_GUARD_MODE_AUDIT
				  ? decision->status
				  : 0;
	verdict->logged = denied || decision->log_rule != STOQ_GUARD_NO_RULE;
	if (!verdict->logged)
		return;
	if (rule == STOQ_GUARD_NO_RULE) {
		snprintf(verdict->rule, sizeof(verdict->rule), "default");
		snprintf(verdict->rule_number, sizeof(verdict->rule_number), "default");
		return;
	}
	stoq_guard_label_rule(&policy->source.policy, rule, label);
	snprintf(verdict->rule, sizeof(verdict->rule), "rule %s", label);
	snprintf(verdict->rule_number, sizeof(verdict->rule_number), "%u", rule + 1u);
	name = policy->source.policy.rules[rule].text->name;
	snprintf(verdict->rule_name, sizeof(verdict->rule_name), "%s", name ? name : "");
}

void stoq_tunnel_policy_judge(const struct stoq_tunnel_policy *policy,
	struct stoq_policy_subject *subject, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size, struct stoq_policy_verdict *verdict)
{
	struct stoq_guard_request request = {0};
	struct stoq_guard_decision decision;
	const uint8_t *ranges;
	unsigned int count;

	classify(policy, subject);
	stoq_guard_request_from_sqe(
		policy->source.compiled, &request, subject->kind, &command->sqe);
	request.host_class = subject->host_class;
	request.subsystem_class = subject->subsystem_class;
	ranges = subject->kind == NVME_QUEUE_IO ? ranges_of(command, pdu, size, &count) : NULL;
	if (!ranges || !decide_ranges(policy, &request, ranges, count, &decision))
		stoq_guard_decide(policy->source.compiled, &request, &decision);
	describe(policy, &decision, verdict);
}
