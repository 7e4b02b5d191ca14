// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/latency.h"
#include "tunnel/counts.h"
#include "tunnel/inquiry.h"
#include "tunnel/link.h"
#include "tunnel/metrics_rows.h"
#include "tunnel/status.h"
#include "tunnel/totals.h"

/* All workers' totals and what they have open. */
struct sum {
	struct stoq_tunnel_totals *peers;
	struct stoq_tunnel_policy *policy; /* in force; NULL: none */
	struct stoq_rows queues, refusals;
	bool no_memory;
};

static struct stoq_tunnel_totals *totals_of(struct sum *sum, const struct stoq_tunnel_totals *of)
{
	/* Those of all workers: which of them comes first must not decide which peers are "others". */
	struct stoq_tunnel_totals *totals = stoq_tunnel_totals_of(&sum->peers, of->peer, UINT_MAX);

	sum->no_memory |= !totals;
	return totals;
}

static void describe_rows(const struct stoq_tunnel_worker *worker, struct sum *sum)
{
	uint64_t values[STOQ_ROW_VALUES];

	sum->no_memory |= !stoq_rows_add(&sum->queues, &worker->queue_rows) ||
			  !stoq_rows_add(&sum->refusals, &worker->refusal_rows);
	for (const struct stoq_tunnel_link *link = worker->links; link; link = link->next) {
		if (!link->row)
			continue;
		stoq_queue_values(link, values);
		sum->no_memory |= !stoq_rows_add_values(&sum->queues, link->row, values);
	}
}

static void describe(const struct stoq_tunnel_worker *worker, void *subject)
{
	struct sum *sum = subject;
	struct stoq_tunnel_totals *totals;

	if (!sum->policy)
		sum->policy = stoq_tunnel_policy_hold(worker->policy);
	describe_rows(worker, sum);

	for (totals = worker->totals; totals; totals = totals->next) {
		struct stoq_tunnel_totals *into = totals_of(sum, totals);

		if (into)
			stoq_tunnel_totals_add(into, totals);
	}
	for (const struct stoq_tunnel_link *link = worker->links; link; link = link->next) {
		totals = link->totals ? totals_of(sum, link->totals) : NULL;
		if (!totals)
			continue;
		stoq_tunnel_totals_add_queue(totals, &link->mux.figures);
		totals->queues_open++;
	}
}

static void free_sum(void *subject)
{
	struct sum *sum = subject;

	stoq_tunnel_totals_free(&sum->peers);
	stoq_tunnel_policy_release(sum->policy);
	stoq_rows_free(&sum->queues);
	stoq_rows_free(&sum->refusals);
	free(sum);
}

/* ---- text ---- */

static void put_sample(const struct stoq_openmetrics *text, const char *name,
	const struct stoq_tunnel_totals *totals, uint64_t value)
{
	fprintf(text->out, "stoq_tunnel_%s{", name);
	stoq_openmetrics_put_pair(text, "peer", totals->peer);
	fprintf(text->out, "} %" PRIu64 "\n", value);
}

#define VALUE(name, field)                                                                         \
	static uint64_t value_of_##name(const struct stoq_tunnel_totals *totals)                   \
	{                                                                                          \
		return totals->field;                                                              \
	}
VALUE(queues_open, queues_open)
VALUE(queues, queues)
VALUE(commands, figures.commands)
VALUE(completions, figures.completions)
VALUE(errors, figures.errors)
VALUE(refused, figures.refused)
VALUE(from_host, figures.from_host_bytes)
VALUE(to_host, figures.to_host_bytes)
VALUE(identities, identity_refusals)
VALUE(policy, policy_refusals)

static const struct family {
	const char *name, *sample, *help;
	bool counter;
	uint64_t (*value)(const struct stoq_tunnel_totals *totals);
} families[] = {
	{"tunnel_queues_open", "queues_open", "TCP connections that are carried", false,
		value_of_queues_open},
	{"tunnel_queues", "queues_total", "TCP connections that were carried", true,
		value_of_queues},
	{"tunnel_commands", "commands_total", "Commands of hosts", true, value_of_commands},
	{"tunnel_completions", "completions_total", "Commands that were completed", true,
		value_of_completions},
	{"tunnel_command_errors", "command_errors_total",
		"Commands that were completed with a status other than success", true,
		value_of_errors},
	{"tunnel_commands_refused", "commands_refused_total",
		"Commands that were answered in the target's place", true, value_of_refused},
	{"tunnel_from_host_bytes", "from_host_bytes_total", "PDUs from hosts", true,
		value_of_from_host},
	{"tunnel_to_host_bytes", "to_host_bytes_total", "PDUs to hosts", true, value_of_to_host},
	{"tunnel_identities_refused", "identities_refused_total",
		"Connect commands with a host NQN that the certificate does not name", true,
		value_of_identities},
	{"tunnel_policy_refused", "policy_refused_total", "Commands that the policy denied", true,
		value_of_policy},
};

static int put_latency(const struct stoq_openmetrics *text, const struct stoq_tunnel_totals *totals)
{
	struct stoq_latency_counts counts;
	char *labels = stoq_openmetrics_pair("peer", totals->peer);

	if (!labels)
		return -ENOMEM;
	stoq_latency_fold(&counts, totals->figures.latency.buckets);
	stoq_openmetrics_put_latency(text, "tunnel_command_latency_seconds", labels, &counts,
		totals->figures.latency.sum_ns);
	free(labels);
	return 0;
}

/* 0 or -ENOMEM. */
static int put_peers(const struct stoq_openmetrics *text, const struct sum *sum)
{
	const struct stoq_tunnel_totals *totals;
	int ret = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct family *family = &families[i];

		stoq_openmetrics_put_head(
			text, family->name, family->help, family->counter ? "counter" : "gauge");
		for (totals = sum->peers; totals; totals = totals->next)
			put_sample(text, family->sample, totals, family->value(totals));
	}
	stoq_openmetrics_put_head(text, "tunnel_command_latency_seconds",
		"From the capsule to the end of the answer, at this end's TCP connection",
		"histogram");
	for (totals = sum->peers; totals && !ret; totals = totals->next)
		ret = put_latency(text, totals);
	return ret;
}

/* The transport's text without its end, which the whole has. */
static int put_transport(const struct stoq_openmetrics *text, struct stoq_tunnel *tunnel)
{
	char *own, *end;
	size_t size;
	int ret = stoq_transport_metrics_text(tunnel->transport,
		text->prometheus ? STOQ_METRICS_PROMETHEUS : STOQ_METRICS_OPENMETRICS, &own, &size);

	if (ret)
		return ret;
	end = strstr(own, "# EOF\n");
	fwrite(own, 1, end ? (size_t)(end - own) : size, text->out);
	free(own);
	return 0;
}

static int write_text(struct stoq_tunnel *tunnel, const struct sum *sum,
	enum stoq_metrics_format format, char **out, size_t *size)
{
	struct stoq_openmetrics text = {.prometheus = format == STOQ_METRICS_PROMETHEUS};
	int ret;

	*out = NULL;
	text.out = open_memstream(out, size);
	if (!text.out)
		return -ENOMEM;
	ret = put_peers(&text, sum);
	if (!ret) {
		stoq_rates_metrics(tunnel->rates, sum->policy, &text);
		stoq_tunnel_put_queue_rows(&text, &sum->queues);
		stoq_tunnel_put_refusal_rows(&text, &sum->refusals);
		ret = put_transport(&text, tunnel);
	}
	stoq_openmetrics_put_end(&text);
	if (fclose(text.out) && !ret)
		ret = -ENOMEM;
	if (!ret)
		return 0;
	free(*out);
	return ret;
}

static int json_text(struct stoq_tunnel *tunnel, char **text, size_t *size)
{
	*text = stoq_tunnel_status(tunnel);
	*size = *text ? strlen(*text) : 0;
	return *text ? 0 : -ENOMEM;
}

int stoq_tunnel_metrics_text(
	void *context, enum stoq_metrics_format format, char **text, size_t *size)
{
	static const struct stoq_inquiry_kind kind = {describe, free_sum};
	struct stoq_tunnel *tunnel = context;
	struct stoq_inquiry *inquiry;
	struct sum *sum;
	bool complete;
	int ret;

	if (format == STOQ_METRICS_JSON)
		return json_text(tunnel, text, size);
	sum = calloc(1, sizeof(*sum));
	if (sum)
		sum->queues.max = sum->refusals.max = UINT_MAX;
	inquiry = sum ? stoq_inquire(tunnel, &kind, sum, &complete) : NULL;
	if (!inquiry) {
		free(sum);
		return -ENOMEM;
	}
	if (complete && !sum->no_memory)
		ret = write_text(tunnel, sum, format, text, size);
	else
		ret = complete ? -ENOMEM : -EAGAIN;
	stoq_inquiry_end(inquiry);
	return ret;
}
