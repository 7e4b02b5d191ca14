// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/metrics_rows.h"

#include <inttypes.h>

#include "tunnel/counts.h"

static const struct family {
	const char *name, *help;
	bool seconds;
} queue_families[STOQ_ROW_VALUES] = {
	[STOQ_QUEUE_COMMANDS] = {"tunnel_queue_commands", "Commands of the host", false},
	[STOQ_QUEUE_COMPLETIONS] = {"tunnel_queue_completions", "Commands that were completed",
		false},
	[STOQ_QUEUE_ERRORS] = {"tunnel_queue_errors",
		"Commands that were completed with a status other than success", false},
	[STOQ_QUEUE_FROM_HOST_BYTES] = {"tunnel_queue_from_host_bytes", "PDUs from the host",
		false},
	[STOQ_QUEUE_TO_HOST_BYTES] = {"tunnel_queue_to_host_bytes", "PDUs to the host", false},
	[STOQ_QUEUE_LATENCY_NS] = {"tunnel_queue_latency_seconds",
		"Sum of the times from the capsule to the end of the answer, at this end", true},
	[STOQ_QUEUE_TARGET_COMMANDS] = {"tunnel_queue_target_commands",
		"Commands whose time at the target is known", false},
	[STOQ_QUEUE_TARGET_NS] = {"tunnel_queue_target_seconds", "Sum of their times at the target",
		true},
};

static void put_row(const struct stoq_openmetrics *text, const char *name,
	const char *const label_names[STOQ_ROW_LABELS], const struct stoq_row *row)
{
	fprintf(text->out, "stoq_%s_total{", name);
	for (unsigned int i = 0; i < STOQ_ROW_LABELS; i++) {
		if (i)
			fputc(',', text->out);
		stoq_openmetrics_put_pair(text, label_names[i], row->labels[i]);
	}
	fputs("} ", text->out);
}

void stoq_tunnel_put_queue_rows(const struct stoq_openmetrics *text, const struct stoq_rows *queues)
{
	static const char *const names[STOQ_ROW_LABELS] = {"peer", "host", "subsystem", "queue"};

	for (unsigned int i = 0; i < STOQ_ROW_VALUES; i++) {
		const struct family *family = &queue_families[i];

		stoq_openmetrics_put_head(text, family->name, family->help, "counter");
		for (const struct stoq_row *row = queues->first; row; row = row->hh.next) {
			put_row(text, family->name, names, row);
			if (family->seconds)
				stoq_openmetrics_put_ns(text, row->values[i]);
			else
				fprintf(text->out, "%" PRIu64, row->values[i]);
			fputc('\n', text->out);
		}
	}
}

void stoq_tunnel_put_refusal_rows(
	const struct stoq_openmetrics *text, const struct stoq_rows *refusals)
{
	static const char *const names[STOQ_ROW_LABELS] = {"peer", "host", "rule", "name"};

	stoq_openmetrics_put_head(text, "tunnel_rule_refused",
		"Commands that a rule of the policy denied", "counter");
	for (const struct stoq_row *row = refusals->first; row; row = row->hh.next) {
		put_row(text, "tunnel_rule_refused", names, row);
		fprintf(text->out, "%" PRIu64 "\n", row->values[0]);
	}
}
