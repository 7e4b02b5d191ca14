// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/xdp_rig.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "stoq_xdp.skel.h"
#include "stoq_xdp_tc.skel.h"
#include "xdp/names.h"
#include "xdp/prefix.h"

#define FOR_EVER_NS (1ull << 60)

__attribute__((format(printf, 2, 0))) static int quiet(
	enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* Emptying a table takes its size in time. */
static void shrink_tables(struct bpf_object *object)
{
	static const char *const names[] = {"stoq_xdp_conns", "stoq_xdp_opens", "stoq_xdp_source"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		bpf_map__set_max_entries(
			bpf_object__find_map_by_name(object, names[i]), 2 * XDP_MODEL_ENTRIES);
}

/* As a program that knows packets in several buffers, or as one that does not. */
static int load(struct xdp_rig *rig, bool frags)
{
	int result;

	rig->program = stoq_xdp_bpf__open();
	if (!rig->program)
		return -errno;
	rig->program->rodata->stoq_xdp_frags = frags;
	if (frags)
		bpf_program__set_flags(rig->program->progs.stoq_xdp, BPF_F_XDP_HAS_FRAGS);
	shrink_tables(rig->program->obj);
	result = stoq_xdp_bpf__load(rig->program);
	if (result) {
		stoq_xdp_bpf__destroy(rig->program);
		rig->program = NULL;
		return result;
	}
	rig->frags = frags;
	rig->program_fd = bpf_program__fd(rig->program->progs.stoq_xdp);
	return stoq_xdp_maps_take(&rig->maps, rig->program->obj, NULL);
}

static int load_tc(struct xdp_rig *rig)
{
	int result;

	rig->tc = stoq_xdp_tc_bpf__open();
	if (!rig->tc)
		return -errno;
	shrink_tables(rig->tc->obj);
	result = stoq_xdp_tc_bpf__load(rig->tc);
	if (result)
		return result;
	rig->program_fd = bpf_program__fd(rig->tc->progs.stoq_xdp_tc);
	return stoq_xdp_maps_take(&rig->maps, rig->tc->obj, NULL);
}

/* XDP_RIG_TC=1: the program for tc; XDP_RIG_FRAGS=0: as on kernels before 5.18. */
static int load_wanted(struct xdp_rig *rig)
{
	int result;

	if (getenv("XDP_RIG_TC"))
		return load_tc(rig);
	result = getenv("XDP_RIG_FRAGS") ? -EINVAL : load(rig, true);
	return result ? load(rig, false) : 0;
}

struct xdp_rig *xdp_rig_open(void)
{
	struct xdp_rig *rig = calloc(1, sizeof(*rig));
	int result;

	if (geteuid() != 0) {
		printf("SKIP: loading BPF programs needs root\n");
		exit(XDP_RIG_SKIP);
	}
	libbpf_set_print(quiet);
	result = load_wanted(rig);
	if (result == -EPERM) {
		printf("SKIP: this process may not load BPF programs\n");
		exit(XDP_RIG_SKIP);
	}
	if (result) {
		fprintf(stderr, "the filter's program does not load: %s\n", strerror(-result));
		exit(1);
	}
	xdp_rig_reset(rig);
	return rig;
}

void xdp_rig_close(struct xdp_rig *rig)
{
	stoq_xdp_maps_close(&rig->maps);
	stoq_xdp_bpf__destroy(rig->program);
	stoq_xdp_tc_bpf__destroy(rig->tc);
	free(rig);
}

struct xdp_rig *the_xdp_rig;

int xdp_rig_setup(void **state)
{
	(void)state;
	the_xdp_rig = xdp_rig_open();
	return 0;
}

int xdp_rig_teardown(void **state)
{
	(void)state;
	xdp_rig_close(the_xdp_rig);
	return 0;
}

static void empty_map(int fd)
{
	uint8_t key[64];

	while (bpf_map_get_next_key(fd, NULL, key) == 0)
		bpf_map_delete_elem(fd, key);
}

void xdp_rig_reset(struct xdp_rig *rig)
{
	static const struct stoq_xdp_buckets buckets;
	static const struct stoq_cid_key no_key;
	uint32_t zero = 0;

	empty_map(rig->maps.fd[STOQ_XDP_MAP_CONNS]);
	empty_map(rig->maps.fd[STOQ_XDP_MAP_OPENS]);
	empty_map(rig->maps.fd[STOQ_XDP_MAP_SOURCE]);
	assert_int_equal(
		bpf_map_update_elem(rig->maps.fd[STOQ_XDP_MAP_BUCKET], &zero, &buckets, 0), 0);
	xdp_model_reset(&rig->model);
	rig->maps.config->layout = STOQ_XDP_LAYOUT;
	rig->maps.config->xsks_per_queue = 1;
	rig->maps.config->idle_timeout_ns = FOR_EVER_NS;
	rig->maps.config->handshake_timeout_ns = FOR_EVER_NS;
	rig->maps.config->closing_timeout_ns = FOR_EVER_NS / 2;
	xdp_rig_remove_prefixes(rig);
	xdp_rig_set_key(rig, &no_key);
	xdp_rig_set_flags(rig, STOQ_XDP_ACCEPT);
	xdp_rig_set_limits(rig, 0, 0, 0);
	stoq_xdp_set_port(&rig->maps, XDP_RIG_PORT, true);
	rig->model.ports[XDP_RIG_PORT] = true;
	assert_int_equal(stoq_xdp_stats_sum(&rig->maps, &rig->stats), 0);
	rig->model.opened = rig->stats.opened;
	rig->model.established = rig->stats.established;
}

void xdp_rig_set_flags(struct xdp_rig *rig, uint32_t flags)
{
	stoq_xdp_set_flags(&rig->maps, ~0u, false);
	stoq_xdp_set_flags(&rig->maps, flags, true);
	rig->model.flags = flags;
}

void xdp_rig_set_key(struct xdp_rig *rig, const struct stoq_cid_key *key)
{
	rig->maps.config->cid_key = *key;
	rig->model.key = *key;
}

void xdp_rig_set_address(struct xdp_rig *rig, const char *text)
{
	struct stoq_xdp_prefix address;

	assert_int_equal(stoq_xdp_prefix_parse(&address, text, NULL), 0);
	memcpy(rig->maps.config->local, address.address, sizeof(address.address));
	memcpy(rig->model.local, address.address, sizeof(address.address));
	xdp_rig_set_flags(rig, rig->model.flags | STOQ_XDP_ONE_ADDRESS);
}

/* An event each hour, but so many at once. */
static void set_burst(struct stoq_xdp_rate *rate, uint32_t burst)
{
	rate->interval_ns = burst ? 3600000000000ull : 0;
	rate->tolerance_ns = burst ? (burst - 1) * rate->interval_ns : 0;
}

void xdp_rig_set_limits(struct xdp_rig *rig, uint32_t source, uint32_t total, uint32_t unproven)
{
	set_burst(&rig->maps.config->source, source);
	set_burst(&rig->maps.config->total, total);
	set_burst(&rig->maps.config->unproven, unproven);
	rig->model.source_burst = source;
	rig->model.total_burst = total;
	rig->model.unproven_burst = unproven;
}

void xdp_rig_add_prefix(struct xdp_rig *rig, enum stoq_xdp_list list, const char *text)
{
	struct stoq_xdp_prefix prefix;

	assert_int_equal(stoq_xdp_prefix_parse(&prefix, text, NULL), 0);
	assert_int_equal(stoq_xdp_add_prefixes(&rig->maps, list, &prefix, 1, NULL), 0);
	if (list == STOQ_XDP_ALLOWED)
		rig->model.allow[rig->model.allow_count++] = prefix;
	else
		rig->model.deny[rig->model.deny_count++] = prefix;
}

void xdp_rig_remove_prefixes(struct xdp_rig *rig)
{
	struct stoq_xdp_prefix_entry entry;

	for (int list = STOQ_XDP_ALLOWED; list <= STOQ_XDP_DENIED; list++)
		while (stoq_xdp_list_prefixes(&rig->maps, list, &entry, 1))
			assert_int_equal(
				stoq_xdp_remove_prefixes(&rig->maps, list, &entry.prefix, 1, NULL),
				0);
	rig->model.allow_count = rig->model.deny_count = 0;
}

void xdp_rig_end_connection(
	struct xdp_rig *rig, const struct stoq_cid *cid, enum stoq_xdp_state state, bool expired)
{
	struct xdp_model_connection *connection = xdp_model_add(&rig->model, cid);
	struct stoq_xdp_connection entry;

	assert_int_equal(stoq_xdp_end_connection(&rig->maps, cid, 1, state), 0);
	if (expired) {
		int fd = rig->maps.fd[STOQ_XDP_MAP_CONNS];

		rig->maps.config->closing_timeout_ns = 1000000000;
		assert_int_equal(bpf_map_lookup_elem(fd, &cid->random, &entry), 0);
		entry.last_ns = 0;
		assert_int_equal(bpf_map_update_elem(fd, &cid->random, &entry, BPF_EXIST), 0);
	}
	connection->state = state;
	connection->expired = expired;
}

/* ---- frames ---- */

/* Which verdict was counted since the last frame. */
static enum stoq_xdp_verdict counted(struct xdp_rig *rig, size_t length)
{
	enum stoq_xdp_verdict verdict = STOQ_XDP_VERDICTS;
	struct stoq_xdp_stats now;
	uint64_t sizes = 0;

	assert_int_equal(stoq_xdp_stats_sum(&rig->maps, &now), 0);
	for (int i = 0; i < STOQ_XDP_VERDICTS; i++) {
		uint64_t packets = now.verdicts[i].packets - rig->stats.verdicts[i].packets;

		assert_true(packets <= 1);
		if (!packets)
			continue;
		assert_int_equal(verdict, STOQ_XDP_VERDICTS);
		verdict = i;
		assert_int_equal(now.verdicts[i].bytes - rig->stats.verdicts[i].bytes, length);
	}
	assert_int_not_equal(verdict, STOQ_XDP_VERDICTS);
	for (int i = 0; i < STOQ_XDP_SIZE_CLASSES; i++)
		sizes += now.sizes[i] - rig->stats.sizes[i];
	/* Of fragments, the first one for our port. */
	if (verdict == STOQ_XDP_PASS_FRAGMENT)
		assert_in_range(sizes, 0, 1);
	else
		assert_int_equal(
			sizes, verdict != STOQ_XDP_PASS_OTHER && verdict != STOQ_XDP_DROP_LENGTH);
	rig->stats = now;
	return verdict;
}

static int run(struct xdp_rig *rig, const uint8_t *frame, size_t length, struct xdp_md *context,
	enum stoq_xdp_verdict *verdict)
{
	static uint8_t out[XDP_FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)length,
		.data_out = out, .data_size_out = sizeof(out), .repeat = 1, .ctx_in = context,
		.ctx_size_in = context ? sizeof(*context) : 0);
	int result = bpf_prog_test_run_opts(rig->program_fd, &options);
	uint32_t drop = rig->tc ? TC_ACT_SHOT : XDP_DROP;
	uint32_t pass = rig->tc ? (uint32_t)TC_ACT_UNSPEC : XDP_PASS;

	if (result)
		return result;
	*verdict = counted(rig, length);
	assert_int_equal(options.retval, *verdict >= STOQ_XDP_FIRST_DROP ? drop : pass);
	assert_int_equal(options.data_size_out, length);
	assert_memory_equal(out, frame, length);
	return 0;
}

enum stoq_xdp_verdict xdp_rig_run(struct xdp_rig *rig, const uint8_t *frame, size_t length)
{
	enum stoq_xdp_verdict verdict = STOQ_XDP_VERDICTS;

	assert_int_equal(run(rig, frame, length, NULL, &verdict), 0);
	return verdict;
}

int xdp_rig_run_split(struct xdp_rig *rig, const uint8_t *frame, size_t length, size_t first,
	enum stoq_xdp_verdict *verdict)
{
	struct xdp_md context = {.data_end = (uint32_t)first};

	if (rig->tc)
		return -EINVAL;
	return run(rig, frame, length, &context, verdict);
}

int xdp_rig_run_train(struct xdp_rig *rig, uint8_t *frame, size_t length, uint32_t segment_bytes)
{
	struct __sk_buff context = {.gso_size = segment_bytes, .gso_segs = 2};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)length,
		.data_out = frame, .data_size_out = (uint32_t)length, .repeat = 1,
		.ctx_in = &context, .ctx_size_in = sizeof(context));
	int result = bpf_prog_test_run_opts(rig->program_fd, &options);

	if (result)
		return result;
	assert_int_equal(options.data_size_out, length);
	assert_int_equal(stoq_xdp_stats_sum(&rig->maps, &rig->stats), 0);
	assert_true(options.retval == TC_ACT_SHOT || options.retval == (uint32_t)TC_ACT_UNSPEC);
	return options.retval != TC_ACT_SHOT;
}

enum stoq_xdp_verdict xdp_rig_compare(struct xdp_rig *rig, const uint8_t *frame, size_t length)
{
	enum stoq_xdp_verdict verdict = STOQ_XDP_VERDICTS, expected;
	int result = run(rig, frame, length, NULL, &verdict);

	/* An IP header that is cut short: the kernel makes no skb of it (net/bpf/test_run.c). */
	if (result == -EINVAL && rig->tc)
		return STOQ_XDP_PASS_OTHER;
	assert_int_equal(result, 0);
	expected = xdp_model_run(&rig->model, frame, length);
	if (verdict == expected)
		return verdict;
	fprintf(stderr, "program: %s, reference: %s; the frame:", stoq_xdp_verdict_name(verdict),
		stoq_xdp_verdict_name(expected));
	for (size_t i = 0; i < length && i < 160; i++)
		fprintf(stderr, "%s%02x", i % 32 ? " " : "\n  ", frame[i]);
	fprintf(stderr, "\n  %zu bytes\n", length);
	fail_msg("program and reference disagree");
	return verdict;
}

bool xdp_rig_connection(
	struct xdp_rig *rig, const struct stoq_cid *cid, struct stoq_xdp_connection *connection)
{
	int fd = rig->maps.fd[STOQ_XDP_MAP_CONNS];

	return bpf_map_lookup_elem(fd, &cid->random, connection) == 0 &&
	       connection->tag == cid->tag;
}

void xdp_rig_compare_state(struct xdp_rig *rig)
{
	struct stoq_xdp_connection connection;
	struct stoq_xdp_status status;
	uint64_t count = 0;

	for (size_t i = 0; i < rig->model.connection_count; i++) {
		assert_true(xdp_rig_connection(rig, &rig->model.connections[i].cid, &connection));
		assert_int_equal(connection.state, rig->model.connections[i].state);
	}
	assert_int_equal(stoq_xdp_status_read(&status, &rig->maps, NULL), 0);
	for (int i = 0; i < STOQ_XDP_STATES; i++)
		count += status.connections[i];
	assert_int_equal(count, rig->model.connection_count);
	assert_int_equal(status.opening, rig->model.open_count);
	assert_int_equal(status.sum.opened, rig->model.opened);
	assert_int_equal(status.sum.established, rig->model.established);
	stoq_xdp_status_free(&status);
}
