// SPDX-License-Identifier: BSD-2-Clause
/* What two policies can tell apart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/compile_private.h"
#include "guard/diff_private.h"

/* ---- hosts and subsystems ---- */

static const struct stoq_guard_names *names_of(
	const struct stoq_guard_source *source, enum guard_side which)
{
	return which == GUARD_HOST ? &source->compiled->hosts : &source->compiled->subsystems;
}

/* name: NULL: not known. */
static void add_name(struct stoq_diff_name *name, const char *label, const char *nqn,
	const struct stoq_guard_source *const side[static 2], enum guard_side which)
{
	snprintf(name->label, sizeof(name->label), "%s", label);
	for (int i = 0; i < 2; i++)
		name->class[i] = stoq_guard_class_of(names_of(side[i], which), nqn);
}

static bool is_listed(const struct stoq_diff_name *names, size_t count, const char *label)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i].label, label) == 0)
			return true;
	return false;
}

static bool condition_begins(
	const struct stoq_guard_condition *condition, const char *text, size_t length)
{
	return condition->length >= length && memcmp(condition->text, text, length) == 0;
}

/* Whether a pattern of either policy begins with text, other than the prefix of this length. */
static bool is_taken(const struct stoq_guard_source *const side[static 2], enum guard_side which,
	const char *text, size_t length)
{
	for (int i = 0; i < 2; i++) {
		const struct stoq_guard_policy *policy = &side[i]->policy;

		for (size_t rule = 0; rule < policy->rule_count; rule++)
			if (condition_begins(
				    guard_condition_of(&policy->rules[rule], which), text, length))
				return true;
		for (const struct stoq_guard_list *list = policy->lists; list; list = list->next)
			for (size_t item = 0; item < list->count; item++)
				if (condition_begins(&list->items[item], text, length))
					return true;
	}
	return false;
}

/* A name that begins so, and that no longer pattern matches: what follows is in no NQN. */
static void add_prefix(struct stoq_diff_name *name, const struct stoq_guard_condition *condition,
	const struct stoq_guard_source *const side[static 2], enum guard_side which)
{
	char label[STOQ_DIFF_LABEL], nqn[STOQ_DIFF_LABEL];

	snprintf(label, sizeof(label), "%.*s*", (int)condition->length, condition->text);
	snprintf(nqn, sizeof(nqn), "%.*s~", (int)condition->length, condition->text);
	for (char last = '~'; last > ' '; last--) {
		nqn[condition->length] = last;
		if (!is_taken(side, which, nqn, condition->length + 1))
			break;
	}
	add_name(name, label, nqn, side, which);
}

static void add_condition(struct stoq_diff_name *names, size_t *count,
	const struct stoq_guard_condition *condition,
	const struct stoq_guard_source *const side[static 2], enum guard_side which)
{
	if (!condition->length || is_listed(names, *count, condition->text))
		return;
	if (condition->prefix)
		add_prefix(&names[(*count)++], condition, side, which);
	else
		add_name(&names[(*count)++], condition->text, condition->text, side, which);
}

/* A rule's condition: its name, or the prefixes of its lists. */
static void add_conditions(struct stoq_diff_name *names, size_t *count,
	const struct stoq_guard_condition *condition,
	const struct stoq_guard_source *const side[static 2], enum guard_side which)
{
	if (!condition->list_count) {
		add_condition(names, count, condition, side, which);
		return;
	}
	for (size_t i = 0; i < condition->list_count; i++)
		for (size_t item = 0; item < condition->lists[i]->count; item++)
			if (condition->lists[i]->items[item].prefix)
				add_condition(names, count, &condition->lists[i]->items[item], side,
					which);
}

/* ---- names in lists: thousands, of which most are treated alike ---- */

static void listed_text(const struct stoq_guard_listed *listed, uint32_t index,
	char text[static STOQ_GUARD_NQN_BYTES + 1])
{
	for (size_t i = 0; i < STOQ_GUARD_NQN_BYTES; i++)
		text[i] = (char)(listed->pool[listed->at[index] + i / 8] >> (56 - 8 * (i % 8)));
	text[STOQ_GUARD_NQN_BYTES] = '\0';
}

/* Joins the names that are alike; those of the first policy are there already. */
static void add_listed(struct stoq_diff_name *names, size_t *count, const char *nqn,
	const struct stoq_guard_source *const side[static 2], enum guard_side which)
{
	struct stoq_diff_name fresh = {.listed = 1};

	if (is_listed(names, *count, nqn))
		return;
	add_name(&fresh, nqn, nqn, side, which);
	for (size_t i = 0; i < *count; i++)
		if (names[i].listed && names[i].class[0] == fresh.class[0] &&
			names[i].class[1] == fresh.class[1]) {
			names[i].listed++;
			return;
		}
	names[(*count)++] = fresh;
}

static bool has_listed(const struct stoq_guard_names *names, const char *nqn)
{
	struct stoq_guard_nqn name;

	guard_nqn_load(&name, nqn, strlen(nqn));
	return stoq_guard_listed_class(&names->listed, &name) != STOQ_GUARD_CLASS_OTHER;
}

static void fill_listed(struct stoq_diff_name *names, size_t *count,
	const struct stoq_guard_source *const side[static 2], enum guard_side which)
{
	char nqn[STOQ_GUARD_NQN_BYTES + 1];

	for (int i = 0; i < 2; i++)
		for (uint32_t at = 0; at < names_of(side[i], which)->listed.count; at++) {
			listed_text(&names_of(side[i], which)->listed, at, nqn);
			if (i == 0 || !has_listed(names_of(side[0], which), nqn))
				add_listed(names, count, nqn, side, which);
		}
	for (size_t i = 0; i < *count; i++) {
		char more[32];

		if (names[i].listed < 2)
			continue;
		snprintf(more, sizeof(more), " (and %u more)", (unsigned int)(names[i].listed - 1));
		memcpy(names[i].label + strlen(names[i].label), more, strlen(more) + 1);
	}
}

/* As many as there can be: rules and prefixes, pairs of classes, and two more. */
static size_t most_names(
	const struct stoq_guard_source *const side[static 2], enum guard_side which)
{
	size_t most = 2;

	for (int i = 0; i < 2; i++)
		most += side[i]->policy.rule_count + names_of(side[i], which)->count +
			names_of(side[i], which)->listed.count;
	return most;
}

static int fill_names(struct stoq_diff_name **names, size_t *count,
	const struct stoq_guard_source *const side[static 2], enum guard_side which)
{
	*names = calloc(most_names(side, which), sizeof(**names));
	if (!*names)
		return -ENOMEM;
	for (int i = 0; i < 2; i++)
		for (size_t rule = 0; rule < side[i]->policy.rule_count; rule++)
			add_conditions(*names, count,
				guard_condition_of(&side[i]->policy.rules[rule], which), side,
				which);
	fill_listed(*names, count, side, which);
	add_name(&(*names)[(*count)++], "any other", "~", side, which);
	add_name(&(*names)[(*count)++], "not known", NULL, side, which);
	return 0;
}

/* ---- commands ---- */

static bool is_alike(const struct stoq_guard_compiled *policy, unsigned int table,
	unsigned int code, const struct stoq_diff_command *command)
{
	return policy->touches[table][code] == policy->touches[command->table][command->code] &&
	       stoq_guard_changes_data(policy, table, code) ==
		       stoq_guard_changes_data(policy, command->table, command->code) &&
	       memcmp(&policy->commands[table][code],
		       &policy->commands[command->table][command->code],
		       sizeof(policy->commands[0][0])) == 0;
}

static void add_command(struct stoq_diff_axes *axes, unsigned int table, unsigned int code,
	const struct stoq_guard_source *const side[static 2])
{
	struct stoq_diff_command *command = axes->commands;
	size_t i = 0;

	while (i < axes->command_count &&
		!(command[i].table == table &&
			is_alike(side[0]->compiled, table, code, &command[i]) &&
			is_alike(side[1]->compiled, table, code, &command[i])))
		i++;
	if (i == axes->command_count) {
		axes->command_count++;
		command[i].table = (uint8_t)table;
		command[i].code = (uint8_t)code;
		command[i].touches = side[0]->compiled->touches[table][code];
	}
	stoq_diff_set(command[i].codes[table], code);
}

/* ---- namespaces and blocks ---- */

static int compare_u64(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

static int compare_u32(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	return (a > b) - (a < b);
}

static int fill_namespaces(
	struct stoq_diff_axes *axes, const struct stoq_guard_source *const side[static 2])
{
	size_t count = 0, kept = 0;

	axes->nsids = calloc(2 * (size_t)STOQ_GUARD_NAMESPACES_MAX + 2, sizeof(*axes->nsids));
	if (!axes->nsids)
		return -ENOMEM;
	for (int i = 0; i < 2; i++)
		for (size_t slot = 0; slot < STOQ_GUARD_NAMESPACE_SLOTS; slot++)
			if (side[i]->compiled->namespaces[slot].nsid)
				axes->nsids[count++] = side[i]->compiled->namespaces[slot].nsid;
	qsort(axes->nsids, count, sizeof(*axes->nsids), compare_u32);
	for (size_t i = 0; i < count; i++)
		if (!kept || axes->nsids[kept - 1] != axes->nsids[i])
			axes->nsids[kept++] = axes->nsids[i];
	axes->nsids[kept++] = 0;
	axes->nsids[kept++] = STOQ_GUARD_NSID_ALL;
	axes->nsid_count = kept;
	return 0;
}

/* Behind each end of a rule's range something else begins. */
static int fill_blocks(
	struct stoq_diff_axes *axes, const struct stoq_guard_source *const side[static 2])
{
	size_t most = 1, count = 0, kept = 0;

	for (int i = 0; i < 2; i++)
		most += 2 * side[i]->policy.rule_count;
	axes->blocks = calloc(most, sizeof(*axes->blocks));
	if (!axes->blocks)
		return -ENOMEM;
	axes->blocks[count++] = 0;
	for (int i = 0; i < 2; i++)
		for (size_t rule = 0; rule < side[i]->policy.rule_count; rule++) {
			const struct stoq_guard_rule *it = &side[i]->policy.rules[rule];

			if (!it->has_range)
				continue;
			axes->blocks[count++] = it->lba_first;
			if (it->lba_last != UINT64_MAX)
				axes->blocks[count++] = it->lba_last + 1;
		}
	qsort(axes->blocks, count, sizeof(*axes->blocks), compare_u64);
	for (size_t i = 0; i < count; i++)
		if (!kept || axes->blocks[kept - 1] != axes->blocks[i])
			axes->blocks[kept++] = axes->blocks[i];
	axes->block_count = kept;
	return 0;
}

int stoq_diff_axes_fill(
	struct stoq_diff_axes *axes, const struct stoq_guard_source *const side[static 2])
{
	int ret = fill_names(&axes->hosts, &axes->host_count, side, GUARD_HOST);

	if (!ret)
		ret = fill_names(&axes->subsystems, &axes->subsystem_count, side, GUARD_SUBSYSTEM);
	for (unsigned int table = 0; table < STOQ_GUARD_TABLES; table++)
		for (unsigned int code = 0; code < 256; code++)
			add_command(axes, table, code, side);
	if (!ret)
		ret = fill_namespaces(axes, side);
	return ret ? ret : fill_blocks(axes, side);
}

void stoq_diff_axes_free(struct stoq_diff_axes *axes)
{
	free(axes->hosts);
	free(axes->subsystems);
	free(axes->nsids);
	free(axes->blocks);
}
