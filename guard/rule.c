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
#include "guard/policy_files.h"
#include "nvme/nvme_names.h"

#define NAME_MAX_BYTES	       64 /* of a rule's own name */
#define STOQ_GUARD_LABEL_BYTES 200

/* Where a rule stands: limits have conditions as rules do. */
struct kind {
	const char *list; /* the key of its list */
	const char *item;
};
static const struct kind of_rules = {GUARD_RULES, "rule"}, of_limits = {GUARD_LIMITS, "limit"};

/* The rule that is being read. */
struct reading {
	const struct kind *kind;
	struct stoq_guard_policy *policy;
	struct stoq_guard_rule *rule;
	const struct stoq_guard_rule_text *text;
	struct guard_document *document;
	size_t index; /* in the policy */
	size_t item;  /* in its file */
};

/* A mistake: "rule 3, lba: '0-' REASON"; entry counts in a list. */
static void refuse_entry(const struct reading *reading, const char *key, size_t entry,
	const char *value, const char *reason)
{
	char before[32];

	snprintf(before, sizeof(before), "%s %zu, ", reading->kind->item, reading->item + 1);
	guard_document_refuse(reading->document,
		guard_document_entry_place(
			reading->document, reading->kind->list, reading->item, key, entry),
		before, key, value, reason);
}

static void refuse(
	const struct reading *reading, const char *key, const char *value, const char *reason)
{
	refuse_entry(reading, key, 0, value, reason);
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

static const char *name_flaw(const struct reading *reading, const char *name)
{
	if (!name[0] || strlen(name) > NAME_MAX_BYTES)
		return "must have 1 to 64 characters";
	for (size_t i = 0; i < reading->index; i++) {
		const char *other = reading->policy->rules[i].text->name;

		if (other && strcmp(other, name) == 0)
			return reading->kind == &of_rules
				       ? "is the name of an earlier rule; give each its own"
				       : "is the name of an earlier limit; give each its own";
	}
	return NULL;
}

static void take_name(const struct reading *reading)
{
	const char *name = reading->text->name, *flaw;

	if (!name)
		return;
	for (const char *c = name; *c; c++) {
		if (!iscntrl((unsigned char)*c))
			continue;
		refuse(reading, "name", "", "has a control character; remove it");
		return;
	}
	flaw = name_flaw(reading, name);
	if (flaw)
		refuse(reading, "name", name, flaw);
}

static void take_nqn(const struct reading *reading, const char *key, const char *text,
	struct stoq_guard_condition *condition)
{
	const char *flaw = text ? guard_condition_parse(condition, text) : NULL;

	if (flaw)
		refuse(reading, key, text, flaw);
}

/* What the rule says, for people: its entries, as many as fit. */
static char *join(char *const *texts, unsigned int count)
{
	char label[STOQ_GUARD_LABEL_BYTES] = "", *copy;
	size_t used = 0;

	for (unsigned int i = 0; i < count; i++) {
		int more = snprintf(label + used, sizeof(label) - used, "%s%s", i ? ", " : "",
			texts[i] ? texts[i] : "");

		if (more < 0 || used + (size_t)more + sizeof(" ...") > sizeof(label)) {
			snprintf(label + used, sizeof(label) - used, " ...");
			break;
		}
		used += (size_t)more;
	}
	copy = strdup(label);
	return copy;
}

static void take_list(const struct reading *reading, unsigned int entry,
	const struct stoq_guard_list *list, struct stoq_guard_condition *condition)
{
	for (size_t i = 1; i < condition->list_count; i++) {
		if (condition->lists[i] != list)
			continue;
		refuse_entry(reading, "hosts", entry, list->name, "is there twice; remove one");
		return;
	}
	condition->lists[condition->list_count++] = list;
}

/* Neither an NQN nor a list: of the lists of a file that could not be read the names are not known. */
static void refuse_name(
	const struct reading *reading, const char *key, unsigned int entry, const char *text)
{
	bool hosts = strcmp(key, "hosts") == 0;

	if (hosts && reading->document->mistakes->unread)
		return;
	refuse_entry(reading, key, entry, text,
		hosts ? "is neither an NQN nor the name of one of the host-lists" : "is no NQN");
}

/* One entry of a rule's list: an NQN goes into own, the name of a list becomes that list. */
static void take_entry(const struct reading *reading, const char *key, unsigned int entry,
	const char *text, struct stoq_guard_condition *condition, struct stoq_guard_list *own)
{
	const struct stoq_guard_list *list =
		strcmp(key, "hosts") == 0 ? guard_list_find(reading->policy, text) : NULL;
	const char *flaw;

	if (list) {
		take_list(reading, entry, list, condition);
		return;
	}
	if (strchr(text, '.') == NULL && strchr(text, '*') == NULL) {
		refuse_name(reading, key, entry, text);
		return;
	}
	flaw = guard_condition_parse(&own->items[own->count], text);
	if (flaw)
		refuse_entry(reading, key, entry, text, flaw);
	else
		own->count++;
}

/* Several names, or lists of them. The first list is the rule's own. */
static void take_nqns(const struct reading *reading, const char *key, char *const *texts,
	unsigned int count, struct stoq_guard_condition *condition)
{
	struct stoq_guard_list *own;

	if (!count)
		return;
	if (condition->length) {
		refuse(reading, key, texts[0] ? texts[0] : "",
			"stands beside a single one; put that into the list");
		return;
	}
	own = guard_list_add(reading->policy, NULL, count);
	condition->lists = calloc(count + 1, sizeof(struct stoq_guard_list *));
	condition->text = join(texts, count);
	if (!own || !condition->lists || !condition->text) {
		reading->document->mistakes->no_memory = true;
		return;
	}
	condition->length = strlen(condition->text);
	condition->lists[condition->list_count++] = own;
	for (unsigned int i = 0; i < count; i++)
		if (texts[i])
			take_entry(reading, key, i, texts[i], condition, own);
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

/* NULL, or what is wrong with it. */
static const char *add_namespace(struct stoq_guard_rule *rule, uint32_t nsid)
{
	for (size_t i = 0; i < rule->namespace_count; i++) {
		if (rule->namespaces[i] == nsid)
			return "is there twice; remove one";
	}
	if (rule->namespace_count == STOQ_GUARD_RULE_NAMESPACES)
		return "is one namespace too many: a rule has at most 256; make a second rule";
	rule->namespaces[rule->namespace_count++] = nsid;
	return NULL;
}

/* A number, or in a list a range of them. */
static void take_namespace(
	const struct reading *reading, const char *key, size_t entry, const char *text)
{
	const char *flaw = NULL;
	uint64_t first, last;

	if (stoq_parse_number(text, 1, 0xfffffffe, &first) == 0)
		last = first;
	else if (!reading->text->nsids || !strchr(text, '-') ||
		 stoq_guard_parse_range(text, &first, &last) || !first || last > 0xfffffffe) {
		refuse_entry(reading, key, entry, text,
			"is not a namespace; write its number, from 1 to 4294967294, in a list also "
			"FIRST-LAST such as 4-7, or leave the field out to match all");
		return;
	}
	for (uint64_t nsid = first; !flaw && nsid <= last; nsid++)
		flaw = add_namespace(reading->rule, (uint32_t)nsid);
	if (flaw)
		refuse_entry(reading, key, entry, text, flaw);
}

static int compare_nsid(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void take_namespaces(const struct reading *reading)
{
	const struct stoq_guard_rule_text *text = reading->text;

	if (text->nsid && text->nsids) {
		refuse(reading, "namespace", text->nsid,
			"and a list `namespaces` are both there; put it into the list");
		return;
	}
	if (text->nsid)
		take_namespace(reading, "namespace", 0, text->nsid);
	for (size_t i = 0; text->nsids && i < text->nsid_count; i++)
		if (text->nsids[i])
			take_namespace(reading, "namespaces", i, text->nsids[i]);
	qsort(reading->rule->namespaces, reading->rule->namespace_count, sizeof(uint32_t),
		compare_nsid);
}

/* Not in any list of commands: what to write instead. */
static void refuse_command(const struct reading *reading, size_t entry)
{
	const char *text = reading->text->commands[entry];
	const struct stoq_guard_cli_word *word = stoq_guard_cli_find(text);
	char reason[160];

	if (!word) {
		refuse_entry(reading, "commands", entry, text,
			"is no command; write a class (reads, writes, destructive, admin) or "
			"a name of the NVMe specification, such as Write, Dataset Management or "
			"Format NVM");
		return;
	}
	if (!word->command) {
		refuse_entry(reading, "commands", entry, text,
			"is no NVMe command: nvme-cli's word for what the host does by itself; remove it");
		return;
	}
	snprintf(reason, sizeof(reason),
		"is nvme-cli's word, and not the only one that sends the command; write `%s`, which has all of them",
		word->command);
	refuse_entry(reading, "commands", entry, text, reason);
}

static bool is_repeated(char *const *texts, size_t entry)
{
	for (size_t other = 0; other < entry; other++)
		if (texts[other] && strcmp(texts[entry], texts[other]) == 0)
			return true;
	return false;
}

static void take_commands(const struct reading *reading)
{
	const struct stoq_guard_rule_text *text = reading->text;
	struct stoq_guard_rule *rule = reading->rule;
	bool allows = rule->verdict == STOQ_GUARD_ALLOW;

	if (!text->command_count)
		memset(&rule->commands, 0xff, sizeof(rule->commands));
	for (size_t i = 0; i < text->command_count; i++) {
		const char *command = text->commands[i];

		if (!command)
			continue;
		if (is_repeated(text->commands, i))
			refuse_entry(reading, "commands", i, command, "is there twice; remove one");
		else if (stoq_guard_commands_add(&rule->commands, command, !allows))
			refuse_command(reading, i);
	}
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

static void take_range(const struct reading *reading)
{
	const char *text = reading->text->lba;
	struct stoq_guard_rule *rule = reading->rule;

	if (!text)
		return;
	rule->has_range = true;
	if (stoq_guard_parse_range(text, &rule->lba_first, &rule->lba_last))
		refuse(reading, "lba", text,
			"is not a range of logical blocks; write FIRST+COUNT such as 0+34, or "
			"FIRST-LAST such as 100-199, up to block 18446744073709551615");
}

static void take_verdict(const struct reading *reading)
{
	const struct stoq_guard_rule_text *text = reading->text;
	struct stoq_guard_rule *rule = reading->rule;

	if (!text->verdict)
		return;
	if (guard_rule_parse_verdict(text->verdict, &rule->verdict)) {
		refuse(reading, "verdict", text->verdict,
			"is no verdict; write allow, deny or log");
		return;
	}
	if (!text->status)
		return;
	if (rule->verdict != STOQ_GUARD_DENY)
		refuse(reading, "status", text->status,
			"is only for `verdict: deny`; remove it, or change the verdict");
	else if (guard_rule_parse_status(text->status, &rule->status))
		refuse(reading, "status", text->status,
			"is not possible; write " GUARD_STATUS_EXPECTED);
}

/* Whose commands, and to which subsystems and namespaces. */
static void take_conditions(const struct reading *reading)
{
	const struct stoq_guard_rule_text *text = reading->text;
	struct stoq_guard_rule *rule = reading->rule;

	take_nqn(reading, "host", text->host, &rule->host);
	take_nqns(reading, "hosts", text->hosts, text->host_count, &rule->host);
	take_nqn(reading, "subsystem", text->subsystem, &rule->subsystem);
	take_nqns(reading, "subsystems", text->subsystems, text->subsystem_count, &rule->subsystem);
	take_namespaces(reading);
}

static void begin(const struct reading *reading, const struct guard_policy_file *file)
{
	reading->rule->text = reading->text;
	reading->rule->file = file->included ? file->path : NULL;
	reading->rule->line =
		guard_document_list_place(reading->document, reading->kind->list, reading->item)
			.line;
}

void guard_rule_take(
	struct stoq_guard_policy *policy, size_t index, struct guard_policy_file *file, size_t item)
{
	const struct reading reading = {&of_rules, policy, &policy->rules[index],
		&file->text.rules[item], &file->document, index, item};

	begin(&reading, file);
	take_name(&reading);
	take_verdict(&reading); /* before the commands, which depend on it */
	take_conditions(&reading);
	take_commands(&reading);
	take_range(&reading);
}

void guard_rule_take_limited(
	struct stoq_guard_policy *policy, size_t index, struct guard_policy_file *file, size_t item)
{
	const struct reading reading = {&of_limits, policy, &policy->rules[index],
		&file->text.limits[item].match, &file->document, index, item};

	begin(&reading, file);
	take_name(&reading);
	take_conditions(&reading);
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

void guard_rules_check_limits(
	const struct stoq_guard_policy *policy, struct guard_policy_file *file, const char *list)
{
	uint32_t *all = calloc(policy->rule_count * STOQ_GUARD_RULE_NAMESPACES + 1, sizeof(*all));
	struct guard_document *document = &file->document;
	size_t count;

	if (!all) {
		document->mistakes->no_memory = true;
		return;
	}
	count = count_namespaces(policy, all);
	free(all);
	if (count > STOQ_GUARD_NAMESPACES_MAX)
		stoq_guard_mistakes_add(document->mistakes, document->order, document->file,
			guard_document_place(document, list), NULL,
			"%s name %zu different namespaces; at most %d are possible", list, count,
			STOQ_GUARD_NAMESPACES_MAX);
}
