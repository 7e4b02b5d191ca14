// SPDX-License-Identifier: BSD-2-Clause
#include "guard/accounts_report.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "flow/text.h"
#include "guard/limit.h"

#define SERIES_MAX 256 /* accounts among the metrics */

/* A name comes from the wire. */
#define HOST_BYTES (4 * NVME_NQN_LENGTH + 1)

static const char *host_of(char text[static HOST_BYTES], const struct stoq_guard_account *account)
{
	return stoq_text_clean(text, HOST_BYTES, account->host, NVME_NQN_LENGTH, STOQ_TEXT_UTF8);
}

/* ---- for a program ---- */

static struct json_object *account_json(const struct stoq_guard_account *account)
{
	static const char *const kinds[] = {[STOQ_GUARD_ACCOUNT_HOST] = "host",
		[STOQ_GUARD_ACCOUNT_GROUP] = "group",
		[STOQ_GUARD_ACCOUNT_OTHERS] = "others"};
	struct json_object *object = json_object_new_object();
	char host[HOST_BYTES];

	stoq_json_put_string(object, "of", kinds[account->kind]);
	stoq_json_put_string(object, "host_nqn", account->host[0] ? host_of(host, account) : NULL);
	stoq_json_put_u64(object, "commands", account->bucket.commands);
	stoq_json_put_u64(object, "bytes", account->bucket.bytes);
	stoq_json_put_u64(object, "delayed_commands", account->bucket.delayed);
	stoq_json_put_u64(object, "delay_ns", account->bucket.delay_ns);
	stoq_json_put_u64(object, "capped_commands", account->bucket.capped);
	return object;
}

static struct json_object *limit_json(const struct stoq_guard_policy *policy, size_t index,
	const struct stoq_guard_accounts *accounts)
{
	const struct stoq_guard_limit *limit = &policy->limits[index];
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();

	stoq_json_put_string(object, "name", limit->name);
	stoq_json_put_u64(object, "line", policy->limited->rules[index].line);
	stoq_json_put_string(object, "direction", stoq_guard_direction_name(limit->direction));
	stoq_json_put_string(object, "share", limit->group ? "group" : "each");
	stoq_json_put_known(object, "iops", limit->iops != 0, limit->iops);
	stoq_json_put_known(
		object, "bytes_per_second", limit->bytes_a_second != 0, limit->bytes_a_second);
	stoq_json_put_u64(object, "burst_ns", limit->burst_ns);
	for (size_t i = 0; i < accounts->count; i++)
		if (accounts->items[i].limit == stoq_guard_limit_id(limit))
			json_object_array_add(list, account_json(&accounts->items[i]));
	stoq_json_put(object, "accounts", list);
	return object;
}

struct json_object *stoq_guard_accounts_json(
	const struct stoq_guard_policy *policy, const struct stoq_guard_accounts *accounts)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; policy && i < policy->limit_count; i++)
		json_object_array_add(list, limit_json(policy, i, accounts));
	return list;
}

/* ---- for a scraper ---- */

struct family {
	const char *name, *help;
	uint64_t (*value)(const struct stoq_limit_bucket *bucket);
	bool is_time; /* in ns, to be written in seconds */
};

static uint64_t commands_of(const struct stoq_limit_bucket *bucket)
{
	return bucket->commands;
}

static uint64_t bytes_of(const struct stoq_limit_bucket *bucket)
{
	return bucket->bytes;
}

static uint64_t delayed_of(const struct stoq_limit_bucket *bucket)
{
	return bucket->delayed;
}

static uint64_t delay_of(const struct stoq_limit_bucket *bucket)
{
	return bucket->delay_ns;
}

static uint64_t capped_of(const struct stoq_limit_bucket *bucket)
{
	return bucket->capped;
}

static const struct family families[] = {
	{"limit_commands", "Commands that a limit holds for", commands_of, false},
	{"limit_bytes", "Bytes of data of these", bytes_of, false},
	{"limit_delayed_commands", "Commands that had to wait", delayed_of, false},
	{"limit_delay_seconds", "How long they waited, all together", delay_of, true},
	{"limit_capped_commands", "Commands that would have waited longer than 8 seconds",
		capped_of, false},
};

/* The name of the limit with this number; NULL: it is not of the policy in force. */
static const char *limit_name(const struct stoq_guard_policy *policy, uint64_t id)
{
	for (size_t i = 0; i < policy->limit_count; i++)
		if (stoq_guard_limit_id(&policy->limits[i]) == id)
			return policy->limits[i].name;
	return NULL;
}

static void put_labels(const struct stoq_openmetrics *text, const char *guard, const char *limit,
	const struct stoq_guard_account *account)
{
	char host[HOST_BYTES];

	fputc('{', text->out);
	if (guard) {
		stoq_openmetrics_put_pair(text, "guard", guard);
		fputc(',', text->out);
	}
	stoq_openmetrics_put_pair(text, "limit", limit);
	fputc(',', text->out);
	/* No NQN of NVMe's (base 2.0, 4.7) is called that, and none that comes by may pass for it. */
	if (strcmp(host_of(host, account), "unknown") == 0)
		strcpy(host, "\\x75nknown");
	stoq_openmetrics_put_pair(
		text, "host", account->kind == STOQ_GUARD_ACCOUNT_OTHERS ? "unknown" : host);
	fputc('}', text->out);
}

static void put_value(
	const struct stoq_openmetrics *text, const struct family *family, uint64_t value)
{
	fputc(' ', text->out);
	if (family->is_time)
		stoq_openmetrics_put_ns(text, value);
	else
		fprintf(text->out, "%" PRIu64, value);
	fputc('\n', text->out);
}

static void put_family(const struct stoq_openmetrics *text, const char *part, const char *guard,
	const struct stoq_guard_policy *policy, const struct stoq_guard_accounts *accounts,
	const struct family *family)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%s", part, family->name);
	stoq_openmetrics_put_head(text, name, family->help, "counter");
	for (size_t i = 0; i < accounts->count && i < SERIES_MAX; i++) {
		const struct stoq_guard_account *account = &accounts->items[i];
		const char *limit = limit_name(policy, account->limit);

		if (!limit)
			continue;
		fprintf(text->out, "stoq_%s_total", name);
		put_labels(text, guard, limit, account);
		put_value(text, family, family->value(&account->bucket));
	}
}

void stoq_guard_accounts_metrics(const struct stoq_openmetrics *text, const char *part,
	const char *guard, const struct stoq_guard_policy *policy,
	const struct stoq_guard_accounts *accounts)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		put_family(text, part, guard, policy, accounts, &families[i]);
}
