// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/rig.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "bpf/stream/event_shared.h"
#include "bpf/stream/filter_shared.h"
#include "bpf/stream/program_shared.h"
#include "bpf/stream/series_shared.h"
#include "stoq_watch.skel.h"
#include "stoq_watch_checked.skel.h"
#include "watch_clock.skel.h"

static void *grown(void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity ? *capacity * 2 : 256;
	items = realloc(items, *capacity * size);
	if (!items)
		abort();
	return items;
}

static int on_event(void *context, void *data, size_t size)
{
	struct rig *rig = context;

	if (*(uint32_t *)data == STOQ_EVENT_PDU) {
		assert_int_equal(size, sizeof(struct stoq_event_pdu));
		rig->pdus =
			grown(rig->pdus, rig->pdu_count, &rig->pdu_capacity, sizeof(*rig->pdus));
		memcpy(&rig->pdus[rig->pdu_count++], data, sizeof(*rig->pdus));
	} else {
		assert_int_equal(*(uint32_t *)data, STOQ_EVENT_COMMAND);
		assert_int_equal(size, sizeof(struct stoq_event_staged));
		rig->commands = grown(rig->commands, rig->command_count, &rig->command_capacity,
			sizeof(*rig->commands));
		memcpy(&rig->commands[rig->command_count++], data, sizeof(*rig->commands));
	}
	return 0;
}

static int on_checked(void *context, void *data, size_t size)
{
	struct rig *rig = context;

	if (*(uint32_t *)data == STOQ_EVENT_VIOLATION) {
		assert_int_equal(size, sizeof(struct stoq_event_violation));
		rig->violations = grown(rig->violations, rig->violation_count,
			&rig->violation_capacity, sizeof(*rig->violations));
		memcpy(&rig->violations[rig->violation_count++], data, sizeof(*rig->violations));
	} else {
		assert_int_equal(*(uint32_t *)data, STOQ_EVENT_WRITE);
		assert_int_equal(size, sizeof(struct stoq_event_write));
		rig->writes = grown(
			rig->writes, rig->write_count, &rig->write_capacity, sizeof(*rig->writes));
		memcpy(&rig->writes[rig->write_count++], data, sizeof(*rig->writes));
	}
	return 0;
}

__attribute__((format(printf, 2, 0))) static int quiet(
	enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
}

static size_t rig_slot_count(const struct rig *rig)
{
	return bpf_map__max_entries(rig->program->maps.stoq_commands);
}

enum kind { PLAIN, CLOCK, CHECKED };

/* The product's program, the one with a clock, or the one that checks: they have the same maps and variables, and more. */
static struct stoq_watch_bpf *open_program(enum kind kind)
{
	struct stoq_watch_bpf *program = calloc(1, sizeof(*program));

	assert_non_null(program);
	assert_int_equal(stoq_watch_bpf__create_skeleton(program), 0);
	if (kind == CLOCK)
		program->skeleton->data =
			(void *)watch_clock_bpf__elf_bytes(&program->skeleton->data_sz);
	if (kind == CHECKED)
		program->skeleton->data =
			(void *)stoq_watch_checked_bpf__elf_bytes(&program->skeleton->data_sz);
	assert_int_equal(bpf_object__open_skeleton(program->skeleton, NULL), 0);
	return program;
}

static struct stoq_watch_bpf *load_program(enum kind kind, bool reports)
{
	struct stoq_watch_bpf *program = open_program(kind);

	program->rodata->stoq_report_pdus = reports;
	program->rodata->stoq_keep_details = reports;
	program->rodata->stoq_slow_ns = reports ? 0 : UINT64_MAX;
	bpf_map__set_max_entries(program->maps.stoq_events, 1 << 24);
	if (stoq_watch_bpf__load(program)) {
		if (errno == EPERM) {
			printf("SKIP: this process may not load BPF programs (%s)\n",
				strerror(errno));
			exit(RIG_SKIP);
		}
		fail_msg("the program does not load: %s", strerror(errno));
	}
	return program;
}

static uint64_t *map_clock(const struct stoq_watch_bpf *program)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(program->obj, ".data.clock");
	void *clock;

	assert_non_null(map);
	clock = mmap(
		NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	assert_ptr_not_equal(clock, MAP_FAILED);
	return clock;
}

static struct stoq_slot *map_slots(const struct stoq_watch_bpf *program)
{
	const struct bpf_map *map = program->maps.stoq_commands;
	void *slots = mmap(NULL, bpf_map__max_entries(map) * sizeof(struct stoq_slot),
		PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_ptr_not_equal(slots, MAP_FAILED);
	return slots;
}

static void forget_cursor(struct stoq_cursor *cursor)
{
	if (!cursor->pending)
		cursor->pending_cid = 0;
	memset(cursor->carry + cursor->carry_bytes, 0, sizeof(cursor->carry) - cursor->carry_bytes);
}

/* What may differ between the two: what is left of earlier PDUs, and where commands are kept. */
static void forget(struct stoq_flow *flow)
{
	memset(flow->slots, 0, sizeof(flow->slots));
	memset(&flow->check, 0, sizeof(flow->check));
	for (int side = 0; side < NVME_TCP_SIDES; side++)
		forget_cursor(&flow->side[side].cursor);
}

/* And where one of them has another clock, and no stages. */
static void forget_times(struct stoq_flow *flow)
{
	flow->first_seen_ns = 0;
	flow->ended_ns = 0;
	flow->doubt_ns = flow->doubt_ns != 0;
	for (int side = 0; side < NVME_TCP_SIDES; side++) {
		struct stoq_cursor *cursor = &flow->side[side].cursor;

		flow->side[side].last_seen_ns = 0;
		flow->side[side].early_mark_ns = 0;
		if (cursor->pending == STOQ_PENDING_DATA_END)
			cursor->pending = STOQ_PENDING_NOTHING;
		forget_cursor(cursor);
	}
}

static void compare_flows(const struct bpf_map *map, const struct bpf_map *twin, bool plain)
{
	struct stoq_flow flow, other;
	struct stoq_flow_key key;

	for (void *from = NULL; bpf_map__get_next_key(map, from, &key, sizeof(key)) == 0;
		from = &key) {
		memset(&flow, 0, sizeof(flow));
		bpf_map__lookup_elem(map, &key, sizeof(key), &flow, sizeof(flow), 0);
		assert_int_equal(
			bpf_map__lookup_elem(twin, &key, sizeof(key), &other, sizeof(other), 0), 0);
		forget(&flow);
		forget(&other);
		if (plain) {
			forget_times(&flow);
			forget_times(&other);
		}
		assert_memory_equal(&flow, &other, sizeof(flow));
	}
}

static uint16_t cid_of_shared(const struct rig *rig, size_t at)
{
	uint32_t mask = rig_slot_count(rig) - 1, owner = rig->twin_slots[at].owner;

	return (at ^ (owner & 1)) - stoq_command_index(owner >> 2, 0, owner & 2, mask);
}

/* The program with reports keeps all commands in the shared table. */
static void assert_shared(const struct rig *rig, uint32_t uid, uint16_t cid)
{
	uint32_t choice = 0;

	while (choice < STOQ_COMMAND_CHOICES &&
		rig->slots[stoq_command_index(uid, cid, choice, rig_slot_count(rig) - 1)].owner !=
			stoq_command_owner(uid, choice))
		choice++;
	assert_true(choice < STOQ_COMMAND_CHOICES);
}

/* How many commands the flows of this map have in slots of their own; rig: each is in its table. */
static size_t own_commands(const struct bpf_map *map, const struct rig *rig)
{
	struct stoq_flow_key key;
	struct stoq_flow flow;
	size_t count = 0;

	for (void *from = NULL; bpf_map__get_next_key(map, from, &key, sizeof(key)) == 0;
		from = &key) {
		assert_int_equal(
			bpf_map__lookup_elem(map, &key, sizeof(key), &flow, sizeof(flow), 0), 0);
		for (size_t i = 0; i < STOQ_OWN_SLOTS; i++) {
			if (flow.slots[i].owner == STOQ_COMMAND_FREE)
				continue;
			assert_int_equal(flow.slots[i].owner >> 16, 1);
			assert_int_equal(flow.slots[i].owner % STOQ_OWN_SLOTS, i);
			if (rig)
				assert_shared(rig, flow.uid, flow.slots[i].owner & 0xffff);
			count++;
		}
	}
	return count;
}

static size_t shared_commands(const struct rig *rig, const struct stoq_slot *slots)
{
	size_t count = 0;

	for (size_t i = 0; i < rig_slot_count(rig); i++)
		count += slots[i].owner != STOQ_COMMAND_FREE;
	return count;
}

static void compare_commands(const struct rig *rig)
{
	size_t own = own_commands(rig->twin->maps.stoq_flows, rig) +
		     own_commands(rig->twin->maps.stoq_unproven, rig);

	for (size_t i = 0; i < rig_slot_count(rig); i++)
		if (rig->twin_slots[i].owner != STOQ_COMMAND_FREE)
			assert_shared(rig, rig->twin_slots[i].owner >> 2, cid_of_shared(rig, i));
	assert_int_equal(
		shared_commands(rig, rig->slots), own + shared_commands(rig, rig->twin_slots));
}

/* The stages of a series add up to its latency. */
static void check_stages(const struct stoq_series_staged *staged)
{
	uint64_t sum_ns = 0;

	for (int i = 0; i < STOQ_STAGES; i++) {
		uint64_t commands = 0;

		for (int bucket = 0; bucket < STOQ_STAGE_BUCKETS; bucket++)
			commands += staged->stages[i].buckets[bucket];
		assert_int_equal(commands, staged->stages[i].commands);
		assert_true(staged->stages[i].max_ns <= staged->series.latency_max_ns);
		sum_ns += staged->stages[i].sum_ns;
	}
	assert_int_equal(sum_ns, staged->series.latency_sum_ns);
}

static void compare_series(const struct rig *rig)
{
	const struct bpf_map *map = rig->program->maps.stoq_series;
	struct stoq_series_staged staged, twin;
	struct stoq_series_key key;
	struct stoq_series plain;

	for (void *from = NULL; bpf_map__get_next_key(map, from, &key, sizeof(key)) == 0;
		from = &key) {
		bpf_map__lookup_elem(map, &key, sizeof(key), &staged, sizeof(staged), 0);
		assert_int_equal(bpf_map__lookup_elem(rig->twin->maps.stoq_series, &key,
					 sizeof(key), &twin, sizeof(twin), 0),
			0);
		assert_memory_equal(&staged, &twin, sizeof(staged));
		check_stages(&staged);
		assert_int_equal(bpf_map__lookup_elem(rig->plain->maps.stoq_series, &key,
					 sizeof(key), &plain, sizeof(plain), 0),
			0);
		assert_int_equal(staged.series.commands, plain.commands);
		assert_int_equal(staged.series.errors, plain.errors);
		assert_int_equal(staged.series.bytes, plain.bytes);
		assert_int_equal(bpf_map__lookup_elem(rig->checked->maps.stoq_series, &key,
					 sizeof(key), &plain, sizeof(plain), 0),
			0);
		assert_int_equal(staged.series.commands, plain.commands);
		assert_int_equal(staged.series.errors, plain.errors);
		assert_int_equal(staged.series.bytes, plain.bytes);
	}
}

/*
 * All programs have seen the same. When the table of flows is full, the kernel decides which of
 * them make way, not in the same way for all.
 */
static void rig_compare_twins(struct rig *rig)
{
	if (rig_flow_count(rig) > bpf_map__max_entries(rig->program->maps.stoq_unproven) / 2)
		return;
	compare_flows(rig->program->maps.stoq_flows, rig->twin->maps.stoq_flows, false);
	compare_flows(rig->program->maps.stoq_unproven, rig->twin->maps.stoq_unproven, false);
	compare_flows(rig->program->maps.stoq_flows, rig->plain->maps.stoq_flows, true);
	compare_flows(rig->program->maps.stoq_unproven, rig->plain->maps.stoq_unproven, true);
	compare_flows(rig->program->maps.stoq_flows, rig->checked->maps.stoq_flows, true);
	compare_flows(rig->program->maps.stoq_unproven, rig->checked->maps.stoq_unproven, true);
	compare_series(rig);
	compare_commands(rig);
}

struct rig *rig_open(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	if (geteuid() != 0) {
		printf("SKIP: loading BPF programs needs root\n");
		exit(RIG_SKIP);
	}
	libbpf_set_print(quiet);
	rig->program = load_program(CLOCK, true);
	rig->twin = load_program(CLOCK, false);
	rig->plain = load_program(PLAIN, false);
	rig->checked = load_program(CHECKED, false);
	rig->program_clock = map_clock(rig->program);
	rig->twin_clock = map_clock(rig->twin);
	rig->ring =
		ring_buffer__new(bpf_map__fd(rig->program->maps.stoq_events), on_event, rig, NULL);
	assert_non_null(rig->ring);
	rig->checked_ring = ring_buffer__new(
		bpf_map__fd(rig->checked->maps.stoq_events), on_checked, rig, NULL);
	assert_non_null(rig->checked_ring);
	rig->slots = map_slots(rig->program);
	rig->twin_slots = map_slots(rig->twin);
	return rig;
}

void rig_close(struct rig *rig)
{
	rig_compare_twins(rig);
	munmap(rig->slots, rig_slot_count(rig) * sizeof(*rig->slots));
	munmap(rig->twin_slots, rig_slot_count(rig) * sizeof(*rig->slots));
	munmap(rig->program_clock, sizeof(*rig->program_clock));
	munmap(rig->twin_clock, sizeof(*rig->twin_clock));
	ring_buffer__free(rig->ring);
	ring_buffer__free(rig->checked_ring);
	stoq_watch_bpf__destroy(rig->program);
	stoq_watch_bpf__destroy(rig->twin);
	stoq_watch_bpf__destroy(rig->plain);
	stoq_watch_bpf__destroy(rig->checked);
	free(rig->pdus);
	free(rig->violations);
	free(rig->writes);
	free(rig->commands);
	free(rig);
}

static void empty_map(const struct bpf_map *map)
{
	uint8_t key[64];

	while (bpf_map__get_next_key(map, NULL, key, bpf_map__key_size(map)) == 0)
		bpf_map__delete_elem(map, key, bpf_map__key_size(map), 0);
}

static void clear_program(const struct stoq_watch_bpf *program)
{
	empty_map(program->maps.stoq_flows);
	empty_map(program->maps.stoq_unproven);
	empty_map(program->maps.stoq_newcomers);
	empty_map(program->maps.stoq_series);
	empty_map(program->maps.stoq_connects);
}

void rig_clear(struct rig *rig)
{
	rig_compare_twins(rig);
	clear_program(rig->program);
	clear_program(rig->twin);
	clear_program(rig->plain);
	clear_program(rig->checked);
	memset(rig->slots, 0, rig_slot_count(rig) * sizeof(*rig->slots));
	memset(rig->twin_slots, 0, rig_slot_count(rig) * sizeof(*rig->slots));
	rig->pdu_count = 0;
	rig->violation_count = 0;
	rig->write_count = 0;
	rig->command_count = 0;
	rig->now_ns = 0;
}

static void run_program(const struct stoq_watch_bpf *program, const uint8_t *frame, size_t length)
{
	static uint8_t out[WIRE_FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = length,
		.data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(program->progs.stoq_watch), &options), 0);
	assert_int_equal((int)options.retval, TC_ACT_UNSPEC);
	assert_int_equal(options.data_size_out, length);
	assert_memory_equal(out, frame, length);
}

void rig_send_frame(struct rig *rig, const uint8_t *frame, size_t length)
{
	*rig->program_clock = *rig->twin_clock = rig->now_ns ? rig->now_ns : stoq_clock_now_ns();
	run_program(rig->program, frame, length);
	run_program(rig->twin, frame, length);
	run_program(rig->plain, frame, length);
	run_program(rig->checked, frame, length);
	ring_buffer__consume(rig->ring);
	ring_buffer__consume(rig->checked_ring);
}

void rig_send(struct rig *rig, const struct wire_path *path, const struct wire_segment *segment)
{
	uint8_t frame[WIRE_FRAME_MAX];

	rig_send_frame(rig, frame, wire_make(frame, path, segment));
}

struct wire_path rig_path(void)
{
	return (struct wire_path){
		.host_address = 0x0a000001,
		.controller_address = 0x0a000002,
		.host_port = 40000,
		.controller_port = 4420,
	};
}

static size_t count_keys(const struct bpf_map *map, void *last)
{
	size_t count = 0;
	uint8_t key[64];

	for (void *from = NULL; bpf_map__get_next_key(map, from, key, bpf_map__key_size(map)) == 0;
		from = last) {
		memcpy(last, key, bpf_map__key_size(map));
		count++;
	}
	return count;
}

size_t rig_flow_count(struct rig *rig)
{
	struct stoq_flow_key key;

	return count_keys(rig->program->maps.stoq_flows, &key) +
	       count_keys(rig->program->maps.stoq_unproven, &key);
}

static bool only_flow(const struct bpf_map *map, struct stoq_flow *flow)
{
	struct stoq_flow_key key;

	return count_keys(map, &key) == 1 &&
	       bpf_map__lookup_elem(map, &key, sizeof(key), flow, sizeof(*flow), 0) == 0;
}

bool rig_flow(struct rig *rig, struct stoq_flow *flow)
{
	return rig_flow_count(rig) == 1 &&
	       (only_flow(rig->program->maps.stoq_flows, flow) ||
		       only_flow(rig->program->maps.stoq_unproven, flow));
}

uint64_t rig_counter(struct rig *rig, enum stoq_counter counter)
{
	size_t count = libbpf_num_possible_cpus();
	struct stoq_cpu *cpus = calloc(count, sizeof(*cpus));
	uint32_t zero = 0;
	uint64_t sum = 0;

	bpf_map_lookup_elem(bpf_map__fd(rig->program->maps.stoq_cpus), &zero, cpus);
	for (size_t i = 0; i < count; i++)
		sum += cpus[i].counters[counter];
	free(cpus);
	return sum;
}

void rig_series(struct rig *rig, struct stoq_series_staged *sum)
{
	const struct bpf_map *map = rig->program->maps.stoq_series;
	struct stoq_series_staged staged;
	struct stoq_series_key key, last;

	memset(sum, 0, sizeof(*sum));
	for (void *from = NULL; bpf_map__get_next_key(map, from, &key, sizeof(key)) == 0;
		from = &last) {
		last = key;
		bpf_map__lookup_elem(map, &key, sizeof(key), &staged, sizeof(staged), 0);
		sum->series.commands += staged.series.commands;
		sum->series.errors += staged.series.errors;
		sum->series.bytes += staged.series.bytes;
		sum->series.latency_sum_ns += staged.series.latency_sum_ns;
		for (int i = 0; i < STOQ_STAGES; i++) {
			sum->stages[i].commands += staged.stages[i].commands;
			sum->stages[i].sum_ns += staged.stages[i].sum_ns;
		}
	}
}

size_t rig_outstanding(struct rig *rig)
{
	return shared_commands(rig, rig->slots) +
	       own_commands(rig->program->maps.stoq_flows, NULL) +
	       own_commands(rig->program->maps.stoq_unproven, NULL);
}

uint32_t rig_cells_used(struct rig *rig)
{
	return rig->program->bss->stoq_globals[STOQ_GLOBAL_CELLS_USED] +
	       rig->twin->bss->stoq_globals[STOQ_GLOBAL_CELLS_USED];
}

struct rig *the_rig;

int rig_setup(void **state)
{
	(void)state;
	the_rig = rig_open();
	return 0;
}

int rig_teardown(void **state)
{
	(void)state;
	rig_close(the_rig);
	return 0;
}
