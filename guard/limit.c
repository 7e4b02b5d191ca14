// SPDX-License-Identifier: BSD-2-Clause
#include "guard/limit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "guard/policy_files.h"
#include "guard/rule.h"

#define IOPS_MAX	 10000000
#define BANDWIDTH_MIN	 1000			 /* bytes a second */
#define BANDWIDTH_MAX	 UINT64_C(1000000000000) /* the same */
#define BURST_DEFAULT_NS UINT64_C(100000000)
#define BURST_MAX_NS	 UINT64_C(60000000000)
#define SECOND_NS	 UINT64_C(1000000000)

/* The limit that is being read. */
struct reading {
	struct stoq_guard_limit *limit;
	const struct guard_limit_text *text;
	struct guard_document *document;
	size_t index;
};

static void refuse(
	const struct reading *reading, const char *key, const char *value, const char *reason)
{
	char before[32];

	snprintf(before, sizeof(before), "limit %zu, ", reading->index + 1);
	guard_document_refuse(reading->document,
		guard_document_entry_place(reading->document, GUARD_LIMITS, reading->index, key, 0),
		before, key, value, reason);
}

/* ---- fields ---- */

static void take_direction(const struct reading *reading)
{
	const char *text = reading->text->direction;

	if (!text)
		return;
	for (int i = STOQ_GUARD_BOTH; i <= STOQ_GUARD_WRITES; i++) {
		if (strcmp(text, stoq_guard_direction_name(i)) == 0) {
			reading->limit->direction = i;
			return;
		}
	}
	refuse(reading, "direction", text, "is not possible; write reads, writes or both");
}

static void take_share(const struct reading *reading)
{
	const char *text = reading->text->share;

	reading->limit->group = text && strcmp(text, "group") == 0;
	if (!text || reading->limit->group || strcmp(text, "each") == 0)
		return;
	refuse(reading, "share", text,
		"is not possible; write `each`: every host has the rate for itself, or `group`: all hosts have it together");
}

static void take_iops(const struct reading *reading)
{
	const char *text = reading->text->iops;

	if (!text || stoq_parse_number(text, 1, IOPS_MAX, &reading->limit->iops) == 0)
		return;
	refuse(reading, "iops", text,
		"is not possible; write a whole number of commands a second, from 1 to 10000000");
}

/* "200MB", "1GiB", "64kB"; without a unit: bytes. 0 or -EINVAL. */
static int parse_bandwidth(const char *text, uint64_t *bytes)
{
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = {{"", 1}, {"B", 1}, {"kB", 1000}, {"KB", 1000}, {"MB", 1000000},
		{"GB", 1000000000}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
	size_t digits = strspn(text, "0123456789");
	char number[16];
	uint64_t value;

	if (!digits || digits >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, digits);
	number[digits] = '\0';
	if (stoq_parse_number(number, 1, BANDWIDTH_MAX, &value))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].unit) == 0 &&
			value <= BANDWIDTH_MAX / units[i].bytes) {
			*bytes = value * units[i].bytes;
			return *bytes < BANDWIDTH_MIN ? -EINVAL : 0;
		}
	}
	return -EINVAL;
}

static void take_bandwidth(const struct reading *reading)
{
	const char *text = reading->text->bandwidth;

	if (!text || parse_bandwidth(text, &reading->limit->bytes_a_second) == 0)
		return;
	refuse(reading, "bandwidth", text,
		"is not possible; write bytes a second, such as 200MB or 64MiB, from 1kB to 1000GB");
}

static void take_burst(const struct reading *reading)
{
	const char *text = reading->text->burst;

	reading->limit->burst_ns = BURST_DEFAULT_NS;
	if (!text || (stoq_parse_duration_ns(text, &reading->limit->burst_ns) == 0 &&
			     reading->limit->burst_ns <= BURST_MAX_NS))
		return;
	refuse(reading, "burst", text,
		"is not possible; write the time whose unused share can be made up for, such as 100ms, at most 60s");
}

static void check_rates(const struct reading *reading)
{
	if (reading->text->iops || reading->text->bandwidth || !reading->limit->name)
		return;
	refuse(reading, "name", reading->limit->name,
		"limits nothing; give it `iops: NUMBER`, `bandwidth: BYTES` or both");
}

/* Opcodes of I/O queues; bits 1:0 are 10b if data goes to the host (NVMe Base 2.0, figure 87). */
static void take_commands(struct stoq_guard_rule *rule, enum stoq_guard_direction direction)
{
	for (unsigned int code = 0; code < 256; code++) {
		bool reads = (code & 3) == 2;

		if (direction == STOQ_GUARD_BOTH || reads == (direction == STOQ_GUARD_READS))
			rule->commands.bits[STOQ_GUARD_IO][code / 64] |= UINT64_C(1) << (code % 64);
	}
}

static void take_limit(
	struct stoq_guard_policy *policy, struct guard_policy_file *file, size_t index)
{
	const struct reading reading = {
		&policy->limits[index], &file->text.limits[index], &file->document, index};
	struct stoq_guard_rule *rule = &policy->limited->rules[index];

	guard_rule_take_limited(policy->limited, index, file, index);
	reading.limit->name = reading.text->match.name;
	/* Only what is known to be the host's counts: see believed_of_unknown() in compile.c. */
	rule->verdict = STOQ_GUARD_ALLOW;
	take_direction(&reading);
	take_commands(rule, reading.limit->direction);
	take_share(&reading);
	take_iops(&reading);
	take_bandwidth(&reading);
	take_burst(&reading);
	check_rates(&reading);
}

/* ---- all of them ---- */

static int make_room(struct stoq_guard_policy *policy, size_t count)
{
	policy->limits = calloc(count, sizeof(*policy->limits));
	policy->limited = calloc(1, sizeof(*policy->limited));
	if (!policy->limits || !policy->limited)
		return -ENOMEM;
	policy->limited->rules = calloc(count, sizeof(*policy->limited->rules));
	if (!policy->limited->rules)
		return -ENOMEM;
	policy->limit_count = count;
	policy->limited->rule_count = count;
	policy->limited->default_verdict = STOQ_GUARD_ALLOW;
	policy->limited->unknown_host = STOQ_GUARD_DENY;
	return 0;
}

void guard_limits_take(struct stoq_guard_policy *policy, struct guard_policy_file *file)
{
	size_t count = file->text.limit_count;

	if (!count)
		return;
	if (make_room(policy, count)) {
		file->document.mistakes->no_memory = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		policy->limited->lists = policy->lists;
		take_limit(policy, file, i);
		policy->lists = policy->limited->lists; /* with what the limit has of its own */
	}
	guard_rules_check_limits(policy->limited, file, GUARD_LIMITS);
}

void guard_limits_free(struct stoq_guard_policy *policy)
{
	if (policy->limited) {
		for (size_t i = 0; i < policy->limited->rule_count; i++)
			guard_rule_free(&policy->limited->rules[i]);
		free(policy->limited->rules);
	}
	free(policy->limited);
	free(policy->limits);
}

/* ---- compiled ---- */

uint64_t stoq_guard_limit_id(const struct stoq_guard_limit *limit)
{
	return stoq_guard_hash((const uint8_t *)limit->name, strlen(limit->name));
}

static struct stoq_limit_entry entry_of(const struct stoq_guard_limit *limit)
{
	return (struct stoq_limit_entry){
		.id = stoq_guard_limit_id(limit),
		.command_ns = limit->iops ? (SECOND_NS + limit->iops / 2) / limit->iops : 0,
		.bytes_a_second = limit->bytes_a_second,
		.burst_ns = limit->burst_ns,
		.group = limit->group,
	};
}

int stoq_guard_limits_compile(const struct stoq_guard_policy *policy,
	struct stoq_limit_installed **compiled, struct stoq_error *error)
{
	struct stoq_guard_compiled *match;
	struct stoq_limit_installed *installed;
	int ret;

	*compiled = NULL;
	if (!policy->limit_count)
		return 0;
	ret = stoq_guard_compile(policy->limited, &match, error);
	if (ret)
		return ret;
	installed = calloc(1, sizeof(*installed));
	if (!installed) {
		free(match);
		return stoq_error_set(error, -ENOMEM, "not enough memory to compile the limits");
	}
	installed->count = (uint32_t)policy->limit_count;
	for (size_t i = 0; i < policy->limit_count; i++)
		installed->limits[i] = entry_of(&policy->limits[i]);
	memcpy(&installed->match, match, sizeof(installed->match));
	free(match);
	*compiled = installed;
	return 0;
}

/* ---- for people ---- */

const char *stoq_guard_direction_name(enum stoq_guard_direction direction)
{
	static const char *const names[] = {[STOQ_GUARD_BOTH] = "both",
		[STOQ_GUARD_READS] = "reads",
		[STOQ_GUARD_WRITES] = "writes"};

	return names[direction];
}

/* The largest unit in which it is a whole number. */
static int print_bandwidth(char *text, size_t size, uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB"};
	unsigned int unit = 0;

	while (unit < 3 && bytes % 1000 == 0) {
		bytes /= 1000;
		unit++;
	}
	return snprintf(text, size, "%" PRIu64 " %s/s", bytes, units[unit]);
}

void stoq_guard_limit_rates(
	const struct stoq_guard_limit *limit, char text[static STOQ_GUARD_LIMIT_RATES])
{
	int used = 0;

	if (limit->iops)
		used = snprintf(text, STOQ_GUARD_LIMIT_RATES, "%" PRIu64 " IOPS%s", limit->iops,
			limit->bytes_a_second ? ", " : "");
	if (limit->bytes_a_second)
		used += print_bandwidth(
			text + used, STOQ_GUARD_LIMIT_RATES - (size_t)used, limit->bytes_a_second);
	snprintf(text + used, STOQ_GUARD_LIMIT_RATES - (size_t)used, ", burst %g ms",
		(double)limit->burst_ns / 1e6);
}

static void print_limit(FILE *file, const struct stoq_guard_policy *policy, size_t index)
{
	const struct stoq_guard_limit *limit = &policy->limits[index];
	const struct stoq_guard_rule *rule = &policy->limited->rules[index];
	char rates[STOQ_GUARD_LIMIT_RATES];

	stoq_guard_limit_rates(limit, rates);
	fprintf(file, "limit %zu (%s), line %u\n", index + 1, limit->name, rule->line);
	if (rule->host.length)
		fprintf(file, "  host        %s\n", rule->host.text);
	if (rule->subsystem.length)
		fprintf(file, "  subsystem   %s\n", rule->subsystem.text);
	for (size_t i = 0; i < rule->namespace_count; i++)
		fprintf(file, "%s%" PRIu32, i ? ", " : "  namespace   ", rule->namespaces[i]);
	fprintf(file, "%s  commands    %s\n", rule->namespace_count ? "\n" : "",
		limit->direction == STOQ_GUARD_BOTH ? "reads and writes"
						    : stoq_guard_direction_name(limit->direction));
	fprintf(file, "  rate        %s, %s\n", rates,
		limit->group ? "for all hosts together" : "for each host");
}

void stoq_guard_limits_print(FILE *file, const struct stoq_guard_policy *policy)
{
	for (size_t i = 0; i < policy->limit_count; i++)
		print_limit(file, policy, i);
}

bool stoq_guard_limit_holds(const struct stoq_guard_policy *policy, size_t index,
	const struct stoq_guard_question *question)
{
	return question->request.table == STOQ_GUARD_IO &&
	       !stoq_guard_why_not(policy->limited, index, question);
}
