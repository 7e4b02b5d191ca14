// SPDX-License-Identifier: BSD-2-Clause
#include "guard/diff_limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "guard/limit.h"

#define LINE_BYTES 1024

static bool is_same_text(
	const struct stoq_guard_condition *one, const struct stoq_guard_condition *other)
{
	return one->length == other->length && one->prefix == other->prefix &&
	       memcmp(one->text ? one->text : "", other->text ? other->text : "", one->length) == 0;
}

static bool is_same_list(const struct stoq_guard_list *one, const struct stoq_guard_list *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++)
		if (!is_same_text(&one->items[i], &other->items[i]))
			return false;
	return true;
}

/* Also what the lists contain: their names alone would not show it. */
static bool is_same_condition(
	const struct stoq_guard_condition *one, const struct stoq_guard_condition *other)
{
	if (!is_same_text(one, other) || one->list_count != other->list_count)
		return false;
	for (size_t i = 0; i < one->list_count; i++)
		if (!is_same_list(one->lists[i], other->lists[i]))
			return false;
	return true;
}

static bool has_same_match(const struct stoq_guard_rule *one, const struct stoq_guard_rule *other)
{
	return is_same_condition(&one->host, &other->host) &&
	       is_same_condition(&one->subsystem, &other->subsystem) &&
	       one->namespace_count == other->namespace_count &&
	       memcmp(one->namespaces, other->namespaces,
		       one->namespace_count * sizeof(one->namespaces[0])) == 0;
}

static bool is_same_limit(const struct stoq_guard_limit *one, const struct stoq_guard_limit *other)
{
	return one->direction == other->direction && one->group == other->group &&
	       one->iops == other->iops && one->bytes_a_second == other->bytes_a_second &&
	       one->burst_ns == other->burst_ns;
}

/* The place of the limit of this name; limit_count: there is none. */
static size_t find(const struct stoq_guard_policy *policy, const char *name)
{
	size_t i = 0;

	while (i < policy->limit_count && strcmp(policy->limits[i].name, name) != 0)
		i++;
	return i;
}

/* What the limit is, in a line. */
static void describe(
	const struct stoq_guard_policy *policy, size_t index, char text[static LINE_BYTES])
{
	const struct stoq_guard_limit *limit = &policy->limits[index];
	const struct stoq_guard_rule *rule = &policy->limited->rules[index];
	char rates[STOQ_GUARD_LIMIT_RATES];

	stoq_guard_limit_rates(limit, rates);
	snprintf(text, LINE_BYTES, "%s, %s%s%.200s%s%.200s%s%s, line %u", rates,
		limit->group ? "all together" : "each host", rule->host.length ? ", host " : "",
		rule->host.length ? rule->host.text : "",
		rule->subsystem.length ? ", subsystem " : "",
		rule->subsystem.length ? rule->subsystem.text : "",
		rule->namespace_count ? ", some namespaces" : "",
		limit->direction == STOQ_GUARD_BOTH    ? ""
		: limit->direction == STOQ_GUARD_READS ? ", reads"
						       : ", writes",
		rule->line);
}

size_t stoq_guard_diff_limits(const struct stoq_guard_policy *before,
	const struct stoq_guard_policy *after, stoq_guard_diff_limit_fn told, void *context)
{
	char was[LINE_BYTES], is[LINE_BYTES];
	size_t count = 0;

	for (size_t i = 0; i < before->limit_count; i++) {
		size_t other = find(after, before->limits[i].name);
		bool gone = other == after->limit_count;

		if (!gone && is_same_limit(&before->limits[i], &after->limits[other]) &&
			has_same_match(&before->limited->rules[i], &after->limited->rules[other]))
			continue;
		count++;
		describe(before, i, was);
		if (!gone)
			describe(after, other, is);
		if (told)
			told(context, before->limits[i].name, was, gone ? NULL : is);
	}
	for (size_t i = 0; i < after->limit_count; i++) {
		if (find(before, after->limits[i].name) < before->limit_count)
			continue;
		count++;
		describe(after, i, is);
		if (told)
			told(context, after->limits[i].name, NULL, is);
	}
	return count;
}

static void print_change(void *context, const char *name, const char *before, const char *after)
{
	fprintf(context, "limit %s\n  before     %s\n  after      %s\n\n", name,
		before ? before : "not there", after ? after : "not there");
}

void stoq_guard_diff_limits_print(
	FILE *file, const struct stoq_guard_policy *before, const struct stoq_guard_policy *after)
{
	stoq_guard_diff_limits(before, after, print_change, file);
}

static void put_change(void *context, const char *name, const char *before, const char *after)
{
	struct json_object *entry = json_object_new_object();

	stoq_json_put_string(entry, "name", name);
	stoq_json_put_string(entry, "before", before);
	stoq_json_put_string(entry, "after", after);
	json_object_array_add(context, entry);
}

struct json_object *stoq_guard_diff_limits_json(
	const struct stoq_guard_policy *before, const struct stoq_guard_policy *after)
{
	struct json_object *list = json_object_new_array();

	if (list)
		stoq_guard_diff_limits(before, after, put_change, list);
	return list;
}
