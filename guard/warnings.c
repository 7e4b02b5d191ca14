// SPDX-License-Identifier: BSD-2-Clause
#include "guard/warnings.h"

#include "guard/connecting.h"
#include "guard/never.h"
#include "guard/print.h"
#include "guard/unreachable.h"

#define WARNING_BYTES 640

#define REMEDY "hosts need `admin`, behind a rule that denies `destructive`"

struct search {
	const struct stoq_guard_policy *policy;
	const struct stoq_guard_compiled *compiled;
	stoq_guard_warned *told;
	void *context;
};

/* Says something of a rule; text stands behind its label. */
static void warn_of_rule(const struct search *search, size_t rule, const char *text)
{
	char label[STOQ_GUARD_RULE_LABEL], sentence[WARNING_BYTES];

	stoq_guard_label_rule(search->policy, rule, label);
	snprintf(sentence, sizeof(sentence), "rule %s %s", label, text);
	search->told(search->context, &search->policy->rules[rule], sentence);
}

static void on_never(void *context, size_t rule, const char *text)
{
	warn_of_rule(context, rule, text);
}

static void on_unreachable(void *context, size_t rule, size_t by)
{
	const struct search *search = context;
	char label[STOQ_GUARD_RULE_LABEL], text[WARNING_BYTES / 2];

	if (by == rule) {
		warn_of_rule(search, rule,
			"has no effect: the rules before it decide all that it matches; move it up "
			"or remove it");
		return;
	}
	stoq_guard_label_rule(search->policy, by, label);
	snprintf(text, sizeof(text),
		"has no effect: rule %s, before it, decides all that it matches; move it up or "
		"remove it",
		label);
	warn_of_rule(search, rule, text);
}

/* What a rule allows to hosts that never get so far. */
static void find_unconnected(const struct search *search)
{
	char refused[STOQ_GUARD_REFUSED_TEXT], text[WARNING_BYTES / 2];

	for (size_t i = 0; i < search->policy->rule_count; i++) {
		const struct stoq_guard_rule *rule = &search->policy->rules[i];

		if (rule->verdict != STOQ_GUARD_ALLOW ||
			(!rule->host.length && !rule->subsystem.length) ||
			stoq_guard_rule_connects(search->compiled, i, refused))
			continue;
		snprintf(text, sizeof(text),
			"allows commands of hosts that cannot connect: the policy refuses them "
			"%s; " REMEDY,
			refused);
		warn_of_rule(search, i, text);
	}
}

static void find_connecting(const struct search *search)
{
	char refused[STOQ_GUARD_REFUSED_TEXT], text[WARNING_BYTES];

	if (stoq_guard_anyone_connects(search->compiled, refused)) {
		find_unconnected(search);
		return;
	}
	snprintf(text, sizeof(text),
		"no host can connect: the policy refuses %s to every host; " REMEDY, refused);
	search->told(search->context, NULL, text);
}

/* Segments that the target ignores pass such a guard: hidden commands are not charged, and forged ones are, to another host. */
static void find_lenient_limits(const struct search *search)
{
	if (search->policy->limit_count && !search->policy->strict)
		search->told(search->context, NULL,
			"`limits` count on `strict: true`: without it a host can hide commands from them, and a "
			"segment that is forged is charged to the host that it names");
}

void stoq_guard_warnings_find(const struct stoq_guard_policy *policy,
	const struct stoq_guard_compiled *compiled, stoq_guard_warned *told, void *context)
{
	struct search search = {policy, compiled, told, context};

	stoq_guard_policy_find_unreachable(policy, on_unreachable, &search);
	stoq_guard_policy_find_never(policy, on_never, &search);
	find_connecting(&search);
	find_lenient_limits(&search);
}

struct printing {
	FILE *file;
	const char *path;
	size_t count;
};

static void print(void *context, const struct stoq_guard_rule *rule, const char *text)
{
	struct printing *printing = context;

	if (rule)
		fprintf(printing->file, "%s:%u: warning: %s\n",
			stoq_guard_rule_file(rule, printing->path), rule->line, text);
	else
		fprintf(printing->file, "%s: warning: %s\n", printing->path, text);
	printing->count++;
}

size_t stoq_guard_warnings_print(FILE *file, const char *path,
	const struct stoq_guard_policy *policy, const struct stoq_guard_compiled *compiled)
{
	struct printing printing = {.file = file, .path = path};

	stoq_guard_warnings_find(policy, compiled, print, &printing);
	return printing.count;
}
