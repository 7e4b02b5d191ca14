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

/* The case that is being read. */
struct reading {
	struct guard_document *document;
	size_t index;
	struct stoq_error *error;
};

/* ---- the shape of the file ---- */

#define OPTIONAL (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
#define TEXT(key, flags, type, member)                                                             \
	CYAML_FIELD_STRING_PTR(key, flags, struct type, member, 0, CYAML_UNLIMITED)

static const cyaml_schema_field_t case_fields[] = {
	TEXT("name", OPTIONAL, stoq_guard_case_text, name),
	TEXT("host", OPTIONAL, stoq_guard_case_text, host),
	TEXT("subsystem", OPTIONAL, stoq_guard_case_text, subsystem),
	TEXT("command", CYAML_FLAG_POINTER, stoq_guard_case_text, command),
	TEXT("namespace", OPTIONAL, stoq_guard_case_text, nsid),
	TEXT("lba", OPTIONAL, stoq_guard_case_text, lba),
	TEXT("verdict", CYAML_FLAG_POINTER, stoq_guard_case_text, verdict),
	TEXT("status", OPTIONAL, stoq_guard_case_text, status),
	TEXT("rule", OPTIONAL, stoq_guard_case_text, rule),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t case_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct stoq_guard_case_text, case_fields)};

static const cyaml_schema_field_t top_fields[] = {
	TEXT("version", CYAML_FLAG_POINTER, guard_cases_text, version),
	CYAML_FIELD_SEQUENCE_COUNT("cases", CYAML_FLAG_POINTER, struct guard_cases_text, cases,
		case_count, &case_schema, 1, STOQ_GUARD_CASES_MAX),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t top_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct guard_cases_text, top_fields)};

/* ---- fields ---- */

/* "FILE:LINE: case 3, lba: '0-' REASON" */
static int refuse(
	const struct reading *reading, const char *key, const char *value, const char *reason)
{
	return stoq_error_set(reading->error, -EINVAL, "%.200s:%u: case %zu, %s: '%.60s' %s",
		reading->document->file,
		guard_document_item_line(reading->document, reading->index, key, 0),
		reading->index + 1, key, value, reason);
}

static int take_nqn(
	const struct reading *reading, const char *key, const char *text, const char **nqn)
{
	const char *flaw;

	if (!text)
		return 0;
	if (!text[0])
		return refuse(
			reading, key, text, "is no NQN; leave the field out if it is not known");
	flaw = stoq_guard_nqn_flaw(text, strlen(text), false);
	*nqn = text;
	return flaw ? refuse(reading, key, text, flaw) : 0;
}

static int take_namespace(const struct reading *reading, struct stoq_guard_case *it)
{
	const char *text = it->text->nsid;

	if (text && stoq_guard_parse_namespace(text, &it->question.nsid))
		return refuse(
			reading, "namespace", text, "is neither a number from 1 on nor `all`");
	return 0;
}

static int take_blocks(const struct reading *reading, struct stoq_guard_case *it)
{
	uint64_t *range = it->question.ranges[0];

	if (!it->text->lba)
		return 0;
	it->question.range_count = 1;
	return stoq_guard_parse_range(it->text->lba, &range[0], &range[1])
		       ? refuse(reading, "lba", it->text->lba,
				 "is not FIRST+COUNT, such as 0+8, or FIRST-LAST")
		       : 0;
}

static int take_expected(const struct reading *reading, struct stoq_guard_case *it)
{
	const char *status = it->text->status;

	if (guard_rule_parse_verdict(it->text->verdict, &it->verdict) ||
		it->verdict == STOQ_GUARD_LOG)
		return refuse(reading, "verdict", it->text->verdict,
			"is not possible; a command passes or does not: write `allow` or `deny`");
	if (!status)
		return 0;
	if (it->verdict != STOQ_GUARD_DENY)
		return refuse(reading, "status", status,
			"is not possible here: what is allowed has no status; leave it out");
	it->has_status = true;
	return guard_rule_parse_status(status, &it->status)
		       ? refuse(reading, "status", status,
				 "is not possible; write " GUARD_STATUS_EXPECTED)
		       : 0;
}

/* What is missing or too much, by the command. */
static int complete(const struct reading *reading, struct stoq_guard_case *it)
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
	enum stoq_guard_question_flaw flaw = stoq_guard_question_complete(&it->question);

	if (!flaw)
		return 0;
	return refuse(reading, flaws[flaw].key,
		flaw == STOQ_GUARD_QUESTION_RANGE ? it->text->lba : it->text->command,
		flaws[flaw].reason);
}

static int take_case(const struct reading *reading, struct stoq_guard_case *it)
{
	int ret = take_nqn(reading, "host", it->text->host, &it->question.host);

	it->line = guard_document_item_line(reading->document, reading->index, NULL, 0);
	it->question.command = it->text->command;
	if (!ret)
		ret = take_nqn(reading, "subsystem", it->text->subsystem, &it->question.subsystem);
	if (!ret)
		ret = take_namespace(reading, it);
	if (!ret)
		ret = take_blocks(reading, it);
	if (!ret)
		ret = take_expected(reading, it);
	return ret ? ret : complete(reading, it);
}

/* ---- reading ---- */

static int take_all(
	struct stoq_guard_cases *cases, struct guard_document *document, struct stoq_error *error)
{
	struct reading reading = {document, 0, error};
	int ret = 0;

	if (strcmp(cases->text->version, "1") != 0)
		return stoq_error_set(error, -EINVAL,
			"%.200s:%u: version: '%.60s' is not possible; write `version: 1`",
			document->file, guard_document_line(document, "version"),
			cases->text->version);
	cases->items = calloc(cases->text->case_count, sizeof(*cases->items));
	if (!cases->items)
		return stoq_error_set(
			error, -ENOMEM, "%s: not enough memory for its cases", document->file);
	cases->count = cases->text->case_count;
	for (; !ret && reading.index < cases->count; reading.index++) {
		cases->items[reading.index].text = &cases->text->cases[reading.index];
		ret = take_case(&reading, &cases->items[reading.index]);
	}
	return ret;
}

int stoq_guard_cases_parse(struct stoq_guard_cases *cases, const char *file, const char *text,
	size_t size, struct stoq_error *error)
{
	static const struct guard_document_kind kind = {"a file of cases", "cases", "case"};
	struct guard_document document;
	void *values = NULL;
	int ret;

	*cases = (struct stoq_guard_cases){0};
	snprintf(cases->path, sizeof(cases->path), "%s", file);
	ret = guard_document_open(&document, &kind, file, text, size, error);
	if (ret)
		return ret;
	ret = guard_document_check(&document, &top_schema, error);
	if (!ret)
		ret = guard_document_load(&document, &top_schema, text, size, &values, error);
	cases->text = values;
	if (!ret)
		ret = take_all(cases, &document, error);
	guard_document_close(&document);
	if (ret)
		stoq_guard_cases_free(cases);
	return ret;
}

int stoq_guard_cases_read(
	struct stoq_guard_cases *cases, const char *path, struct stoq_error *error)
{
	char *text = NULL;
	size_t size = 0;
	int ret = stoq_guard_policy_read_text(&text, &size, "the cases", path, error);

	*cases = (struct stoq_guard_cases){0};
	if (ret)
		return ret;
	ret = stoq_guard_cases_parse(cases, path, text, size, error);
	free(text);
	return ret;
}

void stoq_guard_cases_free(struct stoq_guard_cases *cases)
{
	guard_document_free(&top_schema, cases->text);
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
	fprintf(file, " by rule %s, %s:%u\n", label, explainer->path,
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
