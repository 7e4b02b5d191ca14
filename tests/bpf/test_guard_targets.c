// SPDX-License-Identifier: BSD-2-Clause
/*
 * One PDU with data, in every form that a host can give it, and the data is a Write that the policy
 * refuses. However SPDK and nvmet read what arrives, neither may find that Write. With a strict
 * guard and with one that is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"
#include "tests/bpf/target_model.h"

#define HOST NVME_TCP_FROM_HOST
#define DATA 512

/* The hidden Write is to here, the PDU around it to namespace 1. */
#define HIDDEN_NSID 2

static struct guard_link link;
static size_t passed, dropped;

/* Writing is refused in namespace 2; or in all of them, so that most of the PDUs are rewritten. */
static const char *const policies[] = {
	"version: 1\ndefault: allow\nrules:\n"
	"  - {namespace: 2, commands: [writes], verdict: deny}\n",
	"version: 1\nstrict: false\ndefault: allow\nrules:\n"
	"  - {namespace: 2, commands: [writes], verdict: deny}\n",
	"version: 1\ndefault: allow\nrules:\n"
	"  - {commands: [writes, reads], verdict: deny}\n",
	"version: 1\nstrict: false\ndefault: allow\nrules:\n"
	"  - {commands: [writes, reads], verdict: deny}\n",
};
#define POLICIES (sizeof(policies) / sizeof(policies[0]))

struct form {
	uint8_t opcode;
	uint8_t fctype; /* of a Fabrics command */
	uint8_t sgl_type;
	uint32_t sgl_length;
	uint32_t nsid;
};

static void hide(uint8_t data[DATA])
{
	struct nvme_io_fields fields = {
		.opcode = NVME_NVM_WRITE, .nsid = HIDDEN_NSID, .blocks = 1, .cid = 9};
	struct nvme_sqe sqe = nvme_encode_io(&fields);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &sqe, 0);
	for (size_t i = 0; i < DATA; i++)
		data[i] = front[i % sizeof(struct nvme_tcp_cmd_pdu)];
}

static size_t write_form(const struct form *form)
{
	struct nvme_sqe sqe = nvme_encode_io(&(struct nvme_io_fields){.opcode = form->opcode,
		.cid = 7,
		.nsid = form->nsid,
		.slba = 1000,
		.blocks = 1,
		.data_bytes = form->sgl_length});
	uint8_t front[NVME_TCP_FRONT_MAX] = {0}, data[DATA];

	sqe.sgl1.type = form->sgl_type;
	if (form->opcode == NVME_OPCODE_FABRICS)
		sqe.nsid = nvme_to_le32(form->fctype);
	hide(data);
	dialog_bytes(&link.dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &link.dialog.format, &sqe, DATA));
	dialog_bytes(&link.dialog, data, DATA);
	return link_write(&link, HOST);
}

static bool nvmet_knows(const uint8_t *pdu)
{
	static const uint8_t opcodes[] = {NVME_NVM_FLUSH, NVME_NVM_WRITE, NVME_NVM_READ,
		NVME_NVM_WRITE_ZEROES, NVME_NVM_DATASET_MANAGEMENT};

	return memchr(opcodes, pdu[8], sizeof(opcodes)) && nvme_digest_load(pdu + 12) <= 3;
}

/* Reads what arrived as a target does: no command to namespace 2 may be left that writes. */
static void check_unseen(const struct target_model *model, const struct form *form)
{
	size_t end = link_arrived(&link, HOST), at = 128;

	while (at + TARGET_HEADER_BYTES <= end) {
		const uint8_t *pdu = link.received[HOST] + at;
		size_t length = target_takes(model, pdu);

		if (!length)
			return;
		if (pdu[0] == NVME_TCP_CAPSULE_CMD && pdu[8] == NVME_NVM_WRITE &&
			nvme_digest_load(pdu + 12) == HIDDEN_NSID)
			fail_msg("%s finds the Write: opcode %02x, type %02x, SGL %02x, %u bytes",
				model->kind == TARGET_SPDK ? "SPDK" : "nvmet", form->opcode,
				form->fctype, form->sgl_type, form->sgl_length);
		at += length;
	}
}

/* Sends it, in pieces of `piece` bytes, and reads it in both ways. */
static void try_form(const struct form *form, size_t piece)
{
	static const struct target_model models[] = {
		{.kind = TARGET_SPDK, .in_capsule_bytes = 4096},
		{.kind = TARGET_NVMET, .in_capsule_bytes = 16384, .knows = nvmet_knows},
	};
	size_t at;

	link_open(&link, 1);
	at = write_form(form);
	while (at < link.written[HOST]) {
		size_t end = at + piece < link.written[HOST] ? at + piece : link.written[HOST];

		if (!link_send(&link, HOST, at, end))
			break;
		at = end;
	}
	if (at < link.written[HOST])
		dropped++;
	else
		passed++;
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		check_unseen(&models[i], form);
}

static void try_forms(size_t piece, unsigned opcode_step)
{
	static const uint8_t types[] = {NVME_SGL_DATA_BLOCK_OFFSET, NVME_SGL_TRANSPORT_DATA_BLOCK,
		0x00, 0x0a, 0x11, 0x21, 0x31, 0x40, 0x51};
	static const uint32_t lengths[] = {DATA, 0, DATA - 3, DATA - 72, DATA + 1};
	const size_t type_count = sizeof(types),
		     length_count = sizeof(lengths) / sizeof(lengths[0]);

	for (unsigned opcode = 0; opcode < 256; opcode += opcode_step)
		for (size_t i = 0; i < type_count + length_count; i++) {
			struct form form = {.opcode = (uint8_t)opcode,
				.sgl_type = types[i < type_count ? i : 0],
				.sgl_length = lengths[i < type_count ? 0 : i - type_count],
				.nsid = opcode & 4 ? 1 : 999};

			if (opcode != NVME_OPCODE_FABRICS)
				try_form(&form, piece);
		}
}

/* Every opcode, with every kind of SGL, with lengths that are right and wrong. */
static void test_opcodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < POLICIES; i++) {
		guard_install(policies[i]);
		passed = dropped = 0;
		try_forms(WIRE_PAYLOAD_MAX, 1);
		assert_true(passed >= 64); /* the data of what sends some and has a place for it */
		assert_true(dropped >= 192);
	}
}

/* The header in pieces, so that it is decided about before it is whole. */
static void test_opcodes_in_pieces(void **state)
{
	static const size_t pieces[] = {9, 13, 17, 50};

	(void)state;
	for (size_t i = 0; i < POLICIES; i++) {
		guard_install(policies[i]);
		for (size_t piece = 0; piece < sizeof(pieces) / sizeof(pieces[0]); piece++)
			try_forms(pieces[piece], 7);
	}
}

/* Fabrics commands have their direction in the type. */
static void test_fabrics(void **state)
{
	(void)state;
	for (size_t i = 0; i < POLICIES; i++) {
		guard_install(policies[i]);
		for (unsigned fctype = 0; fctype < 256; fctype++) {
			struct form form = {.opcode = NVME_OPCODE_FABRICS,
				.fctype = (uint8_t)fctype,
				.sgl_type = NVME_SGL_DATA_BLOCK_OFFSET,
				.sgl_length = DATA};

			try_form(&form, WIRE_PAYLOAD_MAX);
		}
	}
}

/* G1 as it was found: direction 11b, data in the capsule, on an ordinary socket. */
static void test_bidirectional_commands(void **state)
{
	static const uint8_t opcodes[] = {0x03, 0x83, 0xff};

	(void)state;
	for (size_t i = 0; i < POLICIES; i++)
		for (size_t j = 0; j < sizeof(opcodes); j++) {
			struct form form = {.opcode = opcodes[j],
				.sgl_type = NVME_SGL_DATA_BLOCK_OFFSET,
				.sgl_length = DATA,
				.nsid = 1};

			guard_install(policies[i]);
			dropped = 0;
			try_form(&form, WIRE_PAYLOAD_MAX);
			assert_int_equal(dropped, 1);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bidirectional_commands),
		cmocka_unit_test(test_opcodes),
		cmocka_unit_test(test_opcodes_in_pieces),
		cmocka_unit_test(test_fabrics),
	};

	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
