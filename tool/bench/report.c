// SPDX-License-Identifier: BSD-2-Clause
#include "tool/bench/report.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "base/json.h"

#define SCHEMA_VERSION 1

static double gigabits(uint64_t bytes, uint64_t ns)
{
	return ns ? (double)bytes * 8 / (double)ns : 0;
}

static double percent(uint64_t part_ns, uint64_t whole_ns)
{
	return whole_ns ? 100.0 * (double)part_ns / (double)whole_ns : 0;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* Percentiles that are shown, and their names. */
static const struct {
	const char *name;
	double fraction;
} percentiles[] = {
	{"p50", 0.50},
	{"p95", 0.95},
	{"p99", 0.99},
	{"p99.9", 0.999},
};

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

/* ---- text ---- */

static void print_cpu(const char *who, const struct bench_cpu *cpu, uint64_t elapsed_ns)
{
	printf("  %-10s %.0f %% of a CPU (user %.0f %%, system %.0f %%)\n", who,
		percent(cpu->user_ns + cpu->system_ns, elapsed_ns),
		percent(cpu->user_ns, elapsed_ns), percent(cpu->system_ns, elapsed_ns));
}

static void print_requests(const struct bench_options *options, const struct bench_results *results)
{
	printf("  requests   %.0f a second, %u bytes there, %u back\n",
		(double)results->requests / seconds(results->elapsed_ns), options->request_bytes,
		options->response_bytes);
	printf("  latency   ");
	for (size_t i = 0; i < PERCENTILES; i++)
		printf(" %s %.1f us,", percentiles[i].name,
			(double)stoq_histogram_percentile_ns(
				&results->latency, percentiles[i].fraction) /
				1e3);
	printf(" max %.1f us\n", (double)results->latency.max_ns / 1e3);
}

static void print_throughput(
	const struct bench_options *options, const struct bench_results *results)
{
	if (options->sends)
		printf("  sent       %.2f Gbit/s\n",
			gigabits(results->sent_bytes, results->sent_elapsed_ns));
	if (options->receives)
		printf("  received   %.2f Gbit/s\n",
			gigabits(results->received_bytes, results->elapsed_ns));
}

/* Where it was asked for: a filter that could not be attached is no failure, but to be known. */
static const char *filter_text(const struct stoq_ebpf_status *status)
{
	if (status->filter)
		return status->filter_place;
	return status->reason;
}

static void print_text(const struct bench_options *options, const struct bench_results *results)
{
	const struct stoq_transport_metrics *before = &results->before, *after = &results->after;
	char address[STOQ_ADDRESS_TEXT];

	printf("%s with %s, %.1f s, %u connection%s, %u stream%s each\n",
		options->mode == BENCH_REQUESTS ? options->ping ? "ping" : "requests"
						: "throughput",
		stoq_address_text(address, &options->address), seconds(results->elapsed_ns),
		options->connections, options->connections > 1 ? "s" : "", options->streams,
		options->streams > 1 ? "s" : "");
	if (options->mode == BENCH_REQUESTS)
		print_requests(options, results);
	else
		print_throughput(options, results);
	print_cpu("client", &results->client, results->elapsed_ns);
	print_cpu("server", &results->server, results->server_elapsed_ns);
	printf("  path       %u bytes a datagram, round trip %.1f us, smallest %.1f us\n",
		results->connection.max_udp_payload_bytes,
		(double)results->connection.smoothed_rtt_ns / 1e3,
		(double)results->connection.min_rtt_ns / 1e3);
	printf("  packets    %llu sent, %llu of them again, %llu received\n",
		(unsigned long long)(after->packets_sent - before->packets_sent),
		(unsigned long long)(after->packets_retransmitted - before->packets_retransmitted),
		(unsigned long long)(after->packets_received - before->packets_received));
	if (options->xdp_filter)
		printf("  filter     %s\n", filter_text(&results->ebpf));
	printf("  datapath   %s\n  cipher     %s by %s\n", after->datapath,
		results->connection.cipher, after->packet_protection);
}

/* ---- JSON ---- */

static void put(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_int64((int64_t)value));
}

static void put_real(struct json_object *object, const char *key, double value)
{
	json_object_object_add(object, key, json_object_new_double(value));
}

static void put_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static void put_cpu(struct json_object *object, const char *key, const struct bench_cpu *cpu,
	uint64_t elapsed_ns)
{
	struct json_object *values = json_object_new_object();

	put_real(values, "user_seconds", seconds(cpu->user_ns));
	put_real(values, "system_seconds", seconds(cpu->system_ns));
	put_real(values, "percent", percent(cpu->user_ns + cpu->system_ns, elapsed_ns));
	json_object_object_add(object, key, values);
}

static void put_throughput(
	struct json_object *object, const char *key, uint64_t bytes, uint64_t elapsed_ns)
{
	struct json_object *values = json_object_new_object();

	put(values, "bytes", bytes);
	put_real(values, "gbit_per_second", gigabits(bytes, elapsed_ns));
	json_object_object_add(object, key, values);
}

static void put_requests(struct json_object *object, const struct bench_options *options,
	const struct bench_results *results)
{
	struct json_object *latency = json_object_new_object();

	put(object, "request_bytes", options->request_bytes);
	put(object, "response_bytes", options->response_bytes);
	put(object, "requests", results->requests);
	put_real(object, "requests_per_second",
		(double)results->requests / seconds(results->elapsed_ns));
	for (size_t i = 0; i < PERCENTILES; i++)
		put(latency, percentiles[i].name,
			stoq_histogram_percentile_ns(&results->latency, percentiles[i].fraction));
	put(latency, "mean", stoq_histogram_mean_ns(&results->latency));
	put(latency, "max", results->latency.max_ns);
	json_object_object_add(object, "latency_ns", latency);
}

static void put_transport(struct json_object *object, const struct bench_results *results)
{
	const struct stoq_transport_metrics *before = &results->before, *after = &results->after;

	put(object, "max_udp_payload_bytes", results->connection.max_udp_payload_bytes);
	put(object, "smoothed_rtt_ns", results->connection.smoothed_rtt_ns);
	put(object, "min_rtt_ns", results->connection.min_rtt_ns);
	put(object, "packets_sent", after->packets_sent - before->packets_sent);
	put(object, "packets_received", after->packets_received - before->packets_received);
	put(object, "packets_retransmitted",
		after->packets_retransmitted - before->packets_retransmitted);
	put_text(object, "datapath", after->datapath);
	put_text(object, "cipher", results->connection.cipher);
	put_text(object, "packet_protection", after->packet_protection);
}

static int print_json(const struct bench_options *options, const struct bench_results *results,
	struct stoq_error *error)
{
	struct json_object *object = stoq_json_new_report("bench", SCHEMA_VERSION);
	const char *text;

	put_text(object, "mode",
		options->mode == BENCH_REQUESTS ? options->ping ? "ping" : "requests"
						: "throughput");
	put(object, "connections", options->connections);
	put(object, "streams", options->streams);
	put_real(object, "seconds", seconds(results->elapsed_ns));
	json_object_object_add(object, "spin", json_object_new_boolean(options->spin));
	if (options->mode == BENCH_REQUESTS)
		put_requests(object, options, results);
	if (options->mode == BENCH_THROUGHPUT && options->sends)
		put_throughput(object, "sent", results->sent_bytes, results->sent_elapsed_ns);
	if (options->mode == BENCH_THROUGHPUT && options->receives)
		put_throughput(object, "received", results->received_bytes, results->elapsed_ns);
	put_cpu(object, "client_cpu", &results->client, results->elapsed_ns);
	put_cpu(object, "server_cpu", &results->server, results->server_elapsed_ns);
	put_transport(object, results);
	if (options->xdp_filter)
		put_text(object, "filter", filter_text(&results->ebpf));
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	if (!text) {
		json_object_put(object);
		return stoq_error_set(error, -ENOMEM, "no memory for the report");
	}
	puts(text);
	json_object_put(object);
	return 0;
}

int bench_print(const struct bench_options *options, const struct bench_results *results,
	struct stoq_error *error)
{
	if (options->json)
		return print_json(options, results, error);
	print_text(options, results);
	return 0;
}
