// SPDX-License-Identifier: BSD-2-Clause
/* The model as OpenMetrics: every figure is the model's, labels are harmless and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/stream/series_shared.h"
#include "tests/unit/flow/fixture.h"
#include "watch/metrics.h"

/* What a scraper is shown of the fixture's groups, as if each were a connection's. */
static void count(struct stoq_totals *totals, const struct fixture *fixture)
{
	stoq_totals_begin(totals);
	for (size_t i = 0; i < fixture->model.group_count; i++) {
		const struct stoq_group *group = &fixture->groups[i];
		struct stoq_series series = {.commands = group->total.commands,
			.errors = group->total.errors,
			.bytes = group->total.bytes,
			.latency_sum_ns = group->total.latency.sum_ns};
		struct stoq_total now, nothing = {0};

		memcpy(series.buckets, group->total.latency.buckets, sizeof(series.buckets));
		stoq_total_of(&now, &series, group->total.stages);
		assert_int_equal(stoq_totals_add(totals, &group->identity, &now, &nothing), 0);
		for (uint64_t begun = 0; begun < group->outstanding; begun++)
			assert_int_equal(stoq_totals_begun(totals, &group->identity), 0);
	}
}

static char *text_of(const struct stoq_totals *totals, const struct stoq_model *model,
	struct stoq_volumes *volumes, enum stoq_metrics_format format)
{
	const struct stoq_watch_metrics metrics = {totals, model, volumes};
	char *text;
	size_t size;

	assert_int_equal(stoq_watch_metrics_text(&metrics, format, &text, &size), 0);
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
	struct stoq_totals *totals = stoq_totals_new(0);
	struct fixture fixture;
	char *text, line[512];

	(void)state;
	fixture_init(&fixture);
	strcpy(fixture.groups[0].identity.host_nqn, "nqn.2014-08.org.example:\"db\\1\"\n");
	strcpy(fixture.groups[0].identity.controller_address, "192.0.2.9:4420");
	fixture.groups[0].identity.nsid = 1;
	fixture.groups[0].outstanding = 7;
	fixture_add_stages(&fixture);
	count(totals, &fixture);
	text = text_of(totals, &fixture.model, NULL, STOQ_METRICS_OPENMETRICS);
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
		"stoq_nvme_command_latency_seconds_bucket" READS ",le=\"6.5536e-05\"} 160000\n");
	expect(text, "stoq_nvme_command_errors_total{host=\"\",subsystem=\"\",namespace=\"\","
		     "queue=\"io\",opcode=\"Write\"} 12\n");
	expect(text, "# TYPE stoq_nvme_commands counter\n");
	expect(text, "stoq_watch_label_sets_folded 0\n");
	expect(text, "stoq_watch_uptime_seconds 83.000000000\n");
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
	text = text_of(totals, &fixture.model, NULL, STOQ_METRICS_PROMETHEUS);
	expect(text, "# TYPE stoq_nvme_commands_total counter\n");
	assert_null(strstr(text, "# EOF"));
	free(text);
	stoq_totals_free(totals);
}

/* Commands of what came last are those of the others. */
static void test_bounded(void **state)
{
	struct stoq_totals *totals = stoq_totals_new(2);
	struct fixture fixture;
	char *text;

	(void)state;
	fixture_init(&fixture);
	count(totals, &fixture);
	text = text_of(totals, &fixture.model, NULL, STOQ_METRICS_OPENMETRICS);
#define OTHERS                                                                                     \
	"{host=\"others\",subsystem=\"others\",namespace=\"others\",queue=\"others\","             \
	"opcode=\"others\"}"
	expect(text, "stoq_nvme_commands_total" OTHERS " 10\n");
	expect(text, "stoq_nvme_command_errors_total" OTHERS " 1\n");
	expect(text, "stoq_watch_label_sets_folded 1\n");
	assert_null(strstr(text, "status=\"others\""));
	free(text);
	fixture.model.other_statuses = 5;
	text = text_of(totals, &fixture.model, NULL, STOQ_METRICS_OPENMETRICS);
	expect(text, "stoq_nvme_statuses_total{status=\"others\",code=\"others\",opcode=\"others\","
		     "queue=\"others\"} 5\n");
	free(text);
	stoq_totals_free(totals);
}

/* A file with these bytes; the name is static. */
static const char *file_of(const char *bytes)
{
	static char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/tmp/stoq-labels-%d.yaml", (int)getpid());
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(bytes, file);
	assert_int_equal(fclose(file), 0);
	return path;
}

static void expect_volume(const struct stoq_volumes *volumes, const char *host,
	const char *subsystem, const char *nsid, const char *expected)
{
	const struct stoq_volume_key key = {host, subsystem, nsid};
	const struct stoq_volume *volume = stoq_volumes_find(volumes, &key);

	assert_string_equal(volume ? volume->labels[0] : "none", expected);
}

/* The most specific entry counts. */
static void test_volumes(void **state)
{
	struct stoq_volumes *volumes;
	struct stoq_error error;
	const char *path = file_of("version: 1\n"
				   "labels:\n"
				   "  - {subsystem: s, volume: s}\n"
				   "  - {subsystem: s, namespace: 2, volume: s2}\n"
				   "  - {host: h, volume: h}\n"
				   "  - {host: h, namespace: 7, volume: h7}\n"
				   "  - {host: h, subsystem: s, namespace: 3, volume: hs3}\n"
				   "  - {host: h, subsystem: t, volume: ht, pod: p, tenant: x}\n");

	(void)state;
	if (stoq_volumes_open(&volumes, path, &error))
		fail_msg("%s", error.text);
	assert_int_equal(stoq_volumes_count(volumes), 6);
	expect_volume(volumes, "g", "s", "1", "s");
	expect_volume(volumes, "g", "s", "2", "s2");
	expect_volume(volumes, "g", "t", "1", "none");
	expect_volume(volumes, "h", "s", "3", "hs3");
	expect_volume(volumes, "h", "s", "2", "h");
	expect_volume(volumes, "h", "s", "7", "h7");
	expect_volume(volumes, "h", "t", "9", "ht");
	expect_volume(volumes, "h", "", "", "h");
	expect_volume(volumes, "", "", "", "none");
	stoq_volumes_close(volumes);
	unlink(path);
}

static void test_bad_volumes(void **state)
{
	static const char *const bad[][2] = {
		{"", "is empty"},
		{"version: 2\nlabels: []\n", "is not 1"},
		{"labels:\n  - {namespace: 1, volume: v}\n", ":2: a host or a subsystem is needed"},
		{"labels:\n  - {subsystem: s}\n", "a volume, a pod or a tenant is needed"},
		{"labels:\n  - {subsystem: s, volume: [a]}\n", "must be a single value"},
		{"labels:\n  - {subsystem: s, volume: a, colour: b}\n", "no key 'colour'"},
		{"labels:\n  - {subsystem: s, namespace: 0, volume: a}\n",
			"is not a number from 1"},
		{"labels:\n  - {subsystem: s, namespace: 01, volume: a}\n",
			"is not a number from 1"},
		{"labels:\n  - {subsystem: s, volume: a}\n  - {subsystem: s, pod: b}\n",
			":3: the same host, subsystem and namespace are in line 2"},
		{"labels: {subsystem: s}\n", "must be a list"},
	};
	struct stoq_volumes *volumes;
	struct stoq_error error;
	const char *path = "";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		path = file_of(bad[i][0]);
		assert_int_not_equal(stoq_volumes_open(&volumes, path, &error), 0);
		if (!strstr(error.text, bad[i][1]))
			fail_msg("no '%s' in: %s", bad[i][1], error.text);
	}
	unlink(path);
}

/* A file that changes, is spoilt, is mended; and what its labels look like. */
static void test_labels(void **state)
{
	struct stoq_totals *totals = stoq_totals_new(0);
	const char *path =
		file_of("labels:\n  - {subsystem: s, namespace: 1, volume: \"a\\\"\\\\b\\nc\"}\n");
	struct stoq_volumes *volumes;
	struct fixture fixture;
	struct stoq_error error;
	char *text;

	(void)state;
	assert_int_equal(stoq_volumes_open(&volumes, path, &error), 0);
	fixture_init(&fixture);
	strcpy(fixture.groups[0].identity.subsystem_nqn, "s");
	fixture.groups[0].identity.nsid = 1;
	count(totals, &fixture);
	text = text_of(totals, &fixture.model, volumes, STOQ_METRICS_OPENMETRICS);
	expect(text, "# TYPE stoq_nvme_volume info\n");
	expect(text, "stoq_nvme_volume_info{host=\"\",subsystem=\"s\",namespace=\"1\","
		     "volume=\"a\\\"\\\\b\\nc\",pod=\"\",tenant=\"\"} 1\n");
	expect(text, "stoq_watch_label_file_current 1\n");
	free(text);
	assert_false(stoq_volumes_refresh(volumes, &error));
	file_of("labels: [\n");
	assert_true(stoq_volumes_refresh(volumes, &error));
	assert_non_null(strstr(error.text, "what was in use stays"));
	assert_int_not_equal(error.code, 0);
	assert_false(stoq_volumes_refresh(volumes, &error));
	text = text_of(totals, &fixture.model, volumes, STOQ_METRICS_PROMETHEUS);
	expect(text, "# TYPE stoq_nvme_volume_info gauge\n");
	expect(text, "stoq_watch_label_file_current 0\n");
	expect(text, "stoq_watch_label_file_entries 1\n");
	free(text);
	file_of("labels:\n  - {subsystem: s, pod: db-0, tenant: blue}\n  - {host: x, pod: y}\n");
	assert_true(stoq_volumes_refresh(volumes, &error));
	assert_int_equal(error.code, 0);
	text = text_of(totals, &fixture.model, volumes, STOQ_METRICS_OPENMETRICS);
	expect(text, "stoq_nvme_volume_info{host=\"\",subsystem=\"s\",namespace=\"1\","
		     "volume=\"\",pod=\"db-0\",tenant=\"blue\"} 1\n");
	expect(text, "stoq_watch_label_file_current 1\n");
	expect(text, "stoq_watch_label_file_entries 2\n");
	free(text);
	stoq_totals_free(totals);
	stoq_volumes_close(volumes);
	unlink(path);
}

/* A link that leads to another file and back: what is in use is the file again. */
static void test_link_back(void **state)
{
	char good[64], bad[64], link[64];
	struct stoq_volumes *volumes;
	struct stoq_error error;

	(void)state;
	snprintf(good, sizeof(good), "/tmp/stoq-labels-%d-good", (int)getpid());
	snprintf(bad, sizeof(bad), "/tmp/stoq-labels-%d-bad", (int)getpid());
	snprintf(link, sizeof(link), "/tmp/stoq-labels-%d-link", (int)getpid());
	assert_int_equal(rename(file_of("labels:\n  - {host: h, volume: v}\n"), good), 0);
	assert_int_equal(rename(file_of("labels: [\n"), bad), 0);
	assert_int_equal(symlink(good, link), 0);
	assert_int_equal(stoq_volumes_open(&volumes, link, &error), 0);
	unlink(link);
	assert_int_equal(symlink(bad, link), 0);
	assert_true(stoq_volumes_refresh(volumes, &error));
	assert_false(stoq_volumes_is_current(volumes));
	assert_false(stoq_volumes_refresh(volumes, &error));
	unlink(link);
	assert_int_equal(symlink(good, link), 0);
	assert_true(stoq_volumes_refresh(volumes, &error));
	assert_int_equal(error.code, 0);
	assert_true(stoq_volumes_is_current(volumes));
	assert_false(stoq_volumes_refresh(volumes, &error));
	stoq_volumes_close(volumes);
	unlink(good);
	unlink(bad);
	unlink(link);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_bad_volumes),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_link_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
