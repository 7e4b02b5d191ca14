// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/guard_rig.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/compile.h"
#include "stoq_guard.skel.h"

struct stoq_guard_bpf *the_guard;
struct stoq_guard_bpf *the_auditor;
static struct stoq_guard_bpf *the_other; /* in whose place the_guard is */
bool guard_audited;
uint64_t guard_audit_more;
enum stoq_guard_strictness guard_strictness = STOQ_GUARD_STRICT_ALWAYS;
struct stoq_guard_compiled *guard_compiled;
static uint64_t generation;

/* Two programs with the same tables, as when one takes the place of the other. */
static int take_over(struct stoq_guard_bpf *guard, const struct stoq_guard_bpf *before)
{
	struct bpf_map *map;
	int result = 0;

	bpf_object__for_each_map(map, guard->obj)
	{
		const char *name = bpf_map__name(map);
		const struct bpf_map *old = bpf_object__find_map_by_name(before->obj, name);

		if (!result && !strstr(name, ".rodata"))
			result = bpf_map__reuse_fd(map, bpf_map__fd(old));
	}
	return result;
}

/* before: whose tables it takes over, or NULL. NULL: it does not load. */
static struct stoq_guard_bpf *load(bool audit, const struct stoq_guard_bpf *before)
{
	struct stoq_guard_bpf *guard = stoq_guard_bpf__open();

	if (!guard || (before && take_over(guard, before)))
		return NULL;
	guard->rodata->stoq_guard_strict = (uint8_t)guard_strictness;
	guard->rodata->stoq_guard_audit = audit;
	guard->rodata->stoq_keep_details = 0;
	if (stoq_guard_bpf__load(guard) == 0)
		return guard;
	if (errno == EPERM) {
		printf("SKIP: this process may not load BPF programs (%s)\n", strerror(errno));
		exit(RIG_SKIP);
	}
	stoq_guard_bpf__destroy(guard);
	return NULL;
}

int guard_setup(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		printf("SKIP: loading BPF programs needs root\n");
		exit(RIG_SKIP);
	}
	the_guard = load(false, NULL);
	if (guard_audited)
		the_auditor = load(true, NULL);
	return the_guard && (the_auditor || !guard_audited) ? 0 : -1;
}

/* What one has refused and dropped, the other would have. */
static int compare_totals(void)
{
	for (int i = 0; i < STOQ_GUARD_TOTALS; i++) {
		bool changes = i >= STOQ_GUARD_PATCHED && i <= STOQ_GUARD_PATCHED_AGAIN;
		/* Of what has passed before, or not. */
		bool depends = i == STOQ_GUARD_ENDED || i == STOQ_GUARD_DROP_ENDED ||
			       i == STOQ_GUARD_DROP_DISORDER;
		uint64_t real = guard_total_of(the_guard, i),
			 audit = guard_total_of(the_auditor, i);

		if (changes ? audit == 0 : depends || !real == !audit)
			continue;
		if (!real && guard_audit_more >> i & 1)
			continue;
		printf("total %d: %llu enforced, %llu in audit mode\n", i, (unsigned long long)real,
			(unsigned long long)audit);
		return -1;
	}
	return 0;
}

int guard_teardown(void **state)
{
	(void)state;
	if (the_auditor && compare_totals())
		exit(1); /* cmocka does not count what a teardown finds */
	stoq_guard_bpf__destroy(the_guard);
	stoq_guard_bpf__destroy(the_auditor);
	stoq_guard_bpf__destroy(the_other);
	the_auditor = NULL;
	the_other = NULL;
	free(guard_compiled);
	guard_compiled = NULL;
	return 0;
}

void guard_own_interfaces(void)
{
	if (geteuid() != 0)
		return; /* guard_setup() says so */
	if (unshare(CLONE_NEWNET) == 0 &&
		system("ip link add front type veth peer name back") == 0 &&
		system("ip link add third type veth peer name fourth") == 0)
		return;
	printf("SKIP: no network namespace with veth interfaces\n");
	exit(RIG_SKIP);
}

/* ---- policies and what is counted ---- */

static int put_inner(const struct bpf_map *outer, uint32_t entry, int inner)
{
	int result = bpf_map_update_elem(bpf_map__fd(outer), &entry, &inner, BPF_ANY);

	close(inner);
	return result;
}

static void install_compiled(
	struct stoq_guard_bpf *guard, const struct stoq_guard_compiled *compiled)
{
	struct stoq_guard_installed *installed = calloc(1, sizeof(*installed));
	uint32_t zero = 0;
	int fd;

	assert_non_null(installed);
	installed->generation = generation;
	installed->counts = generation % STOQ_GUARD_COUNTS_ENTRIES;
	installed->policy = *compiled;
	fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "counts", sizeof(uint32_t),
		sizeof(struct stoq_guard_counts), 1, NULL);
	assert_true(fd >= 0);
	assert_int_equal(put_inner(guard->maps.stoq_guard_counts, installed->counts, fd), 0);
	fd = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "policy", sizeof(uint32_t), sizeof(*installed), 1, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, installed, BPF_ANY), 0);
	assert_int_equal(put_inner(guard->maps.stoq_guard_policies, 0, fd), 0);
	free(installed);
}

void guard_install(const char *yaml)
{
	struct stoq_guard_compiled *compiled = NULL;
	struct stoq_guard_policy policy;
	struct stoq_error error;
	uint32_t zero = 0;

	if (!yaml) {
		bpf_map_delete_elem(bpf_map__fd(the_guard->maps.stoq_guard_policies), &zero);
		if (the_auditor)
			bpf_map_delete_elem(
				bpf_map__fd(the_auditor->maps.stoq_guard_policies), &zero);
		return;
	}
	if (stoq_guard_policy_parse(&policy, "test", yaml, strlen(yaml), &error) ||
		stoq_guard_compile(&policy, &compiled, &error)) {
		fail_msg("%s", error.text);
		return;
	}
	generation++;
	install_compiled(the_guard, compiled);
	if (the_auditor)
		install_compiled(the_auditor, compiled);
	stoq_guard_policy_free(&policy);
	free(guard_compiled);
	guard_compiled = compiled;
}

int guard_install_allowing(void **state)
{
	(void)state;
	guard_install("version: 1\ndefault: allow\nrules: []\n");
	return 0;
}

void guard_replace(bool audit)
{
	if (the_guard->rodata->stoq_guard_audit != audit) {
		struct stoq_guard_bpf *other = the_other ? the_other : load(audit, the_guard);

		assert_non_null(other);
		the_other = the_guard;
		the_guard = other;
	}
	generation++;
	install_compiled(the_guard, guard_compiled);
}

/* The sum over all CPUs of the 64-bit number at `offset` of a map's only value. */
static uint64_t sum_of(int fd, size_t value_bytes, size_t offset)
{
	size_t cpus = libbpf_num_possible_cpus(), stride = (value_bytes + 7) & ~(size_t)7;
	uint8_t *values = calloc(cpus, stride);
	uint64_t sum = 0, value;
	uint32_t zero = 0;

	assert_non_null(values);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, values), 0);
	for (size_t i = 0; i < cpus; i++) {
		memcpy(&value, values + i * stride + offset, sizeof(value));
		sum += value;
	}
	free(values);
	return sum;
}

uint64_t guard_total_of(struct stoq_guard_bpf *guard, enum stoq_guard_total total)
{
	return sum_of(bpf_map__fd(guard->maps.stoq_guard_totals), sizeof(struct stoq_guard_totals),
		total * sizeof(uint64_t));
}

uint64_t guard_total(enum stoq_guard_total total)
{
	return guard_total_of(the_guard, total);
}

uint64_t guard_rule_count(uint32_t rule)
{
	uint32_t entry = generation % STOQ_GUARD_COUNTS_ENTRIES, id;
	uint64_t count;
	int fd;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(the_guard->maps.stoq_guard_counts), &entry, &id),
		0);
	fd = bpf_map_get_fd_by_id(id);
	assert_true(fd >= 0);
	count = sum_of(fd, sizeof(struct stoq_guard_counts), rule * sizeof(uint64_t));
	close(fd);
	return count;
}

static uint64_t log_last(struct stoq_guard_bpf *guard)
{
	struct stoq_guard_state state;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(guard->maps.stoq_guard_state), &zero, &state), 0);
	return state.log_last;
}

static struct stoq_guard_record record_of(struct stoq_guard_bpf *guard, uint64_t sequence)
{
	uint32_t key = sequence % STOQ_GUARD_LOG_RECORDS;
	struct stoq_guard_record record;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(guard->maps.stoq_guard_log), &key, &record), 0);
	assert_int_equal(record.sequence, sequence);
	return record;
}

uint64_t guard_log_last(void)
{
	return log_last(the_guard);
}

struct stoq_guard_record guard_record(uint64_t sequence)
{
	return record_of(the_guard, sequence);
}

struct stoq_guard_record guard_last_record(void)
{
	return guard_last_record_of(the_guard);
}

struct stoq_guard_record guard_last_record_of(struct stoq_guard_bpf *guard)
{
	return record_of(guard, log_last(guard));
}

static void empty(int fd)
{
	uint64_t key;

	while (bpf_map_get_next_key(fd, NULL, &key) == 0)
		bpf_map_delete_elem(fd, &key);
}

void guard_empty_chunks(void)
{
	empty(bpf_map__fd(the_guard->maps.stoq_guard_chunks));
	if (the_auditor)
		empty(bpf_map__fd(the_auditor->maps.stoq_guard_chunks));
}

/* ---- packets ---- */

/* What the program makes of a frame: its verdict. */
static int run(struct stoq_guard_bpf *guard, struct guard_place place, const uint8_t *frame,
	size_t length, uint8_t *out)
{
	struct __sk_buff context = {.ifindex = place.ifindex, .ingress_ifindex = place.from};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = length,
		.data_out = out, .data_size_out = WIRE_FRAME_MAX, .repeat = 1);

	if (place.ifindex) {
		options.ctx_in = &context;
		options.ctx_size_in = sizeof(context);
	}
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(guard->progs.stoq_guard), &options), 0);
	assert_int_equal(options.data_size_out, length);
	return (int)options.retval;
}

/* Audit mode: whatever the packet is, it passes, and not one byte of it is another. */
void guard_audit_run(struct guard_place place, const uint8_t *frame, size_t length)
{
	static uint8_t left[WIRE_FRAME_MAX];

	assert_int_equal(run(the_auditor, place, frame, length, left), TC_ACT_UNSPEC);
	assert_memory_equal(left, frame, length);
}

bool guard_run_at(struct guard_place place, const uint8_t *frame, size_t length, uint8_t *out)
{
	static uint8_t left[WIRE_FRAME_MAX];
	int verdict = run(the_guard, place, frame, length, out ? out : left);

	if (the_auditor)
		guard_audit_run(place, frame, length);
	if (verdict == TC_ACT_SHOT)
		return false;
	assert_int_equal(verdict, TC_ACT_UNSPEC);
	return true;
}

bool guard_run(const uint8_t *frame, size_t length, uint8_t *out)
{
	return guard_run_at((struct guard_place){0}, frame, length, out);
}

struct stoq_guard_room guard_room(void)
{
	struct stoq_guard_room room;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(the_guard->maps.stoq_guard_room), &zero, &room), 0);
	return room;
}

void guard_set_limit(uint64_t limit)
{
	struct stoq_guard_room room = guard_room();
	uint32_t zero = 0;

	room.limit = limit;
	room.swept_ns = 0;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_guard->maps.stoq_guard_room), &zero,
				 &room, BPF_ANY),
		0);
	if (the_auditor)
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_auditor->maps.stoq_guard_room),
					 &zero, &room, BPF_ANY),
			0);
}
