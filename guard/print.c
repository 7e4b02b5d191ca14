// SPDX-License-Identifier: BSD-2-Clause
#include "guard/print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "guard/limit.h"
#include "nvme/nvme_names.h"

void stoq_guard_label_rule(const struct stoq_guard_policy *policy, size_t rule,
	char label[static STOQ_GUARD_RULE_LABEL])
{
	const char *name = policy->rules[rule].text->name;

	snprintf(label, STOQ_GUARD_RULE_LABEL, name ? "%zu (%s)" : "%zu", rule + 1, name);
}

const char *stoq_guard_rule_file(const struct stoq_guard_rule *rule, const char *path)
{
	return rule->file ? rule->file : path;
}

/* Of a long path the end is what tells files apart. */
void stoq_guard_rule_place(
	const struct stoq_guard_rule *rule, char place[static STOQ_GUARD_RULE_PLACE])
{
	const char *file = rule->file ? rule->file : "";
	size_t length = strlen(file), most = STOQ_GUARD_RULE_PLACE - 32;

	snprintf(place, STOQ_GUARD_RULE_PLACE, "%s%s%sline %u", length > most ? "..." : "",
		length > most ? file + length - most : file, length ? " " : "", rule->line);
}

const char *stoq_guard_verdict_name(enum stoq_guard_verdict verdict)
{
	if (verdict == STOQ_GUARD_LOG)
		return "log";
	return verdict == STOQ_GUARD_DENY ? "deny" : "allow";
}

/* Everything below may be cut: a rule can name more than fits a line. */
struct line {
	char *text;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(
		line->text + line->used, STOQ_GUARD_RULE_LINE - line->used, format, arguments);
	va_end(arguments);
	if (length > 0)
		line->used += (size_t)length;
	if (line->used >= STOQ_GUARD_RULE_LINE)
		line->used = STOQ_GUARD_RULE_LINE - 1;
}

void stoq_guard_rule_line(const struct stoq_guard_policy *policy, size_t index,
	char text[static STOQ_GUARD_RULE_LINE])
{
	const struct stoq_guard_rule *rule = &policy->rules[index];
	struct line line = {.text = text};
	char label[STOQ_GUARD_RULE_LABEL], place[STOQ_GUARD_RULE_PLACE];

	stoq_guard_label_rule(policy, index, label);
	stoq_guard_rule_place(rule, place);
	add(&line, "%s, %s: %s", label, place, stoq_guard_verdict_name(rule->verdict));
	if (!rule->text->command_count)
		add(&line, " all");
	for (unsigned int i = 0; i < rule->text->command_count; i++)
		add(&line, "%s%s", i ? ", " : " ", rule->text->commands[i]);
	if (rule->host.length)
		add(&line, "; host %s", rule->host.text);
	if (rule->subsystem.length)
		add(&line, "; subsystem %s", rule->subsystem.text);
	for (size_t i = 0; i < rule->namespace_count; i++)
		add(&line, "%s%" PRIu32, i ? ", " : "; namespace ", rule->namespaces[i]);
	if (rule->has_range)
		add(&line, "; LBA %" PRIu64 " to %" PRIu64, rule->lba_first, rule->lba_last);
}

static void print_status(FILE *file, uint16_t status)
{
	char buffer[NVME_NAME_LENGTH];

	fputs(nvme_status_name(NVME_QUEUE_IO, 0, status, buffer), file);
}

static void print_verdict(FILE *file, enum stoq_guard_verdict verdict, uint16_t status)
{
	fputs(stoq_guard_verdict_name(verdict), file);
	if (verdict != STOQ_GUARD_DENY)
		return;
	fputs(" with ", file);
	if (status != STOQ_GUARD_STATUS_BY_COMMAND) {
		print_status(file, status);
		return;
	}
	print_status(file, STOQ_GUARD_STATUS_WRITE);
	fputs(" (commands that change data) or ", file);
	print_status(file, STOQ_GUARD_STATUS_OTHER);
}

static void print_list(FILE *file, char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(file, "%s%s", i ? ", " : "", texts[i]);
}

static void print_namespaces(FILE *file, const struct stoq_guard_rule *rule)
{
	for (size_t i = 0; i < rule->namespace_count; i++)
		fprintf(file, "%s%" PRIu32, i ? ", " : "", rule->namespaces[i]);
}

static void print_rule(FILE *file, const struct stoq_guard_policy *policy, size_t index)
{
	const struct stoq_guard_rule *rule = &policy->rules[index];
	char label[STOQ_GUARD_RULE_LABEL], place[STOQ_GUARD_RULE_PLACE];

	stoq_guard_label_rule(policy, index, label);
	stoq_guard_rule_place(rule, place);
	fprintf(file, "rule %s, %s\n", label, place);
	if (rule->host.length)
		fprintf(file, "  host        %s\n", rule->host.text);
	if (rule->subsystem.length)
		fprintf(file, "  subsystem   %s\n", rule->subsystem.text);
	if (rule->namespace_count) {
		fputs("  namespace   ", file);
		print_namespaces(file, rule);
		fputc('\n', file);
	}
	fputs("  commands    ", file);
	if (rule->text->command_count)
		print_list(file, rule->text->commands, rule->text->command_count);
	else
		fputs("all", file);
	fputc('\n', file);
	if (rule->has_range)
		fprintf(file, "  LBA         %" PRIu64 " to %" PRIu64 "\n", rule->lba_first,
			rule->lba_last);
	fputs("  verdict     ", file);
	print_verdict(file, rule->verdict, rule->status);
	fputc('\n', file);
}

void stoq_guard_print(FILE *file, const char *path, const struct stoq_guard_policy *policy,
	const struct stoq_guard_compiled *compiled)
{
	fprintf(file, "policy %s\n", path);
	fprintf(file, "  hash          %016" PRIx64 "\n", (uint64_t)compiled->hash);
	fprintf(file, "  rules         %zu\n", policy->rule_count);
	if (policy->limit_count)
		fprintf(file, "  limits        %zu\n", policy->limit_count);
	fprintf(file, "  hosts         %u named or prefixes\n", compiled->hosts.count);
	fprintf(file, "  subsystems    %u named or prefixes\n", compiled->subsystems.count);
	if (policy->mode != STOQ_GUARD_MODE_NOT_NAMED)
		fprintf(file, "  mode          %s\n",
			policy->mode == STOQ_GUARD_MODE_AUDIT ? "audit" : "enforce");
	fprintf(file, "  strict        %s\n", policy->strict ? "true" : "false");
	fprintf(file, "  clones        %s\n",
		policy->clones == STOQ_GUARD_CLONES_REFUSE ? "refuse" : "log");
	fprintf(file, "  unknown host  %s\n", stoq_guard_verdict_name(policy->unknown_host));
	for (size_t i = 0; i < policy->rule_count; i++)
		print_rule(file, policy, i);
	fputs("default\n  verdict     ", file);
	print_verdict(file, policy->default_verdict, policy->default_status);
	fputc('\n', file);
	stoq_guard_limits_print(file, policy);
}
