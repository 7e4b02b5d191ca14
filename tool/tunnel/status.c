// SPDX-License-Identifier: BSD-2-Clause
/* `stoq tunnel status`: what a running tunnel does, from its Unix socket. */
#include "tool/tunnel/status.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "tool/message.h"
#include "tool/options.h"
#include "tool/tunnel/options.h"
#include "tool/tunnel/status_text.h"

#define STATUS_BYTES_MAX (64u << 20)
#define SECOND_NS	 1000000000ull

enum status_option {
	OPTION_SOCKET = TOOL_OPTION_FIRST,
	OPTION_INTERVAL,
	OPTION_JSON,
	OPTION_WATCH
};

struct status_options {
	const char *socket;
	uint64_t interval_ns;
	bool json, watch;
};

static const struct option long_options[] = {
	TOOL_OPTION_HELP,
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"json", no_argument, NULL, OPTION_JSON},
	{"watch", no_argument, NULL, OPTION_WATCH},
	{NULL, 0, NULL, 0},
};

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct status_options *options = context;

	if (option == OPTION_SOCKET)
		options->socket = text;
	else if (option == OPTION_JSON)
		options->json = true;
	else if (option == OPTION_WATCH)
		options->watch = true;
	else if (stoq_parse_duration_ns(text, &options->interval_ns) ||
		 options->interval_ns < SECOND_NS / 10 || options->interval_ns > 3600 * SECOND_NS)
		return stoq_error_set(
			error, -EINVAL, "--interval: '%.40s' is not a time from 100ms to 1h", text);
	return 0;
}

/* ---- being ended ---- */

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	stopped = 1;
}

/* A live view ends as asked. What waits for an answer then, waits no longer: no SA_RESTART. */
static void end_by_signals(void)
{
	const struct sigaction action = {.sa_handler = stop};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
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

		if (part < 0 && errno == EINTR && !stopped)
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

static bool has_objects(struct json_object *report, const char *key)
{
	struct json_object *array;

	if (!json_object_object_get_ex(report, key, &array) ||
		!json_object_is_type(array, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(array); i++)
		if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_object))
			return false;
	return true;
}

/* Anything may listen on a socket that was named by mistake. */
static bool is_tunnel(struct json_object *report)
{
	struct json_object *type;

	return json_object_is_type(report, json_type_object) &&
	       json_object_object_get_ex(report, "type", &type) &&
	       json_object_is_type(type, json_type_string) &&
	       strcmp(json_object_get_string(type), "tunnel") == 0 &&
	       has_objects(report, "queues") && has_objects(report, "connections");
}

/* An answer, as an object for json_object_put(). */
static int ask_object(const char *path, struct json_object **report, struct stoq_error *error)
{
	char *text = NULL;
	int ret = ask(path, &text, error);

	*report = ret ? NULL : json_tokener_parse(text);
	free(text);
	if (ret || is_tunnel(*report))
		return ret;
	json_object_put(*report);
	*report = NULL;
	return stoq_error_set(error, -EBADMSG,
		"what answers at %s is not a tunnel: give --socket what --status of the tunnel has",
		path);
}

static void sleep_for(uint64_t duration_ns)
{
	struct timespec pause = {.tv_sec = (time_t)(duration_ns / SECOND_NS),
		.tv_nsec = (long)(duration_ns % SECOND_NS)};

	/* A signal ends it. */
	nanosleep(&pause, NULL);
}

/* Lines that the terminal has; 0: there is no terminal, or its size is not known. */
static unsigned int terminal_rows(void)
{
	struct winsize size;

	return isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? size.ws_row : 0;
}

static void print(struct json_object *before, struct json_object *report, bool again)
{
	unsigned int rows = again ? terminal_rows() : 0;

	if (rows)
		fputs("\033[H\033[J", stdout);
	tunnel_status_print(before, report, rows);
	if (again && !rows)
		putchar('\n');
	fflush(stdout);
}

/* A tunnel that is restarted is asked again; once for each outage, that is reported. */
static void report_outage(bool *reported, const struct stoq_error *error)
{
	if (!*reported && !stopped)
		tool_notice("%s; asking again", error->text);
	*reported = true;
}

static int watch(
	const struct status_options *options, struct json_object *before, struct stoq_error *error)
{
	struct json_object *report;
	bool reported = false;

	while (!stopped && !ferror(stdout)) {
		sleep_for(options->interval_ns);
		if (stopped)
			break;
		if (ask_object(options->socket, &report, error)) {
			report_outage(&reported, error);
		} else if (before) {
			print(before, report, true);
			reported = false;
		}
		json_object_put(before);
		before = report;
	}
	json_object_put(before);
	/* What was not written is reported at the end of the program. */
	return 0;
}

static int show(const struct status_options *options, struct stoq_error *error)
{
	struct json_object *before, *after;
	int ret = ask_object(options->socket, &before, error);

	if (ret)
		return stopped ? 0 : ret;
	if (options->watch)
		return watch(options, before, error);
	sleep_for(options->interval_ns);
	ret = ask_object(options->socket, &after, error);
	if (!ret)
		print(before, after, false);
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
	if (options.json && options.watch)
		return tool_usage("--watch is for people: --json prints one report");
	if (options.watch)
		end_by_signals();
	ret = options.json ? show_json(&options, &error) : show(&options, &error);
	return ret ? tool_fail(&error) : EXIT_SUCCESS;
}
