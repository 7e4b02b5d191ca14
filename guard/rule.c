// SPDX-License-Identifier: BSD-2-Clause
#include "guard/rule.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "guard/cli_words.h"
#include "guard/list.h"
#include "nvme/nvme_names.h"

#define NAME_MAX_BYTES	       64 /* of a rule's own name */
#define STOQ_GUARD_LABEL_BYTES 200

/* The rule that is being read. */
struct reading {
	struct stoq_guard_policy *policy;
	struct stoq_guard_rule *rule;
	const struct stoq_guard_rule_text *text;
	struct guard_document *document;
	size_t index;
	struct stoq_error *error;
};

/* "FILE:LINE: rule 3, lba: '0-' REASON"; item counts in a list. */
static int refuse_item(const struct reading *reading, const char *key, size_t item,
	const char *value, const char *reason)
{
	return stoq_error_set(reading->error, -EINVAL, "%.200s:%u: rule %zu, %s: '%.60s' %s",
		reading->document->file,
		guard_document_item_line(reading->document, reading->index, key, item),
		reading->index + 1, key, value, reason);
}

static int refuse(
	const struct reading *reading, const char *key, const char *value, const char *reason)
{
	return refuse_item(reading, key, 0, value, reason);
}

int guard_rule_parse_verdict(const char *text, enum stoq_guard_verdict *verdict)
{
	static const char *const names[] = {
		[STOQ_GUARD_ALLOW] = "allow", [STOQ_GUARD_DENY] = "deny", [STOQ_GUARD_LOG] = "log"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*verdict = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Statuses that belong to a particular command would mean something else with every other one. */
int guard_rule_parse_status(const char *text, uint16_t *status)
{
	uint16_t found;

	if (nvme_status_from_name(NVME_QUEUE_IO, 0, text, &found) || found == 0 || found >> 8 == 1)
		return -EINVAL;
	*status = found;
	return 0;
}

/* ---- fields ---- */

static int take_name(const struct reading *reading)
{
	const char *name = reading->text->name;

	if (!name)
		return 0;
	if (!name[0] || strlen(name) > NAME_MAX_BYTES)
		return refuse(reading, "name", name, "must have 1 to 64 characters");
	for (const char *c = name; *c; c++) {
		if (iscntrl((unsigned char)*c))
			return refuse(reading, "name", "", "has a control character; remove it");
	}
	for (size_t i = 0; i < reading->index; i++) {
		const char *other = reading->rule[-1 - (ptrdiff_t)i].text->name;

		if (other && strcmp(other, name) == 0)
			return refuse(reading, "name", name,
				"is the name of an earlier rule; give each its own");
	}
	return 0;
}

static int take_nqn(const struct reading *reading, const char *key, const char *text,
	struct stoq_guard_condition *condition)
{
	const char *flaw = text ? guard_condition_parse(condition, text) : NULL;

	return flaw ? refuse(reading, key, text, flaw) : 0;
}

static int refuse_memory(const struct reading *reading)
{
	return stoq_error_set(reading->error, -ENOMEM, "%s: not enough memory for its rules",
		reading->document->file);
}

/* What the rule says, for people: its entries, as many as fit. */
static char *join(char *const *texts, unsigned int count)
{
	char label[STOQ_GUARD_LABEL_BYTES] = "", *copy;
	size_t used = 0;

	for (unsigned int i = 0; i < count; i++) {
		int more = snprintf(
			label + used, sizeof(label) - used, "%s%s", i ? ", " : "", texts[i]);

		if (more < 0 || used + (size_t)more + sizeof(" ...") > sizeof(label)) {
			snprintf(label + used, sizeof(label) - used, " ...");
			break;
		}
		used += (size_t)more;
	}
	copy = strdup(label);
	return copy;
}

/* One entry of a rule's list: an NQN goes into own, the name of a list becomes that list. */
static int take_entry(const struct reading *reading, const char *key, unsigned int item,
	const char *text, struct stoq_guard_condition *condition, struct stoq_guard_list *own)
{
	const struct stoq_guard_list *list = guard_list_find(reading->policy, text);
	const char *flaw;

	if (list && strcmp(key, "hosts") == 0) {
		for (size_t i = 1; i < condition->list_count; i++)
			if (condition->lists[i] == list)
				return refuse_item(
					reading, key, item, text, "is there twice; remove one");
		condition->lists[condition->list_count++] = list;
		return 0;
	}
	if (strchr(text, '.') == NULL && strchr(text, '*') == NULL)
		return refuse_item(reading, key, item, text,
			strcmp(key, "hosts") == 0
				? "is neither an NQN nor the name of one of the host-lists"
				: "is no NQN");
	flaw = guard_condition_parse(&own->items[own->count], text);
	if (flaw)
		return refuse_item(reading, key, item, text, flaw);
	own->count++;
	return 0;
}

/* Several names, or lists of them. The first list is the rule's own. */
static int take_nqns(const struct reading *reading, const char *key, char *const *texts,
	unsigned int count, struct stoq_guard_condition *condition)
{
	struct stoq_guard_list *own;
	int ret = 0;

	if (!count)
		return 0;
	if (condition->length)
		return refuse(reading, key, texts[0],
			"stands beside a single one; put that into the list");
	own = guard_list_add(reading->policy, NULL, count);
	condition->lists = calloc(count + 1, sizeof(*condition->lists));
	condition->text = join(texts, count);
	if (!own || !condition->lists || !condition->text)
		return refuse_memory(reading);
	condition->length = strlen(condition->text);
	condition->lists[condition->list_count++] = own;
	for (unsigned int i = 0; !ret && i < count; i++)
		ret = take_entry(reading, key, i, texts[i], condition, own);
	return ret;
}

static void free_condition(struct stoq_guard_condition *condition)
{
	if (!condition->lists)
		return;
	free(condition->lists);
	free((char *)condition->text);
}

void guard_rule_free(struct stoq_guard_rule *rule)
{
	free_condition(&rule->host);
	free_condition(&rule->subsystem);
}

static int add_namespace(const struct reading *reading, const char *key, size_t item,
	const char *text, uint32_t nsid)
{
	struct stoq_guard_rule *rule = reading->rule;

	for (size_t i = 0; i < rule->namespace_count; i++) {
		if (rule->namespaces[i] == nsid)
			return refuse_item(reading, key, item, text, "is there twice; remove one");
	}
	if (rule->namespace_count == STOQ_GUARD_RULE_NAMESPACES)
		return refuse_item(reading, key, item, text,
			"is one namespace too many: a rule has at most 256; make a second rule");
	rule->namespaces[rule->namespace_count++] = nsid;
	return 0;
}

/* A number, or in a list a range of them. */
static int take_namespace(
	const struct reading *reading, const char *key, size_t item, const char *text)
{
	uint64_t first, last;
	int ret = 0;

	if (stoq_parse_number(text, 1, 0xfffffffe, &first) == 0)
		last = first;
	else if (!reading->text->nsids || !strchr(text, '-') ||
		 stoq_guard_parse_range(text, &first, &last) || !first || last > 0xfffffffe)
		return refuse_item(reading, key, item, text,
			"is not a namespace; write its number, from 1 to 4294967294, in a list also "
			"FIRST-LAST such as 4-7, or leave the field out to match all");
	for (uint64_t nsid = first; !ret && nsid <= last; nsid++)
		ret = add_namespace(reading, key, item, text, (uint32_t)nsid);
	return ret;
}

static int compare_nsid(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int take_namespaces(const struct reading *reading)
{
	const struct stoq_guard_rule_text *text = reading->text;
	int ret = 0;

	if (text->nsid && text->nsids)
		return refuse(reading, "namespace", text->nsid,
			"and a list `namespaces` are both there; put it into the list");
	if (text->nsid)
		return take_namespace(reading, "namespace", 0, text->nsid);
	for (size_t i = 0; !ret && i < text->nsid_count; i++)
		ret = take_namespace(reading, "namespaces", i, text->nsids[i]);
	qsort(reading->rule->namespaces, reading->rule->namespace_count, sizeof(uint32_t),
		compare_nsid);
	return ret;
}

/* Not in any list of commands: what to write instead. */
static int refuse_command(const struct reading *reading, size_t item)
{
	const char *text = reading->text->commands[item];
	const struct stoq_guard_cli_word *word = stoq_guard_cli_find(text);
	char reason[160];

	if (!word)
		return refuse_item(reading, "commands", item, text,
			"is no command; write a class (reads, writes, destructive, admin) or "
			"a name of the NVMe specification, such as Write, Dataset Management or "
			"Format NVM");
	if (!word->command)
		return refuse_item(reading, "commands", item, text,
			"is no NVMe command: nvme-cli's word for what the host does by itself; remove it");
	snprintf(reason, sizeof(reason),
		"is nvme-cli's word, and not the only one that sends the command; write `%s`, which has all of them",
		word->command);
	return refuse_item(reading, "commands", item, text, reason);
}

static int take_commands(const struct reading *reading)
{
	const struct stoq_guard_rule_text *text = reading->text;
	struct stoq_guard_rule *rule = reading->rule;

	if (!text->command_count)
		memset(&rule->commands, 0xff, sizeof(rule->commands));
	for (size_t i = 0; i < text->command_count; i++) {
		for (size_t other = 0; other < i; other++) {
			if (strcmp(text->commands[i], text->commands[other]) == 0)
				return refuse_item(reading, "commands", i, text->commands[i],
					"is there twice; remove one");
		}
		if (stoq_guard_commands_add(
			    &rule->commands, text->commands[i], rule->verdict != STOQ_GUARD_ALLOW))
			return refuse_command(reading, i);
	}
	return 0;
}

static int parse_lba(const char *text, size_t length, uint64_t *value)
{
	char digits[24];

	if (length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	return stoq_parse_number(digits, 0, UINT64_MAX, value);
}

int stoq_guard_parse_range(const char *text, uint64_t *first, uint64_t *last)
{
	size_t length = strcspn(text, "+-");
	uint64_t a, b;

	if (!text[length] || parse_lba(text, length, &a) ||
		parse_lba(text + length + 1, strlen(text + length + 1), &b))
		return -EINVAL;
	if (text[length] == '+') {
		if (b == 0 || b - 1 > UINT64_MAX - a)
			return -EINVAL;
		b = a + (b - 1);
	}
	if (b < a)
		return -EINVAL;
	*first = a;
	*last = b;
	return 0;
}

static int take_range(const struct reading *reading)
{
	const char *text = reading->text->lba;
	struct stoq_guard_rule *rule = reading->rule;

	if (!text)
		return 0;
	rule->has_range = true;
	if (stoq_guard_parse_range(text, &rule->lba_first, &rule->lba_last))
		return refuse(reading, "lba", text,
			"is not a range of logical blocks; write FIRST+COUNT such as 0+34, or "
			"FIRST-LAST such as 100-199, up to block 18446744073709551615");
	return 0;
}

static int take_verdict(const struct reading *reading)
{
	const struct stoq_guard_rule_text *text = reading->text;
	struct stoq_guard_rule *rule = reading->rule;

	if (guard_rule_parse_verdict(text->verdict, &rule->verdict))
		return refuse(reading, "verdict", text->verdict,
			"is no verdict; write allow, deny or log");
	if (text->status && rule->verdict != STOQ_GUARD_DENY)
		return refuse(reading, "status", text->status,
			"is only for `verdict: deny`; remove it, or change the verdict");
	if (text->status && guard_rule_parse_status(text->status, &rule->status))
		return refuse(reading, "status", text->status,
			"is not possible; write " GUARD_STATUS_EXPECTED);
	return 0;
}

int guard_rule_take(struct stoq_guard_policy *policy, size_t index,
	const struct stoq_guard_rule_text *text, struct guard_document *document,
	struct stoq_error *error)
{
	struct stoq_guard_rule *rule = &policy->rules[index];
	const struct reading reading = {policy, rule, text, document, index, error};
	int ret;

	rule->text = text;
	rule->line = guard_document_item_line(document, index, NULL, 0);
	ret = take_name(&reading);
	if (!ret)
		ret = take_verdict(&reading); /* before the commands, which depend on it */
	if (!ret)
		ret = take_nqn(&reading, "host", text->host, &rule->host);
	if (!ret)
		ret = take_nqns(&reading, "hosts", text->hosts, text->host_count, &rule->host);
	if (!ret)
		ret = take_nqn(&reading, "subsystem", text->subsystem, &rule->subsystem);
	if (!ret)
		ret = take_nqns(&reading, "subsystems", text->subsystems, text->subsystem_count,
			&rule->subsystem);
	if (!ret)
		ret = take_namespaces(&reading);
	if (!ret)
		ret = take_commands(&reading);
	return ret ? ret : take_range(&reading);
}

/* ---- limits ---- */

/* How many different ones there are; all has room for each. */
static size_t count_namespaces(const struct stoq_guard_policy *policy, uint32_t *all)
{
	size_t count = 0, different = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct stoq_guard_rule *rule = &policy->rules[i];

		memcpy(all + count, rule->namespaces, rule->namespace_count * sizeof(*all));
		count += rule->namespace_count;
	}
	qsort(all, count, sizeof(*all), compare_nsid);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || all[i] != all[different - 1])
			all[different++] = all[i];
	}
	return different;
}

int guard_rules_check_limits(const struct stoq_guard_policy *policy,
	struct guard_document *document, struct stoq_error *error)
{
	uint32_t *all = calloc(policy->rule_count * STOQ_GUARD_RULE_NAMESPACES + 1, sizeof(*all));
	size_t count;

	if (!all)
		return stoq_error_set(
			error, -ENOMEM, "%s: not enough memory for its rules", document->file);
	count = count_namespaces(policy, all);
	free(all);
	if (count <= STOQ_GUARD_NAMESPACES_MAX)
		return 0;
	return stoq_error_set(error, -EINVAL,
		"%.200s:%u: rules name %zu different namespaces; at most %d are possible",
		document->file, guard_document_line(document, "rules"), count,
		STOQ_GUARD_NAMESPACES_MAX);
}
