// SPDX-License-Identifier: BSD-2-Clause
#include "guard/compile.h"

#include "guard/compile_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void guard_set_add_rule(struct stoq_guard_set *set, size_t rule)
{
	set->words[rule / 64] |= UINT64_C(1) << (rule % 64);
	set->summary |= UINT64_C(1) << (rule / 64);
}

void guard_set_add(struct stoq_guard_set *set, const struct stoq_guard_set *other)
{
	for (size_t word = 0; word < STOQ_GUARD_WORDS; word++)
		set->words[word] |= other->words[word];
	set->summary |= other->summary;
}

uint16_t stoq_guard_class_of(const struct stoq_guard_names *names, const char *nqn)
{
	struct stoq_guard_nqn name;

	if (!nqn)
		return STOQ_GUARD_CLASS_UNKNOWN;
	guard_nqn_load(&name, nqn, strlen(nqn));
	return (uint16_t)stoq_guard_classify(names, &name);
}

/* ---- commands ---- */

static void compile_commands(
	struct stoq_guard_compiled *compiled, const struct stoq_guard_policy *policy)
{
	struct stoq_guard_commands changing = {0};

	stoq_guard_commands_changing(&changing);
	memcpy(compiled->changes_data, changing.bits, sizeof(compiled->changes_data));
	for (unsigned int table = 0; table < STOQ_GUARD_TABLES; table++) {
		for (unsigned int code = 0; code < 256; code++) {
			compiled->touches[table][code] =
				stoq_guard_command_touches((uint8_t)table, (uint8_t)code);
			for (size_t i = 0; i < policy->rule_count; i++) {
				if (stoq_guard_commands_has(
					    &policy->rules[i].commands, table, code))
					guard_set_add_rule(&compiled->commands[table][code], i);
			}
		}
	}
}

/* ---- namespaces ---- */

struct namespace_list {
	uint32_t nsids[STOQ_GUARD_NAMESPACES_MAX];
	uint32_t count;
};

/* The place of nsid in the list, to which it is added if it is not there. */
static uint32_t place_of(struct namespace_list *list, uint32_t nsid)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->nsids[i] == nsid)
			return i;
	}
	list->nsids[list->count] = nsid;
	return list->count++;
}

static bool fill_namespaces(struct stoq_guard_compiled *compiled, const struct namespace_list *list)
{
	memset(compiled->namespaces, 0, sizeof(compiled->namespaces));
	for (uint32_t i = 0; i < list->count; i++) {
		uint32_t slot = stoq_guard_hash_nsid(list->nsids[i], compiled->namespace_seed);
		uint32_t probe = 0;

		while (compiled->namespaces[(slot + probe) % STOQ_GUARD_NAMESPACE_SLOTS].nsid) {
			if (++probe == STOQ_GUARD_PROBES)
				return false;
		}
		compiled->namespaces[(slot + probe) % STOQ_GUARD_NAMESPACE_SLOTS] =
			(struct stoq_guard_namespace){list->nsids[i], STOQ_GUARD_SPACE_FIRST + i};
	}
	return true;
}

/*
 * A command to all namespaces is refused if it is in one of them, and allowed only by a rule
 * that holds for all namespaces and all of their blocks.
 */
static bool matches_all(const struct stoq_guard_rule *rule)
{
	return rule->verdict != STOQ_GUARD_ALLOW || (!rule->namespace_count && !rule->has_range);
}

static int compile_namespaces(struct stoq_guard_compiled *compiled,
	const struct stoq_guard_policy *policy, struct stoq_error *error)
{
	struct namespace_list list = {.count = 0};

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct stoq_guard_rule *rule = &policy->rules[i];

		for (size_t n = 0; n < rule->namespace_count; n++)
			guard_set_add_rule(&compiled->spaces[STOQ_GUARD_SPACE_FIRST +
							     place_of(&list, rule->namespaces[n])],
				i);
		if (!rule->namespace_count)
			guard_set_add_rule(&compiled->spaces[STOQ_GUARD_SPACE_OTHER], i);
		if (matches_all(rule))
			guard_set_add_rule(&compiled->spaces[STOQ_GUARD_SPACE_ALL], i);
	}
	for (uint32_t i = 0; i < list.count; i++)
		guard_set_add(&compiled->spaces[STOQ_GUARD_SPACE_FIRST + i],
			&compiled->spaces[STOQ_GUARD_SPACE_OTHER]);
	while (!fill_namespaces(compiled, &list)) {
		if (++compiled->namespace_seed == 1000)
			return stoq_error_set(error, -ENOSPC,
				"the policy's %u namespaces do not fit their table; name fewer",
				list.count);
	}
	return 0;
}

/* ---- blocks ---- */

/* Of a command: which of its blocks chooses the set. */
enum end { FIRST, LAST };

/*
 * From where on the rule matches, or, if it is the end of it that counts, up to where. What begins
 * the range bounds the first blocks that an allowing rule matches, and the last ones that others
 * match.
 */
static bool counts_from(const struct stoq_guard_rule *rule, enum end end)
{
	return (rule->verdict == STOQ_GUARD_ALLOW) == (end == FIRST);
}

static bool lets_match(const struct stoq_guard_rule *rule, enum end end, uint64_t block)
{
	return counts_from(rule, end) ? block >= rule->lba_first : block <= rule->lba_last;
}

static int compare_edges(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The last blocks before a rule begins or ceases to match, each once; returns how many. */
static size_t collect_edges(
	__u64 edges[static STOQ_GUARD_EDGES], const struct stoq_guard_policy *policy, enum end end)
{
	size_t all = 0, count = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct stoq_guard_rule *rule = &policy->rules[i];

		if (!rule->has_range)
			continue;
		if (!counts_from(rule, end))
			edges[all++] = rule->lba_last;
		else if (rule->lba_first)
			edges[all++] = rule->lba_first - 1;
	}
	qsort(edges, all, sizeof(*edges), compare_edges);
	for (size_t i = 0; i < all; i++) {
		if (!count || edges[i] != edges[count - 1])
			edges[count++] = edges[i];
	}
	for (size_t i = count; i < STOQ_GUARD_EDGES; i++)
		edges[i] = UINT64_MAX;
	return count;
}

static void compile_intervals(struct stoq_guard_intervals *intervals,
	const struct stoq_guard_policy *policy, enum end end)
{
	size_t count = collect_edges(intervals->edges, policy, end);

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct stoq_guard_rule *rule = &policy->rules[i];

		if (!rule->has_range)
			guard_set_add_rule(&intervals->sets[STOQ_GUARD_INTERVAL_NONE], i);
		/* The last block of an interval stands for all of it. */
		for (size_t n = 0; n <= count; n++) {
			if (!rule->has_range || lets_match(rule, end, intervals->edges[n]))
				guard_set_add_rule(
					&intervals->sets[STOQ_GUARD_INTERVAL_FIRST + n], i);
		}
	}
}

/* ---- rules ---- */

static void compile_rules(
	struct stoq_guard_compiled *compiled, const struct stoq_guard_policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct stoq_guard_rule *rule = &policy->rules[i];
		struct stoq_guard_rule_entry *entry = &compiled->rules[i];

		entry->verdict = rule->verdict;
		if (rule->verdict == STOQ_GUARD_DENY) {
			entry->status_write = stoq_guard_status_for(rule->status, true);
			entry->status_other = stoq_guard_status_for(rule->status, false);
		}
		if (rule->has_range)
			compiled->ranged |= UINT64_C(1) << (i / 64);
		if (rule->verdict == STOQ_GUARD_LOG)
			guard_set_add_rule(&compiled->log, i);
	}
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t hash_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}

/*
 * FNV-1a by words: a byte at a time takes 3 MiB eight times as long. The shift lets a word's upper bits, which a multiplication
 * moves nowhere but up, change all of the hash.
 */
static uint64_t hash_more(uint64_t hash, const void *bytes, const void *end)
{
	const uint8_t *from = bytes;
	size_t left = (size_t)((const uint8_t *)end - from);
	uint64_t word;

	for (; left >= sizeof(word); left -= sizeof(word), from += sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		hash = hash_word(hash, word);
	}
	word = 0;
	memcpy(&word, from, left);
	return left ? hash_word(hash, word) : hash;
}

uint64_t stoq_guard_hash(const uint8_t *bytes, size_t size)
{
	return hash_more(HASH_START, bytes, bytes + size);
}

/* Of what is used of it: the rest is 0. */
static uint64_t hash_listed(uint64_t hash, const struct stoq_guard_listed *listed)
{
	hash = hash_more(hash, listed, &listed->at[listed->count]);
	hash = hash_more(hash, listed->class, &listed->class[listed->count]);
	return hash_more(hash, listed->pool, &listed->pool[listed->used]);
}

/* Over all that follows the hash itself. */
static uint64_t hash_of(const struct stoq_guard_compiled *compiled)
{
	uint64_t hash = hash_more(HASH_START, (const uint8_t *)compiled + sizeof(compiled->hash),
		&compiled->hosts.listed);

	hash = hash_listed(hash, &compiled->hosts.listed);
	hash = hash_more(hash, &compiled->subsystems, &compiled->subsystems.listed);
	hash = hash_listed(hash, &compiled->subsystems.listed);
	return hash_more(hash, compiled->commands, compiled + 1);
}

int stoq_guard_compile_into(const struct stoq_guard_policy *policy,
	struct stoq_guard_compiled *compiled, struct stoq_error *error)
{
	int ret;

	compiled->rule_count = (uint32_t)policy->rule_count;
	compiled->strict = policy->strict;
	compiled->clones = (uint8_t)policy->clones;
	compiled->default_verdict = policy->default_verdict;
	if (policy->default_verdict == STOQ_GUARD_DENY) {
		compiled->default_status_write =
			stoq_guard_status_for(policy->default_status, true);
		compiled->default_status_other =
			stoq_guard_status_for(policy->default_status, false);
	}
	ret = guard_compile_names(&compiled->hosts, policy, GUARD_HOST, error);
	if (!ret)
		ret = guard_compile_names(&compiled->subsystems, policy, GUARD_SUBSYSTEM, error);
	if (!ret)
		ret = compile_namespaces(compiled, policy, error);
	if (ret)
		return ret;
	compile_commands(compiled, policy);
	compile_rules(compiled, policy);
	compile_intervals(&compiled->firsts, policy, FIRST);
	compile_intervals(&compiled->lasts, policy, LAST);
	compiled->hash = hash_of(compiled);
	return 0;
}

int stoq_guard_compile(const struct stoq_guard_policy *policy,
	struct stoq_guard_compiled **compiled, struct stoq_error *error)
{
	struct stoq_guard_compiled *ready = calloc(1, sizeof(*ready));
	int ret;

	if (!ready)
		return stoq_error_set(error, -ENOMEM, "not enough memory to compile the policy");
	ret = stoq_guard_compile_into(policy, ready, error);
	if (ret)
		free(ready);
	else
		*compiled = ready;
	return ret;
}
