// SPDX-License-Identifier: BSD-2-Clause
#include "guard/stop.h"

struct command {
	uint8_t table;
	uint8_t code;
};

/* Without these a connection ends, or is not made again. */
static const struct command keeping[] = {
	{STOQ_GUARD_FABRICS, 0x01}, /* Connect */
	{STOQ_GUARD_ADMIN, NVME_ADMIN_KEEP_ALIVE},
};

/* What hosts at work send. */
static const struct command working[] = {
	{STOQ_GUARD_FABRICS, 0x01},
	{STOQ_GUARD_FABRICS, 0x04},
	{STOQ_GUARD_FABRICS, 0x00},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_GET_LOG_PAGE},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_IDENTIFY},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_SET_FEATURES},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_GET_FEATURES},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_KEEP_ALIVE},
	{STOQ_GUARD_IO, NVME_NVM_FLUSH},
	{STOQ_GUARD_IO, NVME_NVM_WRITE},
	{STOQ_GUARD_IO, NVME_NVM_READ},
	{STOQ_GUARD_IO, NVME_NVM_COMPARE},
	{STOQ_GUARD_IO, NVME_NVM_WRITE_ZEROES},
	{STOQ_GUARD_IO, NVME_NVM_DATASET_MANAGEMENT},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A host of a policy. */
struct asking {
	const struct stoq_guard_compiled *policy;
	uint16_t host, subsystem; /* classes */
	struct stoq_guard_verdict_on_host *verdict;
};

/* Namespaces that rules name, and at the end one that none does. */
static size_t spaces_of(const struct stoq_guard_compiled *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < STOQ_GUARD_NAMESPACE_SLOTS; i++)
		count += policy->namespaces[i].nsid != 0;
	return count + 1;
}

static uint16_t space_at(const struct stoq_guard_compiled *policy, size_t i)
{
	return i + 1 < spaces_of(policy) ? (uint16_t)(STOQ_GUARD_SPACE_FIRST + i)
					 : STOQ_GUARD_SPACE_OTHER;
}

static bool is_allowed(const struct asking *asking, struct stoq_guard_request *request,
	struct stoq_guard_decision *decision)
{
	stoq_guard_decide(asking->policy, request, decision);
	return decision->verdict == STOQ_GUARD_ALLOW;
}

/* Whether there is a block that the command may touch, where rules have ranges. */
static bool a_block_is_allowed(const struct asking *asking, struct stoq_guard_request *request)
{
	const __u64 *const edges[] = {asking->policy->firsts.edges, asking->policy->lasts.edges};
	struct stoq_guard_decision decision;

	request->no_ranges = 0;
	for (size_t i = 0; asking->policy->ranged && i < 2 * STOQ_GUARD_EDGES; i++) {
		__u64 edge = edges[i / STOQ_GUARD_EDGES][i % STOQ_GUARD_EDGES];

		if (edge == UINT64_MAX)
			continue;
		for (__u64 block = edge; block <= edge + 1; block++) {
			request->lba_first = request->lba_last = block;
			if (is_allowed(asking, request, &decision))
				return true;
		}
	}
	return false;
}

/* Rules with ranges leave other blocks alone: what is refused is refused for every block. */
static bool refuses(const struct asking *asking, const struct command *command, uint16_t space)
{
	struct stoq_guard_request request = {
		.host_class = asking->host, .subsystem_class = asking->subsystem};
	bool ranged =
		asking->policy->touches[command->table][command->code] == STOQ_GUARD_TOUCHES_RANGE;
	struct stoq_guard_decision decision;

	stoq_guard_request_set(asking->policy, &request, command->table, command->code, 0);
	request.space = space;
	request.no_ranges |= ranged;
	if (is_allowed(asking, &request, &decision) ||
		(ranged && a_block_is_allowed(asking, &request)))
		return false;
	asking->verdict->rule = decision.rule;
	asking->verdict->table = command->table;
	asking->verdict->code = command->code;
	return true;
}

/* A command that carries no namespace meets the rules that name none. */
static bool has_space(const struct command *command)
{
	return command->table == STOQ_GUARD_IO;
}

static bool refuses_everywhere(const struct asking *asking, const struct command *command)
{
	size_t count = has_space(command) ? spaces_of(asking->policy) : 1;

	for (size_t i = 0; i < count; i++)
		if (!refuses(asking, command,
			    has_space(command) ? space_at(asking->policy, i)
					       : STOQ_GUARD_SPACE_OTHER))
			return false;
	return true;
}

static bool stops(const struct asking *asking)
{
	static const struct command reading = {STOQ_GUARD_IO, NVME_NVM_READ};
	static const struct command writing = {STOQ_GUARD_IO, NVME_NVM_WRITE};

	for (size_t i = 0; i < COUNT(keeping); i++)
		if (refuses_everywhere(asking, &keeping[i]))
			return true;
	return refuses_everywhere(asking, &writing) && refuses_everywhere(asking, &reading);
}

/* ---- unknown hosts ---- */

static bool has(const struct stoq_guard_set *set, uint32_t rule)
{
	return set->words[rule / 64] >> (rule % 64) & 1;
}

/* A rule that names hosts or subsystems. */
static bool names_somebody(const struct stoq_guard_compiled *policy, uint32_t rule)
{
	return !has(&policy->hosts.sets[STOQ_GUARD_CLASS_OTHER], rule) ||
	       !has(&policy->subsystems.sets[STOQ_GUARD_CLASS_OTHER], rule);
}

/* Whether a host of the right name might be allowed what asking->verdict says is refused. */
static bool name_would_help(
	const struct asking *asking, const struct command *command, uint16_t space)
{
	const struct stoq_guard_compiled *policy = asking->policy;
	uint32_t refused = asking->verdict->rule;

	if (refused != STOQ_GUARD_NO_RULE && names_somebody(policy, refused))
		return true;
	for (uint32_t rule = 0; rule < policy->rule_count && rule < refused; rule++)
		if (policy->rules[rule].verdict == STOQ_GUARD_ALLOW &&
			names_somebody(policy, rule) &&
			has(&policy->commands[command->table][command->code], rule) &&
			has(&policy->spaces[space], rule))
			return true;
	return false;
}

static bool loses_by_being_unknown(const struct asking *asking)
{
	for (size_t i = 0; i < COUNT(working); i++) {
		const struct command *command = &working[i];
		size_t count = has_space(command) ? spaces_of(asking->policy) : 1;

		for (size_t n = 0; n < count; n++) {
			uint16_t space = has_space(command) ? space_at(asking->policy, n)
							    : STOQ_GUARD_SPACE_OTHER;

			if (refuses(asking, command, space) &&
				name_would_help(asking, command, space))
				return true;
		}
	}
	return false;
}

void stoq_guard_judge_host(const struct stoq_guard_compiled *policy, const char *host_nqn,
	const char *subsystem_nqn, struct stoq_guard_verdict_on_host *verdict)
{
	bool known = host_nqn && host_nqn[0] && subsystem_nqn && subsystem_nqn[0];
	const struct asking asking = {
		.policy = policy,
		.host = stoq_guard_class_of(&policy->hosts, known ? host_nqn : NULL),
		.subsystem = stoq_guard_class_of(&policy->subsystems, known ? subsystem_nqn : NULL),
		.verdict = verdict,
	};

	*verdict = (struct stoq_guard_verdict_on_host){.rule = STOQ_GUARD_NO_RULE};
	if (!known && loses_by_being_unknown(&asking))
		verdict->stop = STOQ_GUARD_STOP_UNKNOWN;
	else if (stops(&asking))
		verdict->stop = STOQ_GUARD_STOP_POLICY;
}
