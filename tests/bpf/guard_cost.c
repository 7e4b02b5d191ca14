// SPDX-License-Identifier: BSD-2-Clause
/*
 * guard-cost: what a command costs in the guard's program with 1,000 rules, beside what it costs
 * in the watch's. Packets of 32 capsules each, never the same twice, one run each; the median. What
 * the cost of a packet is does not matter with so many in one. With --policy: prints the policy. With --watch: what --check adds to the
 * watch, for a command and its completion.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/stream/filter_shared.h"
#include "stoq_guard.skel.h"
#include "stoq_watch.skel.h"
#include "stoq_watch_checked.skel.h"
#include "tests/bpf/guard_link.h"
#include "tests/bpf/many_rules.h"

#define PACKETS	    3000
#define CAPSULES    32
#define ICREQ_BYTES 128

static struct guard_link link;

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

static void write_capsules(uint8_t opcode)
{
	for (uint16_t cid = 0; cid < CAPSULES; cid++) {
		struct nvme_io_fields fields = link_fields(opcode, cid, 1, 1 << 20);

		fields.in_capsule = false;
		dialog_command(&link.dialog, &fields);
	}
}

static uint32_t run(int program, const uint8_t *frame, size_t length)
{
	uint8_t out[WIRE_FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = length,
		.data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	if (bpf_prog_test_run_opts(program, &options) || (int)options.retval != -1) {
		fprintf(stderr, "guard-cost: a packet did not pass\n");
		exit(1);
	}
	return options.duration;
}

static uint32_t sequences[NVME_TCP_SIDES]; /* of the next byte of each side */

/* Sends what the dialog has written, and returns what that took. */
static uint32_t send_written(int program, enum nvme_tcp_side side)
{
	struct wire_segment segment = {
		.from_controller = side == NVME_TCP_FROM_CONTROLLER,
		.sequence = sequences[side],
		.acknowledged = sequences[!side], /* patches that were kept can go */
		.flags = WIRE_ACK,
		.payload = link.dialog.bytes,
		.payload_bytes = link.dialog.length,
	};
	uint8_t frame[WIRE_FRAME_MAX];
	size_t length = wire_make(frame, &link.path, &segment);

	sequences[side] += (uint32_t)link.dialog.length;
	link.dialog.length = 0;
	return run(program, frame, length);
}

static void send_flags(int program, enum nvme_tcp_side side, uint8_t flags)
{
	struct wire_segment segment = {
		.from_controller = side == NVME_TCP_FROM_CONTROLLER,
		.sequence = sequences[side]++,
		.acknowledged = sequences[!side],
		.flags = flags,
	};
	uint8_t frame[WIRE_FRAME_MAX];

	run(program, frame, wire_make(frame, &link.path, &segment));
}

static void start_connection(int program)
{
	link_start(&link);
	for (int side = 0; side < NVME_TCP_SIDES; side++)
		sequences[side] = link.first[side] - 1;
	send_flags(program, NVME_TCP_FROM_HOST, WIRE_SYN);
	send_flags(program, NVME_TCP_FROM_CONTROLLER, WIRE_SYN | WIRE_ACK);
	dialog_icreq(&link.dialog);
	send_written(program, NVME_TCP_FROM_HOST);
	dialog_icresp(&link.dialog);
	send_written(program, NVME_TCP_FROM_CONTROLLER);
	dialog_connect(&link.dialog, 0, 1);
	send_written(program, NVME_TCP_FROM_HOST);
	dialog_response(&link.dialog, 0, 0, 5);
	send_written(program, NVME_TCP_FROM_CONTROLLER);
}

/* ns for each command, the median of all packets. */
static double measure(int program)
{
	static uint32_t ns[PACKETS];
	size_t middle;

	start_connection(program);
	for (int i = 0; i < PACKETS; i++) {
		write_capsules(NVME_NVM_WRITE);
		ns[i] = send_written(program, NVME_TCP_FROM_HOST);
		for (uint16_t cid = 0; cid < CAPSULES; cid++)
			dialog_response(&link.dialog, cid, 0, 0);
		send_written(program, NVME_TCP_FROM_CONTROLLER);
	}
	qsort(ns, PACKETS, sizeof(ns[0]), compare);
	middle = PACKETS / 2;
	return (double)ns[middle] / CAPSULES;
}

/* ---- the watch, with and without --check ---- */

#define ROUNDS	      9
#define ROUND_PACKETS 300

static int drop(void *context, void *data, size_t size)
{
	return 0;
}

/* ns for each command and its completion, the median of a round. What the program reports is read meanwhile, as a watch would. */
static double measure_both(int program, uint8_t opcode, struct ring_buffer *ring)
{
	static uint32_t ns[ROUND_PACKETS];
	const size_t middle = ROUND_PACKETS / 2;

	start_connection(program);
	for (int i = 0; i < ROUND_PACKETS; i++) {
		write_capsules(opcode);
		ns[i] = send_written(program, NVME_TCP_FROM_HOST);
		for (uint16_t cid = 0; cid < CAPSULES; cid++)
			dialog_response(&link.dialog, cid, 0, 0);
		ns[i] += send_written(program, NVME_TCP_FROM_CONTROLLER);
		ring_buffer__consume(ring);
	}
	qsort(ns, ROUND_PACKETS, sizeof(ns[0]), compare);
	return (double)ns[middle] / CAPSULES;
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

/* Both in turn; the median of the rounds, and of their ratios, with its range. */
static void compare_watches(
	const char *what, uint8_t opcode, const int programs[2], struct ring_buffer *const rings[2])
{
	double ns[2][ROUNDS], ratios[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 2; i++)
			ns[i][round] = measure_both(programs[i], opcode, rings[i]);
		ratios[round] = ns[1][round] / ns[0][round];
	}
	for (int i = 0; i < 2; i++)
		qsort(ns[i], ROUNDS, sizeof(double), compare_doubles);
	qsort(ratios, ROUNDS, sizeof(double), compare_doubles);
	printf("%-36s %7.1f %7.1f %7.2f (%.2f to %.2f)\n", what, ns[0][ROUNDS / 2],
		ns[1][ROUNDS / 2], ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
}

static int compare_watch_with_checked(void)
{
	struct stoq_watch_bpf *plain = stoq_watch_bpf__open_and_load();
	struct stoq_watch_checked_bpf *checked = stoq_watch_checked_bpf__open_and_load();
	struct ring_buffer *rings[2] = {NULL};

	if (plain && checked) {
		rings[0] = ring_buffer__new(bpf_map__fd(plain->maps.stoq_events), drop, NULL, NULL);
		rings[1] =
			ring_buffer__new(bpf_map__fd(checked->maps.stoq_events), drop, NULL, NULL);
	}
	if (!rings[0] || !rings[1]) {
		fprintf(stderr, "guard-cost: the watch's programs do not load\n");
		return 1;
	}
	const int programs[2] = {bpf_program__fd(plain->progs.stoq_watch),
		bpf_program__fd(checked->progs.stoq_watch)};

	printf("%-36s %7s %7s %7s\n", "ns per command and completion", "plain", "--check", "ratio");
	compare_watches("Flush", NVME_NVM_FLUSH, programs, rings);
	compare_watches("Read", NVME_NVM_READ, programs, rings);
	compare_watches("Write, compared with others", NVME_NVM_WRITE, programs, rings);
	ring_buffer__free(rings[0]);
	ring_buffer__free(rings[1]);
	stoq_watch_bpf__destroy(plain);
	stoq_watch_checked_bpf__destroy(checked);
	return 0;
}

/* ---- the guard ---- */

/* A policy of 1,000 rules. */
static void install(size_t ranges, bool strict)
{
	static const char lax[] = "strict: false\n";
	char *text = malloc(MANY_RULES_TEXT + sizeof(lax));
	int prefix;

	if (!text)
		exit(1);
	prefix = sprintf(text, "%s", strict ? "" : lax);
	many_rules_write(text + prefix, ranges);
	guard_install(text);
	free(text);
}

/* For measuring it in other ways. */
static int print_policy(void)
{
	char *text = malloc(MANY_RULES_TEXT);

	if (!text)
		return 1;
	many_rules_write(text, 0);
	fputs(text, stdout);
	free(text);
	return 0;
}

static void print(const char *what, double ns, double watch_ns, bool json, bool last)
{
	if (json)
		printf("  {\"case\": \"%s\", \"ns_per_command\": %.1f, \"ns_beyond_watch\": "
		       "%.1f}%s\n",
			what, ns, ns - watch_ns, last ? "" : ",");
	else
		printf("%-36s %7.1f %7.1f\n", what, ns, ns - watch_ns);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *what;
		size_t ranges;
		bool strict;
	} cases[] = {
		{"guard, 1000 rules", 0, false},
		{"guard, 1000 rules, strict", 0, true},
		{"guard, 64 LBA ranges", 64, false},
		{"guard, 64 LBA ranges, strict", 64, true},
		{"guard, 1000 LBA ranges", 1000, false},
		{"guard, 1000 LBA ranges, strict", 1000, true},
	};
	size_t count = sizeof(cases) / sizeof(cases[0]);
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	struct stoq_watch_bpf *watch;
	double watch_ns;

	if (argc > 1 && strcmp(argv[1], "--policy") == 0)
		return print_policy();
	guard_setup(NULL);
	if (argc > 1 && strcmp(argv[1], "--watch") == 0) {
		int result = compare_watch_with_checked();

		guard_teardown(NULL);
		return result;
	}
	watch = stoq_watch_bpf__open_and_load();
	if (!watch) {
		fprintf(stderr, "guard-cost: the watch's program does not load\n");
		return 1;
	}
	watch_ns = measure(bpf_program__fd(watch->progs.stoq_watch));
	if (json)
		printf("[\n");
	else
		printf("%-36s %7s %7s\n", "", "ns", "beyond");
	print("watch", watch_ns, watch_ns, json, false);
	for (size_t i = 0; i < count; i++) {
		install(cases[i].ranges, cases[i].strict);
		print(cases[i].what, measure(bpf_program__fd(the_guard->progs.stoq_guard)),
			watch_ns, json, i + 1 == count);
	}
	if (json)
		printf("]\n");
	guard_teardown(NULL);
	stoq_watch_bpf__destroy(watch);
	return 0;
}
