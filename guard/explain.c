// SPDX-License-Identifier: BSD-2-Clause
#include "guard/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "guard/limit.h"
#include "guard/print.h"
#include "nvme/nvme_names.h"

/* ---- asking ---- */

void stoq_guard_ask(const struct stoq_guard_explainer *explainer,
	struct stoq_guard_question *question, struct stoq_guard_decision *decision)
{
	const struct stoq_guard_compiled *compiled = explainer->compiled;
	struct stoq_guard_request part;

	question->request.host_class = stoq_guard_class_of(&compiled->hosts, question->host);
	question->request.subsystem_class =
		stoq_guard_class_of(&compiled->subsystems, question->subsystem);
	if (!question->range_count) {
		stoq_guard_decide(compiled, &question->request, decision);
		return;
	}
	part = question->request;
	for (size_t i = 0; i < question->range_count; i++) {
		struct stoq_guard_decision next;
		uint8_t before = decision->verdict;

		stoq_guard_request_range(&part, question->ranges[i][0], question->ranges[i][1]);
		stoq_guard_decide(compiled, &part, &next);
		if (i)
			stoq_guard_merge(decision, &next);
		else
			*decision = next;
		if (i == 0 || decision->verdict != before)
			question->request = part;
	}
}

/* ---- why a rule matches, or does not ---- */

static bool name_is(const struct stoq_guard_condition *condition, const char *name)
{
	return strncmp(condition->text, name, condition->length) == 0 &&
	       (condition->prefix || name[condition->length] == '\0');
}

static bool is_in_list(const struct stoq_guard_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (name_is(&list->items[i], name))
			return true;
	return false;
}

static bool name_matches(
	const struct stoq_guard_condition *condition, const char *name, bool believed)
{
	if (!condition->length)
		return true;
	if (!name)
		return believed;
	if (!condition->list_count)
		return name_is(condition, name);
	for (size_t i = 0; i < condition->list_count; i++)
		if (is_in_list(condition->lists[i], name))
			return true;
	return false;
}

static bool namespace_matches(
	const struct stoq_guard_rule *rule, const struct stoq_guard_request *request)
{
	if (!rule->namespace_count)
		return true;
	if (request->nsid == STOQ_GUARD_NSID_ALL)
		return rule->verdict != STOQ_GUARD_ALLOW;
	for (size_t i = 0; i < rule->namespace_count; i++) {
		if (rule->namespaces[i] == request->nsid)
			return true;
	}
	return false;
}

static bool blocks_match(
	const struct stoq_guard_rule *rule, const struct stoq_guard_request *request)
{
	if (!rule->has_range)
		return true;
	if (request->no_ranges)
		return false;
	if (request->nsid == STOQ_GUARD_NSID_ALL)
		return rule->verdict != STOQ_GUARD_ALLOW;
	if (rule->verdict == STOQ_GUARD_ALLOW)
		return rule->lba_first <= request->lba_first && request->lba_last <= rule->lba_last;
	return request->lba_first <= rule->lba_last && rule->lba_first <= request->lba_last;
}

const char *stoq_guard_why_not(const struct stoq_guard_policy *policy, size_t rule,
	const struct stoq_guard_question *question)
{
	const struct stoq_guard_rule *it = &policy->rules[rule];
	bool believed = it->verdict == STOQ_GUARD_LOG || it->verdict == policy->unknown_host;

	if (!name_matches(&it->host, question->host, believed))
		return "host";
	if (!name_matches(&it->subsystem, question->subsystem, believed))
		return "subsystem";
	if (!stoq_guard_commands_has(
		    &it->commands, question->request.table, question->request.code))
		return "commands";
	if (!namespace_matches(it, &question->request))
		return "namespace";
	return blocks_match(it, &question->request) ? NULL : "lba";
}

/* ---- for a person ---- */

static void print_name_reason(FILE *file, const char *field,
	const struct stoq_guard_condition *condition, const char *name)
{
	if (!condition->length)
		return;
	if (!name)
		fprintf(file, "  %-10s not known: by unknown-host, %s is taken to match\n", field,
			condition->text);
	else if (condition->list_count)
		fprintf(file, "  %-10s %s is one of %s\n", field, name, condition->text);
	else if (condition->prefix)
		fprintf(file, "  %-10s %s begins as %s\n", field, name, condition->text);
	else
		fprintf(file, "  %-10s %s\n", field, name);
}

/* The first entry of the rule's list that has the command. */
static const char *listed_as(
	const struct stoq_guard_rule *rule, const struct stoq_guard_request *request)
{
	for (size_t i = 0; i < rule->text->command_count; i++) {
		struct stoq_guard_commands set = {0};

		stoq_guard_commands_add(
			&set, rule->text->commands[i], rule->verdict != STOQ_GUARD_ALLOW);
		if (stoq_guard_commands_has(&set, request->table, request->code))
			return rule->text->commands[i];
	}
	return "all";
}

static void print_blocks_reason(
	FILE *file, const struct stoq_guard_rule *rule, const struct stoq_guard_request *request)
{
	if (!rule->has_range)
		return;
	if (request->lba_first == 0 && request->lba_last == UINT64_MAX)
		fputs("  lba        may be any block, so it touches ", file);
	else
		fprintf(file, "  lba        %" PRIu64 " to %" PRIu64 " %s ",
			(uint64_t)request->lba_first, (uint64_t)request->lba_last,
			rule->verdict == STOQ_GUARD_ALLOW ? "lies in" : "touches");
	fprintf(file, "%" PRIu64 " to %" PRIu64 "\n", rule->lba_first, rule->lba_last);
}

static void print_reasons(
	FILE *file, const struct stoq_guard_rule *rule, const struct stoq_guard_question *question)
{
	const struct stoq_guard_request *request = &question->request;

	print_name_reason(file, "host", &rule->host, question->host);
	print_name_reason(file, "subsystem", &rule->subsystem, question->subsystem);
	fprintf(file, "  commands   %s: %s\n", question->command, listed_as(rule, request));
	if (rule->namespace_count && request->nsid == STOQ_GUARD_NSID_ALL)
		fputs("  namespace  the command is for all namespaces\n", file);
	else if (rule->namespace_count)
		fprintf(file, "  namespace  %u\n", request->nsid);
	print_blocks_reason(file, rule, request);
}

static void print_earlier(FILE *file, const struct stoq_guard_policy *policy,
	const struct stoq_guard_question *question, size_t count)
{
	char label[STOQ_GUARD_RULE_LABEL];

	for (size_t i = 0; i < count; i++) {
		const char *why_not = stoq_guard_why_not(policy, i, question);

		stoq_guard_label_rule(policy, i, label);
		if (why_not)
			fprintf(file, "rule %s does not match: %s\n", label, why_not);
		else
			fprintf(file, "rule %s logs it\n", label);
	}
}

static const char *status_name(
	const struct stoq_guard_decision *decision, char buffer[static NVME_NAME_LENGTH])
{
	return nvme_status_name(NVME_QUEUE_IO, 0, decision->status, buffer);
}

/* What is refused waits for nothing. */
static bool is_limited(const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_question *question, const struct stoq_guard_decision *decision,
	size_t limit)
{
	return decision->verdict == STOQ_GUARD_ALLOW &&
	       stoq_guard_limit_holds(explainer->policy, limit, question);
}

static void print_limits(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_question *question, const struct stoq_guard_decision *decision)
{
	const struct stoq_guard_policy *policy = explainer->policy;
	char rates[STOQ_GUARD_LIMIT_RATES];

	for (size_t i = 0; i < policy->limit_count; i++) {
		if (!is_limited(explainer, question, decision, i))
			continue;
		stoq_guard_limit_rates(&policy->limits[i], rates);
		fprintf(file, "limit %zu (%s), %s:%u: %s, %s\n", i + 1, policy->limits[i].name,
			explainer->path, policy->limited->rules[i].line, rates,
			policy->limits[i].group ? "for all hosts together" : "for each host");
	}
}

void stoq_guard_explain(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_question *question, const struct stoq_guard_decision *decision)
{
	const struct stoq_guard_policy *policy = explainer->policy;
	char label[STOQ_GUARD_RULE_LABEL], buffer[NVME_NAME_LENGTH];
	bool by_rule = decision->rule != STOQ_GUARD_NO_RULE;

	fputs(stoq_guard_verdict_name(decision->verdict), file);
	if (decision->verdict == STOQ_GUARD_DENY)
		fprintf(file, ": %s (status code type %xh, status code %02xh), Do Not Retry",
			status_name(decision, buffer), decision->status >> 8,
			decision->status & 0xffu);
	fputc('\n', file);
	if (by_rule) {
		const struct stoq_guard_rule *rule = &policy->rules[decision->rule];

		stoq_guard_label_rule(policy, decision->rule, label);
		fprintf(file, "by rule %s, %s:%u\n", label,
			stoq_guard_rule_file(rule, explainer->path), rule->line);
		print_reasons(file, rule, question);
	} else {
		fputs("by default: no rule matches\n", file);
	}
	print_earlier(file, policy, question, by_rule ? decision->rule : policy->rule_count);
	print_limits(file, explainer, question, decision);
}

/* ---- for a program ---- */

static struct json_object *rule_number(uint16_t rule)
{
	return rule == STOQ_GUARD_NO_RULE ? NULL : json_object_new_int(rule + 1);
}

static struct json_object *earlier_as_json(const struct stoq_guard_policy *policy,
	const struct stoq_guard_question *question, size_t count)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		const char *why_not = stoq_guard_why_not(policy, i, question);
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "rule", json_object_new_int((int)i + 1));
		json_object_object_add(
			entry, "does_not_match", why_not ? json_object_new_string(why_not) : NULL);
		json_object_array_add(list, entry);
	}
	return list;
}

static void add_rule(
	struct json_object *object, const struct stoq_guard_explainer *explainer, uint16_t rule)
{
	const struct stoq_guard_policy *policy = explainer->policy;
	const char *name;

	json_object_object_add(object, "rule", rule_number(rule));
	if (rule == STOQ_GUARD_NO_RULE)
		return;
	name = policy->rules[rule].text->name;
	json_object_object_add(object, "name", name ? json_object_new_string(name) : NULL);
	json_object_object_add(object, "line", json_object_new_int64(policy->rules[rule].line));
	json_object_object_add(object, "file",
		json_object_new_string(
			stoq_guard_rule_file(&policy->rules[rule], explainer->path)));
}

static void add_status(struct json_object *object, const struct stoq_guard_decision *decision)
{
	char buffer[NVME_NAME_LENGTH];

	if (decision->verdict != STOQ_GUARD_DENY)
		return;
	json_object_object_add(
		object, "status", json_object_new_string(status_name(decision, buffer)));
	json_object_object_add(
		object, "status_code_type", json_object_new_int(decision->status >> 8));
	json_object_object_add(object, "status_code", json_object_new_int(decision->status & 0xff));
}

static struct json_object *limits_as_json(const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_question *question, const struct stoq_guard_decision *decision)
{
	const struct stoq_guard_policy *policy = explainer->policy;
	struct json_object *list = json_object_new_array(), *entry;

	for (size_t i = 0; i < policy->limit_count; i++) {
		if (!is_limited(explainer, question, decision, i))
			continue;
		entry = json_object_new_object();
		json_object_object_add(
			entry, "name", json_object_new_string(policy->limits[i].name));
		json_object_object_add(
			entry, "line", json_object_new_int64(policy->limited->rules[i].line));
		json_object_array_add(list, entry);
	}
	return list;
}

int stoq_guard_explain_json(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_question *question, const struct stoq_guard_decision *decision)
{
	struct json_object *object = json_object_new_object();
	size_t earlier = decision->rule == STOQ_GUARD_NO_RULE ? explainer->policy->rule_count
							      : decision->rule;
	char hash[20];

	if (!object)
		return -ENOMEM;
	snprintf(hash, sizeof(hash), "%016" PRIx64, (uint64_t)explainer->compiled->hash);
	json_object_object_add(object, "policy_hash", json_object_new_string(hash));
	json_object_object_add(object, "verdict",
		json_object_new_string(stoq_guard_verdict_name(decision->verdict)));
	add_status(object, decision);
	add_rule(object, explainer, decision->rule);
	json_object_object_add(object, "log_rule", rule_number(decision->log_rule));
	json_object_object_add(
		object, "earlier", earlier_as_json(explainer->policy, question, earlier));
	json_object_object_add(object, "limits", limits_as_json(explainer, question, decision));
	fprintf(file, "%s\n",
		json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return 0;
}
