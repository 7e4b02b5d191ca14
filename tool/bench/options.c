// SPDX-License-Identifier: BSD-2-Clause
#include "tool/bench/options.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "tool/bench/identity.h"
#include "tool/message.h"
#include "tool/options.h"

#define DURATION_MIN_NS	 10000000ull   /* 10 ms */
#define BUSY_POLL_MAX_NS 1000000000ull /* 1 s */

const char bench_help[] =
#include "stoq-bench.help.h"
	;

enum bench_option {
	OPTION_LISTEN = TOOL_OPTION_FIRST,
	OPTION_CONNECT,
	OPTION_MODE,
	OPTION_DIRECTION,
	OPTION_DURATION,
	OPTION_WARMUP,
	OPTION_CONNECTIONS,
	OPTION_STREAMS,
	OPTION_REQUEST,
	OPTION_RESPONSE,
	OPTION_SPIN,
	OPTION_WORKERS,
	OPTION_CONGESTION,
	OPTION_NO_PACING,
	OPTION_MAX_PAYLOAD,
	OPTION_WINDOW,
	OPTION_BUSY_POLL,
	OPTION_DATAPATH,
	OPTION_INTERFACE,
	OPTION_XDP_FILTER,
	OPTION_CPUS,
	OPTION_CERTIFICATES,
	OPTION_NAME,
	OPTION_INSECURE,
	OPTION_JSON,
};

static const struct option long_options[] = {
	TOOL_OPTION_HELP,
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"connect", required_argument, NULL, OPTION_CONNECT},
	{"mode", required_argument, NULL, OPTION_MODE},
	{"direction", required_argument, NULL, OPTION_DIRECTION},
	{"duration", required_argument, NULL, OPTION_DURATION},
	{"warmup", required_argument, NULL, OPTION_WARMUP},
	{"connections", required_argument, NULL, OPTION_CONNECTIONS},
	{"streams", required_argument, NULL, OPTION_STREAMS},
	{"request", required_argument, NULL, OPTION_REQUEST},
	{"response", required_argument, NULL, OPTION_RESPONSE},
	{"spin", no_argument, NULL, OPTION_SPIN},
	{"workers", required_argument, NULL, OPTION_WORKERS},
	{"congestion", required_argument, NULL, OPTION_CONGESTION},
	{"no-pacing", no_argument, NULL, OPTION_NO_PACING},
	{"max-payload", required_argument, NULL, OPTION_MAX_PAYLOAD},
	{"window", required_argument, NULL, OPTION_WINDOW},
	{"busy-poll", required_argument, NULL, OPTION_BUSY_POLL},
	{"datapath", required_argument, NULL, OPTION_DATAPATH},
	{"interface", required_argument, NULL, OPTION_INTERFACE},
	{"xdp-filter", optional_argument, NULL, OPTION_XDP_FILTER},
	{"cpus", required_argument, NULL, OPTION_CPUS},
	{"certificates", required_argument, NULL, OPTION_CERTIFICATES},
	{"name", required_argument, NULL, OPTION_NAME},
	{"insecure", no_argument, NULL, OPTION_INSECURE},
	{"json", no_argument, NULL, OPTION_JSON},
	{NULL, 0, NULL, 0},
};

/* A word out of a list; -EINVAL. */
static int find(const char *const *words, const char *text)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -EINVAL;
}

static int take_address(struct bench_options *options, enum bench_role role, const char *text,
	struct stoq_error *error)
{
	if (options->role != BENCH_BOTH)
		return stoq_error_set(error, -EINVAL, "--listen and --connect exclude each other");
	options->role = role;
	return stoq_address_parse(&options->address, text, STOQ_DEFAULT_PORT, error);
}

static int take_mode(struct bench_options *options, const char *text, struct stoq_error *error)
{
	static const char *const modes[] = {"throughput", "requests", "ping", NULL};
	int mode = find(modes, text);

	if (mode < 0)
		return stoq_error_set(
			error, mode, "--mode is throughput, requests or ping, not '%.40s'", text);
	options->mode = mode ? BENCH_REQUESTS : BENCH_THROUGHPUT;
	options->ping = mode == 2;
	return 0;
}

static int take_direction(struct bench_options *options, const char *text, struct stoq_error *error)
{
	static const char *const directions[] = {"send", "receive", "both", NULL};
	int direction = find(directions, text);

	if (direction < 0)
		return stoq_error_set(error, direction,
			"--direction is send, receive or both, not '%.40s'", text);
	options->sends = direction != 1;
	options->receives = direction != 0;
	return 0;
}

static int take_congestion(
	struct bench_options *options, const char *text, struct stoq_error *error)
{
	static const char *const names[] = {"cubic", "bbr", "reno", NULL};
	static const enum stoq_congestion_control controls[] = {STOQ_CUBIC, STOQ_BBR, STOQ_RENO};
	int which = find(names, text);

	if (which < 0)
		return stoq_error_set(
			error, which, "--congestion is cubic, bbr or reno, not '%.40s'", text);
	options->congestion_control = controls[which];
	return 0;
}

static int take_datapath(struct bench_options *options, const char *text, struct stoq_error *error)
{
	static const char *const names[] = {"auto", "socket", "af_xdp", NULL};
	static const enum stoq_datapath_kind kinds[] = {
		STOQ_DATAPATH_AUTO, STOQ_DATAPATH_SOCKET, STOQ_DATAPATH_AF_XDP};
	int which = find(names, text);

	if (which < 0)
		return stoq_error_set(
			error, which, "--datapath is auto, socket or af_xdp, not '%.40s'", text);
	options->datapath = kinds[which];
	return 0;
}

static int take_filter(struct bench_options *options, const char *text, struct stoq_error *error)
{
	static const char *const places[] = {"auto", "xdp", "tc", NULL};
	int which = text ? find(places, text) : STOQ_FILTER_AUTO;

	if (which < 0)
		return stoq_error_set(
			error, which, "--xdp-filter is auto, xdp or tc, not '%.40s'", text);
	options->xdp_filter = true;
	options->filter_place = (enum stoq_filter_place)which;
	return 0;
}

static int take_time(const char *name, const char *text, uint64_t *ns, struct stoq_error *error)
{
	if (stoq_parse_duration_ns(text, ns) || *ns > 86400000000000)
		return stoq_error_set(error, -EINVAL,
			"--%s: '%.40s' is not a time up to a day, such as 500ms or 10s", name,
			text);
	return 0;
}

static int take_duration(struct bench_options *options, const char *text, struct stoq_error *error)
{
	int ret = take_time("duration", text, &options->duration_ns, error);

	if (!ret && options->duration_ns < DURATION_MIN_NS)
		return stoq_error_set(
			error, -EINVAL, "--duration: %.40s is too short: at least 10ms", text);
	return ret;
}

static int take_busy_poll(struct bench_options *options, const char *text, struct stoq_error *error)
{
	uint64_t ns = 0;

	if (stoq_parse_duration_ns(text, &ns) || ns < 1000 || ns > BUSY_POLL_MAX_NS)
		return stoq_error_set(
			error, -EINVAL, "--busy-poll: '%.40s' is not a time from 1us to 1s", text);
	options->busy_poll_us = (uint32_t)(ns / 1000);
	return 0;
}

static int take_interface(struct bench_options *options, const char *text, struct stoq_error *error)
{
	if (!if_nametoindex(text))
		return stoq_error_set(error, -ENODEV,
			"--interface: there is no interface '%.40s' here; `ip link` lists them",
			text);
	options->interface = text;
	return 0;
}

static int take_number(
	const char *name, const char *text, uint64_t max, uint32_t *value, struct stoq_error *error)
{
	uint64_t number;

	if (stoq_parse_number(text, 1, max, &number))
		return stoq_error_set(error, -EINVAL,
			"--%s: '%.40s' is not a number from 1 to %llu", name, text,
			(unsigned long long)max);
	*value = (uint32_t)number;
	return 0;
}

static int take_bytes(const char *name, const char *text, uint64_t min, uint64_t max,
	uint64_t *value, struct stoq_error *error)
{
	uint64_t number;

	if (stoq_parse_bytes(text, &number) || number < min || number > max)
		return stoq_error_set(error, -EINVAL,
			"--%s: '%.40s' is not a number of bytes from %llu to %llu", name, text,
			(unsigned long long)min, (unsigned long long)max);
	*value = number;
	return 0;
}

static int take_message(
	const char *name, const char *text, uint32_t *value, struct stoq_error *error)
{
	uint64_t bytes = 0;
	/* What a stream takes at once, by the transport's default. */
	int ret = take_bytes(name, text, 1, 8u << 20, &bytes, error);

	*value = (uint32_t)bytes;
	return ret;
}

static int take_cpus(struct bench_options *options, const char *text, struct stoq_error *error)
{
	const char *comma = strchr(text, ',');
	uint64_t client = 0, server = 0;
	char first[8] = "";

	if (comma && (size_t)(comma - text) < sizeof(first))
		memcpy(first, text, (size_t)(comma - text));
	if (!comma || stoq_parse_number(first, 0, 1023, &client) ||
		stoq_parse_number(comma + 1, 0, 1023, &server))
		return stoq_error_set(error, -EINVAL,
			"--cpus: '%.40s' is not two CPUs, the client's and the server's, such as "
			"0,1",
			text);
	options->cpus[0] = (int)client;
	options->cpus[1] = (int)server;
	return 0;
}

/* Those with a number, a size or a time. */
static int take_figure(
	struct bench_options *options, int option, const char *text, struct stoq_error *error)
{
	uint64_t value = 0;
	int ret;

	switch (option) {
	case OPTION_DURATION:
		return take_duration(options, text, error);
	case OPTION_WARMUP:
		return take_time("warmup", text, &options->warmup_ns, error);
	case OPTION_CONNECTIONS:
		return take_number("connections", text, 4096, &options->connections, error);
	case OPTION_STREAMS:
		return take_number("streams", text, 4096, &options->streams, error);
	case OPTION_REQUEST:
		return take_message("request", text, &options->request_bytes, error);
	case OPTION_RESPONSE:
		return take_message("response", text, &options->response_bytes, error);
	case OPTION_WORKERS:
		return take_number("workers", text, 64, &options->workers, error);
	case OPTION_MAX_PAYLOAD:
		ret = take_bytes("max-payload", text, 1200, 65000, &value, error);
		options->max_payload_bytes = (uint32_t)value;
		return ret;
	case OPTION_WINDOW:
		return take_bytes("window", text, 65536, 1u << 30, &options->window_bytes, error);
	default:
		return take_busy_poll(options, text, error);
	}
}

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct bench_options *options = context;

	switch (option) {
	case OPTION_LISTEN:
		return take_address(options, BENCH_LISTEN, text, error);
	case OPTION_CONNECT:
		return take_address(options, BENCH_CONNECT, text, error);
	case OPTION_MODE:
		return take_mode(options, text, error);
	case OPTION_DIRECTION:
		return take_direction(options, text, error);
	case OPTION_CONGESTION:
		return take_congestion(options, text, error);
	case OPTION_CPUS:
		return take_cpus(options, text, error);
	case OPTION_DATAPATH:
		return take_datapath(options, text, error);
	case OPTION_INTERFACE:
		return take_interface(options, text, error);
	case OPTION_XDP_FILTER:
		return take_filter(options, text, error);
	case OPTION_SPIN:
		options->spin = true;
		return 0;
	case OPTION_NO_PACING:
		options->no_pacing = true;
		return 0;
	case OPTION_INSECURE:
		options->insecure = true;
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_CERTIFICATES:
		options->certificates = text;
		return strlen(text) < BENCH_FOLDER_BYTES
			       ? 0
			       : stoq_error_set(error, -EINVAL,
					 "--certificates: '%.40s...' has more than %d characters",
					 text, BENCH_FOLDER_BYTES - 1);
	case OPTION_NAME:
		options->name = text;
		return 0;
	default:
		return take_figure(options, option, text, error);
	}
}

/* What does not go together, and what is left to be said. 0, or what is wrong. */
static int complete(struct bench_options *options, struct stoq_error *error)
{
	if (!options->streams)
		options->streams = options->mode == BENCH_REQUESTS && !options->ping ? 16 : 1;
	if (options->ping && (options->streams > 1 || options->connections > 1))
		return stoq_error_set(error, -EINVAL,
			"--mode ping is one request at a time; for more, --mode requests");
	if (options->role == BENCH_BOTH) {
		if (options->certificates || options->insecure)
			return stoq_error_set(error, -EINVAL,
				"with both ends here, certificates are made for the occasion: "
				"--certificates and --insecure go with --listen or --connect");
		options->name = BENCH_SERVER_NAME;
		return stoq_address_parse(&options->address, "127.0.0.1", 0, error);
	}
	if (options->cpus[0] >= 0)
		return stoq_error_set(error, -EINVAL,
			"--cpus is for both ends here; with --listen and --connect, taskset(1)");
	if (!options->certificates && !options->insecure)
		return stoq_error_set(error, -EINVAL,
			"--certificates FOLDER is needed (`stoq pki issue` makes one), or "
			"--insecure if that is what you mean");
	if (options->role == BENCH_CONNECT && !options->name && !options->insecure)
		return stoq_error_set(error, -EINVAL,
			"--name is needed: what the server's certificate is called");
	return 0;
}

int bench_parse(int argc, char **argv, struct bench_options *options, int *status)
{
	static const struct tool_options known = {long_options, bench_help, take_option};
	struct stoq_error error;

	*options = (struct bench_options){.sends = true,
		.duration_ns = 5000000000,
		.warmup_ns = 1000000000,
		.connections = 1,
		.request_bytes = 64,
		.response_bytes = 64,
		.workers = 1,
		.congestion_control = STOQ_CUBIC,
		.cpus = {-1, -1}};
	if (tool_options_only(&known, options, argc, argv, status))
		return -1;
	if (complete(options, &error)) {
		*status = tool_usage("%s", error.text);
		return -1;
	}
	return 0;
}
