// SPDX-License-Identifier: BSD-2-Clause
#include "guard/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/document.h"
#include "guard/list.h"
#include "guard/rule.h"

struct guard_policy_text {
	char *version;
	char *mode;
	char *default_verdict;
	char *default_status;
	char *unknown_host;
	char *strict;
	struct guard_list_text *lists;
	unsigned int list_count;
	struct stoq_guard_rule_text *rules;
	unsigned int rule_count;
};

/* ---- the shape of the file ---- */

#define OPTIONAL (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)

static const cyaml_schema_value_t list_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

#define TEXT(key, flags, type, member)                                                             \
	CYAML_FIELD_STRING_PTR(key, flags, struct type, member, 0, CYAML_UNLIMITED)

#define TEXTS(key, type, member, count, most)                                                      \
	CYAML_FIELD_SEQUENCE_COUNT(key, OPTIONAL, struct type, member, count, &list_entry, 1, most)

static const cyaml_schema_field_t list_fields[] = {
	TEXT("name", CYAML_FLAG_POINTER, guard_list_text, name),
	TEXTS("hosts", guard_list_text, hosts, host_count, STOQ_GUARD_LISTED_MAX),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t list_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct guard_list_text, list_fields)};

static const cyaml_schema_field_t rule_fields[] = {
	TEXT("name", OPTIONAL, stoq_guard_rule_text, name),
	TEXT("host", OPTIONAL, stoq_guard_rule_text, host),
	TEXTS("hosts", stoq_guard_rule_text, hosts, host_count, STOQ_GUARD_LIST_MAX),
	TEXT("subsystem", OPTIONAL, stoq_guard_rule_text, subsystem),
	TEXTS("subsystems", stoq_guard_rule_text, subsystems, subsystem_count, STOQ_GUARD_LIST_MAX),
	TEXT("namespace", OPTIONAL, stoq_guard_rule_text, nsid),
	TEXTS("namespaces", stoq_guard_rule_text, nsids, nsid_count, STOQ_GUARD_LIST_MAX),
	TEXTS("commands", stoq_guard_rule_text, commands, command_count, STOQ_GUARD_LIST_MAX),
	TEXT("lba", OPTIONAL, stoq_guard_rule_text, lba),
	TEXT("verdict", CYAML_FLAG_POINTER, stoq_guard_rule_text, verdict),
	TEXT("status", OPTIONAL, stoq_guard_rule_text, status),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t rule_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct stoq_guard_rule_text, rule_fields)};

static const cyaml_schema_field_t policy_fields[] = {
	TEXT("version", CYAML_FLAG_POINTER, guard_policy_text, version),
	TEXT("mode", OPTIONAL, guard_policy_text, mode),
	TEXT("default", CYAML_FLAG_POINTER, guard_policy_text, default_verdict),
	TEXT("default-status", OPTIONAL, guard_policy_text, default_status),
	TEXT("unknown-host", OPTIONAL, guard_policy_text, unknown_host),
	TEXT("strict", OPTIONAL, guard_policy_text, strict),
	CYAML_FIELD_SEQUENCE_COUNT("host-lists", OPTIONAL, struct guard_policy_text, lists,
		list_count, &list_schema, 0, STOQ_GUARD_HOST_LISTS_MAX),
	CYAML_FIELD_SEQUENCE_COUNT("rules", OPTIONAL, struct guard_policy_text, rules, rule_count,
		&rule_schema, 0, STOQ_GUARD_RULES_MAX),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t policy_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct guard_policy_text, policy_fields)};

/* ---- checking ---- */

static int top_error(struct guard_document *document, const char *key, struct stoq_error *error,
	const char *text, const char *expected)
{
	return stoq_error_set(error, -EINVAL, "%.200s:%u: %s: '%.60s' is not possible; write %s",
		document->file, guard_document_line(document, key), key, text, expected);
}

static int take_default_status(
	struct stoq_guard_policy *policy, struct guard_document *document, struct stoq_error *error)
{
	const char *text = policy->text->default_status;

	if (!text)
		return 0;
	if (policy->default_verdict != STOQ_GUARD_DENY)
		return top_error(document, "default-status", error, text,
			"`default: deny`, or leave default-status out: what is allowed has no "
			"status");
	if (guard_rule_parse_status(text, &policy->default_status))
		return top_error(document, "default-status", error, text, GUARD_STATUS_EXPECTED);
	return 0;
}

static int take_mode(
	struct stoq_guard_policy *policy, struct guard_document *document, struct stoq_error *error)
{
	const char *text = policy->text->mode;

	if (!text)
		return 0;
	if (strcmp(text, "enforce") == 0)
		policy->mode = STOQ_GUARD_MODE_ENFORCE;
	else if (strcmp(text, "audit") == 0)
		policy->mode = STOQ_GUARD_MODE_AUDIT;
	else
		return top_error(document, "mode", error, text, "`enforce` or `audit`");
	return 0;
}

static int take_top(
	struct stoq_guard_policy *policy, struct guard_document *document, struct stoq_error *error)
{
	const struct guard_policy_text *text = policy->text;

	policy->strict = true;
	policy->unknown_host = STOQ_GUARD_DENY;
	if (strcmp(text->version, "1") != 0)
		return top_error(document, "version", error, text->version,
			"`version: 1`, the only one that this stoq knows");
	if (guard_rule_parse_verdict(text->default_verdict, &policy->default_verdict) ||
		policy->default_verdict == STOQ_GUARD_LOG)
		return top_error(
			document, "default", error, text->default_verdict, "`allow` or `deny`");
	if (text->unknown_host &&
		(guard_rule_parse_verdict(text->unknown_host, &policy->unknown_host) ||
			policy->unknown_host == STOQ_GUARD_LOG))
		return top_error(
			document, "unknown-host", error, text->unknown_host, "`allow` or `deny`");
	if (text->strict) {
		policy->strict = strcmp(text->strict, "true") == 0;
		if (!policy->strict && strcmp(text->strict, "false") != 0)
			return top_error(
				document, "strict", error, text->strict, "`true` or `false`");
	}
	if (take_mode(policy, document, error))
		return -EINVAL;
	return take_default_status(policy, document, error);
}

static int take_rules(
	struct stoq_guard_policy *policy, struct guard_document *document, struct stoq_error *error)
{
	int ret = 0;

	policy->rules = calloc(policy->text->rule_count + 1, sizeof(*policy->rules));
	if (!policy->rules)
		return stoq_error_set(
			error, -ENOMEM, "%s: not enough memory for its rules", document->file);
	policy->rule_count = policy->text->rule_count;
	for (size_t i = 0; !ret && i < policy->rule_count; i++)
		ret = guard_rule_take(policy, i, &policy->text->rules[i], document, error);
	return ret ? ret : guard_rules_check_limits(policy, document, error);
}

static int parse_document(struct stoq_guard_policy *policy, struct guard_document *document,
	const char *text, size_t size, struct stoq_error *error)
{
	int ret = guard_document_check(document, &policy_schema, error);
	void *values = NULL;

	if (!ret)
		ret = guard_document_load(document, &policy_schema, text, size, &values, error);
	policy->text = values;
	if (!ret)
		ret = take_top(policy, document, error);
	for (size_t i = 0; !ret && i < policy->text->list_count; i++)
		ret = guard_list_take(policy, i, &policy->text->lists[i], document, error);
	if (!ret)
		ret = take_rules(policy, document, error);
	if (ret)
		stoq_guard_policy_free(policy);
	return ret;
}

int stoq_guard_policy_parse(struct stoq_guard_policy *policy, const char *file, const char *text,
	size_t size, struct stoq_error *error)
{
	static const struct guard_document_kind kind = {"a policy", "rules", "rule"};
	struct guard_document document;
	int ret;

	*policy = (struct stoq_guard_policy){0};
	ret = guard_document_open(&document, &kind, file, text, size, error);
	if (ret)
		return ret;
	ret = parse_document(policy, &document, text, size, error);
	guard_document_close(&document);
	return ret;
}

void stoq_guard_policy_free(struct stoq_guard_policy *policy)
{
	for (size_t i = 0; policy->rules && i < policy->rule_count; i++)
		guard_rule_free(&policy->rules[i]);
	guard_lists_free(policy);
	guard_document_free(&policy_schema, policy->text);
	free(policy->rules);
	*policy = (struct stoq_guard_policy){0};
}

/* ---- files ---- */

static int read_all(int fd, const char *what, const char *path, char *text, size_t *size,
	struct stoq_error *error)
{
	*size = 0;
	while (*size <= STOQ_GUARD_FILE_MAX) {
		ssize_t got = read(fd, text + *size, STOQ_GUARD_FILE_MAX + 1 - *size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return stoq_error_set(error, -errno, "cannot read %s %.200s: %s", what,
				path, strerror(errno));
		if (got == 0)
			return 0;
		*size += (size_t)got;
	}
	return stoq_error_set(error, -EINVAL,
		"%s %.200s: more than %u KiB, which are never needed: is it the right file?", what,
		path, STOQ_GUARD_FILE_MAX >> 10);
}

int stoq_guard_policy_read_text(
	char **text, size_t *size, const char *what, const char *path, struct stoq_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return stoq_error_set(
			error, -errno, "cannot open %s %.200s: %s", what, path, strerror(errno));
	*text = malloc(STOQ_GUARD_FILE_MAX + 2);
	if (*text)
		ret = read_all(fd, what, path, *text, size, error);
	else
		ret = stoq_error_set(error, -ENOMEM, "not enough memory to read %.200s", path);
	close(fd);
	if (ret) {
		free(*text);
		*text = NULL;
	}
	return ret;
}
