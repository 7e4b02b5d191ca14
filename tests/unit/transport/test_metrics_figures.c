// SPDX-License-Identifier: BSD-2-Clause
/* What is not there has no figure; what is there has all of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "transport/metrics_json.h"

static const struct stoq_figure *find(const struct stoq_figures *figures, const char *name)
{
	for (size_t i = 0; i < figures->count; i++)
		if (strcmp(figures->of[i].name, name) == 0)
			return &figures->of[i];
	return NULL;
}

static void expect(const struct stoq_figures *figures, const char *name, uint64_t value)
{
	const struct stoq_figure *figure = find(figures, name);

	assert_non_null(figure);
	assert_int_equal(figure->value, value);
}

/* Of a transport by sockets, without filter, in somebody else's loop, that did nothing yet. */
static void test_absent_is_not_zero(void **state)
{
	static const char *const absent[] = {"rtt_min_seconds", "rtt_p99_seconds", "cpu_seconds",
		"voluntary_context_switches", "packets_sent_per_second", "datapath_dropped_sending",
		"xdp_redirected", "af_xdp_queues", "af_xdp_frames_sent", "af_xdp_copied_operations",
		"af_xdp_umem_bytes", "af_xdp_fill_ring_used"};
	struct stoq_transport_metrics metrics = {.datapath_dropped_sending = UINT64_MAX};
	struct stoq_ebpf_status status = {.datapath = STOQ_DATAPATH_SOCKET};
	struct stoq_figures figures;

	stoq_transport_figures(&figures, &metrics, &status);
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
		assert_null(find(&figures, absent[i]));
	expect(&figures, "connections_open", 0);
	expect(&figures, "packets_retransmitted", 0);
	expect(&figures, "datapath_dropped_receiving", 0);
	expect(&figures, "af_xdp_active", 0);
	expect(&figures, "xdp_filter_active", 0);
}

static const struct stoq_transport_metrics busy = {
	.rtt = {.count = 3,
		.min = 1000,
		.mean = 2000,
		.p50 = 2000,
		.p95 = 3000,
		.p99 = 3000,
		.max = 3000},
	.rtt_histogram = {[10] = 2, [11] = 1},
	.rate_ns = 1000000000,
	.packets_sent_per_second = 7,
	.cpu_ns = 5000000000,
	.core_cpu_ns = {[1] = 5000000000},
	.voluntary_switches = 9,
	.packet_sizes = {1, 0, 2},
	.packet_sizes_received = {0, 0, 0, 4},
	.datapath_dropped_sending = 5,
};
static const struct stoq_ebpf_status with_af_xdp = {
	.datapath = STOQ_DATAPATH_AF_XDP,
	.filter = true,
	.queues = 2,
	.frames_sent = 10,
	.copied_operations = 20,
	.umem_bytes = 8192,
	.fill_ring_used = 11,
	.completion_ring_used = 12,
	.dropped = 13,
	.verdict_count = 2,
	.verdicts = {{"pass_other", 14, 1400}, {"drop_quic", 15, 1500}},
	.redirected = 16,
};

static void test_all_that_is_there(void **state)
{
	struct stoq_ebpf_status fell_back = with_af_xdp;
	struct stoq_figures figures;

	stoq_transport_figures(&figures, &busy, &with_af_xdp);
	assert_true(figures.count < STOQ_FIGURES_MAX); /* none was left out */
	expect(&figures, "rtt_min_seconds", 1000);
	expect(&figures, "rtt_max_seconds", 3000);
	expect(&figures, "packets_sent_per_second", 7);
	expect(&figures, "cpu_seconds", 5000000000);
	expect(&figures, "voluntary_context_switches", 9);
	expect(&figures, "datapath_dropped_sending", 5);
	expect(&figures, "af_xdp_queues", 2);
	expect(&figures, "af_xdp_copied_operations", 20);
	expect(&figures, "af_xdp_dropped", 13);
	expect(&figures, "af_xdp_fill_ring_used", 11);
	expect(&figures, "af_xdp_completion_ring_used", 12);
	expect(&figures, "xdp_redirected", 16);

	/* What was counted stays; rings that are closed are not empty, they are not there. */
	fell_back.datapath = STOQ_DATAPATH_SOCKET;
	fell_back.queues = 0;
	stoq_transport_figures(&figures, &busy, &fell_back);
	expect(&figures, "af_xdp_active", 0);
	expect(&figures, "af_xdp_frames_sent", 10);
	assert_null(find(&figures, "af_xdp_umem_bytes"));
}

static struct json_object *json_of(
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status)
{
	struct stoq_figures figures;
	struct json_object *object;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	stoq_transport_figures(&figures, metrics, status);
	stoq_metrics_put_json(out, &figures, metrics, status);
	assert_int_equal(fclose(out), 0);
	object = json_tokener_parse(text);
	assert_non_null(object);
	free(text);
	return object;
}

/* Follows names and places (".1") from object. */
static int64_t number_at(struct json_object *object, const char *path)
{
	char copy[64], *name, *rest = copy;

	strncpy(copy, path, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	while ((name = strsep(&rest, "/"))) {
		if (json_object_is_type(object, json_type_array))
			object = json_object_array_get_idx(object, strtoul(name, NULL, 10));
		else
			assert_true(json_object_object_get_ex(object, name, &object));
		assert_non_null(object);
	}
	return json_object_get_int64(object);
}

static void test_json(void **state)
{
	static const struct stoq_transport_metrics idle;
	static const struct stoq_ebpf_status sockets;
	struct json_object *object = json_of(&busy, &with_af_xdp);

	assert_int_equal(number_at(object, "rtt_ns/p95"), 3000);
	assert_int_equal(number_at(object, "rtt_ns/histogram/0/below"), 2048);
	assert_int_equal(number_at(object, "rtt_ns/histogram/0/count"), 2);
	assert_int_equal(number_at(object, "packet_sizes/sent/2/packets"), 2);
	assert_int_equal(number_at(object, "packet_sizes/received/3/packets"), 4);
	assert_int_equal(number_at(object, "cores/0/core"), 1);
	assert_int_equal(number_at(object, "cores/0/cpu_seconds"), 5);
	assert_int_equal(number_at(object, "xdp_verdicts/drop_quic/packets"), 15);
	json_object_put(object);

	object = json_of(&idle, &sockets);
	assert_false(json_object_object_get_ex(object, "rtt_ns", NULL));
	assert_false(json_object_object_get_ex(object, "cores", NULL));
	assert_false(json_object_object_get_ex(object, "xdp_verdicts", NULL));
	json_object_put(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absent_is_not_zero),
		cmocka_unit_test(test_all_that_is_there),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
