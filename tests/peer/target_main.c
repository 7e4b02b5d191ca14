// SPDX-License-Identifier: BSD-2-Clause
/* peer-target: an NVMe/TCP RAM target for tests and benchmarks. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "tests/peer/server.h"

static const char usage[] =
	"usage: peer-target --listen ADDRESS:PORT [options]\n"
	"  --threads N             worker threads (1)\n"
	"  --spin                  never sleep while there are connections\n"
	"  --namespaces N          (1)\n"
	"  --size BYTES            of a namespace (64m)\n"
	"  --block-size BYTES      (512)\n"
	"  --subsystem-nqn NQN     (" PEER_DEFAULT_NQN ")\n"
	"  --host-nqn NQN          the only host allowed\n"
	"  --success on|off        end reads by C2HData with SUCCESS where allowed (on)\n"
	"  --digests on|off        accept header and data digests that the host offers (on)\n"
	"  --in-capsule BYTES      in-capsule data of I/O queues (8k)\n"
	"  --maxh2c BYTES          longest data of an H2CData PDU (128k)\n"
	"  --max-r2t BYTES         most data an R2T asks for (a whole command)\n"
	"  --c2h-max BYTES         longest data of a C2HData PDU (a whole command)\n"
	"  --cpda N                alignment of the host's data, 0 to 31, in dwords, 0's based\n"
	"  --error LBA:STATUS      commands that touch LBA end with STATUS (SCT << 8 | SC); "
	"repeatable\n"
	"  --slow LBA:BLOCKS:US    commands that touch these blocks end so late\n"
	"  --count-written         at the end, count the bytes that are not zero any more\n"
	"  --mptcp                 hosts may use Multipath TCP\n"
	"  --verbose               say on stderr why connections ended\n"
	"Prints \"listening\" when it does; on SIGINT or SIGTERM ends and prints what it "
	"counted.\n";

struct options {
	struct peer_target_config target;
	struct peer_server_config server;
	bool has_address;
	bool count_written;
	struct stoq_error error;
};

enum option_code {
	OPT_LISTEN = 256,
	OPT_THREADS,
	OPT_SPIN,
	OPT_NAMESPACES,
	OPT_SIZE,
	OPT_BLOCK_SIZE,
	OPT_SUBSYSTEM,
	OPT_HOST,
	OPT_SUCCESS,
	OPT_DIGESTS,
	OPT_IN_CAPSULE,
	OPT_MAXH2C,
	OPT_MAX_R2T,
	OPT_C2H_MAX,
	OPT_CPDA,
	OPT_ERROR,
	OPT_SLOW,
	OPT_COUNT_WRITTEN,
	OPT_MPTCP,
	OPT_VERBOSE,
	OPT_HELP,
};

static const struct option long_options[] = {
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"spin", no_argument, NULL, OPT_SPIN},
	{"namespaces", required_argument, NULL, OPT_NAMESPACES},
	{"size", required_argument, NULL, OPT_SIZE},
	{"block-size", required_argument, NULL, OPT_BLOCK_SIZE},
	{"subsystem-nqn", required_argument, NULL, OPT_SUBSYSTEM},
	{"host-nqn", required_argument, NULL, OPT_HOST},
	{"success", required_argument, NULL, OPT_SUCCESS},
	{"digests", required_argument, NULL, OPT_DIGESTS},
	{"in-capsule", required_argument, NULL, OPT_IN_CAPSULE},
	{"maxh2c", required_argument, NULL, OPT_MAXH2C},
	{"max-r2t", required_argument, NULL, OPT_MAX_R2T},
	{"c2h-max", required_argument, NULL, OPT_C2H_MAX},
	{"cpda", required_argument, NULL, OPT_CPDA},
	{"error", required_argument, NULL, OPT_ERROR},
	{"slow", required_argument, NULL, OPT_SLOW},
	{"count-written", no_argument, NULL, OPT_COUNT_WRITTEN},
	{"mptcp", no_argument, NULL, OPT_MPTCP},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static bool parse_on_off(const char *text, bool *value)
{
	*value = strcmp(text, "on") == 0;
	return *value || strcmp(text, "off") == 0;
}

static bool parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t wide;

	if (stoq_parse_bytes(text, &wide) || wide < min || wide > max)
		return false;
	*value = (uint32_t)wide;
	return true;
}

/* Data lengths that PDUs are cut into: whole dwords. */
static bool parse_piece(const char *text, uint32_t min, uint32_t *value)
{
	return parse_u32(text, min, PEER_MAX_TRANSFER, value) && *value % 4 == 0;
}

static bool parse_fault(const char *text, struct peer_target_config *config)
{
	struct peer_fault *fault = &config->faults[config->fault_count];
	char *colon, copy[64];
	uint64_t status;

	if (config->fault_count == PEER_MAX_FAULTS ||
		snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return false;
	colon = strchr(copy, ':');
	if (!colon)
		return false;
	*colon = 0;
	if (stoq_parse_number(copy, 0, UINT64_MAX, &fault->lba) ||
		stoq_parse_number(colon + 1, 1, 0x7ff, &status))
		return false;
	fault->status = (uint16_t)status;
	config->fault_count++;
	return true;
}

static bool parse_slow(const char *text, struct peer_target_config *config)
{
	uint64_t *values[] = {&config->slow_lba, &config->slow_blocks, &config->slow_ns};
	char copy[64], *rest = copy;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return false;
	for (size_t i = 0; i < 3; i++) {
		const char *part = strsep(&rest, ":");

		if (!part || stoq_parse_number(part, 0, UINT32_MAX, values[i]))
			return false;
	}
	config->slow_ns *= 1000;
	return !rest;
}

static bool parse_memory(int option, const char *text, struct peer_target_config *config)
{
	switch (option) {
	case OPT_NAMESPACES:
		return parse_u32(text, 1, PEER_MAX_NAMESPACES, &config->namespaces);
	case OPT_SIZE:
		return !stoq_parse_bytes(text, &config->namespace_bytes);
	default:
		return parse_u32(text, 512, 4096, &config->block_bytes) &&
		       (config->block_bytes & (config->block_bytes - 1)) == 0;
	}
}

static bool parse_protocol(int option, const char *text, struct peer_target_config *config)
{
	uint32_t value;
	bool on;

	switch (option) {
	case OPT_SUCCESS:
		return parse_on_off(text, &config->success);
	case OPT_DIGESTS:
		if (!parse_on_off(text, &on))
			return false;
		config->header_digest = config->data_digest = on;
		return true;
	case OPT_IN_CAPSULE:
		return parse_u32(text, 0, 65536, &config->in_capsule_bytes) &&
		       config->in_capsule_bytes % 16 == 0;
	case OPT_MAXH2C:
		return parse_piece(text, 4096, &config->max_h2c_bytes);
	case OPT_MAX_R2T:
		return parse_piece(text, 4, &config->max_r2t_bytes);
	case OPT_C2H_MAX:
		return parse_piece(text, 4, &config->max_c2h_bytes);
	case OPT_CPDA:
		if (!parse_u32(text, 0, 31, &value))
			return false;
		config->cpda = (uint8_t)value;
		return true;
	case OPT_ERROR:
		return parse_fault(text, config);
	default:
		return parse_slow(text, config);
	}
}

static bool parse_option(struct options *options, int option, const char *text)
{
	switch (option) {
	case OPT_LISTEN:
		options->has_address = true;
		return !peer_address_parse(&options->server.address, text, &options->error);
	case OPT_THREADS:
		return parse_u32(text, 1, 64, &options->server.threads);
	case OPT_SPIN:
		options->server.spin = true;
		return true;
	case OPT_COUNT_WRITTEN:
		options->count_written = true;
		return true;
	case OPT_MPTCP:
		options->server.mptcp = true;
		return true;
	case OPT_VERBOSE:
		options->server.verbose = true;
		return true;
	case OPT_SUBSYSTEM:
		options->target.subsystem_nqn = text;
		return strlen(text) < NVME_NQN_LENGTH;
	case OPT_HOST:
		options->target.host_nqn = text;
		return strlen(text) < NVME_NQN_LENGTH;
	case OPT_NAMESPACES:
	case OPT_SIZE:
	case OPT_BLOCK_SIZE:
		return parse_memory(option, text, &options->target);
	default:
		return parse_protocol(option, text, &options->target);
	}
}

static bool parse_options(struct options *options, int argc, char **argv)
{
	int option, index;

	while ((option = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			exit(0);
		}
		if (option == '?')
			return false;
		if (!parse_option(options, option, optarg)) {
			fprintf(stderr, "peer-target: bad value for --%s: %s\n",
				long_options[index].name, optarg);
			return false;
		}
	}
	if (optind < argc || !options->has_address) {
		fputs(usage, stderr);
		return false;
	}
	return true;
}

/* Of all namespaces, which begin as zeroes: 0 if nothing was ever written. */
static uint64_t count_written(const struct peer_target *target)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < target->config.namespaces; i++)
		for (uint64_t at = 0; at < target->config.namespace_bytes; at++)
			count += target->memory[i][at] != 0;
	return count;
}

static int run(const struct options *options, struct peer_target *target, const sigset_t *signals)
{
	struct peer_server *server;
	struct peer_server_counts counts;
	struct stoq_error error;
	int received;

	if (peer_server_start(&server, target, &options->server, &error)) {
		fprintf(stderr, "peer-target: %s\n", error.text);
		return 1;
	}
	puts("listening");
	fflush(stdout);
	sigwait(signals, &received);
	counts = peer_server_stop(server);
	printf("{\"connections\": %llu, \"failed\": %llu, \"writes\": %llu",
		(unsigned long long)counts.connections, (unsigned long long)counts.failed,
		target->writes);
	if (options->count_written)
		printf(", \"bytes_not_zero\": %llu", (unsigned long long)count_written(target));
	puts("}");
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {.server.threads = 1};
	struct peer_target target;
	sigset_t signals;
	int status = 1;

	peer_target_config_init(&options.target);
	if (!parse_options(&options, argc, argv))
		return 2;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (peer_target_init(&target, &options.target))
		fprintf(stderr, "peer-target: no memory for the namespaces\n");
	else
		status = run(&options, &target, &signals);
	peer_target_free(&target);
	return status;
}
