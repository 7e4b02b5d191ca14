// SPDX-License-Identifier: BSD-2-Clause
#include "tool/tunnel/status_text.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_object *member(struct json_object *object, const char *key)
{
	return json_object_object_get(object, key);
}

static uint64_t number(struct json_object *object, const char *key)
{
	return json_object_get_uint64(member(object, key));
}

static const char *text_of(struct json_object *object, const char *key)
{
	const char *text = json_object_get_string(member(object, key));

	return text && *text ? text : "-";
}

/* ---- queues ---- */

/* What one line has. Times in us, -1: unknown. */
struct row {
	struct json_object *queue;
	double iops, in, out, latency, target, lost;
};

static bool is_same(struct json_object *queue, struct json_object *other)
{
	return number(queue, "number") == number(other, "number") &&
	       strcmp(text_of(other, "tcp"), text_of(queue, "tcp")) == 0 &&
	       strcmp(text_of(other, "peer"), text_of(queue, "peer")) == 0;
}

/* The same queue in the earlier answer. At the target end all have the target's address, so their numbers tell them apart. */
static struct json_object *earlier_queue(struct json_object *before, struct json_object *queue)
{
	struct json_object *queues = member(before, "queues");

	for (size_t i = 0; i < json_object_array_length(queues); i++) {
		struct json_object *other = json_object_array_get_idx(queues, i);

		if (is_same(queue, other))
			return other;
	}
	return NULL;
}

static uint64_t grown(struct json_object *now, struct json_object *before, const char *key)
{
	uint64_t value = number(now, key), then = before ? number(before, key) : 0;

	return value > then ? value - then : 0;
}

/* Of the commands that ended between the two; -1: none did, or none was reported. */
static double mean_us(struct json_object *now, struct json_object *before, const char *times,
	const char *counts, struct json_object *counted, struct json_object *counted_before)
{
	uint64_t count = grown(counted, counted_before, counts);
	uint64_t sum = grown(member(now, times), before ? member(before, times) : NULL, "sum");

	return count ? (double)sum / (double)count / 1e3 : -1;
}

static struct row describe(struct json_object *queue, struct json_object *before, double seconds)
{
	struct json_object *target = member(queue, "target_ns");

	return (struct row){.queue = queue,
		.iops = (double)grown(queue, before, "completions") / seconds,
		.in = (double)grown(queue, before, "to_host_bytes") / seconds / 1e6,
		.out = (double)grown(queue, before, "from_host_bytes") / seconds / 1e6,
		.lost = (double)grown(queue, before, "packets_lost") / seconds,
		.latency = mean_us(queue, before, "latency_ns", "completions", queue, before),
		.target = mean_us(queue, before, "target_ns", "commands", target,
			before ? member(before, "target_ns") : NULL)};
}

/* What waits for its TCP connection; what is unread holds credit of the QUIC connection. */
static uint64_t held_bytes(struct json_object *queue)
{
	return number(queue, "unread_bytes") + number(queue, "waiting_for_tcp_bytes");
}

static int busier(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	uint64_t left_held = held_bytes(left->queue), right_held = held_bytes(right->queue);

	/* One that stands still may be the reason that others do. */
	if (left->iops == right->iops)
		return (left_held < right_held) - (left_held > right_held);
	return (left->iops < right->iops) - (left->iops > right->iops);
}

static void print_us(double us)
{
	if (us < 0)
		printf(" %9s", "-");
	else
		printf(" %9.1f", us);
}

/*
 * At the host end the time is the host's; the rest of it is the tunnel's and the network's. The target end's reports come twice
 * a second, so the two are not of quite the same commands.
 */
static void print_times(const struct row *row, bool host_end)
{
	bool both = host_end && row->latency >= 0 && row->target >= 0;
	double rest = row->latency > row->target ? row->latency - row->target : 0;

	print_us(host_end ? row->latency : -1);
	print_us(row->target);
	print_us(both ? rest : -1);
}

static void print_row(const struct row *row, bool host_end)
{
	struct json_object *queue = row->queue, *latency = member(queue, "latency_ns");

	printf("%-22s %-24.24s %3" PRIu64 " %5" PRIu64 " %9.0f %8.1f %8.1f", text_of(queue, "tcp"),
		text_of(queue, "host_nqn"), number(queue, "qid"), number(queue, "lanes"), row->iops,
		row->in, row->out);
	print_times(row, host_end);
	printf(" %9.1f %6.0f %6" PRIu64 " %7" PRIu64 " %8" PRIu64 "\n",
		(double)number(latency, "p99") / 1e3, row->lost, number(queue, "errors"),
		number(queue, "refused"), held_bytes(queue) / 1024);
}

static void print_queues(struct json_object *before, struct json_object *report, unsigned int rows)
{
	double seconds = (double)(number(report, "time_ns") - number(before, "time_ns")) / 1e9;
	struct json_object *queues = member(report, "queues");
	size_t count = json_object_array_length(queues), shown;
	struct row *all = calloc(count ? count : 1, sizeof(*all));
	bool host_end = strcmp(text_of(report, "end"), "host") == 0;

	if (!all)
		return;
	for (size_t i = 0; i < count; i++) {
		struct json_object *queue = json_object_array_get_idx(queues, i);

		all[i] = describe(queue, earlier_queue(before, queue), seconds);
	}
	qsort(all, count, sizeof(*all), busier);
	shown = rows && count > rows ? rows : count;
	for (size_t i = 0; i < shown; i++)
		print_row(&all[i], host_end);
	if (shown < count)
		printf("and %zu queues that have less to do\n", count - shown);
	free(all);
}

/* ---- connections ---- */

static void print_connections(struct json_object *report, size_t rows)
{
	struct json_object *connections = member(report, "connections");
	size_t count = json_object_array_length(connections);
	size_t shown = rows && count > rows ? rows : count;

	printf("%-22s %-22s %-20s %6s %9s %11s %10s %5s %8s %8s\n", "connection", "from", "name",
		"queues", "rtt us", "window KiB", "credit KiB", "moves", "identity", "policy");
	for (size_t i = 0; i < shown; i++) {
		struct json_object *it = json_object_array_get_idx(connections, i);

		printf("%-22s %-22s %-20.20s %6" PRIu64 " %9.1f %11" PRIu64 " %10" PRIu64
		       " %5" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
			text_of(it, "remote"), text_of(it, "local"), text_of(it, "name"),
			number(it, "queues"), (double)number(it, "rtt_ns") / 1e3,
			number(it, "congestion_window_bytes") / 1024,
			number(it, "receive_credit_bytes") / 1024, number(it, "migrations"),
			number(it, "refused_identities"), number(it, "refused_by_policy"));
	}
	if (shown < count)
		printf("and %zu connections\n", count - shown);
}

/* ---- limits ---- */

#define ACCOUNTS_MAX 10 /* of a limit */

static void print_account(struct json_object *limit, struct json_object *account)
{
	uint64_t delayed = number(account, "delayed_commands");
	const char *of = text_of(account, "of");

	printf("%-24.24s %12" PRIu64 " %15" PRIu64 " %12" PRIu64 " %10.1f %8" PRIu64 "   %s\n",
		text_of(limit, "name"), number(account, "commands"), number(account, "bytes"),
		delayed, delayed ? (double)number(account, "delay_ns") / (double)delayed / 1e6 : 0,
		number(account, "capped_commands"),
		strcmp(of, "host") == 0	   ? text_of(account, "host_nqn")
		: strcmp(of, "group") == 0 ? "all hosts together"
					   : "hosts without room");
}

static void print_limit(struct json_object *limit)
{
	struct json_object *accounts = member(limit, "accounts");
	size_t count = json_object_array_length(accounts);

	for (size_t i = 0; i < count && i < ACCOUNTS_MAX; i++)
		print_account(limit, json_object_array_get_idx(accounts, i));
	if (count > ACCOUNTS_MAX)
		printf("and %zu hosts more; --json has all\n", count - ACCOUNTS_MAX);
}

static void print_limits(struct json_object *report)
{
	struct json_object *limits = member(report, "limits");
	size_t count = json_object_array_length(limits);

	if (!count)
		return;
	printf("\n%-24s %12s %15s %12s %10s %8s   %s\n", "limit", "commands", "bytes", "delayed",
		"mean ms", "capped", "host");
	for (size_t i = 0; i < count; i++)
		print_limit(json_object_array_get_idx(limits, i));
}

/* Lines that are not queues: headings, an empty one, remarks. */
#define FIXED_ROWS 6

void tunnel_status_print(struct json_object *before, struct json_object *report, unsigned int rows)
{
	size_t connections = json_object_array_length(member(report, "connections"));
	/* A third for connections, if there are many. */
	size_t some = rows && connections > rows / 3 ? rows / 3 : connections;
	unsigned int left = rows > some + FIXED_ROWS ? rows - (unsigned int)some - FIXED_ROWS : 1;

	print_connections(report, rows ? some : 0);
	printf("\n%-22s %-24s %3s %5s %9s %8s %8s %9s %9s %9s %9s %6s %6s %7s %8s\n", "queue",
		"host", "QID", "lanes", "IOPS", "MB/s in", "MB/s out", "mean us", "target us",
		"tunnel us", "p99 us", "lost/s", "errors", "refused", "held KiB");
	print_queues(before, report, rows ? left : 0);
	if (!rows)
		print_limits(report);
	if (!json_object_get_boolean(member(report, "complete")))
		printf("some workers did not answer: their queues are missing\n");
}
