// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "guard/policy.h"

static bool condition_covers(
	const struct stoq_guard_condition *wide, const struct stoq_guard_condition *narrow)
{
	if (!wide->length)
		return true;
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

static bool covers(const struct stoq_guard_rule *wide, const struct stoq_guard_rule *narrow)
{
	return wide->verdict != STOQ_GUARD_LOG && !has_exceptions(wide, narrow) &&
	       condition_covers(&wide->host, &narrow->host) &&
	       condition_covers(&wide->subsystem, &narrow->subsystem) &&
	       ranges_cover(wide, narrow) && commands_cover(&wide->commands, &narrow->commands) &&
	       namespaces_cover(wide, narrow);
}

void stoq_guard_policy_find_unreachable(const struct stoq_guard_policy *policy,
	void (*told)(void *context, size_t rule, size_t by), void *context)
{
	for (size_t rule = 1; rule < policy->rule_count; rule++) {
		for (size_t by = 0; by < rule; by++) {
			if (covers(&policy->rules[by], &policy->rules[rule])) {
				told(context, rule, by);
				break;
			}
		}
	}
}
