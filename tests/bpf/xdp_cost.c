// SPDX-License-Identifier: BSD-2-Clause

/*
 * xdp-cost [--json] [ROUNDS]: what a packet costs in the XDP program, by BPF_PROG_TEST_RUN
 * repeated in the kernel, and beside it, in the same rounds, programs of xdp-tools' xdp-filter. The
 * loop of the test run itself is measured by a program that only returns, and is shown, not
 * subtracted.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/units.h"
#include "stoq_xdp.skel.h"
#include "tests/bpf/xdp_rig.h"
#include "xdp/prefix.h"

#define REPEAT	  200000
#define CASES_MAX 16
#define PREFIXES  1000

static const struct stoq_cid_key key = {{0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull}};

struct cost_case {
	const char *program;
	const char *name;
	const char *what;
	int program_fd;
	uint32_t action;
	void (*prepare)(void);
	uint8_t frame[XDP_FRAME_MAX];
	size_t length;
	double best_ns, sum_ns;
	unsigned int rounds;
};

static struct cost_case cases[CASES_MAX];
static size_t case_count;

static struct cost_case *add(const char *program, int program_fd, const char *name,
	const char *what, uint32_t action, void (*prepare)(void))
{
	struct cost_case *new = &cases[case_count++];

	*new = (struct cost_case){.program = program,
		.program_fd = program_fd,
		.name = name,
		.what = what,
		.action = action,
		.prepare = prepare};
	return new;
}

/* ---- frames ---- */

static const struct xdp_path path = {
	.source = 0xc0a80005, .source_port = 4000, .port = XDP_RIG_PORT};

static void frame_short(struct cost_case *to, struct stoq_cid cid, size_t bytes)
{
	uint8_t payload[1500];

	xdp_quic_make_short(payload, &cid, bytes);
	to->length = xdp_frame_make(to->frame, &path, payload, bytes);
}

static void frame_initial(struct cost_case *to, bool sealed)
{
	struct xdp_quic quic = {.type = XDP_INITIAL,
		.version = 1,
		.dcid_bytes = STOQ_CID_BYTES,
		.scid_bytes = 16,
		.body_bytes = 1180};
	struct stoq_cid cid = xdp_sealed_cid(&key, 99);
	uint8_t payload[1500];

	if (sealed)
		memcpy(quic.dcid, &cid, sizeof(cid));
	to->length = xdp_frame_make(to->frame, &path, payload, xdp_quic_make_long(payload, &quic));
}

static void frame_other_port(struct cost_case *to)
{
	struct xdp_path other = path;
	uint8_t payload[1200] = {0x40};

	other.port = 53;
	to->length = xdp_frame_make(to->frame, &other, payload, sizeof(payload));
}

/* ---- settings ---- */

static void plain(void)
{
	xdp_rig_reset(the_xdp_rig);
	xdp_rig_set_flags(the_xdp_rig, STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID);
	xdp_rig_set_key(the_xdp_rig, &key);
}

static void redirecting(void)
{
	plain();
	xdp_rig_set_flags(the_xdp_rig, STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID | STOQ_XDP_REDIRECT);
}

static void limited(void)
{
	plain();
	xdp_rig_set_limits(the_xdp_rig, 1, 1, 1);
}

static void denying(void)
{
	char text[32];

	plain();
	for (int i = 0; i < PREFIXES; i++) {
		struct stoq_xdp_prefix prefix;

		snprintf(text, sizeof(text), "10.%d.%d.0/24", i / 256, i % 256);
		stoq_xdp_prefix_parse(&prefix, i ? text : "192.168.0.0/24", NULL);
		stoq_xdp_add_prefixes(&the_xdp_rig->maps, STOQ_XDP_DENIED, &prefix, 1, NULL);
	}
}

/* A socket in slot 0: enough for the program to redirect to; a test run delivers nothing. */
static int add_socket(void)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint32_t slot = 0;

	return fd < 0 ? -errno
		      : bpf_map_update_elem(
				the_xdp_rig->maps.fd[STOQ_XDP_MAP_XSKS], &slot, &fd, BPF_ANY);
}

static void add_ours(void)
{
	int fd = bpf_program__fd(the_xdp_rig->program->progs.stoq_xdp);
	struct stoq_cid cid = xdp_sealed_cid(&key, 1), forged = {1, 2};

	frame_other_port(
		add("stoq_xdp", fd, "pass, other port", "UDP, not for us", XDP_PASS, plain));
	frame_short(add("stoq_xdp", fd, "pass, established", "1200 bytes, known connection",
			    XDP_PASS, plain),
		cid, 1200);
	frame_initial(add("stoq_xdp", fd, "pass, Initial", "new connection, not limited", XDP_PASS,
			      plain),
		false);
	frame_initial(add("stoq_xdp", fd, "pass, handshake", "Initial with a sealed connection ID",
			      XDP_PASS, plain),
		true);
	frame_short(
		add("stoq_xdp", fd, "drop, malformed", "no fixed bit", XDP_DROP, plain), cid, 1200);
	cases[case_count - 1].frame[42] = 0;
	frame_short(add("stoq_xdp", fd, "drop, forged",
			    "short header, wrong seal, beyond the limit", XDP_DROP, limited),
		forged, 1200);
	frame_initial(
		add("stoq_xdp", fd, "drop, flood", "Initial, beyond the limit", XDP_DROP, limited),
		false);
	frame_short(add("stoq_xdp", fd, "drop, denied", "one of 1000 prefixes", XDP_DROP, denying),
		forged, 1200);
	if (add_socket() == 0)
		frame_short(add("stoq_xdp", fd, "redirect", "known connection, to an AF_XDP socket",
				    XDP_REDIRECT, redirecting),
			cid, 1200);
}

/* ---- others ---- */

static int load_nothing(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "nothing", "GPL", program, 2, NULL);
}

/* One of xdp-filter's objects; its maps are not pinned. -1: there is none. */
static int load_xdp_filter(const char *file)
{
	char name[256];
	struct bpf_program *program;
	struct bpf_object *object;
	struct bpf_map *map = NULL;

	snprintf(name, sizeof(name), "%s/%s", XDP_TOOLS_OBJECTS, file);
	object = bpf_object__open_file(name, NULL);
	if (!object)
		return -1;
	while ((map = bpf_object__next_map(object, map)))
		bpf_map__set_pin_path(map, NULL);
	program = bpf_object__next_program(object, NULL);
	if (!program || bpf_program__set_type(program, BPF_PROG_TYPE_XDP) ||
		bpf_object__load(object))
		return -1;
	return bpf_program__fd(program);
}

static void add_xdp_filter(const char *name, const char *file, const char *what, uint32_t action)
{
	int fd = load_xdp_filter(file);

	if (fd >= 0)
		frame_short(add("xdp-filter", fd, name, what, action, NULL),
			xdp_sealed_cid(&key, 1), 1200);
}

/* ---- measuring ---- */

static int measure(struct cost_case *this)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = this->frame,
		.data_size_in = (uint32_t)this->length, .repeat = REPEAT);

	if (this->prepare)
		this->prepare();
	options.repeat = 10; /* tables get their entries, limits are used up */
	if (bpf_prog_test_run_opts(this->program_fd, &options))
		return -errno;
	options.repeat = REPEAT;
	if (bpf_prog_test_run_opts(this->program_fd, &options))
		return -errno;
	if (options.retval != this->action) {
		fprintf(stderr, "xdp-cost: %s, %s: action %u, expected %u\n", this->program,
			this->name, options.retval, this->action);
		return -EPROTO;
	}
	if (!this->rounds || options.duration < this->best_ns)
		this->best_ns = options.duration;
	this->sum_ns += options.duration;
	this->rounds++;
	return 0;
}

static void print_case(const struct cost_case *this, bool json, bool last)
{
	double mean_ns = this->sum_ns / this->rounds;

	if (json)
		printf("  {\"program\": \"%s\", \"case\": \"%s\", \"ns_mean\": %.1f, \"ns_min\": "
		       "%.1f, "
		       "\"mpps_mean\": %.2f, \"rounds\": %u}%s\n",
			this->program, this->name, mean_ns, this->best_ns, 1000 / mean_ns,
			this->rounds, last ? "" : ",");
	else
		printf("%-12s %-20s %7.0f %7.0f %8.1f  %s\n", this->program, this->name, mean_ns,
			this->best_ns, 1000 / mean_ns, this->what);
}

static void print_all(bool json)
{
	if (json)
		printf("[\n");
	else
		printf("%-12s %-20s %7s %7s %8s\n", "program", "case", "ns", "min", "Mpps");
	for (size_t i = 0; i < case_count; i++)
		print_case(&cases[i], json, i + 1 == case_count);
	if (json)
		printf("]\n");
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	uint64_t rounds = 10;

	if (argc > 1 + json && stoq_parse_number(argv[1 + json], 1, 1000, &rounds)) {
		fprintf(stderr, "usage: xdp-cost [--json] [ROUNDS]\n");
		return 2;
	}

	the_xdp_rig = xdp_rig_open();
	add("(nothing)", load_nothing(), "return XDP_PASS", "the loop of the test run", XDP_PASS,
		NULL);
	frame_other_port(&cases[0]);
	add_ours();
	add_xdp_filter("pass, UDP ports", "xdpfilt_alw_udp.o", "policy allow, no rules", XDP_PASS);
	add_xdp_filter(
		"pass, all features", "xdpfilt_alw_all.o", "policy allow, no rules", XDP_PASS);
	add_xdp_filter(
		"drop, all features", "xdpfilt_dny_all.o", "policy deny, no rules", XDP_DROP);
	for (uint64_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < case_count; i++)
			if (measure(&cases[i])) {
				fprintf(stderr, "xdp-cost: %s, %s failed\n", cases[i].program,
					cases[i].name);
				return 1;
			}
	print_all(json);
	xdp_rig_close(the_xdp_rig);
	return 0;
}
