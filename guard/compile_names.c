// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names of hosts and of subsystems: patterns, from the whole name to shorter and shorter prefixes, and the rules that hold for each. Whole
 * names of lists are compiled by compile_listed.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/compile_private.h"

void guard_nqn_load(struct stoq_guard_nqn *nqn, const char *text, size_t length)
{
	char field[STOQ_GUARD_NQN_BYTES] = {0};

	memcpy(field, text, length < sizeof(field) ? length : sizeof(field));
	stoq_guard_nqn_load(nqn, field);
}

static void load_pattern(
	struct stoq_guard_pattern *pattern, const struct stoq_guard_condition *condition)
{
	*pattern = (struct stoq_guard_pattern){.prefix = condition->prefix};
	guard_nqn_load(&pattern->text, condition->text, condition->length);
}

/* By text; a prefix before the same text as a whole name, whose parent it is. */
static int compare_patterns(const void *a, const void *b)
{
	const struct stoq_guard_pattern *x = a, *y = b;
	uint32_t above;

	if (stoq_guard_nqn_compare(&x->text, &y->text, &above) < STOQ_GUARD_NQN_BYTES)
		return above ? 1 : -1;
	return (int)y->prefix - (int)x->prefix;
}

static bool begins_with(
	const struct stoq_guard_pattern *pattern, const struct stoq_guard_pattern *prefix)
{
	uint32_t above;

	return prefix->prefix &&
	       stoq_guard_nqn_compare(&prefix->text, &pattern->text, &above) >= prefix->text.length;
}

/* Those before it that it begins with are the one just before it, or parents of that one. */
static uint16_t find_parent(const struct stoq_guard_names *names, uint32_t index)
{
	uint32_t class = STOQ_GUARD_CLASS_FIRST + index - 1;

	while (class >= STOQ_GUARD_CLASS_FIRST) {
		const struct stoq_guard_pattern *other =
			&names->patterns[class - STOQ_GUARD_CLASS_FIRST];

		if (begins_with(&names->patterns[index], other))
			return (uint16_t) class;
		class = other->parent;
	}
	return STOQ_GUARD_CLASS_OTHER;
}

/* Whole names of lists are no patterns: struct stoq_guard_listed has them. */
static bool is_pattern(const struct stoq_guard_condition *item)
{
	return item->prefix;
}

static size_t count_patterns(const struct stoq_guard_policy *policy)
{
	size_t count = policy->rule_count;

	for (const struct stoq_guard_list *list = policy->lists; list; list = list->next)
		count += list->count;
	return count;
}

/* Those of the rules, and of the lists on this side. Each may be there several times. */
static size_t list_patterns(struct stoq_guard_pattern *all, const struct stoq_guard_policy *policy,
	enum guard_side side)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct stoq_guard_condition *condition =
			guard_condition_of(&policy->rules[i], side);

		if (condition->length && !condition->list_count)
			load_pattern(&all[count++], condition);
	}
	for (const struct stoq_guard_list *list = policy->lists; list; list = list->next) {
		size_t items = guard_list_has_side(policy, list, side) ? list->count : 0;

		for (size_t i = 0; i < items; i++)
			if (is_pattern(&list->items[i]))
				load_pattern(&all[count++], &list->items[i]);
	}
	qsort(all, count, sizeof(*all), compare_patterns);
	return count;
}

static int collect_patterns(struct stoq_guard_names *names, const struct stoq_guard_policy *policy,
	enum guard_side side, struct stoq_error *error)
{
	struct stoq_guard_pattern *all = calloc(count_patterns(policy) + 1, sizeof(*all));
	size_t count, different = 0;

	if (!all)
		return stoq_error_set(error, -ENOMEM, "not enough memory to compile the policy");
	count = list_patterns(all, policy, side);
	for (size_t i = 0; i < count; i++) {
		if (different && compare_patterns(&all[i], &all[different - 1]) == 0)
			continue;
		all[different++] = all[i];
	}
	if (different <= STOQ_GUARD_PATTERNS_MAX)
		memcpy(names->patterns, all, different * sizeof(*all));
	free(all);
	if (different > STOQ_GUARD_PATTERNS_MAX)
		return stoq_error_set(error, -EINVAL,
			"the policy has %zu different names and prefixes of %s that are not whole "
			"names in lists; at most %d are possible: put whole names into a list",
			different, side == GUARD_HOST ? "hosts" : "subsystems",
			STOQ_GUARD_PATTERNS_MAX);
	names->count = (uint32_t)different;
	for (uint32_t i = 0; i < names->count; i++)
		names->patterns[i].parent = i ? find_parent(names, i) : STOQ_GUARD_CLASS_OTHER;
	return 0;
}

/* The class of the names that match this condition and no longer one; OTHER: it has no text. */
static uint16_t class_of_condition(
	const struct stoq_guard_names *names, const struct stoq_guard_condition *condition)
{
	const struct stoq_guard_pattern *found;
	struct stoq_guard_pattern pattern;

	if (!condition->length)
		return STOQ_GUARD_CLASS_OTHER;
	load_pattern(&pattern, condition);
	found = bsearch(&pattern, names->patterns, names->count, sizeof(pattern), compare_patterns);
	return found ? (uint16_t)(STOQ_GUARD_CLASS_FIRST + (found - names->patterns))
		     : STOQ_GUARD_CLASS_OTHER;
}

/* Of an unknown host, rules that name hosts are believed where they say what unknown-host says. */
static bool believed_of_unknown(
	const struct stoq_guard_policy *policy, const struct stoq_guard_rule *rule)
{
	return rule->verdict == STOQ_GUARD_LOG || rule->verdict == policy->unknown_host;
}

/* A rule's prefixes, and its single name. */
static void add_to_patterns(
	struct stoq_guard_names *names, const struct stoq_guard_condition *condition, size_t rule)
{
	if (!condition->list_count) {
		guard_set_add_rule(&names->sets[class_of_condition(names, condition)], rule);
		return;
	}
	for (size_t i = 0; i < condition->list_count; i++) {
		const struct stoq_guard_list *list = condition->lists[i];

		for (size_t item = 0; item < list->count; item++)
			if (is_pattern(&list->items[item]))
				guard_set_add_rule(
					&names->sets[class_of_condition(names, &list->items[item])],
					rule);
	}
}

int guard_compile_names(struct stoq_guard_names *names, const struct stoq_guard_policy *policy,
	enum guard_side side, struct stoq_error *error)
{
	int ret = collect_patterns(names, policy, side, error);

	if (ret)
		return ret;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct stoq_guard_rule *rule = &policy->rules[i];
		const struct stoq_guard_condition *condition = guard_condition_of(rule, side);

		if (condition->length)
			add_to_patterns(names, condition, i);
		else
			guard_set_add_rule(&names->sets[STOQ_GUARD_CLASS_OTHER], i);
		if (!condition->length || believed_of_unknown(policy, rule))
			guard_set_add_rule(&names->sets[STOQ_GUARD_CLASS_UNKNOWN], i);
	}
	/* Parents come before their children, and OTHER is the parent of the rest. */
	for (uint32_t i = 0; i < names->count; i++)
		guard_set_add(&names->sets[STOQ_GUARD_CLASS_FIRST + i],
			&names->sets[names->patterns[i].parent]);
	return guard_compile_listed(names, policy, side, error);
}
