// SPDX-License-Identifier: BSD-2-Clause
/* Differences as text and as JSON. */
#include "guard/diff_report.h"

#include <errno.h>
#include <inttypes.h>

#include "base/json.h"
#include "guard/diff_limits.h"
#include "guard/diff_private.h"
#include "guard/print.h"
#include "nvme/nvme_names.h"

#define LISTED_MAX 8 /* of hosts, subsystems, commands in text; the rest is counted */

/* What is listed: calls add for each item that a change has. */
typedef void add_item(void *context, const char *text);

/* ---- items ---- */

static void each_name(const uint64_t *words, const struct stoq_diff_name *names, size_t count,
	add_item *add, void *context)
{
	for (size_t i = 0; i < count; i++)
		if (stoq_diff_has(words, i))
			add(context, names[i].label);
}

/* named: those that the specification names; else those that it does not. */
static void each_command_of(
	const struct stoq_diff_change *change, bool named, add_item *add, void *context)
{
	char buffer[NVME_NAME_LENGTH];

	for (unsigned int table = 0; table < STOQ_GUARD_TABLES; table++)
		for (unsigned int code = 0; code < 256; code++) {
			bool fabrics = table == STOQ_GUARD_FABRICS;
			const char *name;

			if (!stoq_diff_has(change->codes[table], code))
				continue;
			name = nvme_opcode_name(
				table == STOQ_GUARD_IO ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN,
				fabrics ? NVME_OPCODE_FABRICS : (uint8_t)code,
				fabrics ? (uint8_t)code : 0, buffer);
			if ((name != buffer) == named)
				add(context, name);
		}
}

static void each_command(const struct stoq_diff_change *change, add_item *add, void *context)
{
	each_command_of(change, true, add, context);
	each_command_of(change, false, add, context);
}

static void each_namespace(const struct stoq_guard_diff *diff,
	const struct stoq_diff_change *change, add_item *add, void *context)
{
	char text[16];

	for (size_t i = 0; i < diff->axes.nsid_count; i++) {
		uint32_t nsid = diff->axes.nsids[i];

		if (!stoq_diff_has(change->nsids, i))
			continue;
		snprintf(text, sizeof(text), "%" PRIu32, nsid);
		add(context, nsid == STOQ_GUARD_NSID_ALL ? "all at once"
			     : nsid			 ? text
							 : "any other");
	}
}

/* Neighbours are one range. */
static void each_range(const struct stoq_guard_diff *diff, const struct stoq_diff_change *change,
	add_item *add, void *context)
{
	const struct stoq_diff_axes *axes = &diff->axes;
	char text[64];

	for (size_t i = 0; i < axes->block_count; i++) {
		size_t end = i;

		if (!stoq_diff_has(change->blocks, i))
			continue;
		while (end + 1 < axes->block_count && stoq_diff_has(change->blocks, end + 1))
			end++;
		if (end + 1 < axes->block_count)
			snprintf(text, sizeof(text), "%" PRIu64 " to %" PRIu64, axes->blocks[i],
				axes->blocks[end + 1] - 1);
		else
			snprintf(text, sizeof(text), "%" PRIu64 " and up", axes->blocks[i]);
		add(context, i == 0 && end + 1 == axes->block_count ? "any" : text);
		i = end;
	}
}

static bool has_all(const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!stoq_diff_has(words, i))
			return false;
	return true;
}

static bool has_any(const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (stoq_diff_has(words, i))
			return true;
	return false;
}

/* ---- for a person ---- */

struct text_list {
	FILE *file;
	size_t count;
};

static void add_to_text(void *context, const char *text)
{
	struct text_list *list = context;

	if (list->count++ < LISTED_MAX)
		fprintf(list->file, "%s%s", list->count > 1 ? ", " : "", text);
}

static void end_text(const struct text_list *list)
{
	if (list->count > LISTED_MAX)
		fprintf(list->file, " and %zu more", list->count - LISTED_MAX);
	fputc('\n', list->file);
}

static void print_decision(FILE *file, const char *when, const struct stoq_guard_source *source,
	const struct stoq_guard_decision *decision)
{
	char label[STOQ_GUARD_RULE_LABEL], place[STOQ_GUARD_RULE_PLACE], buffer[NVME_NAME_LENGTH];

	fprintf(file, "%s %s", when, stoq_guard_verdict_name(decision->verdict));
	if (decision->verdict == STOQ_GUARD_DENY)
		fprintf(file, " (%s)",
			nvme_status_name(NVME_QUEUE_IO, 0, decision->status, buffer));
	if (decision->rule == STOQ_GUARD_NO_RULE) {
		fputs(" by default\n", file);
		return;
	}
	stoq_guard_label_rule(&source->policy, decision->rule, label);
	stoq_guard_rule_place(&source->policy.rules[decision->rule], place);
	fprintf(file, " by rule %s, %s\n", label, place);
}

static void print_names(FILE *file, const char *heading, const uint64_t *words,
	const struct stoq_diff_name *names, size_t count)
{
	struct text_list list = {.file = file};

	fprintf(file, "  %-11s", heading);
	if (has_all(words, count))
		add_to_text(&list, "all");
	else
		each_name(words, names, count, add_to_text, &list);
	end_text(&list);
}

static void print_change(
	FILE *file, const struct stoq_guard_diff *diff, const struct stoq_diff_change *change)
{
	const struct stoq_diff_axes *axes = &diff->axes;
	struct text_list commands = {.file = file}, spaces = commands, blocks = commands;

	print_decision(file, "before:", diff->side[0], &change->decision[0]);
	print_decision(file, "after: ", diff->side[1], &change->decision[1]);
	print_names(file, "hosts", change->hosts, axes->hosts, axes->host_count);
	print_names(
		file, "subsystems", change->subsystems, axes->subsystems, axes->subsystem_count);
	fprintf(file, "  %-11s", "commands");
	each_command(change, add_to_text, &commands);
	end_text(&commands);
	if (has_any(change->nsids, axes->nsid_count)) {
		fprintf(file, "  %-11s", "namespaces");
		if (has_all(change->nsids, axes->nsid_count))
			add_to_text(&spaces, "any");
		else
			each_namespace(diff, change, add_to_text, &spaces);
		end_text(&spaces);
	}
	if (change->has_blocks) {
		fprintf(file, "  %-11s%s", "blocks", change->spanning ? "across " : "");
		each_range(diff, change, add_to_text, &blocks);
		end_text(&blocks);
	}
}

void stoq_guard_diff_print(FILE *file, const struct stoq_guard_diff *diff)
{
	for (size_t i = 0; i < diff->count; i++) {
		print_change(file, diff, &diff->changes[i]);
		fputc('\n', file);
	}
	stoq_guard_diff_limits_print(file, &diff->side[0]->policy, &diff->side[1]->policy);
	if (diff->count)
		fprintf(file,
			"%zu kind%s of changes; each names what is in at least one changed command\n",
			diff->count, diff->count == 1 ? "" : "s");
	else
		fputs("every command is decided about as before\n", file);
}

/* ---- for a program ---- */

static void add_to_json(void *context, const char *text)
{
	json_object_array_add(context, json_object_new_string(text));
}

static void put_decision(struct json_object *object, const char *key,
	const struct stoq_guard_source *source, const struct stoq_guard_decision *decision)
{
	struct json_object *entry = json_object_new_object();
	bool by_rule = decision->rule != STOQ_GUARD_NO_RULE;
	char buffer[NVME_NAME_LENGTH];

	stoq_json_put_string(entry, "verdict", stoq_guard_verdict_name(decision->verdict));
	stoq_json_put_string(entry, "status",
		decision->verdict == STOQ_GUARD_DENY
			? nvme_status_name(NVME_QUEUE_IO, 0, decision->status, buffer)
			: NULL);
	stoq_json_put_known(entry, "rule", by_rule, decision->rule + 1u);
	stoq_json_put_string(
		entry, "name", by_rule ? source->policy.rules[decision->rule].text->name : NULL);
	stoq_json_put_known(
		entry, "line", by_rule, by_rule ? source->policy.rules[decision->rule].line : 0);
	stoq_json_put_string(entry, "file",
		by_rule ? stoq_guard_rule_file(&source->policy.rules[decision->rule], source->path)
			: NULL);
	stoq_json_put(object, key, entry);
}

static struct json_object *change_as_json(
	const struct stoq_guard_diff *diff, const struct stoq_diff_change *change)
{
	const struct stoq_diff_axes *axes = &diff->axes;
	struct json_object *object = json_object_new_object(), *hosts = json_object_new_array(),
			   *subsystems = json_object_new_array(),
			   *commands = json_object_new_array(), *spaces = json_object_new_array(),
			   *blocks = json_object_new_array();

	put_decision(object, "before", diff->side[0], &change->decision[0]);
	put_decision(object, "after", diff->side[1], &change->decision[1]);
	each_name(change->hosts, axes->hosts, axes->host_count, add_to_json, hosts);
	each_name(change->subsystems, axes->subsystems, axes->subsystem_count, add_to_json,
		subsystems);
	each_command(change, add_to_json, commands);
	each_namespace(diff, change, add_to_json, spaces);
	each_range(diff, change, add_to_json, blocks);
	stoq_json_put(object, "hosts", hosts);
	stoq_json_put(object, "subsystems", subsystems);
	stoq_json_put(object, "commands", commands);
	stoq_json_put(object, "namespaces", spaces);
	stoq_json_put(object, "blocks", blocks);
	stoq_json_put_bool(object, "across_blocks", change->spanning);
	return object;
}

int stoq_guard_diff_json(FILE *file, const struct stoq_guard_diff *diff)
{
	struct json_object *object = stoq_json_new_report("guard_diff", 1),
			   *changes = json_object_new_array();

	for (size_t i = 0; changes && i < diff->count; i++)
		json_object_array_add(changes, change_as_json(diff, &diff->changes[i]));
	stoq_json_put(object, "changes", changes);
	stoq_json_put(object, "limits",
		stoq_guard_diff_limits_json(&diff->side[0]->policy, &diff->side[1]->policy));
	return stoq_json_print(file, object);
}
