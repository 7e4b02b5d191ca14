// SPDX-License-Identifier: BSD-2-Clause
#include "guard/expect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "guard/document.h"
#include "guard/nqn.h"
#include "guard/print.h"
#include "guard/rule.h"
#include "nvme/nvme_names.h"

/* NULL: not there. */
struct stoq_guard_case_text {
	char *name;
	char *host;
	char *subsystem;
	char *command;
	char *nsid;
	char *lba;
	char *verdict;
	char *status;
	char *rule;
};

struct guard_cases_text {
	char *version;
	struct stoq_guard_case_text *cases;
	unsigned int case_count;
};

/* What has all texts: they belong to the document, which is open as long as the cases are there. */
struct guard_cases_file {
	struct guard_document document;
	struct guard_cases_text text;
};

/* The case that is being read. */
struct reading {
	struct guard_document *document;
	size_t index;
};

/* ---- the shape of the file ---- */

static const struct guard_field case_fields[] = {
	GUARD_TEXT("name", GUARD_OPTIONAL, stoq_guard_case_text, name),
	GUARD_TEXT("host", GUARD_OPTIONAL, stoq_guard_case_text, host),
	GUARD_TEXT("subsystem", GUARD_OPTIONAL, stoq_guard_case_text, subsystem),
	GUARD_TEXT("command", GUARD_REQUIRED, stoq_guard_case_text, command),
	GUARD_TEXT("namespace", GUARD_OPTIONAL, stoq_guard_case_text, nsid),
	GUARD_TEXT("lba", GUARD_OPTIONAL, stoq_guard_case_text, lba),
	GUARD_TEXT("verdict", GUARD_REQUIRED, stoq_guard_case_text, verdict),
	GUARD_TEXT("status", GUARD_OPTIONAL, stoq_guard_case_text, status),
	GUARD_TEXT("rule", GUARD_OPTIONAL, stoq_guard_case_text, rule),
	GUARD_FIELDS_END,
};

static const struct guard_field top_fields[] = {
	GUARD_TEXT("version", GUARD_REQUIRED, guard_cases_text, version),
	GUARD_ITEMS("cases", GUARD_REQUIRED, guard_cases_text, cases, case_count, case_fields, 1,
		STOQ_GUARD_CASES_MAX),
	GUARD_FIELDS_END,
};

/* ---- fields ---- */

/* A mistake: "case 3, lba: '0-' REASON" */
static void refuse(
	const struct reading *reading, const char *key, const char *value, const char *reason)
{
	char before[32];

	snprintf(before, sizeof(before), "case %zu, ", reading->index + 1);
	guard_document_refuse(reading->document,
		guard_document_entry_place(reading->document, "cases", reading->index, key, 0),
		before, key, value, reason);
}

static void take_nqn(
	const struct reading *reading, const char *key, const char *text, const char **nqn)
{
	const char *flaw;

	if (!text)
		return;
	flaw = text[0] ? stoq_guard_nqn_flaw(text, strlen(text), false)
		       : "is no NQN; leave the field out if it is not known";
	if (flaw)
		refuse(reading, key, text, flaw);
	*nqn = text;
}

static void take_namespace(const struct reading *reading, struct stoq_guard_case *it)
{
	const char *text = it->text->nsid;

	if (text && stoq_guard_parse_namespace(text, &it->question.nsid))
		refuse(reading, "namespace", text, "is neither a number from 1 on nor `all`");
}

static void take_blocks(const struct reading *reading, struct stoq_guard_case *it)
{
	uint64_t *range = it->question.ranges[0];

	if (!it->text->lba)
		return;
	it->question.range_count = 1;
	if (stoq_guard_parse_range(it->text->lba, &range[0], &range[1]))
		refuse(reading, "lba", it->text->lba,
			"is not FIRST+COUNT, such as 0+8, or FIRST-LAST");
}

static void take_expected(const struct reading *reading, struct stoq_guard_case *it)
{
	const char *status = it->text->status;

	if (!it->text->verdict)
		return;
	if (guard_rule_parse_verdict(it->text->verdict, &it->verdict) ||
		it->verdict == STOQ_GUARD_LOG) {
		refuse(reading, "verdict", it->text->verdict,
			"is not possible; a command passes or does not: write `allow` or `deny`");
		return;
	}
	if (!status)
		return;
	it->has_status = true;
	if (it->verdict != STOQ_GUARD_DENY)
		refuse(reading, "status", status,
			"is not possible here: what is allowed has no status; leave it out");
	else if (guard_rule_parse_status(status, &it->status))
		refuse(reading, "status", status, "is not possible; write " GUARD_STATUS_EXPECTED);
}

/* What is missing or too much, by the command. */
static void complete(const struct reading *reading, struct stoq_guard_case *it)
{
	static const struct {
		const char *key, *reason;
	} flaws[] = {
		[STOQ_GUARD_QUESTION_NO_COMMAND] = {"command", "is missing"},
		[STOQ_GUARD_QUESTION_UNKNOWN_COMMAND] = {"command",
			"is no command; write it as the NVMe specification does, such as `Write "
			"Zeroes`"},
		[STOQ_GUARD_QUESTION_NO_NAMESPACE] = {"command",
			"is sent to a namespace; write which one, such as `namespace: 1`"},
		[STOQ_GUARD_QUESTION_NO_RANGE] = {"command",
			"touches blocks; write which ones, such as `lba: 0+8`"},
		[STOQ_GUARD_QUESTION_RANGE] = {"lba",
			"is too much: this command has no range of blocks; leave it out"},
	};
	enum stoq_guard_question_flaw flaw;

	if (!it->text->command)
		return;
	flaw = stoq_guard_question_complete(&it->question);
	if (flaw)
		refuse(reading, flaws[flaw].key,
			flaw == STOQ_GUARD_QUESTION_RANGE && it->text->lba ? it->text->lba
									   : it->text->command,
			flaws[flaw].reason);
}

static void take_case(const struct reading *reading, struct stoq_guard_case *it)
{
	size_t before = reading->document->mistakes->total;

	it->line = guard_document_list_place(reading->document, "cases", reading->index).line;
	it->question.command = it->text->command;
	take_nqn(reading, "host", it->text->host, &it->question.host);
	take_nqn(reading, "subsystem", it->text->subsystem, &it->question.subsystem);
	take_namespace(reading, it);
	take_blocks(reading, it);
	take_expected(reading, it);
	if (reading->document->mistakes->total == before)
		complete(reading, it);
}

/* ---- reading ---- */

static void take_all(struct stoq_guard_cases *cases, struct guard_document *document)
{
	const struct guard_cases_text *text = &cases->file->text;
	struct reading reading = {document, 0};

	if (text->version && strcmp(text->version, "1") != 0)
		guard_document_refuse(document, guard_document_place(document, "version"), "",
			"version", text->version, "is not possible; write `version: 1`");
	cases->items = calloc(text->case_count + 1, sizeof(*cases->items));
	if (!cases->items) {
		document->mistakes->no_memory = true;
		return;
	}
	cases->count = text->case_count;
	for (; reading.index < cases->count; reading.index++) {
		cases->items[reading.index].text = &text->cases[reading.index];
		take_case(&reading, &cases->items[reading.index]);
	}
}

static int parse(struct stoq_guard_cases *cases, const char *file, const char *text, size_t size,
	struct stoq_guard_mistakes *mistakes)
{
	static const struct guard_document_kind kind = {"a file of cases", "cases", "case"};
	struct guard_document *document;

	*cases = (struct stoq_guard_cases){.file = calloc(1, sizeof(*cases->file))};
	if (!cases->file) {
		mistakes->no_memory = true;
		return -ENOMEM;
	}
	snprintf(cases->path, sizeof(cases->path), "%s", file);
	document = &cases->file->document;
	document->file = file;
	document->kind = &kind;
	document->mistakes = mistakes;
	if (guard_document_open(document, text, size)) {
		guard_document_load(document, top_fields, &cases->file->text);
		take_all(cases, document);
	}
	if (!mistakes->total && !mistakes->no_memory)
		return 0;
	stoq_guard_cases_free(cases);
	return -EINVAL;
}

int stoq_guard_cases_parse(struct stoq_guard_cases *cases, const char *file, const char *text,
	size_t size, struct stoq_error *error)
{
	struct stoq_guard_mistakes mistakes = {0};
	int ret = parse(cases, file, text, size, &mistakes);

	if (ret)
		ret = stoq_guard_mistakes_end(&mistakes, file, false, error);
	stoq_guard_mistakes_free(&mistakes);
	return ret;
}

int stoq_guard_cases_read(struct stoq_guard_cases *cases, const char *path,
	struct stoq_guard_mistakes *mistakes, struct stoq_error *error)
{
	struct stoq_guard_texts texts = {.count = 0};
	int ret = stoq_guard_texts_read(&texts, "the cases", path, error);

	if (ret)
		return ret;
	ret = parse(cases, path, texts.items[0].text, texts.items[0].size, mistakes);
	stoq_guard_texts_free(&texts);
	return ret ? stoq_guard_mistakes_end(mistakes, path, false, error) : 0;
}

void stoq_guard_cases_free(struct stoq_guard_cases *cases)
{
	if (cases->file) {
		guard_document_free(top_fields, &cases->file->text);
		guard_document_close(&cases->file->document);
	}
	free(cases->file);
	free(cases->items);
	*cases = (struct stoq_guard_cases){0};
}

/* ---- deciding ---- */

/* By its name, by its number, or as `default`. */
static bool is_rule(const struct stoq_guard_policy *policy, uint16_t rule, const char *expected)
{
	uint64_t number;

	if (rule == STOQ_GUARD_NO_RULE)
		return strcmp(expected, "default") == 0;
	if (policy->rules[rule].text->name && strcmp(policy->rules[rule].text->name, expected) == 0)
		return true;
	return stoq_parse_number(expected, 1, STOQ_GUARD_RULES_MAX, &number) == 0 &&
	       number == (uint64_t)rule + 1;
}

static bool is_as_expected(const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_case *it, const struct stoq_guard_decision *decision)
{
	return decision->verdict == it->verdict &&
	       (!it->has_status || decision->status == it->status) &&
	       (!it->text->rule || is_rule(explainer->policy, decision->rule, it->text->rule));
}

static void print_decision(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_decision *decision)
{
	char label[STOQ_GUARD_RULE_LABEL], buffer[NVME_NAME_LENGTH];

	fputs(stoq_guard_verdict_name(decision->verdict), file);
	if (decision->verdict == STOQ_GUARD_DENY)
		fprintf(file, " (%s)",
			nvme_status_name(NVME_QUEUE_IO, 0, decision->status, buffer));
	if (decision->rule == STOQ_GUARD_NO_RULE) {
		fputs(" by default\n", file);
		return;
	}
	stoq_guard_label_rule(explainer->policy, decision->rule, label);
	fprintf(file, " by rule %s, %s:%u\n", label,
		stoq_guard_rule_file(&explainer->policy->rules[decision->rule], explainer->path),
		explainer->policy->rules[decision->rule].line);
}

static void print_case(FILE *file, const struct stoq_guard_cases *cases, size_t index)
{
	const struct stoq_guard_case_text *text = cases->items[index].text;

	fprintf(file, "%s:%u: case %zu", cases->path, cases->items[index].line, index + 1);
	if (text->name)
		fprintf(file, " (%s)", text->name);
	fprintf(file, ": expected %s%s%s%s%s%s, got ", text->verdict, text->status ? " (" : "",
		text->status ? text->status : "", text->status ? ")" : "",
		text->rule ? " by rule " : "", text->rule ? text->rule : "");
}

size_t stoq_guard_expect(
	FILE *file, const struct stoq_guard_explainer *explainer, struct stoq_guard_cases *cases)
{
	size_t failed = 0;

	for (size_t i = 0; i < cases->count; i++) {
		struct stoq_guard_decision decision;

		stoq_guard_question_set(&cases->items[i].question, explainer->compiled);
		stoq_guard_ask(explainer, &cases->items[i].question, &decision);
		if (is_as_expected(explainer, &cases->items[i], &decision))
			continue;
		failed++;
		print_case(file, cases, i);
		print_decision(file, explainer, &decision);
	}
	fprintf(file, "%zu of %zu cases are decided as expected\n", cases->count - failed,
		cases->count);
	return failed;
}
