// SPDX-License-Identifier: BSD-2-Clause
#include "guard/unreachable.h"

#include <stdlib.h>
#include <string.h>

static bool has_same_lists(
	const struct stoq_guard_condition *wide, const struct stoq_guard_condition *narrow)
{
	/* The first is the rule's own. */
	if (wide->list_count != narrow->list_count || wide->lists[0]->count ||
		narrow->lists[0]->count)
		return false;
	for (size_t i = 1; i < wide->list_count; i++)
		if (wide->lists[i] != narrow->lists[i])
			return false;
	return true;
}

/* Of lists only what is plain to see: they may be long. */
static bool condition_covers(
	const struct stoq_guard_condition *wide, const struct stoq_guard_condition *narrow)
{
	if (!wide->length)
		return true;
	if (wide->list_count || narrow->list_count)
		return wide->list_count && narrow->list_count && has_same_lists(wide, narrow);
	if (narrow->length < wide->length || memcmp(wide->text, narrow->text, wide->length) != 0)
		return false;
	return wide->prefix || (!narrow->prefix && narrow->length == wide->length);
}

static bool commands_cover(
	const struct stoq_guard_commands *wide, const struct stoq_guard_commands *narrow)
{
	for (unsigned int table = 0; table < STOQ_GUARD_TABLES; table++) {
		for (unsigned int word = 0; word < 4; word++) {
			if (narrow->bits[table][word] & ~wide->bits[table][word])
				return false;
		}
	}
	return true;
}

static bool namespaces_cover(
	const struct stoq_guard_rule *wide, const struct stoq_guard_rule *narrow)
{
	size_t at = 0;

	if (!wide->namespace_count)
		return true;
	for (size_t i = 0; i < narrow->namespace_count; i++) {
		while (at < wide->namespace_count && wide->namespaces[at] < narrow->namespaces[i])
			at++;
		if (at == wide->namespace_count || wide->namespaces[at] != narrow->namespaces[i])
			return false;
	}
	return narrow->namespace_count != 0;
}

/* An allow rule matches only what lies in its range as a whole, others what touches theirs. */
static bool ranges_cover(const struct stoq_guard_rule *wide, const struct stoq_guard_rule *narrow)
{
	if (!wide->has_range)
		return true;
	if (!narrow->has_range || wide->lba_first > narrow->lba_first ||
		wide->lba_last < narrow->lba_last)
		return false;
	return wide->verdict != STOQ_GUARD_ALLOW || narrow->verdict == STOQ_GUARD_ALLOW;
}

/*
 * Commands to all namespaces at once pass an allow rule that names namespaces, and those of
 * unknown hosts may pass a rule that names hosts: a rule of another verdict behind it has them
 * still to decide.
 */
static bool has_exceptions(const struct stoq_guard_rule *wide, const struct stoq_guard_rule *narrow)
{
	return wide->verdict != narrow->verdict &&
	       (wide->host.length || wide->subsystem.length ||
		       (wide->namespace_count && wide->verdict == STOQ_GUARD_ALLOW));
}

static bool ends_cover(const struct stoq_guard_rule *wide, const struct stoq_guard_rule *narrow)
{
	return wide->verdict != STOQ_GUARD_LOG && !has_exceptions(wide, narrow) &&
	       condition_covers(&wide->host, &narrow->host) &&
	       condition_covers(&wide->subsystem, &narrow->subsystem);
}

static bool covers(const struct stoq_guard_rule *wide, const struct stoq_guard_rule *narrow)
{
	return ends_cover(wide, narrow) && ranges_cover(wide, narrow) &&
	       commands_cover(&wide->commands, &narrow->commands) && namespaces_cover(wide, narrow);
}

/* ---- several rules together ---- */

static bool has_namespace(const struct stoq_guard_rule *rule, uint32_t nsid)
{
	for (size_t i = 0; i < rule->namespace_count; i++)
		if (rule->namespaces[i] == nsid)
			return true;
	return !rule->namespace_count;
}

static bool is_empty(const struct stoq_guard_commands *commands)
{
	static const struct stoq_guard_commands none;

	return memcmp(commands, &none, sizeof(none)) == 0;
}

static void take_away(struct stoq_guard_commands *from, const struct stoq_guard_commands *what)
{
	for (unsigned int table = 0; table < STOQ_GUARD_TABLES; table++)
		for (unsigned int word = 0; word < 4; word++)
			from->bits[table][word] &= ~what->bits[table][word];
}

/* Whether each command of the rule to this namespace meets an earlier rule. nsid 0: to any. */
static bool commands_decided(const struct stoq_guard_policy *policy, size_t rule, uint32_t nsid)
{
	const struct stoq_guard_rule *narrow = &policy->rules[rule];
	struct stoq_guard_commands left = narrow->commands;

	for (size_t by = 0; by < rule && !is_empty(&left); by++) {
		const struct stoq_guard_rule *wide = &policy->rules[by];

		if (ends_cover(wide, narrow) && ranges_cover(wide, narrow) &&
			(nsid ? has_namespace(wide, nsid) : !wide->namespace_count))
			take_away(&left, &wide->commands);
	}
	return is_empty(&left);
}

static bool by_commands(const struct stoq_guard_policy *policy, size_t rule)
{
	const struct stoq_guard_rule *narrow = &policy->rules[rule];
	bool decided = true;

	if (!narrow->namespace_count)
		return commands_decided(policy, rule, 0);
	for (size_t i = 0; decided && i < narrow->namespace_count; i++)
		decided = commands_decided(policy, rule, narrow->namespaces[i]);
	return decided;
}

/* An earlier rule that denies all that touches this block. NULL: there is none. */
static const struct stoq_guard_rule *denies_block(
	const struct stoq_guard_policy *policy, size_t rule, uint64_t block)
{
	const struct stoq_guard_rule *narrow = &policy->rules[rule];

	for (size_t by = 0; by < rule; by++) {
		const struct stoq_guard_rule *wide = &policy->rules[by];

		if (wide->verdict == STOQ_GUARD_DENY && wide->has_range &&
			wide->lba_first <= block && block <= wide->lba_last &&
			ends_cover(wide, narrow) && namespaces_cover(wide, narrow) &&
			commands_cover(&wide->commands, &narrow->commands))
			return wide;
	}
	return NULL;
}

static bool by_ranges(const struct stoq_guard_policy *policy, size_t rule)
{
	const struct stoq_guard_rule *narrow = &policy->rules[rule];
	uint64_t block = narrow->lba_first;

	if (!narrow->has_range)
		return false;
	for (size_t turn = 0; turn <= rule; turn++) {
		const struct stoq_guard_rule *wide = denies_block(policy, rule, block);

		if (!wide || wide->lba_last >= narrow->lba_last)
			return wide != NULL;
		block = wide->lba_last + 1;
	}
	return false;
}

void stoq_guard_policy_find_unreachable(const struct stoq_guard_policy *policy,
	void (*told)(void *context, size_t rule, size_t by), void *context)
{
	for (size_t rule = 1; rule < policy->rule_count; rule++) {
		size_t by = 0;

		while (by < rule && !covers(&policy->rules[by], &policy->rules[rule]))
			by++;
		if (by < rule || by_commands(policy, rule) || by_ranges(policy, rule))
			told(context, rule, by);
	}
}
