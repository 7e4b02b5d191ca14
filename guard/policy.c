// SPDX-License-Identifier: BSD-2-Clause
#include "guard/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/limit.h"
#include "guard/policy_files.h"
#include "guard/rule.h"

/* ---- fields at the top ---- */

/* What is being read. */
struct reading {
	struct stoq_guard_policy *policy;
	struct guard_policy_file *file;
	struct stoq_guard_mistakes *mistakes;
};

static void refuse(
	const struct reading *reading, const char *key, const char *text, const char *reason)
{
	struct guard_document *document = &reading->file->document;

	guard_document_refuse(document, guard_document_place(document, key), "", key, text, reason);
}

/* allow or deny; false: it is neither. What is not there is as it is. */
static bool take_choice(const struct reading *reading, const char *key, const char *text,
	enum stoq_guard_verdict *verdict)
{
	if (text && !guard_rule_parse_verdict(text, verdict) && *verdict != STOQ_GUARD_LOG)
		return true;
	if (text)
		refuse(reading, key, text, "is not possible; write `allow` or `deny`");
	return false;
}

static void take_default(const struct reading *reading)
{
	const struct guard_policy_text *text = &reading->file->text;
	struct stoq_guard_policy *policy = reading->policy;
	bool known =
		take_choice(reading, "default", text->default_verdict, &policy->default_verdict);

	if (!text->default_status || !known)
		return;
	if (policy->default_verdict != STOQ_GUARD_DENY)
		refuse(reading, "default-status", text->default_status,
			"is not possible; write `default: deny`, or leave default-status out: what "
			"is allowed has no status");
	else if (guard_rule_parse_status(text->default_status, &policy->default_status))
		refuse(reading, "default-status", text->default_status,
			"is not possible; write " GUARD_STATUS_EXPECTED);
}

static void take_mode(const struct reading *reading)
{
	const char *text = reading->file->text.mode;

	if (!text)
		return;
	if (strcmp(text, "enforce") == 0)
		reading->policy->mode = STOQ_GUARD_MODE_ENFORCE;
	else if (strcmp(text, "audit") == 0)
		reading->policy->mode = STOQ_GUARD_MODE_AUDIT;
	else
		refuse(reading, "mode", text, "is not possible; write `enforce` or `audit`");
}

static void take_strict(const struct reading *reading)
{
	const char *text = reading->file->text.strict;

	if (!text)
		return;
	reading->policy->strict = strcmp(text, "true") == 0;
	if (!reading->policy->strict && strcmp(text, "false") != 0)
		refuse(reading, "strict", text, "is not possible; write `true` or `false`");
}

static void take_clones(const struct reading *reading)
{
	const char *text = reading->file->text.clones;

	if (!text || strcmp(text, "log") == 0)
		return;
	if (strcmp(text, "refuse") == 0)
		reading->policy->clones = STOQ_GUARD_CLONES_REFUSE;
	else
		refuse(reading, "clones", text, "is not possible; write `log` or `refuse`");
}

static void take_top(const struct reading *reading)
{
	const struct guard_policy_text *text = &reading->file->text;

	if (text->version && strcmp(text->version, "1") != 0)
		refuse(reading, "version", text->version,
			"is not possible; write `version: 1`, the only one that this stoq knows");
	if (reading->file->included)
		return;
	take_default(reading);
	take_choice(reading, "unknown-host", text->unknown_host, &reading->policy->unknown_host);
	take_strict(reading);
	take_clones(reading);
	take_mode(reading);
}

/* ---- lists and rules ---- */

/* All files together. False: this list is one too many, as is each behind it. */
static bool fits(
	const struct reading *reading, const char *key, size_t item, size_t count, size_t most)
{
	struct guard_document *document = &reading->file->document;

	if (count < most)
		return true;
	if (count == most)
		stoq_guard_mistakes_add(reading->mistakes, document->order, document->file,
			guard_document_list_place(document, key, item), NULL,
			"%s: with those of other files there are more than %zu, and no more are possible",
			key, most);
	return false;
}

static void take_lists(const struct reading *reading, size_t *count)
{
	const struct guard_policy_text *text = &reading->file->text;

	for (size_t i = 0; i < text->list_count; i++, ++*count)
		if (fits(reading, GUARD_LISTS, i, *count, STOQ_GUARD_HOST_LISTS_MAX))
			guard_list_take(reading->policy, reading->file, i);
}

static void take_rules(const struct reading *reading, size_t *count)
{
	const struct guard_policy_text *text = &reading->file->text;

	for (size_t i = 0; i < text->rule_count; i++, ++*count)
		if (fits(reading, GUARD_RULES, i, *count, STOQ_GUARD_RULES_MAX))
			guard_rule_take(
				reading->policy, reading->policy->rule_count++, reading->file, i);
}

static bool make_rules(struct stoq_guard_policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->files->count; i++)
		count += policy->files->items[i].text.rule_count;
	if (count > STOQ_GUARD_RULES_MAX)
		count = STOQ_GUARD_RULES_MAX;
	policy->rules = calloc(count + 1, sizeof(*policy->rules));
	return policy->rules != NULL;
}

/* One pass over all files, in the order of their lists and rules. */
static void for_each_file(
	struct reading *reading, void (*take)(const struct reading *reading, size_t *count))
{
	struct guard_policy_files *files = reading->policy->files;
	size_t count = 0;

	for (size_t i = 0; i < files->ordered; i++) {
		reading->file = &files->items[files->in_order[i]];
		take(reading, &count);
	}
}

static void take_file(const struct reading *reading, size_t *count)
{
	take_top(reading);
	++*count;
}

static void take_all(struct stoq_guard_policy *policy, struct stoq_guard_mistakes *mistakes)
{
	struct reading reading = {.policy = policy, .mistakes = mistakes};

	policy->strict = true;
	policy->unknown_host = STOQ_GUARD_DENY;
	for_each_file(&reading, take_file);
	for_each_file(&reading, take_lists); /* which the rules of any file may name */
	for_each_file(&reading, take_rules);
	if (!policy->files->ordered)
		return;
	guard_rules_check_limits(policy, &policy->files->items[0], GUARD_RULES);
	guard_limits_take(policy, &policy->files->items[0]);
}

int stoq_guard_policy_parse_texts(struct stoq_guard_policy *policy, const char *file,
	struct stoq_guard_texts *texts, bool read_more, struct stoq_guard_mistakes *mistakes)
{
	*policy = (struct stoq_guard_policy){0};
	policy->files = guard_policy_files_load(file, texts, read_more, mistakes);
	if (policy->files && make_rules(policy))
		take_all(policy, mistakes);
	else
		mistakes->no_memory = true;
	if (mistakes->no_memory || mistakes->total)
		stoq_guard_policy_free(policy);
	return mistakes->no_memory ? -ENOMEM : mistakes->total ? -EINVAL : 0;
}

int stoq_guard_policy_parse(struct stoq_guard_policy *policy, const char *file, const char *text,
	size_t size, struct stoq_error *error)
{
	struct stoq_guard_texts texts = {
		.items = {{.text = (char *)text, .size = size}}, .count = 1, .bytes = size};
	struct stoq_guard_mistakes mistakes = {0};
	int result = stoq_guard_policy_parse_texts(policy, file, &texts, false, &mistakes);

	if (result)
		result = stoq_guard_mistakes_end(&mistakes, file, false, error);
	stoq_guard_mistakes_free(&mistakes);
	return result;
}

const char *stoq_guard_policy_file(const struct stoq_guard_policy *policy, size_t i)
{
	return i < policy->files->count ? policy->files->items[i].path : NULL;
}

void stoq_guard_policy_free(struct stoq_guard_policy *policy)
{
	for (size_t i = 0; policy->rules && i < policy->rule_count; i++)
		guard_rule_free(&policy->rules[i]);
	guard_limits_free(policy);
	guard_lists_free(policy);
	guard_policy_files_free(policy->files);
	free(policy->rules);
	*policy = (struct stoq_guard_policy){0};
}
