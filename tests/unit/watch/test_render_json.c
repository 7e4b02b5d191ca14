// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "../flow/fixture.h"
#include "bpf/stream/event_shared.h"
#include "nvme/nvme_tcp.h"
#include "watch/render_json.h"
#include "watch/render_json_event.h"

#define TIME_NS 1795322086123456789ull

/* Parses, and takes the text away. */
static struct json_object *parse(char *text)
{
	struct json_object *object;

	assert_non_null(text);
	assert_null(strchr(text, '\n'));
	object = json_tokener_parse(text);
	assert_non_null(object);
	free(text);
	return object;
}

/* The value at a path such as "overall/latency_ns/p50"; the path must exist. */
static struct json_object *at(struct json_object *object, const char *path)
{
	char copy[128], *save = NULL;

	strncpy(copy, path, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	for (char *key = strtok_r(copy, "/", &save); key; key = strtok_r(NULL, "/", &save)) {
		if (json_object_is_type(object, json_type_array))
			object = json_object_array_get_idx(object, (size_t)strtoul(key, NULL, 10));
		else if (!json_object_object_get_ex(object, key, &object))
			fail_msg("no %s in %s", key, path);
	}
	return object;
}

static void assert_number(struct json_object *object, const char *path, uint64_t expected)
{
	struct json_object *value = at(object, path);

	assert_true(json_object_is_type(value, json_type_int));
	assert_true(json_object_get_uint64(value) == expected);
}

static void assert_text(struct json_object *object, const char *path, const char *expected)
{
	assert_string_equal(json_object_get_string(at(object, path)), expected);
}

static void test_interval(void **state)
{
	static struct fixture fixture;
	struct json_object *object;

	fixture_init(&fixture);
	object = parse(stoq_json_interval(&fixture.model, TIME_NS, false));
	assert_number(object, "schema_version", 1);
	assert_text(object, "type", "interval");
	assert_text(object, "time", "2026-11-22T04:34:46.123456789Z");
	assert_number(object, "time_unix_ns", TIME_NS);
	assert_number(object, "interval_ns", 1000000000);
	assert_number(object, "elapsed_ns", 83000000000);
	assert_text(object, "interfaces/1", "eth0");
	assert_text(object, "attachment", "tcx link");
	assert_text(object, "by", "opcode");
	assert_number(object, "overall/commands", 500010);
	assert_number(object, "overall/errors", 13);
	assert_number(object, "overall/bytes", 400000ull * 4096 + 100000ull * 8192);
	assert_number(object, "overall/outstanding", 32);
	assert_text(object, "groups/0/iops", "400000.0");
	assert_text(object, "groups/0/identity/opcode_name", "Read");
	assert_number(object, "groups/0/identity/opcode", 2);
	assert_null(at(object, "groups/0/identity/host_nqn"));
	assert_null(at(object, "groups/0/identity/nsid"));
	assert_number(object, "groups/0/outstanding", 30);
	assert_number(object, "groups/2/latency_ns/max", 2500000);
	assert_text(object, "statuses/0/status_name", "LBA Out of Range");
	assert_number(object, "statuses/0/count", 12);
	assert_number(object, "flows/synced", 4);
	assert_number(object, "since_start/pdu_types/CapsuleCmd", 500010);
	assert_number(object, "since_start/counters/packets", 123456);
	assert_false(
		json_object_object_get_ex(at(object, "overall/latency_ns"), "histogram", NULL));
	json_object_put(object);
}

static void test_stages(void **state)
{
	static struct fixture fixture;
	struct json_object *object;
	uint64_t mean;

	fixture_init(&fixture);
	object = parse(stoq_json_interval(&fixture.model, TIME_NS, false));
	assert_null(at(object, "groups/0/stages_ns"));
	json_object_put(object);
	fixture_add_stages(&fixture);
	mean = stoq_histogram_mean_ns(&fixture.groups[1].total.latency);
	object = parse(stoq_json_summary(&fixture.model, TIME_NS));
	assert_number(object, "groups/1/stages_ns/host/count", 100000);
	assert_number(object, "groups/1/stages_ns/host/sum", mean * 2 / 8 * 100000);
	assert_number(object, "groups/1/stages_ns/end/mean", mean * 2 / 8);
	assert_number(object, "groups/1/stages_ns/end/max", mean * 2 / 8);
	assert_number(object, "groups/1/stages_ns/end/histogram/0/2", 100000);
	assert_true(json_object_get_uint64(at(object, "groups/1/stages_ns/end/histogram/0/0")) <=
		    mean * 2 / 8);
	assert_true(json_object_get_uint64(at(object, "groups/1/stages_ns/end/histogram/0/1")) >
		    mean * 2 / 8);
	assert_number(object, "groups/0/stages_ns/host/count", 0);
	assert_null(at(object, "groups/0/stages_ns/host/p99"));
	assert_number(object, "overall/stages_ns/answer/count", 500010);
	assert_number(object, "overall/stages_ns/data/count", 500000);
	json_object_put(object);
}

static void test_tcp(void **state)
{
	static struct fixture fixture;
	struct json_object *object;

	fixture_init(&fixture);
	fixture.groups[0].tcp = (struct stoq_tcp){.uid = 1,
		.handshake_ns = {150000, 0},
		.side = {{.retransmitted_bytes = 1448,
				 .round_trips = 2,
				 .round_trip_sum_ns = 60,
				 .round_trip_min_ns = 20,
				 .round_trip_max_ns = 40},
			{.late_bytes = 7, .zero_windows = 2, .zero_window_ns = 12, .resets = 1}}};
	object = parse(stoq_json_interval(&fixture.model, TIME_NS, false));
	assert_number(object, "groups/0/tcp/handshake_ns/to_controller", 150000);
	assert_null(at(object, "groups/0/tcp/handshake_ns/to_host"));
	assert_number(object, "groups/0/tcp/from_host/retransmitted_bytes", 1448);
	assert_number(object, "groups/0/tcp/from_host/round_trip_ns/count", 2);
	assert_number(object, "groups/0/tcp/from_host/round_trip_ns/mean", 30);
	assert_number(object, "groups/0/tcp/from_host/round_trip_ns/min", 20);
	assert_number(object, "groups/0/tcp/from_host/round_trip_ns/max", 40);
	assert_null(at(object, "groups/0/tcp/from_controller/round_trip_ns/min"));
	assert_number(object, "groups/0/tcp/from_controller/late_bytes", 7);
	assert_number(object, "groups/0/tcp/from_controller/zero_windows", 2);
	assert_number(object, "groups/0/tcp/from_controller/zero_window_ns", 12);
	assert_number(object, "groups/0/tcp/from_controller/resets", 1);
	assert_null(at(object, "groups/1/tcp"));
	json_object_put(object);
}

static void test_stages_of_a_command(void **state)
{
	struct stoq_event_staged event = {
		.command = {.latency_ns = 10, .staged = 1}, .stages = {{1, 2, 3, 4}}};
	struct stoq_identity queue = fixture_nobody();
	struct json_object *object = parse(stoq_json_command(&event.command, &queue, TIME_NS));

	assert_number(object, "stages_ns/answer", 1);
	assert_number(object, "stages_ns/host", 2);
	assert_number(object, "stages_ns/data", 3);
	assert_number(object, "stages_ns/end", 4);
	json_object_put(object);
	event.command.staged = 0;
	object = parse(stoq_json_command(&event.command, &queue, TIME_NS));
	assert_null(at(object, "stages_ns"));
	json_object_put(object);
}

static void test_percentiles_are_those_of_the_histogram(void **state)
{
	static struct fixture fixture;
	struct json_object *object;
	const struct stoq_histogram *latency = &fixture.groups[0].interval.latency;

	fixture_init(&fixture);
	object = parse(stoq_json_interval(&fixture.model, TIME_NS, false));
	assert_number(object, "groups/0/latency_ns/count", 400000);
	assert_number(
		object, "groups/0/latency_ns/p50", stoq_histogram_percentile_ns(latency, 0.5));
	assert_number(
		object, "groups/0/latency_ns/p95", stoq_histogram_percentile_ns(latency, 0.95));
	assert_number(
		object, "groups/0/latency_ns/p99", stoq_histogram_percentile_ns(latency, 0.99));
	assert_number(
		object, "groups/0/latency_ns/p99_9", stoq_histogram_percentile_ns(latency, 0.999));
	assert_number(object, "groups/0/latency_ns/mean", stoq_histogram_mean_ns(latency));
	json_object_put(object);
}

static void test_summary_has_totals_and_histograms(void **state)
{
	static struct fixture fixture;
	struct json_object *object;

	fixture_init(&fixture);
	fixture.groups[2].total.commands = 83;
	fixture.groups[2].total.latency.buckets[STOQ_LATENCY_OVERFLOW] = 73;
	object = parse(stoq_json_summary(&fixture.model, TIME_NS));
	assert_text(object, "type", "summary");
	assert_number(object, "interval_ns", 83000000000);
	assert_text(object, "groups/2/iops", "1.0");
	assert_number(object, "statuses/0/count", 340);
	assert_number(object, "groups/2/latency_ns/histogram/0/2", 10);
	assert_number(object, "groups/2/latency_ns/histogram/1/0", 1ull << 37);
	assert_null(at(object, "groups/2/latency_ns/histogram/1/1"));
	assert_number(object, "groups/2/latency_ns/histogram/1/2", 73);
	json_object_put(object);
}

static void test_nothing_yet(void **state)
{
	static const struct stoq_model model = {.axis = STOQ_BY_HOST, .attachment = "tcx link"};
	struct json_object *object = parse(stoq_json_interval(&model, 0, false));

	assert_number(object, "overall/commands", 0);
	assert_text(object, "overall/iops", "0.0");
	assert_null(at(object, "overall/latency_ns/p50"));
	assert_number(object, "overall/latency_ns/count", 0);
	assert_int_equal(json_object_array_length(at(object, "groups")), 0);
	json_object_put(object);
}

static void test_large_counts_stay_integers(void **state)
{
	static struct fixture fixture;
	struct json_object *object;

	fixture_init(&fixture);
	fixture.groups[0].interval.bytes = UINT64_MAX;
	object = parse(stoq_json_interval(&fixture.model, TIME_NS, false));
	assert_number(object, "groups/0/bytes", UINT64_MAX);
	json_object_put(object);
}

static void test_hostile_names(void **state)
{
	static struct fixture fixture;
	char *text;

	fixture_init(&fixture);
	fixture.model.axis = STOQ_BY_HOST;
	memset(fixture.groups[0].identity.host_nqn, 0xff, NVME_NQN_LENGTH);
	strcpy(fixture.groups[1].identity.host_nqn, "\"\x1b]0;x\a\n\xe2\x80\xae\"");
	text = stoq_json_interval(&fixture.model, TIME_NS, false);
	for (const char *c = text; *c; c++)
		assert_in_range(*c, 0x20, 0x7e);
	struct json_object *object = parse(text);

	assert_int_equal(
		json_object_get_string_len(at(object, "groups/0/identity/host_nqn")), 1024);
	assert_text(object, "groups/1/identity/host_nqn", "\"\\x1b]0;x\\x07\\x0a\\xe2\\x80\\xae\"");
	json_object_put(object);
}

static void test_command(void **state)
{
	struct stoq_event_command event = {.type = STOQ_EVENT_COMMAND,
		.uid = 5,
		.start_ns = 1000,
		.latency_ns = 12345678,
		.slba = 1ull << 40,
		.blocks = 8,
		.nsid = 1,
		.bytes = 4096,
		.cid = 0x1002,
		.status = NVME_STATUS(0, 0x80),
		.opcode = NVME_NVM_WRITE,
		.kind = NVME_QUEUE_IO,
		.dnr = 1};
	struct stoq_identity queue = fixture_nobody();
	struct json_object *object;

	queue.qid = 3;
	object = parse(stoq_json_command(&event, &queue, TIME_NS - 1000));
	assert_text(object, "type", "command");
	assert_number(object, "time_unix_ns", TIME_NS);
	assert_number(object, "latency_ns", 12345678);
	assert_number(object, "qid", 3);
	assert_null(at(object, "cntlid"));
	assert_text(object, "opcode_name", "Write");
	assert_number(object, "slba", 1ull << 40);
	assert_text(object, "status_name", "LBA Out of Range");
	assert_text(object, "dnr", "true");
	json_object_put(object);

	event.blocks = 0;
	object = parse(stoq_json_command(&event, &queue, 0));
	assert_null(at(object, "slba"));
	json_object_put(object);
}

static struct stoq_event_pdu pdu_event(const void *header, uint8_t bytes)
{
	struct stoq_event_pdu event = {.type = STOQ_EVENT_PDU,
		.uid = 5,
		.time_ns = 1000,
		.sequence = 0xfffffff0,
		.side = NVME_TCP_FROM_HOST,
		.header_bytes = bytes};

	memcpy(event.header, header, bytes);
	return event;
}

static void test_pdu(void **state)
{
	const struct nvme_tcp_cmd_pdu command = {
		.hdr = {.type = NVME_TCP_CAPSULE_CMD, .hlen = 72, .plen = nvme_to_le32(72)},
		.sqe = {.opcode = NVME_NVM_READ,
			.command_id = nvme_to_le16(0x1234),
			.nsid = nvme_to_le32(1),
			.cdw10 = nvme_to_le32(77)}};
	struct stoq_event_pdu event = pdu_event(&command, sizeof(command));
	struct json_object *object = parse(stoq_json_pdu(&event, 0));

	assert_text(object, "type", "pdu");
	assert_text(object, "pdu_name", "CapsuleCmd");
	assert_text(object, "sender", "host");
	assert_number(object, "tcp_sequence", 0xfffffff0);
	assert_number(object, "plen", 72);
	assert_number(object, "cid", 0x1234);
	assert_number(object, "opcode", 2);
	assert_number(object, "nsid", 1);
	assert_number(object, "cdw10", 77);
	assert_int_equal(json_object_get_string_len(at(object, "header")), 144);
	json_object_put(object);

	event.header_bytes = 40;
	object = parse(stoq_json_pdu(&event, 0));
	assert_false(json_object_object_get_ex(object, "cid", NULL));
	assert_int_equal(json_object_get_string_len(at(object, "header")), 80);
	json_object_put(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_stages_of_a_command),
		cmocka_unit_test(test_percentiles_are_those_of_the_histogram),
		cmocka_unit_test(test_summary_has_totals_and_histograms),
		cmocka_unit_test(test_nothing_yet),
		cmocka_unit_test(test_large_counts_stay_integers),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_pdu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
