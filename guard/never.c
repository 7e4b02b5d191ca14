// SPDX-License-Identifier: BSD-2-Clause
#include "guard/never.h"

#include <stdio.h>
#include <string.h>

#include "guard/nqn.h"
#include "nvme/nvme_names.h"

struct search {
	const struct stoq_guard_policy *policy;
	size_t rule;
	void (*told)(void *context, size_t rule, const char *text);
	void *context;
};

static const struct stoq_guard_rule *rule_of(const struct search *search)
{
	return &search->policy->rules[search->rule];
}

static void warn(const struct search *search, const char *text)
{
	search->told(search->context, search->rule, text);
}

/* ---- what a command can match ---- */

/*
 * Admin commands that carry no namespace: NVMe Base Specification 2.0, figure "Opcodes for Admin
 * Commands", column "Namespace Identifier Used". Those that touch the whole subsystem are another
 * matter: they match the rules of every namespace.
 */
static bool carries_namespace(uint8_t table, uint8_t code)
{
	static const uint8_t without[] = {
		0x00, 0x01, 0x04, 0x05, /* I/O queues */
		NVME_ADMIN_ABORT, NVME_ADMIN_ASYNC_EVENT_REQUEST, NVME_ADMIN_FIRMWARE_COMMIT,
		NVME_ADMIN_FIRMWARE_DOWNLOAD, NVME_ADMIN_KEEP_ALIVE,
		0x1c, /* Virtualization Management */
		0x1d, /* NVMe-MI Send */
		0x1e, /* NVMe-MI Receive */
		0x24, /* Lockdown */
		0x7c, /* Doorbell Buffer Config */
	};

	if (table != STOQ_GUARD_ADMIN)
		return table == STOQ_GUARD_IO;
	return !memchr(without, code, sizeof(without));
}

static bool namespace_can_match(const struct stoq_guard_rule *rule, uint8_t table, uint8_t code)
{
	if (!rule->namespace_count)
		return true;
	if (stoq_guard_command_touches(table, code) == STOQ_GUARD_TOUCHES_SUBSYSTEM)
		return rule->verdict != STOQ_GUARD_ALLOW;
	return carries_namespace(table, code);
}

/* Commands whose blocks can be any count as touching all of them. */
static bool lists_its_blocks(uint8_t code)
{
	return code == NVME_NVM_DATASET_MANAGEMENT || code == NVME_NVM_COPY;
}

static bool blocks_can_match(const struct stoq_guard_rule *rule, uint8_t table, uint8_t code)
{
	uint8_t touches = stoq_guard_command_touches(table, code);
	bool all = rule->lba_first == 0 && rule->lba_last == UINT64_MAX;

	if (!rule->has_range || touches == STOQ_GUARD_TOUCHES_RANGE)
		return true;
	if (touches == STOQ_GUARD_TOUCHES_NONE)
		return false;
	if (rule->verdict != STOQ_GUARD_ALLOW)
		return true;
	if (touches == STOQ_GUARD_TOUCHES_SUBSYSTEM)
		return false;
	return all || (touches == STOQ_GUARD_TOUCHES_LIST && table == STOQ_GUARD_IO &&
			      lists_its_blocks(code));
}

static bool is_discovery(const struct stoq_guard_condition *condition)
{
	return !condition->list_count && !condition->prefix &&
	       condition->length == strlen(STOQ_GUARD_NQN_DISCOVERY) &&
	       memcmp(condition->text, STOQ_GUARD_NQN_DISCOVERY, condition->length) == 0;
}

/* A discovery controller has no I/O queues: NVMe Base Specification, "Discovery Controller". */
static bool subsystem_can_match(const struct stoq_guard_rule *rule, uint8_t table)
{
	return table != STOQ_GUARD_IO || !is_discovery(&rule->subsystem);
}

/* NULL: it can match; else why it cannot. */
static const char *why_never(const struct stoq_guard_rule *rule, uint8_t table, uint8_t code)
{
	if (!subsystem_can_match(rule, table))
		return "a discovery controller has no I/O queues";
	if (!namespace_can_match(rule, table, code))
		return stoq_guard_command_touches(table, code) == STOQ_GUARD_TOUCHES_SUBSYSTEM
			       ? "such commands are for all namespaces, and only rules without "
				 "`namespace` allow them"
			       : "such commands carry no namespace";
	if (!blocks_can_match(rule, table, code))
		return stoq_guard_command_touches(table, code) == STOQ_GUARD_TOUCHES_NONE
			       ? "such commands touch no logical blocks"
			       : "such commands may touch any block, and `lba` allows only what "
				 "touches no other";
	return NULL;
}

/* ---- a rule ---- */

/* Why none of the rule's commands can match, if that is so: the reason of the last one. */
static const char *why_none(const struct stoq_guard_rule *rule)
{
	const char *why = NULL;

	for (unsigned int table = 0; table < STOQ_GUARD_TABLES; table++) {
		for (unsigned int code = 0; code < 256; code++) {
			if (!stoq_guard_commands_has(&rule->commands, table, code))
				continue;
			why = why_never(rule, (uint8_t)table, (uint8_t)code);
			if (!why)
				return NULL;
		}
	}
	return why;
}

/* Of a rule that matches something, the commands that it names and that never match. */
static void find_commands(const struct search *search)
{
	const struct stoq_guard_rule *rule = rule_of(search);

	for (unsigned int i = 0; i < rule->text->command_count; i++) {
		const char *name = rule->text->commands[i], *why;
		uint8_t table, code;
		char text[256];

		if (stoq_guard_command_find(name, &table, &code))
			continue; /* a class */
		why = why_never(rule, table, code);
		if (!why)
			continue;
		snprintf(text, sizeof(text), "never matches %.60s: %s", name, why);
		warn(search, text);
	}
}

static void find_names(const struct search *search)
{
	const struct stoq_guard_rule *rule = rule_of(search);
	const struct {
		const char *field;
		const struct stoq_guard_condition *condition;
	} names[] = {{"host", &rule->host}, {"subsystem", &rule->subsystem}};
	char text[384];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct stoq_guard_condition *condition = names[i].condition;

		if (!condition->length || condition->list_count || condition->prefix ||
			!stoq_guard_nqn_lacks_name(condition->text, condition->length))
			continue;
		snprintf(text, sizeof(text),
			"names a %s without the colon and name that an NQN ends with, '%.*s': "
			"if that is only its beginning, put * behind it",
			names[i].field, (int)condition->length, condition->text);
		warn(search, text);
	}
}

static void find_in_rule(const struct search *search)
{
	const struct stoq_guard_rule *rule = rule_of(search);
	const char *why;
	char text[256];

	find_names(search);
	if (is_discovery(&rule->host)) {
		warn(search, "never matches: the discovery NQN is a subsystem's, no host has it");
		return;
	}
	if (is_discovery(&rule->subsystem) && (rule->namespace_count || rule->has_range)) {
		warn(search, "never matches: a discovery subsystem has no namespaces");
		return;
	}
	why = why_none(rule);
	if (!why) {
		find_commands(search);
		return;
	}
	snprintf(text, sizeof(text), "never matches: %s", why);
	warn(search, text);
}

void stoq_guard_policy_find_never(const struct stoq_guard_policy *policy,
	void (*told)(void *context, size_t rule, const char *text), void *context)
{
	struct search search = {.policy = policy, .told = told, .context = context};

	for (; search.rule < policy->rule_count; search.rule++)
		find_in_rule(&search);
}
