// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whole names in lists: thousands of hosts that have a few sets of rules between them. Each name has a class, as
 * a pattern has; names whose rules are the same share one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/compile_private.h"

/* One name of one list. */
struct entry {
	struct stoq_guard_nqn nqn;
	const struct stoq_guard_set *rules; /* that have the list */
};

struct work {
	struct stoq_guard_names *names;
	const struct stoq_guard_policy *policy;
	enum guard_side side;
	struct stoq_error *error;
	struct entry *entries;
	size_t count;
	struct stoq_guard_set *sets; /* of each list of the policy, in their order */
};

static bool has_list(
	const struct stoq_guard_condition *condition, const struct stoq_guard_list *list)
{
	for (size_t i = 0; i < condition->list_count; i++)
		if (condition->lists[i] == list)
			return true;
	return false;
}

bool guard_list_has_side(const struct stoq_guard_policy *policy, const struct stoq_guard_list *list,
	enum guard_side side)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (has_list(guard_condition_of(&policy->rules[i], side), list))
			return true;
	return false;
}

/* Which rules have the list. */
static void find_rules(
	const struct work *work, const struct stoq_guard_list *list, struct stoq_guard_set *set)
{
	for (size_t i = 0; i < work->policy->rule_count; i++)
		if (has_list(guard_condition_of(&work->policy->rules[i], work->side), list))
			guard_set_add_rule(set, i);
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	uint32_t above;

	if (stoq_guard_nqn_compare(&x->nqn, &y->nqn, &above) >= STOQ_GUARD_NQN_BYTES)
		return 0;
	return above ? 1 : -1;
}

static int collect(struct work *work)
{
	size_t lists = 0, names = 0, at = 0;

	for (const struct stoq_guard_list *list = work->policy->lists; list; list = list->next) {
		lists++;
		names += list->count;
	}
	work->sets = calloc(lists + 1, sizeof(*work->sets));
	work->entries = calloc(names + 1, sizeof(*work->entries));
	if (!work->sets || !work->entries)
		return stoq_error_set(
			work->error, -ENOMEM, "not enough memory to compile the policy");
	for (const struct stoq_guard_list *list = work->policy->lists; list; list = list->next) {
		struct stoq_guard_set *set = &work->sets[at++];

		find_rules(work, list, set);
		for (size_t i = 0; set->summary && i < list->count; i++) {
			struct entry *entry = &work->entries[work->count];

			if (list->items[i].prefix)
				continue;
			guard_nqn_load(&entry->nqn, list->items[i].text, list->items[i].length);
			entry->rules = set;
			work->count++;
		}
	}
	qsort(work->entries, work->count, sizeof(*work->entries), compare);
	return 0;
}

/* The class of names with these rules. 0: there is no room for one more. */
static uint16_t class_with(struct stoq_guard_names *names, const struct stoq_guard_set *set)
{
	uint32_t first = STOQ_GUARD_CLASS_FIRST + names->count;

	for (uint32_t i = 0; i < names->group_count; i++)
		if (memcmp(&names->sets[first + i], set, sizeof(*set)) == 0)
			return (uint16_t)(first + i);
	if (first + names->group_count >= STOQ_GUARD_CLASSES)
		return 0;
	names->sets[first + names->group_count] = *set;
	return (uint16_t)(first + names->group_count++);
}

/* The text, with a NUL behind it. 0, or 1: there is no room. */
static int put_text(
	struct stoq_guard_listed *listed, uint32_t index, const struct stoq_guard_nqn *nqn)
{
	uint32_t words = nqn->length / 8 + 1;

	if (listed->used + words > STOQ_GUARD_POOL_WORDS)
		return 1;
	listed->at[index] = listed->used;
	memcpy(&listed->pool[listed->used], nqn->words, words * sizeof(listed->pool[0]));
	listed->used += words;
	return 0;
}

/* The name of entries[from], which ends before entries[end]; index: its place in listed. */
static int add_name(struct work *work, size_t from, size_t end, uint32_t index)
{
	struct stoq_guard_names *names = work->names;
	struct stoq_guard_nqn *nqn = &work->entries[from].nqn;
	/* No name is listed yet: this is the class by patterns. */
	struct stoq_guard_set set = names->sets[stoq_guard_classify(names, nqn)];

	for (size_t i = from; i < end; i++)
		guard_set_add(&set, work->entries[i].rules);
	if (index >= STOQ_GUARD_LISTED_MAX || put_text(&names->listed, index, nqn))
		return stoq_error_set(work->error, -EINVAL,
			"the lists have too many names: at most %d different ones are possible, with "
			"%d KiB of text",
			STOQ_GUARD_LISTED_MAX, STOQ_GUARD_POOL_WORDS / 128);
	names->listed.class[index] = class_with(names, &set);
	if (names->listed.class[index])
		return 0;
	return stoq_error_set(work->error, -EINVAL,
		"the names in lists have too many different sets of rules: names, prefixes and sets "
		"together may be %d",
		STOQ_GUARD_PATTERNS_MAX);
}

static int fill(struct work *work)
{
	uint32_t index = 0;
	int ret = 0;

	for (size_t from = 0, end; !ret && from < work->count; from = end) {
		end = from + 1;
		while (end < work->count && compare(&work->entries[from], &work->entries[end]) == 0)
			end++;
		ret = add_name(work, from, end, index++);
	}
	work->names->listed.count = index;
	return ret;
}

int guard_compile_listed(struct stoq_guard_names *names, const struct stoq_guard_policy *policy,
	enum guard_side side, struct stoq_error *error)
{
	struct work work = {.names = names, .policy = policy, .side = side, .error = error};
	int ret = collect(&work);

	if (!ret)
		ret = fill(&work);
	free(work.entries);
	free(work.sets);
	return ret;
}
