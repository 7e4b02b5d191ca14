// SPDX-License-Identifier: BSD-2-Clause
/* The model as OpenMetrics: every figure is the model's, labels are harmless and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/flow/fixture.h"
#include "watch/metrics.h"

static char *text_of(struct stoq_watch_metrics *metrics, const struct stoq_model *model,
	enum stoq_metrics_format format)
{
	char *text;
	size_t size;

	assert_int_equal(stoq_watch_metrics_note(metrics, model), 0);
	assert_int_equal(stoq_watch_metrics_text(metrics, model, format, &text, &size), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

static void expect(const char *text, const char *line)
{
	const char *found = strstr(text, line);

	if (!found || (found != text && found[-1] != '\n'))
		fail_msg("'%s' is not in:\n%s", line, text);
}

static void test_figures(void **state)
{
	struct stoq_watch_metrics *metrics = stoq_watch_metrics_new(0);
	struct fixture fixture;
	char *text, line[512];

	(void)state;
	fixture_init(&fixture);
	strcpy(fixture.groups[0].identity.host_nqn, "nqn.2014-08.org.example:\"db\\1\"\n");
	strcpy(fixture.groups[0].identity.controller_address, "192.0.2.9:4420");
	fixture.groups[0].identity.nsid = 1;
	fixture.groups[0].outstanding = 7;
	fixture_add_stages(&fixture);
	text = text_of(metrics, &fixture.model, STOQ_METRICS_OPENMETRICS);
	/* A control character and a backslash are escaped twice: once to be seen, once as a label.
	 */
#define READS                                                                                      \
	"{host=\"nqn.2014-08.org.example:\\\"db\\\\x5c1\\\"\\\\x0a\",subsystem=\"192.0.2.9:"       \
	"4420\","                                                                                  \
	"namespace=\"1\",queue=\"io\",opcode=\"Read\""
	expect(text, "stoq_nvme_commands_total" READS "} 400000\n");
	expect(text, "stoq_nvme_commands_outstanding" READS "} 7\n");
	expect(text, "stoq_nvme_data_bytes_total" READS "} 1638400000\n");
	expect(text, "stoq_nvme_command_latency_seconds_bucket" READS ",le=\"+Inf\"} 400000\n");
	expect(text, "stoq_nvme_command_latency_seconds_count" READS "} 400000\n");
	snprintf(line, sizeof(line),
		"stoq_nvme_command_stage_seconds_total" READS ",stage=\"data\"} %.9f\n",
		(double)fixture.groups[0].total.stages[STOQ_STAGE_DATA].sum_ns / 1e9);
	expect(text, line);
	/* 40000 + i * i ns: at most 65536 for i up to 159. */
	expect(text,
		"stoq_nvme_command_latency_seconds_bucket" READS ",le=\"0.000065536\"} 160000\n");
	expect(text, "stoq_nvme_command_errors_total{host=\"\",subsystem=\"\",namespace=\"\","
		     "queue=\"io\",opcode=\"Write\"} 12\n");
	expect(text, "# TYPE stoq_nvme_commands counter\n");
	expect(text, "stoq_watch_label_sets_folded 0\n");
	expect(text, "stoq_watch_uptime_seconds 83.000000000\n");
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
	text = text_of(metrics, &fixture.model, STOQ_METRICS_PROMETHEUS);
	expect(text, "# TYPE stoq_nvme_commands_total counter\n");
	assert_null(strstr(text, "# EOF"));
	free(text);
	stoq_watch_metrics_free(metrics);
}

/* Those that came first keep their samples, also when the others are busier; no counter falls. */
static void test_bounded(void **state)
{
	struct stoq_watch_metrics *metrics = stoq_watch_metrics_new(2);
	struct fixture fixture;
	struct stoq_group first;
	char *text;

	(void)state;
	fixture_init(&fixture);
	text = text_of(metrics, &fixture.model, STOQ_METRICS_OPENMETRICS);
#define OTHERS                                                                                     \
	"{host=\"others\",subsystem=\"others\",namespace=\"others\",queue=\"others\","             \
	"opcode=\"others\"}"
	expect(text, "stoq_nvme_commands_total" OTHERS " 10\n");
	expect(text, "stoq_nvme_command_errors_total" OTHERS " 1\n");
	expect(text, "stoq_watch_label_sets_folded 1\n");
	free(text);
	/* The order in the model is that of the last interval. */
	first = fixture.groups[0];
	fixture.groups[0] = fixture.groups[2];
	fixture.groups[2] = first;
	text = text_of(metrics, &fixture.model, STOQ_METRICS_OPENMETRICS);
	expect(text, "stoq_nvme_commands_total" OTHERS " 10\n");
	free(text);
	stoq_watch_metrics_free(metrics);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
