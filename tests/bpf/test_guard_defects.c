// SPDX-License-Identifier: BSD-2-Clause
/*
 * What has crashed or subverted targets and hosts that were not patched, byte by byte: the list in
 * doc/guard.md. None of it passes a strict guard.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER

static struct guard_link link;

/* How far the connection is when the bytes come. */
enum stage {
	FRESH,	    /* TCP's handshake */
	NEGOTIATED, /* ICResp */
	CONNECTED,
	READING, /* a read of 512 bytes with the identifier 5 is outstanding */
	WRITING, /* a write of 512 bytes, the same; none was asked for yet */
	ASKED,	 /* its 512 bytes were asked for, with TTAG 9 */
};

struct defect {
	const char *what;
	enum stage stage;
	enum nvme_tcp_side side;
	enum stoq_guard_total reason;
	uint8_t bytes[96]; /* of a PDU's beginning */
	size_t length;
	size_t padding; /* bytes that follow */
};

#define COMMAND(flags, pdo, plen0, plen1, opcode, nsid0, nsid1)                                    \
	0x04, flags, 72, pdo, plen0, plen1, 0, 0, opcode, 0x40, 7, 0, nsid0, nsid1, 0, 0
#define NOTHING_24 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define DATA(type, flags, plen, cid, ttag0, ttag1, offset, length0, length1)                       \
	type, flags, 24, (type) == 0x09 ? 0 : 24, plen, 2, 0, 0, cid, 0, ttag0, ttag1, offset, 0,  \
		0, 0, length0, length1, 0, 0

static const struct defect defects[] = {
	{"CVE-2023-5178: an ICReq that nvmet refuses", FRESH, HOST, STOQ_GUARD_DROP_NEGOTIATION,
		{0x00, 0, 128, 0, 128, 0, 0, 0, 1, 0, 0, 3}, 12, 116},
	{"CVE-2023-5178: a second ICReq", NEGOTIATED, HOST, STOQ_GUARD_DROP_MALFORMED_PDU,
		{0x00, 0, 128, 0, 128, 0, 0, 0, 0, 0, 0, 3}, 12, 116},
	{"CVE-2023-6536: H2CData before Connect", NEGOTIATED, HOST, STOQ_GUARD_DROP_NO_R2T,
		{DATA(0x06, 4, 24, 0, 0, 0, 0, 0, 2)}, 20, 516},
	{"CVE-2023-6356: H2CData with another length than PLEN", ASKED, HOST,
		STOQ_GUARD_DROP_MALFORMED_PDU, {DATA(0x06, 4, 24, 5, 9, 0, 0, 0, 0xff)}, 20, 516},
	{"a TTAG beyond those of the queue", ASKED, HOST, STOQ_GUARD_DROP_NO_R2T,
		{DATA(0x06, 4, 24, 5, 0xff, 0xff, 0, 0, 2)}, 20, 516},
	{"CVE-2026-23112: H2CData beyond the command", ASKED, HOST, STOQ_GUARD_DROP_NO_R2T,
		{DATA(0x06, 4, 28, 5, 9, 0, 0, 4, 2)}, 20, 520},
	{"CVE-2026-22998: H2CData for a read", READING, HOST, STOQ_GUARD_DROP_NO_R2T,
		{DATA(0x06, 4, 24, 5, 0, 0, 0, 0, 2)}, 20, 516},
	{"CVE-2026-89968: H2CData that was not asked for", WRITING, HOST, STOQ_GUARD_DROP_NO_R2T,
		{DATA(0x06, 4, 24, 5, 0, 0, 0, 0, 2)}, 20, 516},
	{"SPDK: H2CData with TTAG 0", ASKED, HOST, STOQ_GUARD_DROP_NO_R2T,
		{DATA(0x06, 4, 24, 5, 0, 0, 0, 0, 2)}, 20, 516},
	{"8 KiB in the capsule of a Write to namespace 999", CONNECTED, HOST,
		STOQ_GUARD_DROP_CAPSULE,
		{COMMAND(0, 72, 72, 0x20, 0x01, 0xe7, 0x03), NOTHING_24, 0, 0x20, 0, 0, 0, 0, 0,
			0x01},
		72, 2000},
	{"SPDK: data with opcode 03h, a Write in them", CONNECTED, HOST,
		STOQ_GUARD_DROP_MALFORMED_PDU,
		{COMMAND(0, 72, 72, 0x02, 0x03, 1, 0), NOTHING_24, 0, 0x02, 0, 0, 0, 0, 0, 0x01},
		72, 512},
	{"SPDK: PDO 0 with data", CONNECTED, HOST, STOQ_GUARD_DROP_MALFORMED_PDU,
		{COMMAND(0, 0, 72, 0x02, 0x01, 1, 0), NOTHING_24, 0, 0x02, 0, 0, 0, 0, 0, 0x01}, 72,
		512},
	{"SPDK: PDO 255 with data", CONNECTED, HOST, STOQ_GUARD_DROP_MALFORMED_PDU,
		{COMMAND(0, 255, 255, 0x02, 0x01, 1, 0), NOTHING_24, 0, 0x02, 0, 0, 0, 0, 0, 0x01},
		72, 695},
	{"CVE-2025-21927: HLEN 255", READING, CONTROLLER, STOQ_GUARD_DROP_MALFORMED_PDU,
		{0x05, 1, 255, 0, 28}, 5, 23},
	{"a response to nothing", READING, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER,
		{0x05, 0, 24, 0, 24, 0, 0, 0, NOTHING_24}, 20, 4},
	{"an R2T for a read", READING, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER,
		{0x09, 0, 24, 0, 24, 0, 0, 0, 5, 0, 9, 0, 0, 0, 0, 0, 0, 2}, 20, 4},
	{"an R2T of no length", WRITING, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER,
		{0x09, 0, 24, 0, 24, 0, 0, 0, 5, 0, 9}, 20, 4},
	{"an R2T beyond the write", WRITING, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER,
		{0x09, 0, 24, 0, 24, 0, 0, 0, 5, 0, 9, 0, 4, 0, 0, 0, 0, 2}, 20, 4},
	{"CVE-2026-89973: data for a write", WRITING, CONTROLLER, STOQ_GUARD_DROP_CONTROLLER,
		{DATA(0x07, 4, 24, 5, 0, 0, 0, 0, 2)}, 20, 516},
	{"CVE-2026-89480: success without the data", READING, CONTROLLER,
		STOQ_GUARD_DROP_CONTROLLER,
		{0x05, 0, 24, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}, 21, 3},
};

static void begin(uint8_t opcode)
{
	struct nvme_io_fields fields = link_fields(opcode, 5, 1, 1000);

	fields.in_capsule = false;
	link_write_command(&link, &fields);
	assert_true(link_flush(&link, HOST));
}

static void reach(enum stage stage)
{
	link_start(&link);
	if (stage == FRESH)
		link_syns(&link);
	else if (stage == NEGOTIATED)
		link_negotiate(&link);
	else
		link_handshake(&link, 1);
	if (stage == READING)
		begin(NVME_NVM_READ);
	if (stage == WRITING || stage == ASKED)
		begin(NVME_NVM_WRITE);
	if (stage == ASKED)
		link_r2t(&link, 5, 9, 0, 512);
}

static void test_defects(void **state)
{
	static const uint8_t nothing[2048];

	(void)state;
	guard_install("version: 1\ndefault: allow\nrules: []\n");
	for (size_t i = 0; i < sizeof(defects) / sizeof(defects[0]); i++) {
		const struct defect *defect = &defects[i];
		uint64_t before;

		reach(defect->stage);
		dialog_bytes(&link.dialog, defect->bytes, defect->length);
		dialog_bytes(&link.dialog, nothing, defect->padding);
		link_write(&link, defect->side);
		before = guard_total(defect->reason);
		if (link_flush(&link, defect->side))
			fail_msg("%s: it passed", defect->what);
		if (guard_total(defect->reason) != before + 1)
			fail_msg(
				"%s: another reason, %u", defect->what, guard_last_record().reason);
	}
}

/* 4 GiB for eight blocks: the target never sees the length, as it sees no command that has one. */
static void test_length(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, 5, 1, 1000);
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	guard_install("version: 1\ndefault: allow\nrules: []\n");
	link_open(&link, 1);
	fields.in_capsule = false;
	fields.data_bytes = 0xfffffffc;
	at = link_write_command(&link, &fields);
	assert_true(link_flush(&link, HOST));
	sqe = link_command(&link, at);
	assert_int_equal(sqe.opcode, 0x70);
	assert_int_equal(guard_last_record().status, NVME_STATUS(0, 0x0f));
}

/* CVE-2023-6121: names without a NUL. */
static void test_names(void **state)
{
	size_t at;

	(void)state;
	guard_install("version: 1\ndefault: allow\nrules: []\n");
	link_start(&link);
	link_negotiate(&link);
	dialog_connect(&link.dialog, 0, 1);
	at = link_write(&link, HOST);
	memset(link.bytes[HOST] + at + 72 + 256, 'x', 512);
	assert_false(link_flush(&link, HOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defects),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_names),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
