// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "bpf/stream/event_shared.h"
#include "fixture.h"
#include "flow/render_event.h"
#include "nvme/nvme_tcp.h"

#define TIME_NS 1795322086123456789ull

static void test_command(void **state)
{
	const struct stoq_event_command event = {.latency_ns = 12345678,
		.slba = 1ull << 40,
		.blocks = 8,
		.nsid = 1,
		.bytes = 4096,
		.cid = 0x1002,
		.status = NVME_STATUS(0, 0x80),
		.opcode = NVME_NVM_WRITE,
		.kind = NVME_QUEUE_IO,
		.dnr = 1};
	struct stoq_identity queue = fixture_nobody();
	char line[STOQ_EVENT_LINE];

	strcpy(queue.host_nqn, "nqn.2026-11.example:h");
	strcpy(queue.subsystem_nqn, "nqn.2026-11.example:s");
	queue.qid = 3;
	queue.cntlid = 1;
	stoq_event_command_line(line, &event, &queue, TIME_NS);
	assert_string_equal(line,
		"2026-11-22T04:34:46.123456+00:00  12.3ms Write              0x1002        1    "
		"1099511627776      8 "
		"    4096 LBA Out of Range (DNR)       "
		"c1 q3 nqn.2026-11.example:h>nqn.2026-11.example:s");
}

static void test_stages(void **state)
{
	struct stoq_event_staged event = {
		.command = {.latency_ns = 21000000, .opcode = NVME_NVM_WRITE, .staged = 1},
		.stages = {{100000, 20000, 180000, 20700000}}};
	char line[STOQ_EVENT_LINE];

	assert_true(stoq_event_stages_line(line, &event.command));
	assert_string_equal(line,
		"    of 21.0ms: 100us to the R2T, 20.0us from there to the host's data, "
		"180us of data, 20.7ms from the last data to the completion");
	event.command.opcode = NVME_NVM_READ;
	event.stages = (struct stoq_stages){{20900000, 0, 100000, 0}};
	assert_true(stoq_event_stages_line(line, &event.command));
	assert_string_equal(line, "    of 21.0ms: 20.9ms to the first data, 100us of data");
	/* All of it in one stage: there is nothing to add. */
	event.stages = (struct stoq_stages){{21000000, 0, 0, 0}};
	assert_false(stoq_event_stages_line(line, &event.command));
	event.command.staged = 0;
	assert_false(stoq_event_stages_line(line, &event.command));
}

static void test_fabrics_command(void **state)
{
	const struct stoq_event_command event = {.latency_ns = 640,
		.opcode = NVME_OPCODE_FABRICS,
		.fctype = NVME_FABRICS_CONNECT,
		.kind = NVME_QUEUE_ADMIN,
		.bytes = 1024};
	struct stoq_identity queue = fixture_nobody();
	char line[STOQ_EVENT_LINE];

	stoq_event_command_line(line, &event, &queue, TIME_NS);
	assert_string_equal(line,
		"2026-11-22T04:34:46.123456+00:00   640ns Connect            0x0000        -      "
		"          -      - "
		"    1024 ok                           (not known)>(not known)");
}

/* Columns stand under their names. */
static void test_heading(void **state)
{
	const struct stoq_event_command event = {.blocks = 1, .kind = NVME_QUEUE_IO};
	struct stoq_identity queue = fixture_nobody();
	char line[STOQ_EVENT_LINE];

	stoq_event_command_line(line, &event, &queue, TIME_NS);
	assert_int_equal(
		strstr(stoq_event_command_heading(), "QUEUE") - stoq_event_command_heading(),
		strstr(line, "(not known)") - line);
	assert_int_equal(
		strstr(stoq_event_command_heading(), "STATUS") - stoq_event_command_heading(),
		strstr(line, " ok ") + 1 - line);
}

static void test_hostile_names(void **state)
{
	const struct stoq_event_command event = {.kind = NVME_QUEUE_IO};
	struct stoq_identity queue = fixture_nobody();
	char line[STOQ_EVENT_LINE];

	memset(queue.host_nqn, 0x1b, sizeof(queue.host_nqn));
	memset(queue.subsystem_nqn, 0x9b, sizeof(queue.subsystem_nqn));
	stoq_event_command_line(line, &event, &queue, TIME_NS);
	assert_non_null(strstr(line, "\\x1b>\\x9b"));
	for (const char *c = line; *c; c++)
		assert_in_range(*c, 0x20, 0x7e);
}

static void assert_pdu(const void *header, uint8_t bytes, const char *expected)
{
	struct stoq_event_pdu event = {.uid = 5,
		.sequence = 0xfffffff0,
		.side = NVME_TCP_FROM_HOST,
		.header_bytes = bytes};
	char line[STOQ_EVENT_LINE];

	memcpy(event.header, header, bytes);
	stoq_event_pdu_line(line, &event, TIME_NS);
	assert_string_equal(line, expected);
}

static void test_pdus(void **state)
{
	const struct nvme_tcp_cmd_pdu command = {
		.hdr = {.type = NVME_TCP_CAPSULE_CMD, .hlen = 72, .plen = nvme_to_le32(72)},
		.sqe = {.opcode = NVME_NVM_READ,
			.command_id = nvme_to_le16(0x1234),
			.nsid = nvme_to_le32(1),
			.sgl1 = {.length = nvme_to_le32(4096)},
			.cdw10 = nvme_to_le32(0x77)}};
	const struct nvme_tcp_data_pdu data = {.hdr = {.type = NVME_TCP_C2H_DATA,
						       .flags = NVME_TCP_FLAG_LAST,
						       .hlen = 24,
						       .plen = nvme_to_le32(4120)},
		.command_id = nvme_to_le16(2),
		.data_length = nvme_to_le32(4096)};

	assert_pdu(&command, sizeof(command),
		"2026-11-22T04:34:46.123456+00:00     5 host       CapsuleCmd  4294967280       72 "
		"cid 0x1234 opcode 0x02 nsid 1 cdw10 0x77 length 4096");
	assert_pdu(&command, 20,
		"2026-11-22T04:34:46.123456+00:00     5 host       CapsuleCmd  4294967280       "
		"72 ");
	assert_pdu(&data, sizeof(data),
		"2026-11-22T04:34:46.123456+00:00     5 host       C2HData     4294967280     4120 "
		"cid 0x0002 offset 0 length 4096 LAST");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_fabrics_command),
		cmocka_unit_test(test_heading),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_pdus),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
