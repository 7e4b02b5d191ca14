// SPDX-License-Identifier: BSD-2-Clause
/*
 * A host that sends whatever it likes, in whatever order, and a network that loses some of it
 * behind a strict guard. What has arrived is then read in the ways of two targets, SPDK and nvmet
 * (target_model.h). Neither may find a command that the policy refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"
#include "tests/bpf/target_model.h"
#include "tests/unit/nvme/sample_stream.h"

#define HOST   NVME_TCP_FROM_HOST
#define ROUNDS 1000
#define STEPS  60

#define PDUS 20

static struct guard_link link;
static size_t places[PDUS]; /* where the PDUs of this round begin */
static uint32_t random_state = 977;
static size_t commands_seen;

static uint32_t below(uint32_t limit)
{
	return sample_random(&random_state) % limit;
}

/* Writing is refused in namespace 2, and in blocks 0 to 33 of namespace 1. */
static bool is_protected(const struct nvme_sqe *sqe)
{
	uint32_t nsid = nvme_le32(sqe->nsid);

	if (sqe->opcode != NVME_NVM_WRITE && sqe->opcode != NVME_NVM_WRITE_ZEROES)
		return false;
	return nsid == 2 || (nsid == 1 && nvme_sqe_slba(sqe) < 34);
}

static void check_command(const uint8_t *pdu)
{
	struct nvme_sqe sqe;

	memcpy(&sqe, pdu + sizeof(struct nvme_tcp_hdr), sizeof(sqe));
	commands_seen++;
	if (is_protected(&sqe))
		assert_true(link_is_refused(&sqe));
}

/* nvmet has the namespaces 1 to 3, and no Compare. */
static bool nvmet_knows(const uint8_t *pdu)
{
	static const uint8_t opcodes[] = {NVME_NVM_FLUSH, NVME_NVM_WRITE, NVME_NVM_READ,
		NVME_NVM_WRITE_ZEROES, NVME_NVM_DATASET_MANAGEMENT};
	uint32_t nsid = nvme_digest_load(pdu + 12);

	return memchr(opcodes, pdu[8], sizeof(opcodes)) && nsid >= 1 && nsid <= 3;
}

static void read_as(enum target_kind kind, bool digests)
{
	struct target_model model = {
		.kind = kind,
		.header_digest = digests,
		.data_digest = digests,
		.in_capsule_bytes = kind == TARGET_SPDK ? 4096 : 16384,
		.knows = nvmet_knows,
	};
	size_t end = link_arrived(&link, HOST), at = 128; /* behind ICReq */

	while (at + TARGET_HEADER_BYTES <= end) {
		const uint8_t *pdu = link.received[HOST] + at;
		size_t length = target_takes(&model, pdu);

		if (!length)
			return;
		if (pdu[0] == NVME_TCP_CAPSULE_CMD)
			check_command(pdu);
		at += length;
	}
}

/* ---- the host ---- */

/* Data full of capsules that write to the protected namespace, at any offset. */
static void fill_with_capsules(uint8_t *bytes, size_t length)
{
	struct nvme_io_fields fields = {.opcode = NVME_NVM_WRITE, .nsid = 2, .blocks = 1};
	struct nvme_sqe sqe = nvme_encode_io(&fields);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	size_t shift = below(3) ? 0 : below(72);

	nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &sqe, 0);
	for (size_t i = 0; i < length; i++)
		bytes[i] = front[(i + shift) % 72];
}

static void write_pdus(void)
{
	static const uint8_t opcodes[] = {NVME_NVM_READ, NVME_NVM_WRITE, NVME_NVM_WRITE_ZEROES,
		NVME_NVM_COMPARE, 0x03, 0x83, 0x81, 0xff};

	size_t digest = link.dialog.format.header_digest ? NVME_TCP_DIGEST_LENGTH : 0;

	for (uint16_t cid = 0; cid < PDUS; cid++) {
		struct nvme_io_fields fields =
			link_fields(opcodes[below(sizeof(opcodes))], cid, 1 + below(3), below(60));
		struct nvme_tcp_data_fields data = {
			.type = NVME_TCP_H2C_DATA, .cid = cid, .length = 4 + below(500)};
		size_t at;

		fields.in_capsule = (fields.opcode & 1) && below(2);
		fields.data_bytes = 4 + below(600);
		if (below(6)) {
			dialog_command(&link.dialog, &fields);
			places[cid] = link_write(&link, HOST);
			at = places[cid] + 72 + digest;
		} else {
			dialog_data(&link.dialog, &data);
			places[cid] = link_write(&link, HOST);
			at = places[cid] + 24 + digest;
		}
		if (at < link.written[HOST])
			fill_with_capsules(link.bytes[HOST] + at, link.written[HOST] - at);
	}
}

/* Headers that lie: where lengths, flags and directions stand. */
static void corrupt(void)
{
	static const uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 8, 12, 15, 16, 32, 40, 41, 47, 48};
	static const uint8_t values[] = {0, 1, 2, 3, 4, 24, 72, 76, 0x5a, 0x7f, 0xff};
	uint8_t *pdu = link.bytes[HOST] + places[below(PDUS)];

	pdu[bytes[below(sizeof(bytes))]] = values[below(sizeof(values))];
}

/* One packet: the next, an earlier one, a later one; with what was written there, or not. */
static void send_something(size_t floor)
{
	size_t end = link.written[HOST], at = link_arrived(&link, HOST), length;
	uint8_t bytes[WIRE_PAYLOAD_MAX];

	switch (below(4)) {
	case 0: /* again, or other content */
		at = at > floor + 400 ? at - below(400) : floor;
		break;
	case 1: /* too early */
		at += below(200);
		break;
	default:
		break;
	}
	length = 1 + below(below(2) ? 90 : 900);
	if (at >= end)
		return;
	if (length > end - at)
		length = end - at;
	memcpy(bytes, link.bytes[HOST] + at, length);
	if (below(4) == 0)
		fill_with_capsules(bytes, length);
	else if (below(4) == 0)
		bytes[below((uint32_t)length)] = (uint8_t)sample_random(&random_state);
	link.loses = below(3) == 0;
	link_send_bytes(&link, HOST, at, bytes, length);
	link.loses = false;
}

static void test_nothing_slips_by(void **state)
{
	(void)state;
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {namespace: 1, lba: 0+34, commands: [writes], verdict: deny}\n"
		      "  - {namespace: 2, commands: [writes], verdict: deny}\n");
	for (int round = 0; round < ROUNDS; round++) {
		bool digests = round & 1;
		size_t from;

		link_start(&link);
		link.dialog.format =
			(struct nvme_tcp_format){.header_digest = digests, .data_digest = digests};
		link_handshake(&link, 1);
		from = link.written[HOST];
		write_pdus();
		if (round % 3 == 0)
			corrupt();
		for (int step = 0; step < STEPS; step++)
			send_something(from);
		/* The honest end of it: what is still missing, in order. */
		link_flush(&link, HOST);
		read_as(TARGET_NVMET, digests);
		read_as(TARGET_SPDK, digests);
	}
	assert_true(commands_seen > ROUNDS * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_slips_by),
	};

	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
