// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/load_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "tests/peer/target.h"

static const char usage[] =
	"usage: peer-load --connect ADDRESS:PORT [options]\n"
	"  --queues N              I/O queues (1)\n"
	"  --threads N             that serve them (1)\n"
	"  --depth N               commands outstanding per queue (32)\n"
	"  --size LIST             of I/O: 4k, or 4k,64k, or 4k-1m for multiples of 4k (4k)\n"
	"  --read-percent N        the rest are writes (100)\n"
	"  --mix LIST              instead: read=N,write=N,flush=N,compare=N,zero=N,deallocate=N,\n"
	"                          in proportion\n"
	"  --count N               commands, all queues together\n"
	"  --duration TIME         2s, 500ms (without count: 5s)\n"
	"  --rate N                most commands per second and queue\n"
	"  --hdgst, --ddgst        offer digests\n"
	"  --hpda N                alignment of the controller's data, 0 to 31, dwords, 0's based\n"
	"  --flow-control          do not disable SQ flow control: no SUCCESS in C2HData\n"
	"  --host-nqn NQN, --subsystem-nqn NQN\n"
	"  --host-id TEXT          of 1 to 16 bytes\n"
	"  --kato MS               keep alive timeout; sends Keep Alive twice as often\n"
	"  --verify                check what is read against what was written\n"
	"  --seed N                (1)\n"
	"  --spin                  never sleep while there is something outstanding\n"
	"  --repeat N              connect, load and close so often (1)\n"
	"  --control               take commands on stdin, one a line: run, pause, quit. Begins "
	"paused;\n"
	"                          prints what was counted so far, as JSON, whenever it has "
	"paused\n"
	"  --json                  print JSON\n";

enum option_code {
	OPT_CONNECT = 256,
	OPT_QUEUES,
	OPT_THREADS,
	OPT_DEPTH,
	OPT_SIZE,
	OPT_READ_PERCENT,
	OPT_MIX,
	OPT_COUNT,
	OPT_DURATION,
	OPT_RATE,
	OPT_HDGST,
	OPT_DDGST,
	OPT_HPDA,
	OPT_FLOW_CONTROL,
	OPT_HOST_NQN,
	OPT_HOST_ID,
	OPT_SUBSYSTEM_NQN,
	OPT_KATO,
	OPT_VERIFY,
	OPT_SEED,
	OPT_SPIN,
	OPT_REPEAT,
	OPT_CONTROL,
	OPT_JSON,
	OPT_HELP,
};

static const struct option long_options[] = {
	{"connect", required_argument, NULL, OPT_CONNECT},
	{"queues", required_argument, NULL, OPT_QUEUES},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"depth", required_argument, NULL, OPT_DEPTH},
	{"size", required_argument, NULL, OPT_SIZE},
	{"read-percent", required_argument, NULL, OPT_READ_PERCENT},
	{"mix", required_argument, NULL, OPT_MIX},
	{"count", required_argument, NULL, OPT_COUNT},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"rate", required_argument, NULL, OPT_RATE},
	{"hdgst", no_argument, NULL, OPT_HDGST},
	{"ddgst", no_argument, NULL, OPT_DDGST},
	{"hpda", required_argument, NULL, OPT_HPDA},
	{"flow-control", no_argument, NULL, OPT_FLOW_CONTROL},
	{"host-nqn", required_argument, NULL, OPT_HOST_NQN},
	{"host-id", required_argument, NULL, OPT_HOST_ID},
	{"subsystem-nqn", required_argument, NULL, OPT_SUBSYSTEM_NQN},
	{"kato", required_argument, NULL, OPT_KATO},
	{"verify", no_argument, NULL, OPT_VERIFY},
	{"seed", required_argument, NULL, OPT_SEED},
	{"spin", no_argument, NULL, OPT_SPIN},
	{"repeat", required_argument, NULL, OPT_REPEAT},
	{"control", no_argument, NULL, OPT_CONTROL},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static bool parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t wide;

	if (stoq_parse_number(text, min, max, &wide))
		return false;
	*value = (uint32_t)wide;
	return true;
}

static bool parse_io_size(const char *text, uint32_t *bytes)
{
	uint64_t wide;

	if (stoq_parse_bytes(text, &wide) || !wide || wide > PEER_LARGEST_IO || wide % 512)
		return false;
	*bytes = (uint32_t)wide;
	return true;
}

static bool parse_range(char *text, struct peer_size_range *range)
{
	const char *first = strsep(&text, "-");

	if (!parse_io_size(first, &range->first) ||
		!parse_io_size(text ? text : first, &range->last))
		return false;
	range->step = 4096;
	return range->first <= range->last;
}

static bool parse_sizes(const char *text, struct peer_workload_config *config)
{
	char copy[256], *rest = copy, *part;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return false;
	config->size_count = 0;
	while ((part = strsep(&rest, ","))) {
		if (config->size_count == PEER_MAX_SIZES ||
			!parse_range(part, &config->sizes[config->size_count++]))
			return false;
	}
	return true;
}

static bool parse_read_percent(const char *text, struct peer_workload_config *config)
{
	memset(config->weights, 0, sizeof(config->weights));
	if (!parse_u32(text, 0, 100, &config->weights[PEER_READ]))
		return false;
	config->weights[PEER_WRITE] = 100 - config->weights[PEER_READ];
	return true;
}

static bool parse_mix(const char *text, struct peer_workload_config *config)
{
	static const char *const names[PEER_ACTIONS] = {
		"read", "write", "flush", "compare", "zero", "deallocate"};
	char copy[256], *rest = copy, *part;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return false;
	memset(config->weights, 0, sizeof(config->weights));
	while ((part = strsep(&rest, ","))) {
		const char *name = strsep(&part, "=");
		int action = 0;

		while (action < PEER_ACTIONS && strcmp(name, names[action]) != 0)
			action++;
		if (action == PEER_ACTIONS || !part ||
			!parse_u32(part, 0, 1000000, &config->weights[action]))
			return false;
	}
	return true;
}

static bool parse_session(int option, const char *text, struct peer_session_config *config)
{
	struct stoq_error error;
	uint32_t value;

	switch (option) {
	case OPT_CONNECT:
		return !peer_address_parse(&config->address, text, &error);
	case OPT_QUEUES:
		return parse_u32(text, 1, 4096, &config->queues);
	case OPT_DEPTH:
		if (!parse_u32(text, 1, PEER_MAX_QUEUE_SIZE - 1, &value))
			return false;
		config->host.depth = (uint16_t)value;
		return true;
	case OPT_HDGST:
		config->host.offer.header_digest = true;
		return true;
	case OPT_DDGST:
		config->host.offer.data_digest = true;
		return true;
	case OPT_HPDA:
		if (!parse_u32(text, 0, 31, &value))
			return false;
		config->host.offer.data_alignment = (uint8_t)value;
		return true;
	case OPT_FLOW_CONTROL:
		config->flow_control = true;
		return true;
	case OPT_HOST_NQN:
		config->host_nqn = text;
		return true;
	case OPT_HOST_ID:
		config->host_id = text;
		return strlen(text) - 1 < 16;
	case OPT_SUBSYSTEM_NQN:
		config->subsystem_nqn = text;
		return true;
	default:
		return parse_u32(text, 1, 3600000, &config->kato_ms);
	}
}

static bool parse_load(int option, const char *text, struct peer_load_options *options)
{
	switch (option) {
	case OPT_SIZE:
		return parse_sizes(text, &options->workload);
	case OPT_READ_PERCENT:
		return parse_read_percent(text, &options->workload);
	case OPT_MIX:
		return parse_mix(text, &options->workload);
	case OPT_VERIFY:
		options->workload.verify = true;
		return true;
	case OPT_SEED:
		return !stoq_parse_number(text, 0, UINT64_MAX, &options->workload.seed);
	case OPT_COUNT:
		return !stoq_parse_number(text, 0, UINT64_MAX - 1, &options->count);
	case OPT_RATE:
		return !stoq_parse_number(text, 0, 1000000000, &options->worker.rate);
	case OPT_DURATION:
		return !stoq_parse_duration_ns(text, &options->duration_ns);
	case OPT_THREADS:
		return parse_u32(text, 1, 64, &options->threads);
	default:
		return parse_u32(text, 1, 1000000, &options->repeat);
	}
}

static bool parse_option(struct peer_load_options *options, int option, const char *text)
{
	switch (option) {
	case OPT_SPIN:
		options->worker.spin = true;
		return true;
	case OPT_CONTROL:
		options->control = true;
		return true;
	case OPT_JSON:
		options->json = true;
		return true;
	case OPT_SIZE:
	case OPT_READ_PERCENT:
	case OPT_MIX:
	case OPT_VERIFY:
	case OPT_SEED:
	case OPT_COUNT:
	case OPT_RATE:
	case OPT_DURATION:
	case OPT_THREADS:
	case OPT_REPEAT:
		return parse_load(option, text, options);
	default:
		return parse_session(option, text, &options->session);
	}
}

static void set_defaults(struct peer_load_options *options)
{
	*options = (struct peer_load_options){
		.session = {.host = {.depth = 32},
			.host_nqn = "nqn.2014-08.org.nvmexpress:stoq-peer-host",
			.subsystem_nqn = PEER_DEFAULT_NQN,
			.queues = 1},
		.workload = {.weights = {[PEER_READ] = 100},
			.sizes = {{4096, 4096, 4096}},
			.size_count = 1,
			.seed = 1},
		.count = UINT64_MAX,
		.threads = 1,
		.repeat = 1,
	};
}

static int check(struct peer_load_options *options)
{
	if (!options->session.address.length) {
		fputs(usage, stderr);
		return -EINVAL;
	}
	if (options->threads > options->session.queues)
		options->threads = options->session.queues;
	if (options->count == UINT64_MAX && !options->duration_ns && !options->control)
		options->duration_ns = 5000000000u;
	return 0;
}

int peer_load_parse(struct peer_load_options *options, int argc, char **argv)
{
	int option, index = 0;

	set_defaults(options);
	while ((option = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return 1;
		}
		if (option == '?')
			return -EINVAL;
		if (!parse_option(options, option, optarg)) {
			fprintf(stderr, "peer-load: bad value for --%s: %s\n",
				long_options[index].name, optarg);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "peer-load: %s is no option\n", argv[optind]);
		return -EINVAL;
	}
	return check(options);
}
