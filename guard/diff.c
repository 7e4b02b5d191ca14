// SPDX-License-Identifier: BSD-2-Clause
#include "guard/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "guard/diff_limits.h"
#include "guard/diff_private.h"

/* The commands that are being compared. */
struct cell {
	struct stoq_guard_diff *diff;
	size_t host, subsystem, command, nsid;
	bool spanning; /* they touch several ranges of blocks */
	struct stoq_guard_request request[2];
	struct stoq_guard_set rules[2]; /* that have host and subsystem */
	uint64_t *marks; /* of blocks: where ranges of the cell's rules begin and end */
	size_t *points;	 /* the same blocks, by index, and the first one */
	size_t point_count;
};

/* ---- sets of rules ---- */

static void intersect(struct stoq_guard_set *set, const struct stoq_guard_set *other)
{
	for (size_t word = 0; word < STOQ_GUARD_WORDS; word++)
		set->words[word] &= other->words[word];
}

static bool is_empty(const struct stoq_guard_set *set)
{
	for (size_t word = 0; word < STOQ_GUARD_WORDS; word++)
		if (set->words[word])
			return false;
	return true;
}

static size_t index_of(const struct stoq_diff_axes *axes, uint64_t block)
{
	size_t low = 0, high = axes->block_count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (axes->blocks[middle] <= block)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Marks where the ranges of these rules begin and where they end. Whether there are any. */
static bool mark_ranges(
	struct cell *cell, const struct stoq_guard_policy *policy, const struct stoq_guard_set *set)
{
	bool found = false;

	for (size_t rule = 0; rule < policy->rule_count; rule++) {
		const struct stoq_guard_rule *it = &policy->rules[rule];

		if (!it->has_range || !(set->words[rule / 64] >> (rule % 64) & 1))
			continue;
		found = true;
		stoq_diff_set(cell->marks, index_of(&cell->diff->axes, it->lba_first));
		if (it->lba_last != UINT64_MAX)
			stoq_diff_set(cell->marks, index_of(&cell->diff->axes, it->lba_last + 1));
	}
	return found;
}

/* ---- changes ---- */

static bool is_same(const struct stoq_guard_decision *one, const struct stoq_guard_decision *other)
{
	return one->verdict == other->verdict && one->status == other->status;
}

/* The change of this kind, found or made. NULL: no memory. */
static struct stoq_diff_change *change_of(
	struct stoq_guard_diff *diff, const struct stoq_guard_decision decision[static 2])
{
	const struct stoq_diff_axes *axes = &diff->axes;
	struct stoq_diff_change *change, *changes;

	for (size_t i = 0; i < diff->count; i++) {
		change = &diff->changes[i];
		if (change->decision[0].rule == decision[0].rule &&
			change->decision[1].rule == decision[1].rule &&
			is_same(&change->decision[0], &decision[0]) &&
			is_same(&change->decision[1], &decision[1]))
			return change;
	}
	changes = stoq_array_room(
		diff->changes, diff->count, &diff->capacity, sizeof(*diff->changes));
	if (!changes)
		return NULL;
	diff->changes = changes;
	change = &changes[diff->count];
	*change = (struct stoq_diff_change){.decision = {decision[0], decision[1]},
		.hosts = calloc(stoq_diff_words(axes->host_count), 8),
		.subsystems = calloc(stoq_diff_words(axes->subsystem_count), 8),
		.nsids = calloc(stoq_diff_words(axes->nsid_count), 8),
		.blocks = calloc(stoq_diff_words(axes->block_count), 8)};
	diff->count++;
	return change->hosts && change->subsystems && change->nsids && change->blocks ? change
										      : NULL;
}

static int note(const struct cell *cell, const struct stoq_guard_decision decision[static 2],
	size_t first_block, size_t last_block)
{
	const struct stoq_diff_command *command = &cell->diff->axes.commands[cell->command];
	struct stoq_diff_change *change = change_of(cell->diff, decision);

	if (!change)
		return -ENOMEM;
	stoq_diff_set(change->hosts, cell->host);
	stoq_diff_set(change->subsystems, cell->subsystem);
	if (command->table != STOQ_GUARD_FABRICS)
		stoq_diff_set(change->nsids, cell->nsid);
	for (size_t word = 0; word < 4; word++)
		change->codes[command->table][word] |= command->codes[command->table][word];
	if (cell->request[0].no_ranges)
		return 0;
	change->has_blocks = true;
	change->spanning |= cell->spanning;
	for (size_t block = first_block; block <= last_block; block++)
		stoq_diff_set(change->blocks, block);
	return 0;
}

/* ---- comparing ---- */

/* Whether this change has one of the blocks already, for commands that touch no others. */
static bool is_noted(const struct cell *cell, const struct stoq_guard_decision decision[static 2],
	size_t first_block, size_t last_block)
{
	const struct stoq_diff_change *change = change_of(cell->diff, decision);

	if (!change || change->spanning || !stoq_diff_has(change->hosts, cell->host) ||
		!stoq_diff_has(change->nsids, cell->nsid))
		return false;
	for (size_t block = first_block; block <= last_block; block++)
		if (stoq_diff_has(change->blocks, block))
			return true;
	return false;
}

static int compare(struct cell *cell, size_t first_block, size_t last_block)
{
	struct stoq_guard_decision decision[2];

	if (cell->diff->compared++ >= cell->diff->most)
		return -E2BIG;
	for (int i = 0; i < 2; i++)
		stoq_guard_decide(cell->diff->side[i]->compiled, &cell->request[i], &decision[i]);
	if (is_same(&decision[0], &decision[1]) ||
		(cell->spanning && is_noted(cell, decision, first_block, last_block)))
		return 0;
	return note(cell, decision, first_block, last_block);
}

/* What the first and the last block of a command lie in: points i and j. */
static int compare_range(struct cell *cell, size_t i, size_t j)
{
	const uint64_t *blocks = cell->diff->axes.blocks;

	for (int side = 0; side < 2; side++)
		stoq_guard_request_range(
			&cell->request[side], blocks[cell->points[i]], blocks[cell->points[j]]);
	return compare(cell, cell->points[i],
		j + 1 < cell->point_count ? cell->points[j + 1] - 1
					  : cell->diff->axes.block_count - 1);
}

/* Within one range of blocks each, then over several: there other rules can decide. */
static int compare_blocks(struct cell *cell)
{
	int ret = 0;

	cell->point_count = 0;
	for (size_t i = 0; i < cell->diff->axes.block_count; i++)
		if (i == 0 || stoq_diff_has(cell->marks, i))
			cell->points[cell->point_count++] = i;
	cell->spanning = false;
	for (size_t i = 0; !ret && i < cell->point_count; i++)
		ret = compare_range(cell, i, i);
	cell->spanning = true;
	for (size_t i = 0; !ret && i < cell->point_count; i++)
		for (size_t j = i + 1; !ret && j < cell->point_count; j++)
			ret = compare_range(cell, i, j);
	return ret;
}

/* A namespace that no rule names. */
static uint32_t any_other(const struct stoq_diff_axes *axes)
{
	uint32_t nsid = STOQ_GUARD_NSID_ALL - 1;

	/* The names are ascending; 0 and all stand behind them. */
	for (size_t i = axes->nsid_count - 2; i > 0 && axes->nsids[i - 1] == nsid; i--)
		nsid--;
	return nsid;
}

static int compare_namespace(struct cell *cell)
{
	const struct stoq_diff_axes *axes = &cell->diff->axes;
	const struct stoq_diff_command *command = &axes->commands[cell->command];
	uint32_t nsid = axes->nsids[cell->nsid];
	bool ranged = false;

	if (!nsid)
		nsid = any_other(axes);
	memset(cell->marks, 0, stoq_diff_words(axes->block_count) * 8);
	for (int i = 0; i < 2; i++) {
		const struct stoq_guard_compiled *policy = cell->diff->side[i]->compiled;
		struct stoq_guard_set rules = cell->rules[i];

		stoq_guard_request_set(
			policy, &cell->request[i], command->table, command->code, nsid);
		cell->request[i].host_class = axes->hosts[cell->host].class[i];
		cell->request[i].subsystem_class = axes->subsystems[cell->subsystem].class[i];
		intersect(&rules, &policy->commands[command->table][command->code]);
		intersect(&rules, &policy->spaces[cell->request[i].space]);
		ranged |= !cell->request[i].no_ranges &&
			  mark_ranges(cell, &cell->diff->side[i]->policy, &rules);
	}
	/* What names its blocks; a list of ranges may be any, and is compared as if it were one. */
	if (ranged && nsid != STOQ_GUARD_NSID_ALL &&
		command->touches != STOQ_GUARD_TOUCHES_NAMESPACE &&
		command->touches != STOQ_GUARD_TOUCHES_SUBSYSTEM)
		return compare_blocks(cell);
	cell->spanning = false;
	return compare(cell, 0, axes->block_count - 1);
}

static int compare_commands(struct cell *cell)
{
	const struct stoq_diff_axes *axes = &cell->diff->axes;
	int ret = 0;

	for (cell->command = 0; !ret && cell->command < axes->command_count; cell->command++) {
		bool fabrics = axes->commands[cell->command].table == STOQ_GUARD_FABRICS;
		size_t count = fabrics ? 1 : axes->nsid_count;

		for (cell->nsid = 0; !ret && cell->nsid < count; cell->nsid++)
			ret = compare_namespace(cell);
	}
	return ret;
}

static bool has_same_default(const struct stoq_guard_diff *diff)
{
	const struct stoq_guard_compiled *before = diff->side[0]->compiled;
	const struct stoq_guard_compiled *after = diff->side[1]->compiled;

	return before->default_verdict == after->default_verdict &&
	       before->default_status_write == after->default_status_write &&
	       before->default_status_other == after->default_status_other;
}

static int compare_pair(struct cell *cell)
{
	const struct stoq_diff_axes *axes = &cell->diff->axes;

	for (int i = 0; i < 2; i++) {
		const struct stoq_guard_compiled *policy = cell->diff->side[i]->compiled;

		cell->rules[i] = policy->hosts.sets[axes->hosts[cell->host].class[i]];
		intersect(&cell->rules[i],
			&policy->subsystems.sets[axes->subsystems[cell->subsystem].class[i]]);
	}
	if (is_empty(&cell->rules[0]) && is_empty(&cell->rules[1]) && has_same_default(cell->diff))
		return 0;
	return compare_commands(cell);
}

/* Both names come with one Connect: none is known without the other. They stand last. */
static bool can_be(const struct stoq_diff_axes *axes, size_t host, size_t subsystem)
{
	return (host + 1 == axes->host_count) == (subsystem + 1 == axes->subsystem_count);
}

static int compare_all(struct stoq_guard_diff *diff)
{
	struct cell cell = {.diff = diff,
		.marks = calloc(stoq_diff_words(diff->axes.block_count), 8),
		.points = calloc(diff->axes.block_count, sizeof(*cell.points))};
	int ret = cell.marks && cell.points ? 0 : -ENOMEM;

	for (cell.host = 0; !ret && cell.host < diff->axes.host_count; cell.host++)
		for (cell.subsystem = 0; !ret && cell.subsystem < diff->axes.subsystem_count;
			cell.subsystem++)
			if (can_be(&diff->axes, cell.host, cell.subsystem))
				ret = compare_pair(&cell);
	free(cell.marks);
	free(cell.points);
	return ret;
}

int stoq_guard_diff_find(struct stoq_guard_diff **result, const struct stoq_guard_source *before,
	const struct stoq_guard_source *after, uint64_t most, struct stoq_error *error)
{
	struct stoq_guard_diff *diff = calloc(1, sizeof(*diff));
	int ret = -ENOMEM;

	if (diff) {
		diff->side[0] = before;
		diff->side[1] = after;
		diff->most = most;
		ret = stoq_diff_axes_fill(&diff->axes, diff->side);
	}
	if (!ret)
		ret = compare_all(diff);
	*result = diff;
	if (!ret)
		return 0;
	stoq_guard_diff_free(diff);
	if (ret == -E2BIG)
		return stoq_error_set(error, ret,
			"%s and %s: hosts, subsystems, commands, namespaces and ranges of blocks make "
			"more than %" PRIu64 " combinations; compare fewer rules at a time",
			before->path, after->path, most);
	return stoq_error_set(error, ret, "no memory to compare two policies");
}

void stoq_guard_diff_free(struct stoq_guard_diff *diff)
{
	if (!diff)
		return;
	for (size_t i = 0; i < diff->count; i++) {
		free(diff->changes[i].hosts);
		free(diff->changes[i].subsystems);
		free(diff->changes[i].nsids);
		free(diff->changes[i].blocks);
	}
	free(diff->changes);
	stoq_diff_axes_free(&diff->axes);
	free(diff);
}

size_t stoq_guard_diff_count(const struct stoq_guard_diff *diff)
{
	return diff->count +
	       stoq_guard_diff_limits(&diff->side[0]->policy, &diff->side[1]->policy, NULL, NULL);
}
