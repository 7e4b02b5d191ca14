// SPDX-License-Identifier: BSD-2-Clause
/*
 * Metrics as text, and over HTTP. Where promtool is, it is asked what it thinks of them.
 */
#include "tests/unit/transport/rig.h"
#include "transport/worker.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <stoq/metrics.h>

static char *text_of(struct rig *rig, enum stoq_metrics_format format)
{
	char *text;
	size_t size;

	assert_int_equal(
		stoq_transport_metrics_text(rig->server.transport, format, &text, &size), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

static void start(struct rig *rig)
{
	rig_prepare(rig, 1);
	rig_start(rig);
	rig_connected(rig);
	rig_run(rig, RIG_S);
}

/* A sample: a name, maybe labels, a blank, a number. */
static void check_sample(const char *line, size_t length)
{
	size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz_"), value;

	assert_int_equal(strncmp(line, "stoq_", 5), 0);
	if (line[name] == '{') /* a reason may have any character */
		name = (size_t)(strstr(line, "} ") - line) + 1;
	assert_int_equal(line[name], ' ');
	value = strspn(line + name + 1, "0123456789.");
	assert_true(value > 0);
	assert_int_equal(name + 1 + value, length);
}

/* Every line is a comment or a sample, and every family is explained before. */
static unsigned int check_lines(const char *text)
{
	unsigned int samples = 0;

	while (*text) {
		size_t length = strcspn(text, "\n");

		assert_int_equal(text[length], '\n');
		if (*text != '#') {
			check_sample(text, length);
			samples++;
		}
		text += length + 1;
	}
	return samples;
}

static void test_both_text_formats(void **state)
{
	struct rig rig;
	char *text;

	start(&rig);
	text = text_of(&rig, STOQ_METRICS_OPENMETRICS);
	assert_true(check_lines(text) > 50);
	assert_non_null(strstr(text, "# TYPE stoq_connections_accepted counter\n"
				     "stoq_connections_accepted_total 1\n"));
	assert_non_null(strstr(text, "# TYPE stoq_connections_open gauge\n"
				     "stoq_connections_open 1\n"));
	assert_non_null(strstr(text, "# TYPE stoq_datapath info\n"
				     "stoq_datapath_info{asked=\"auto\",datapath=\""));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
	text = text_of(&rig, STOQ_METRICS_PROMETHEUS);
	assert_true(check_lines(text) > 50);
	assert_non_null(strstr(text, "# TYPE stoq_connections_accepted_total counter\n"));
	assert_non_null(strstr(text, "# TYPE stoq_datapath_info gauge\n"));
	assert_null(strstr(text, "# EOF"));
	free(text);
	rig_stop(&rig);
}

/* To the nanosecond: a mean that is rounded down, times the count, would fall now and then. */
static void test_rtt_sum(void **state)
{
	struct rig rig;
	char *text;

	start(&rig);
	for (uint64_t ns = 1000; ns < 1003; ns++)
		stoq_histogram_record(
			&rig.server.transport->workers[0]->metrics.rtt, ns + (ns > 1000));
	text = text_of(&rig, STOQ_METRICS_OPENMETRICS);
	if (!strstr(text, "\nstoq_rtt_seconds_sum 0.000003005\n"))
		fail_msg("%s", text);
	assert_non_null(strstr(text, "stoq_rtt_seconds_bucket{le=\"1.024e-06\"} 3\n"));
	assert_non_null(strstr(text, "stoq_sent_packet_size_bytes_bucket{le=\"1200.0\"} "));
	free(text);
	rig_stop(&rig);
}

static void test_json(void **state)
{
	struct json_object *object, *value;
	struct rig rig;
	char *text;

	start(&rig);
	text = text_of(&rig, STOQ_METRICS_JSON);
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_true(json_object_object_get_ex(object, "connections_open", &value));
	assert_int_equal(json_object_get_int(value), 1);
	assert_true(json_object_object_get_ex(object, "packet_sizes", &value));
	assert_true(json_object_object_get_ex(value, "received", &value));
	assert_int_equal(json_object_array_length(value), 6);
	json_object_put(object);
	free(text);
	rig_stop(&rig);
}

/* One request; the answer, head and body. */
static void ask(uint16_t port, const char *request, char *answer, size_t room)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t used = 0;
	ssize_t got;

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	while ((got = read(fd, answer + used, room - 1 - used)) > 0)
		used += (size_t)got;
	answer[used] = '\0';
	close(fd);
}

/* Whether metrics are shown to who asks for a host of this name. */
static bool shown_to(uint16_t port, const char *host)
{
	static char answer[65536];
	char request[256];

	snprintf(request, sizeof(request), "GET /metrics HTTP/1.0\r\nHost: %s\r\n\r\n", host);
	ask(port, request, answer, sizeof(answer));
	if (strstr(answer, " 200 OK"))
		return true;
	assert_non_null(strstr(answer, " 403 "));
	return false;
}

static void expect_only_own_names(uint16_t port)
{
	static const char *const own[] = {
		"127.0.0.1", "127.0.0.1:9464", "127.255.255.254", "localhost", "LocalHost:80"};
	static const char *const others[] = {"evil.example", "127.evil.example", "127.0.0.1.evil",
		"localhost.evil.example", "localhosts", "128.0.0.1", "127.0.0.1234567890", ""};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		assert_true(shown_to(port, own[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(shown_to(port, others[i]));
}

static void test_http(void **state)
{
	struct stoq_metrics_endpoint *endpoint, *second;
	static char answer[65536];
	struct stoq_error error;
	struct rig rig;
	uint16_t port;

	start(&rig);
	assert_int_equal(stoq_metrics_endpoint_open(rig.server.transport, 0, &endpoint, &error), 0);
	port = stoq_metrics_endpoint_port(endpoint);
	assert_int_not_equal(port, 0);
	ask(port,
		"GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text; "
		"version=1.0.0\r\n\r\n",
		answer, sizeof(answer));
	assert_non_null(strstr(answer, " 200 OK"));
	assert_non_null(strstr(answer, "application/openmetrics-text"));
	assert_non_null(strstr(answer, "# EOF\n"));
	ask(port, "GET /metrics HTTP/1.0\r\n\r\n", answer, sizeof(answer));
	assert_non_null(strstr(answer, "text/plain; version=0.0.4"));
	ask(port, "GET /metrics.json HTTP/1.0\r\n\r\n", answer, sizeof(answer));
	assert_non_null(strstr(answer, "application/json"));
	ask(port, "GET /other HTTP/1.0\r\n\r\n", answer, sizeof(answer));
	assert_non_null(strstr(answer, " 404 "));
	ask(port, "DELETE /metrics HTTP/1.0\r\n\r\n", answer, sizeof(answer));
	assert_non_null(strstr(answer, " 405 "));
	expect_only_own_names(port);
	assert_true(stoq_metrics_endpoint_open(rig.server.transport, port, &second, &error) < 0);
	assert_non_null(strstr(error.text, "127.0.0.1"));
	stoq_metrics_endpoint_close(endpoint);
	rig_stop(&rig);
}

#define IDLERS	    20
#define DESCRIPTORS 1100

/* A connection on which nothing is said. */
static int say_nothing(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* What is no request, who says nothing, and a process that has many files open. */
static void test_bad_http(void **state)
{
	static const char *const bad[] = {"GARBAGE\r\n\r\n", "GET\r\n\r\n",
		"GET /metrics HTTP/9.9\r\n\r\n", "HEAD /metrics HTTP/1.0\r\n\r\n",
		"POST /metrics HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"};
	static char answer[65536], long_line[40000];
	struct rlimit limit, more;
	struct stoq_metrics_endpoint *endpoint;
	int idlers[IDLERS], files[DESCRIPTORS];
	struct rig rig;
	uint16_t port;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	more = limit;
	more.rlim_cur = more.rlim_max < 4096 ? more.rlim_max : 4096;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
	for (int i = 0; i < DESCRIPTORS; i++)
		assert_true((files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
	start(&rig);
	assert_int_equal(stoq_metrics_endpoint_open(rig.server.transport, 0, &endpoint, NULL), 0);
	port = stoq_metrics_endpoint_port(endpoint);
	for (int i = 0; i < IDLERS; i++)
		idlers[i] = say_nothing(port);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask(port, bad[i], answer, sizeof(answer));
		assert_null(strstr(answer, "stoq_connections"));
	}
	snprintf(long_line, sizeof(long_line), "GET /metrics?%039000d", 0);
	ask(port, long_line, answer, sizeof(answer));
	assert_null(strstr(answer, " 200 OK"));
	ask(port, "GET /metrics HTTP/1.0\r\n\r\n", answer, sizeof(answer));
	assert_non_null(strstr(answer, "stoq_connections_open 1\n"));
	for (int i = 0; i < IDLERS; i++)
		close(idlers[i]);
	stoq_metrics_endpoint_close(endpoint);
	rig_stop(&rig);
	for (int i = 0; i < DESCRIPTORS; i++)
		close(files[i]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_promtool(void **state)
{
	struct rig rig;
	FILE *promtool;
	char *text;

	if (system("command -v promtool >/dev/null")) { // NOLINT(cert-env33-c): a test
		print_message("promtool is not installed\n");
		skip();
	}
	start(&rig);
	text = text_of(&rig, STOQ_METRICS_PROMETHEUS);
	promtool = popen("promtool check metrics", "w"); // NOLINT(cert-env33-c): a test
	assert_non_null(promtool);
	assert_true(fputs(text, promtool) >= 0);
	assert_int_equal(pclose(promtool), 0);
	free(text);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_text_formats),
		cmocka_unit_test(test_rtt_sum),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_bad_http),
		cmocka_unit_test(test_promtool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
