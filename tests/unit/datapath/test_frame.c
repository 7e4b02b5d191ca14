// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/address.h"
#include "datapath/frame.h"

#define PAYLOAD_MAX 1500

static const struct stoq_frame_link plain = {
	.local_mac = {2, 0, 0, 0, 0, 1},
	.remote_mac = {2, 0, 0, 0, 0, 2},
};
static const struct stoq_frame_link tagged = {
	.local_mac = {2, 0, 0, 0, 0, 1},
	.remote_mac = {2, 0, 0, 0, 0, 2},
	.vlans = {{0x88a8, 100}, {0x8100, 4094}},
	.vlan_count = 2,
};

static struct stoq_address address(const char *text)
{
	struct stoq_address parsed;

	assert_int_equal(stoq_address_parse(&parsed, text, 0, NULL), 0);
	return parsed;
}

static struct stoq_frame_template template_of(
	const struct stoq_frame_link *link, const char *from, const char *to)
{
	struct stoq_address local = address(from), remote = address(to);
	struct stoq_frame_template template;

	assert_int_equal(stoq_frame_template_make(&template, link, &local, &remote), 0);
	return template;
}

/* RFC 1071 as it stands there, one 16-bit word after the other, for comparison. */
static uint16_t reference_sum(const uint8_t *data, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i += 2)
		sum += data[i] << 8 | (i + 1 < size ? data[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A right checksum makes the sum of everything, itself included, all ones. */
static void assert_checksums(
	const struct stoq_frame_template *template, const uint8_t *frame, uint32_t size)
{
	const uint8_t *ip = frame + template->ip_offset, *udp = frame + template->udp_offset;
	uint32_t udp_length = size - template->udp_offset;

	if (template->ipv6) {
		assert_int_equal(reference_sum(udp, udp_length,
					 reference_sum(ip + 8, 32, udp_length + IPPROTO_UDP)),
			0xffff);
		return;
	}
	assert_int_equal(reference_sum(ip, 20, 0), 0xffff);
	assert_int_equal(
		reference_sum(udp, udp_length, reference_sum(ip + 12, 8, udp_length + IPPROTO_UDP)),
		0xffff);
}

/* Written down by hand from RFC 791, 768 and 1071. */
static void writes_the_bytes_of_the_standards(void **state)
{
	static const uint8_t expected[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, /* Ethernet */
		0x45, 2, 0, 31, 0, 0, 0x40, 0, 64, 17, 0xb6, 0xc8,		     /* IPv4 */
		192, 0, 2, 1, 192, 0, 2, 2,					     /* addresses */
		0x24, 0x4c, 0x11, 0x44, 0, 11, 0x81, 0xe1, /* UDP: 9292 to 4420 */
		'a', 'b', 'c'};
	struct stoq_frame_template template =
		template_of(&plain, "192.0.2.1:9292", "192.0.2.2:4420");
	uint8_t frame[128];

	assert_int_equal(
		stoq_frame_build(&template, STOQ_ECN_ECT0, (const uint8_t *)"abc", 3, frame),
		sizeof(expected));
	assert_memory_equal(frame, expected, sizeof(expected));
}

static void check_all_sizes(const struct stoq_frame_link *link, const char *from, const char *to)
{
	struct stoq_frame_template template = template_of(link, from, to);
	struct stoq_address local = address(from), remote = address(to);
	uint8_t payload[PAYLOAD_MAX], frame[PAYLOAD_MAX + STOQ_FRAME_HEADER_MAX];
	struct stoq_frame parsed;
	uint32_t size;

	for (uint32_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)rand();
	for (uint16_t n = 1; n <= PAYLOAD_MAX; n++) {
		size = stoq_frame_build(&template, n & 3, payload, n, frame);
		assert_int_equal(size, template.header_size + n);
		assert_checksums(&template, frame, size);
		/* Seen from the other side. */
		assert_int_equal(stoq_frame_parse(frame, size, &parsed), 0);
		assert_true(stoq_address_equal(&parsed.remote, &local));
		assert_true(stoq_address_equal(&parsed.local, &remote));
		assert_int_equal(parsed.ecn, n & 3);
		assert_int_equal(parsed.payload_size, n);
		assert_memory_equal(parsed.payload, payload, n);
	}
}

static void builds_what_it_parses(void **state)
{
	check_all_sizes(&plain, "192.0.2.1:9292", "198.51.100.2:4420");
	check_all_sizes(&tagged, "192.0.2.1:9292", "198.51.100.2:4420");
	check_all_sizes(&plain, "[2001:db8::1]:9292", "[2001:db8::2]:65535");
	check_all_sizes(&tagged, "[2001:db8::1]:1", "[2001:db8::2]:65535");
}

/* A frame that goes on elsewhere: its beginning is the same, and is enough to read it if all headers are in it. */
static void a_head_is_as_the_whole(void **state)
{
	struct stoq_frame_template template =
		template_of(&tagged, "[2001:db8::1]:9292", "[2001:db8::2]:4420");
	uint8_t payload[PAYLOAD_MAX] = {0}, whole[PAYLOAD_MAX + STOQ_FRAME_HEADER_MAX];
	uint32_t size = stoq_frame_build(&template, 0, payload, sizeof(payload), whole);
	uint8_t head[PAYLOAD_MAX + STOQ_FRAME_HEADER_MAX];
	struct stoq_frame parsed;

	for (uint32_t room = template.header_size; room < size + 10; room++) {
		uint32_t written =
			stoq_frame_build_head(&template, 0, payload, sizeof(payload), head, room);

		assert_int_equal(written, room < size ? room : size);
		assert_memory_equal(head, whole, written);
	}
	for (uint32_t present = 0; present <= size; present++) {
		uint8_t *alone = malloc(present + 1); /* the sanitizer sees what is read behind */

		memcpy(alone, whole, present);
		assert_int_equal(stoq_frame_parse_head(alone, present, size, &parsed),
			present < template.header_size ? -EBADMSG : 0);
		if (present >= template.header_size) {
			assert_int_equal(parsed.payload_size, sizeof(payload));
			assert_ptr_equal(parsed.payload, alone + template.header_size);
		}
		free(alone);
	}
	assert_int_equal(stoq_frame_parse_head(whole, size, size - 1, &parsed), -EBADMSG);
}

static void tags_stand_outermost_first(void **state)
{
	static const uint8_t expected[] = {0x88, 0xa8, 0, 100, 0x81, 0, 0x0f, 0xfe, 0x86, 0xdd};
	struct stoq_frame_template template =
		template_of(&tagged, "[2001:db8::1]:1", "[2001:db8::2]:2");

	assert_int_equal(template.header_size, 14 + 8 + 40 + 8);
	assert_memory_equal(template.header + 12, expected, sizeof(expected));
}

/* Among all values of two bytes there are those whose checksum would be zero. */
static void never_sends_a_checksum_of_zero(void **state)
{
	struct stoq_frame_template template =
		template_of(&plain, "192.0.2.1:9292", "192.0.2.2:4420");
	uint8_t payload[2], frame[128];
	unsigned int all_ones = 0;

	for (uint32_t value = 0; value < 0x10000; value++) {
		payload[0] = value >> 8;
		payload[1] = value & 0xff;
		(void)stoq_frame_build(&template, 0, payload, 2, frame);
		assert_true(frame[40] || frame[41]);
		all_ones += frame[40] == 0xff && frame[41] == 0xff;
	}
	assert_true(all_ones >= 1);
}

static void refuses_mixed_families_and_too_many_tags(void **state)
{
	struct stoq_address v4 = address("192.0.2.1:1"), v6 = address("[2001:db8::1]:1");
	struct stoq_frame_link link = {.vlan_count = STOQ_FRAME_VLANS_MAX + 1};
	struct stoq_frame_template template;

	assert_int_equal(stoq_frame_template_make(&template, &plain, &v4, &v6), -EAFNOSUPPORT);
	assert_int_equal(stoq_frame_template_make(&template, &link, &v4, &v4), -EINVAL);
}

/* In memory of exactly its size, so that the sanitizers see any step beyond. */
static int parse_exactly(const uint8_t *data, size_t size, struct stoq_frame *frame)
{
	uint8_t *copy = malloc(size ? size : 1);
	int code;

	assert_non_null(copy);
	memcpy(copy, data, size);
	code = stoq_frame_parse(copy, size, frame);
	if (!code)
		assert_true(frame->payload >= copy &&
			    frame->payload + frame->payload_size <= copy + size);
	free(copy);
	return code;
}

static uint32_t sample(const char *from, const char *to, uint8_t *frame)
{
	struct stoq_frame_template template = template_of(&plain, from, to);
	static const uint8_t payload[32] = "a payload of exactly 32 bytes...";

	return stoq_frame_build(&template, 0, payload, sizeof(payload), frame);
}

static void refuses_frames_cut_short(void **state)
{
	uint8_t frame[256];
	struct stoq_frame parsed;
	uint32_t size = sample("192.0.2.1:1", "192.0.2.2:2", frame);

	for (uint32_t n = 0; n < size; n++)
		assert_int_equal(parse_exactly(frame, n, &parsed), -EBADMSG);
	size = sample("[2001:db8::1]:1", "[2001:db8::2]:2", frame);
	for (uint32_t n = 0; n < size; n++)
		assert_int_equal(parse_exactly(frame, n, &parsed), -EBADMSG);
}

static void ignores_ethernet_padding(void **state)
{
	uint8_t frame[256] = {0};
	struct stoq_frame parsed;
	uint32_t size = sample("192.0.2.1:1", "192.0.2.2:2", frame);

	assert_int_equal(parse_exactly(frame, size + 20, &parsed), 0);
	assert_int_equal(parsed.payload_size, 32);
}

/* One byte is changed in a frame that is right otherwise. */
static void assert_refused_with(uint32_t offset, uint8_t value, bool ipv6)
{
	uint8_t frame[256];
	struct stoq_frame parsed;
	uint32_t size = ipv6 ? sample("[2001:db8::1]:1", "[2001:db8::2]:2", frame)
			     : sample("192.0.2.1:1", "192.0.2.2:2", frame);

	frame[offset] = value;
	assert_int_equal(parse_exactly(frame, size, &parsed), -EBADMSG);
}

static void refuses_what_is_no_whole_udp_datagram(void **state)
{
	assert_refused_with(13, 6, false);    /* ARP */
	assert_refused_with(14, 0x55, false); /* version 5 */
	assert_refused_with(14, 0x44, false); /* a header too short */
	assert_refused_with(14, 0x4f, false); /* longer than the packet */
	assert_refused_with(17, 70, false);   /* total length beyond the frame */
	assert_refused_with(17, 19, false);   /* and below its header */
	assert_refused_with(20, 0x20, false); /* more fragments */
	assert_refused_with(21, 1, false);    /* a later fragment */
	assert_refused_with(23, 6, false);    /* TCP */
	assert_refused_with(39, 7, false);    /* UDP's length below its header */
	assert_refused_with(39, 41, false);   /* and beyond the packet */
	assert_refused_with(14, 0x40, true);  /* version 4 */
	assert_refused_with(19, 80, true);    /* payload length beyond the frame */
	assert_refused_with(20, 44, true);    /* a fragment header */
	assert_refused_with(20, 6, true);     /* TCP */
	assert_refused_with(59, 7, true);     /* UDP's length below its header */
}

static void skips_options_and_extension_headers(void **state)
{
	uint8_t frame[256], longer[256];
	struct stoq_frame parsed;
	uint32_t size = sample("192.0.2.1:1", "192.0.2.2:2", frame);

	memcpy(longer, frame, 34);
	memset(longer + 34, 1, 8); /* no-operation */
	memcpy(longer + 42, frame + 34, size - 34);
	longer[14] = 0x47;
	longer[17] += 8;
	assert_int_equal(parse_exactly(longer, size + 8, &parsed), 0);
	assert_int_equal(stoq_address_port(&parsed.local), 2);

	size = sample("[2001:db8::1]:1", "[2001:db8::2]:2", frame);
	memcpy(longer, frame, 54);
	memset(longer + 54, 0, 24);
	longer[20] = IPPROTO_HOPOPTS; /* 8 bytes, then 16 of destination options */
	longer[54] = IPPROTO_DSTOPTS;
	longer[62] = IPPROTO_UDP;
	longer[63] = 1;
	memcpy(longer + 78, frame + 54, size - 54);
	longer[19] += 24;
	assert_int_equal(parse_exactly(longer, size + 24, &parsed), 0);
	assert_int_equal(parsed.payload_size, 32);
	longer[63] = 200;
	assert_int_equal(parse_exactly(longer, size + 24, &parsed), -EBADMSG);
}

static void survives_any_bytes(void **state)
{
	uint8_t frame[256];
	struct stoq_frame parsed;
	uint32_t size;

	srand(1);
	for (int round = 0; round < 50000; round++) {
		size = round & 1 ? sample("192.0.2.1:1", "192.0.2.2:2", frame)
				 : sample("[2001:db8::1]:1", "[2001:db8::2]:2", frame);
		for (int change = rand() % 6; change >= 0; change--)
			frame[12 + rand() % 60] = (uint8_t)rand();
		(void)parse_exactly(frame, (size_t)rand() % (size + 1), &parsed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_bytes_of_the_standards),
		cmocka_unit_test(builds_what_it_parses),
		cmocka_unit_test(a_head_is_as_the_whole),
		cmocka_unit_test(tags_stand_outermost_first),
		cmocka_unit_test(never_sends_a_checksum_of_zero),
		cmocka_unit_test(refuses_mixed_families_and_too_many_tags),
		cmocka_unit_test(refuses_frames_cut_short),
		cmocka_unit_test(ignores_ethernet_padding),
		cmocka_unit_test(refuses_what_is_no_whole_udp_datagram),
		cmocka_unit_test(skips_options_and_extension_headers),
		cmocka_unit_test(survives_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
