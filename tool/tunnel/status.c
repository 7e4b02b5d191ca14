// SPDX-License-Identifier: BSD-2-Clause
/* `stoq tunnel status`: what a running tunnel does, from its Unix socket. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "tool/message.h"
#include "tool/options.h"
#include "tool/tunnel/options.h"

#define STATUS_BYTES_MAX (64u << 20)
#define SECOND_NS	 1000000000ull

enum status_option { OPTION_SOCKET = TOOL_OPTION_FIRST, OPTION_INTERVAL, OPTION_JSON };

struct status_options {
	const char *socket;
	uint64_t interval_ns;
	bool json;
};

static const struct option long_options[] = {
	TOOL_OPTION_HELP,
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"json", no_argument, NULL, OPTION_JSON},
	{NULL, 0, NULL, 0},
};

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct status_options *options = context;

	if (option == OPTION_SOCKET)
		options->socket = text;
	else if (option == OPTION_JSON)
		options->json = true;
	else if (stoq_parse_duration_ns(text, &options->interval_ns) ||
		 options->interval_ns < SECOND_NS / 10 || options->interval_ns > 3600 * SECOND_NS)
		return stoq_error_set(
			error, -EINVAL, "--interval: '%.40s' is not a time from 100ms to 1h", text);
	return 0;
}

/* ---- from the tunnel ---- */

static int connect_to(const char *path, struct stoq_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return stoq_error_set(
			error, -ENAMETOOLONG, "--socket: '%.60s...' is too long", path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	ret = -errno;
	if (fd >= 0)
		close(fd);
	return stoq_error_set(error, ret,
		"cannot ask the tunnel at %s: %s; is it running, with --status %s?", path,
		strerror(-ret), path);
}

/* All that comes, as text for free(). */
static char *read_all(int fd)
{
	size_t size = 0, capacity = 65536;
	char *text = malloc(capacity);

	while (text && capacity <= STATUS_BYTES_MAX) {
		ssize_t part = read(fd, text + size, capacity - size - 1);

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0) {
			text[size] = '\0';
			return text;
		}
		size += (size_t)part;
		if (capacity - size == 1) {
			char *larger = realloc(text, capacity *= 2);

			if (!larger)
				break;
			text = larger;
		}
	}
	free(text);
	return NULL;
}

static int ask(const char *path, char **text, struct stoq_error *error)
{
	int fd = connect_to(path, error);

	if (fd < 0)
		return fd;
	*text = read_all(fd);
	close(fd);
	return *text && **text
		       ? 0
		       : stoq_error_set(error, -EIO,
				 "the tunnel at %s gave no answer; its log may say why", path);
}

/* ---- for a person ---- */

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

/* The same queue in the earlier answer: by its TCP connection. */
static struct json_object *earlier_queue(struct json_object *before, struct json_object *queue)
{
	struct json_object *queues = member(before, "queues");

	for (size_t i = 0; i < json_object_array_length(queues); i++) {
		struct json_object *other = json_object_array_get_idx(queues, i);

		if (strcmp(text_of(other, "tcp"), text_of(queue, "tcp")) == 0 &&
			strcmp(text_of(other, "peer"), text_of(queue, "peer")) == 0)
			return other;
	}
	return NULL;
}

static double rate(
	struct json_object *queue, struct json_object *before, const char *key, double seconds)
{
	uint64_t now = number(queue, key), then = before ? number(before, key) : 0;

	return now > then ? (double)(now - then) / seconds : 0;
}

static void print_queue(struct json_object *queue, struct json_object *before, double seconds)
{
	struct json_object *latency = member(queue, "latency_ns");

	printf("%-24s %-24s %4" PRIu64 " %5" PRIu64 " %9.0f %8.1f %8.1f %9.1f %9.1f %9.1f %7" PRIu64
	       " %7" PRIu64 "\n",
		text_of(queue, "tcp"), text_of(queue, "host_nqn"), number(queue, "qid"),
		number(queue, "lanes"), rate(queue, before, "completions", seconds),
		rate(queue, before, "to_host_bytes", seconds) / 1e6,
		rate(queue, before, "from_host_bytes", seconds) / 1e6,
		(double)number(latency, "p50") / 1e3, (double)number(latency, "p99") / 1e3,
		(double)number(member(queue, "target_ns"), "mean") / 1e3, number(queue, "errors"),
		number(queue, "refused"));
}

static void print_connections(struct json_object *report)
{
	struct json_object *connections = member(report, "connections");

	printf("%-24s %-20s %7s %10s %12s %10s %10s\n", "connection", "name", "queues", "rtt us",
		"window KiB", "identity", "policy");
	for (size_t i = 0; i < json_object_array_length(connections); i++) {
		struct json_object *it = json_object_array_get_idx(connections, i);

		printf("%-24s %-20s %7" PRIu64 " %10.1f %12" PRIu64 " %10" PRIu64 " %10" PRIu64
		       "\n",
			text_of(it, "peer"), text_of(it, "name"), number(it, "queues"),
			(double)number(it, "rtt_ns") / 1e3,
			number(it, "congestion_window_bytes") / 1024,
			number(it, "refused_identities"), number(it, "refused_by_policy"));
	}
}

static void print_report(struct json_object *before, struct json_object *report)
{
	struct json_object *queues = member(report, "queues");
	double seconds = (double)(number(report, "time_ns") - number(before, "time_ns")) / 1e9;

	print_connections(report);
	printf("\n%-24s %-24s %4s %5s %9s %8s %8s %9s %9s %9s %7s %7s\n", "queue", "host", "QID",
		"lanes", "IOPS", "MB/s in", "MB/s out", "p50 us", "p99 us", "target us", "errors",
		"refused");
	for (size_t i = 0; i < json_object_array_length(queues); i++) {
		struct json_object *queue = json_object_array_get_idx(queues, i);

		print_queue(queue, earlier_queue(before, queue), seconds);
	}
	if (!json_object_get_boolean(member(report, "complete")))
		printf("some workers did not answer: their queues are missing\n");
}

static int show(const struct status_options *options, struct stoq_error *error)
{
	struct timespec pause = {.tv_sec = (time_t)(options->interval_ns / SECOND_NS),
		.tv_nsec = (long)(options->interval_ns % SECOND_NS)};
	struct json_object *before, *after;
	char *text = NULL;
	int ret = ask(options->socket, &text, error);

	if (ret)
		return ret;
	before = json_tokener_parse(text);
	free(text);
	nanosleep(&pause, NULL);
	ret = ask(options->socket, &text, error);
	after = ret ? NULL : json_tokener_parse(text);
	if (!ret && (!before || !after))
		ret = stoq_error_set(
			error, -EBADMSG, "the answer of %s is not JSON", options->socket);
	if (!ret)
		print_report(before, after);
	free(text);
	json_object_put(before);
	json_object_put(after);
	return ret;
}

static int show_json(const struct status_options *options, struct stoq_error *error)
{
	char *text = NULL;
	int ret = ask(options->socket, &text, error);

	if (!ret)
		puts(text);
	free(text);
	return ret;
}

int tunnel_status(int argc, char **argv)
{
	static const struct tool_options known = {long_options, tunnel_help, take_option};
	struct status_options options = {.interval_ns = SECOND_NS};
	struct stoq_error error;
	int status, ret;

	if (tool_options_only(&known, &options, argc, argv, &status))
		return status;
	if (!options.socket)
		return tool_usage("--socket PATH is needed: what --status of the tunnel has");
	ret = options.json ? show_json(&options, &error) : show(&options, &error);
	return ret ? tool_fail(&error) : EXIT_SUCCESS;
}
