// SPDX-License-Identifier: BSD-2-Clause
/*
 * hook-turns INTERFACE ROUNDS TURN-MS: what programs at a tc hook cost a load that runs all the while. In each round nothing, an
 * empty program, the watch's and the guard's with 1,000 rules are at the hook for a turn each, in an order drawn anew, and the bytes that
 * passed the interface are counted. Prints one JSON object: rounds, of bytes a second by arm, and what the watch followed.
 * For bench/turns. The guard is not strict: it meets connections that it has not seen for some turns.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bpf/stream/filter_shared.h"
#include "ebpf/percpu.h"
#include "hook/attach.h"
#include "stoq_guard.skel.h"
#include "stoq_watch.skel.h"
#include "tests/bpf/guard_rig.h"
#include "tests/bpf/many_rules.h"

#define SETTLE_MS  30 /* for the program to find its place in the streams */
#define ROUNDS_MAX 10000

enum arm { ARM_NONE, ARM_EMPTY, ARM_WATCH, ARM_GUARD, ARMS };

static const char *const names[ARMS] = {"none", "empty", "watch", "guard"};
static int programs[ARMS];
static const char *interface;

static void die(const char *what)
{
	fprintf(stderr, "hook-turns: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* return TC_ACT_UNSPEC */
static int load_empty(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "stoq_empty", "GPL", program, 2, NULL);
}

static void install_rules(void)
{
	static const char lax[] = "strict: false\n";
	char *text = malloc(MANY_RULES_TEXT + sizeof(lax));

	if (!text)
		die("policy");
	strcpy(text, lax);
	many_rules_write(text + strlen(lax), 0);
	guard_install(text);
	free(text);
}

static struct stoq_watch_bpf *load(void)
{
	struct stoq_watch_bpf *watch = stoq_watch_bpf__open_and_load();

	if (!watch)
		die("the watch's program does not load");
	guard_strictness = STOQ_GUARD_STRICT_NEVER;
	guard_setup(NULL);
	install_rules();
	programs[ARM_EMPTY] = load_empty();
	programs[ARM_WATCH] = bpf_program__fd(watch->progs.stoq_watch);
	programs[ARM_GUARD] = bpf_program__fd(the_guard->progs.stoq_guard);
	if (programs[ARM_EMPTY] < 0)
		die("the empty program does not load");
	return watch;
}

/* Sent, as /proc/net/dev counts it: sysfs may be another network namespace's. */
static uint64_t bytes_passed(void)
{
	char line[512], name[32], sent[32];
	bool found = false;
	FILE *file = fopen("/proc/self/net/dev", "re");

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, " %31[^:]: %*s %*s %*s %*s %*s %*s %*s %*s %31s", name,
				sent) == 2 &&
			strcmp(name, interface) == 0;
	if (!found)
		die(interface);
	fclose(file);
	return strtoull(sent, NULL, 10);
}

static void wait_ms(long ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static void attach(struct stoq_attachment *attachment, enum arm arm)
{
	const struct stoq_attach_programs of_arm = {programs[arm], programs[arm]};
	struct stoq_error error = {0};

	if (stoq_attach(attachment, interface, false, &of_arm, false, &error)) {
		fprintf(stderr, "hook-turns: %s\n", error.text);
		exit(1);
	}
}

/* Bytes a second. */
static double take_turn(enum arm arm, long ms)
{
	struct stoq_attachment attachment = {0};
	uint64_t bytes, start_ns;
	double rate;

	if (arm != ARM_NONE)
		attach(&attachment, arm);
	wait_ms(SETTLE_MS);
	start_ns = stoq_clock_now_ns();
	bytes = bytes_passed();
	wait_ms(ms);
	rate = (double)(bytes_passed() - bytes) * 1e9 / (double)(stoq_clock_now_ns() - start_ns);
	if (arm != ARM_NONE)
		stoq_detach(&attachment);
	return rate;
}

static void shuffle(enum arm order[static ARMS])
{
	for (int i = ARMS - 1; i > 0; i--) {
		int other = rand() % (i + 1);
		enum arm arm = order[i];

		order[i] = order[other];
		order[other] = arm;
	}
}

static void run(long rounds, long ms)
{
	enum arm order[ARMS] = {ARM_NONE, ARM_EMPTY, ARM_WATCH, ARM_GUARD};

	printf("{\"rounds\":[");
	for (long round = 0; round < rounds; round++) {
		double rates[ARMS];

		shuffle(order);
		for (int i = 0; i < ARMS; i++)
			rates[order[i]] = take_turn(order[i], ms);
		printf("%s{", round ? "," : "");
		for (int arm = 0; arm < ARMS; arm++)
			printf("%s\"%s\":%.0f", arm ? "," : "", names[arm], rates[arm]);
		printf("}");
	}
	printf("]");
}

static void print_followed(const struct stoq_watch_bpf *watch)
{
	uint64_t sums[sizeof(struct stoq_cpu) / sizeof(uint64_t)] = {0}, pdus = 0;

	if (stoq_percpu_sum(bpf_map__fd(watch->maps.stoq_cpus), sums, sizeof(struct stoq_cpu) / 8))
		die("counters");
	for (int i = 0; i < STOQ_TYPES_ROOM; i++)
		pdus += sums[STOQ_COUNTERS + i];
	printf(",\"watch_pdus\":%llu,\"watch_unsynced_bytes\":%llu}\n", (unsigned long long)pdus,
		(unsigned long long)sums[STOQ_COUNT_UNSYNCED_BYTES]);
}

int main(int argc, char **argv)
{
	long rounds = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
	long ms = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	struct stoq_watch_bpf *watch;

	if (rounds < 1 || rounds > ROUNDS_MAX || ms < 10 || ms > 10000) {
		fprintf(stderr, "usage: hook-turns INTERFACE ROUNDS TURN-MS (10 to 10000)\n");
		return 2;
	}
	interface = argv[1];
	watch = load();
	srand((unsigned int)stoq_clock_now_ns());
	run(rounds, ms);
	print_followed(watch);
	return 0;
}
