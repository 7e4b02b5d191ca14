// SPDX-License-Identifier: BSD-2-Clause
/* Acknowledgements that go ahead of packets that wait: copies that lose their data, whatever their checksums. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stoq_limit.skel.h"
#include "tests/bpf/limit_rig.h"

#define ACKING_AT (bpf_map__value_size(the_limit->maps.stoq_limit_cpus) - sizeof(uint32_t))

/* Work space of each CPU: whether the packet at hand is a copy. */
static void set_copy(bool copy)
{
	const struct bpf_map *map = the_limit->maps.stoq_limit_cpus;
	size_t bytes = (bpf_map__value_size(map) + 7) & ~(size_t)7;
	uint8_t *values = calloc((size_t)libbpf_num_possible_cpus(), bytes);
	uint32_t zero = 0;

	assert_non_null(values);
	/* The last of its fields, behind which there is padding. */
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		*(uint32_t *)(void *)(values + cpu * bytes + ACKING_AT) = copy;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &zero, values, BPF_ANY), 0);
	free(values);
}

/* RFC 1071, of an IPv4 header without options behind Ethernet's; 0: the checksum in it is right. */
static uint16_t header_sum(const uint8_t *frame)
{
	uint32_t sum = 0;

	for (size_t i = 14; i < 34; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static void set_header_sum(uint8_t *frame, const struct wire_path *path)
{
	uint16_t sum = path->ipv6 ? 0 : header_sum(frame);

	if (path->ipv6)
		return;
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
}

/* What the kernel has in the checksum's place while it is to be completed: the pseudo header's sum. */
static void set_pseudo_sum(uint8_t *frame, size_t length, const struct wire_path *path)
{
	size_t tcp = wire_tcp_offset(path), bytes = path->ipv6 ? 32 : 8;
	size_t network = path->ipv6 ? 14 + 4u * path->vlan_tags + 8 : 26;
	uint32_t sum = 6 + (uint32_t)(length - tcp);

	for (size_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)frame[network + i] << 8 | frame[network + i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	frame[tcp + 16] = (uint8_t)(sum >> 8);
	frame[tcp + 17] = (uint8_t)sum;
}

static void set_sums(uint8_t *frame, size_t length, const struct wire_path *path, bool partial)
{
	if (partial)
		set_pseudo_sum(frame, length, path);
	else
		wire_set_checksum(frame, length, path);
	set_header_sum(frame, path);
}

/* The copy loses its data, and is right without, whether its checksum is complete or not. */
static void check_trimmed(struct wire_path path, bool partial)
{
	uint8_t data[512];
	struct wire_segment segment = {.from_controller = true,
		.sequence = 7,
		.acknowledged = 9,
		.flags = WIRE_ACK,
		.payload = data,
		.payload_bytes = sizeof(data)};
	uint8_t frame[WIRE_FRAME_MAX], out[WIRE_FRAME_MAX], plain[WIRE_FRAME_MAX];
	size_t length, wanted;
	/* Of the packet that it is a copy of, which waits. */
	struct __sk_buff context = {.tstamp = UINT64_MAX / 2};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_out = out,
		.data_size_out = sizeof(out), .ctx_in = &context, .ctx_size_in = sizeof(context),
		.ctx_out = &context, .ctx_size_out = sizeof(context), .repeat = 1);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	length = wire_make(frame, &path, &segment);
	set_sums(frame, length, &path, partial);
	set_copy(true);
	run.data_size_in = (uint32_t)length;
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(the_limit->progs.stoq_limit_egress), &run),
		0);
	assert_int_equal((int)run.retval, -1);
	assert_int_equal(context.tstamp, 0);
	segment.payload_bytes = 0;
	wanted = wire_make(plain, &path, &segment);
	set_sums(plain, wanted, &path, partial);
	assert_int_equal(run.data_size_out, wanted);
	assert_memory_equal(out, plain, wanted);
}

static void test_ahead(void **state)
{
	for (int partial = 0; partial < 2; partial++) {
		struct wire_path path = rig_path();

		check_trimmed(path, partial);
		path.tcp_option_words = 3;
		check_trimmed(path, partial);
		path.tcp_option_words = 10;
		check_trimmed(path, partial);
		path.ipv6 = true;
		check_trimmed(path, partial);
		path.ipv6_extensions = 1;
		check_trimmed(path, partial);
		path.vlan_tags = 1;
		path.vlan_id = 7;
		check_trimmed(path, partial);
	}
	set_copy(false);
}

/* Interfaces below the one at hand send the copy on, and packets of others that were due, within the same call. */
static void test_one_copy(void **state)
{
	static const uint8_t data[512];
	struct wire_path path = rig_path();
	struct wire_segment segment = {.from_controller = true,
		.sequence = 7,
		.acknowledged = 9,
		.flags = WIRE_ACK,
		.payload = data,
		.payload_bytes = sizeof(data)};
	uint8_t frame[WIRE_FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .repeat = 2);

	run.data_size_in = (uint32_t)wire_make(frame, &path, &segment);
	set_copy(true);
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(the_limit->progs.stoq_limit_egress), &run),
		0);
	assert_int_equal((int)run.retval, -1); /* the second time; not dropped */
	set_copy(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_one_copy),
	};

	return cmocka_run_group_tests(tests, limit_setup, limit_teardown);
}
