// SPDX-License-Identifier: BSD-2-Clause
#include <stoq/nvme.h>

#include "nvme/nvme_tcp_check.h"
#include "nvme/nvme_tcp_stream.h"
#include "sample_stream.h"
#include "witness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct sample_stream sample;

static const struct nvme_tcp_format formats[] = {
	{0},
	{.header_digest = true},
	{.data_digest = true, .data_alignment = 3},
	{.header_digest = true, .data_digest = true, .data_alignment = 17},
};

/* ---- the fields of each PDU ---- */

/* Feeds one PDU byte by byte, then at once; what is told must be the same. */
static struct stoq_nvme_pdu decode_one(int side, const uint8_t *bytes, size_t length)
{
	struct witness pieces, whole;
	struct stoq_nvme_decoder *decoder = witness_begin(&pieces, side, true, false);

	assert_int_equal(witness_feed(decoder, bytes, length, 1), 0);
	assert_int_equal(witness_status(decoder).pdus, 1);
	assert_false(witness_status(decoder).inside_pdu);
	stoq_nvme_decoder_destroy(decoder);
	decoder = witness_begin(&whole, side, true, false);
	assert_int_equal(witness_feed(decoder, bytes, length, length), 0);
	stoq_nvme_decoder_destroy(decoder);
	assert_int_equal(whole.pdus, 1);
	assert_int_equal(whole.finished, 1);
	assert_int_equal(whole.sum, pieces.sum);
	assert_true(whole.last.offset == 0);
	assert_int_equal(whole.last.length, length);
	whole.last.header = NULL; /* it went with the decoder */
	return whole.last;
}

static void test_initialization(void **state)
{
	struct nvme_tcp_format format = {.data_digest = true, .data_alignment = 3};
	uint8_t bytes[NVME_TCP_FRONT_MAX];
	size_t length = nvme_tcp_encode_icreq(bytes, &format, UINT32_MAX);
	struct stoq_nvme_pdu pdu = decode_one(STOQ_NVME_FROM_HOST, bytes, length);

	assert_int_equal(pdu.type, STOQ_NVME_ICREQ);
	assert_int_equal(pdu.header_length, 128);
	assert_int_equal(pdu.initialization.data_alignment, 16);
	assert_true(pdu.initialization.data_digest && !pdu.initialization.header_digest);
	assert_true(pdu.initialization.max_r2t == 1ull << 32);
	length = nvme_tcp_encode_icresp(bytes, &formats[1], 131072);
	pdu = decode_one(STOQ_NVME_FROM_CONTROLLER, bytes, length);
	assert_int_equal(pdu.type, STOQ_NVME_ICRESP);
	assert_int_equal(pdu.initialization.data_alignment, 4);
	assert_true(pdu.initialization.header_digest && !pdu.initialization.data_digest);
	assert_int_equal(pdu.initialization.max_h2c_data, 131072);
}

static void test_termination(void **state)
{
	for (int side = 0; side < 2; side++) {
		uint8_t bytes[NVME_TCP_FRONT_MAX + 8] = {0};
		enum nvme_tcp_pdu_type type = side ? NVME_TCP_C2H_TERM : NVME_TCP_H2C_TERM;
		size_t length = nvme_tcp_encode_term(bytes, type, 2, 0x12345678, 8) + 8;
		struct stoq_nvme_pdu pdu = decode_one(side, bytes, length);

		assert_int_equal(pdu.type, side ? STOQ_NVME_C2H_TERM_REQ : STOQ_NVME_H2C_TERM_REQ);
		assert_int_equal(pdu.termination.fatal_error, 2);
		assert_int_equal(pdu.termination.fatal_error_info, 0x12345678);
		assert_int_equal(pdu.data_length, 0);
	}
}

static struct stoq_nvme_pdu decode_command(const struct nvme_sqe *sqe, uint32_t data_bytes)
{
	uint8_t bytes[NVME_TCP_FRONT_MAX + 1024] = {0};
	size_t length = nvme_tcp_encode_capsule_cmd(bytes, &formats[0], sqe, data_bytes);
	struct stoq_nvme_pdu pdu = decode_one(STOQ_NVME_FROM_HOST, bytes, length + data_bytes);

	assert_int_equal(pdu.type, STOQ_NVME_CAPSULE_CMD);
	assert_int_equal(pdu.data_length, data_bytes);
	assert_int_equal(pdu.data_offset, data_bytes ? 72 : 0);
	return pdu;
}

static void test_command_with_blocks(void **state)
{
	struct nvme_sqe sqe = nvme_encode_io(&(struct nvme_io_fields){
		.opcode = NVME_NVM_WRITE,
		.cid = 0xabcd,
		.nsid = 0x01020304,
		.slba = 0x123456789aull,
		.blocks = 65536,
		.data_bytes = 512,
		.in_capsule = true,
	});
	struct stoq_nvme_command command = decode_command(&sqe, 512).command;

	assert_int_equal(command.opcode, 1);
	assert_int_equal(command.fctype, 0);
	assert_int_equal(command.cid, 0xabcd);
	assert_int_equal(command.nsid, 0x01020304);
	assert_true(command.slba == 0x123456789aull);
	assert_int_equal(command.block_count, 65536);
	assert_int_equal(command.sgl_bytes, 512);
	assert_false(command.connect);
	sqe.opcode = NVME_NVM_DATASET_MANAGEMENT;
	command = decode_command(&sqe, 512).command;
	assert_true(command.slba == 0 && command.block_count == 0);
	assert_int_equal(command.nsid, 0x01020304);
}

static void test_fabrics_commands(void **state)
{
	struct nvme_connect_fields fields = {.cid = 7, .qid = 3, .sqsize_zero_based = 65535};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	struct stoq_nvme_command command = decode_command(&sqe, 1024).command;

	assert_int_equal(command.opcode, STOQ_NVME_OPCODE_FABRICS);
	assert_int_equal(command.fctype, NVME_FABRICS_CONNECT);
	assert_int_equal(command.cid, 7);
	assert_int_equal(command.nsid, 0);
	assert_int_equal(command.sgl_bytes, 1024);
	assert_true(command.connect);
	assert_int_equal(command.connect_qid, 3);
	assert_int_equal(command.connect_size, 65536);
	sqe = (struct nvme_sqe){.opcode = NVME_OPCODE_FABRICS};
	sqe.nsid = nvme_to_le32(NVME_FABRICS_PROPERTY_GET);
	sqe.cdw10 = nvme_to_le32(0x00050000); /* where a Connect has its QID */
	command = decode_command(&sqe, 0).command;
	assert_int_equal(command.fctype, NVME_FABRICS_PROPERTY_GET);
	assert_false(command.connect);
	assert_int_equal(command.connect_qid, 0);
}

static void test_completion(void **state)
{
	struct nvme_cqe cqe = nvme_encode_cqe(0x1234, 17, NVME_STATUS(2, 0x81));
	uint8_t bytes[NVME_TCP_FRONT_MAX];
	struct stoq_nvme_pdu pdu;

	for (int dnr = 0; dnr < 2; dnr++) {
		cqe.dw0 = nvme_to_le32(0xcafe);
		cqe.dw1 = nvme_to_le32(0xf00d);
		if (dnr)
			cqe.status = nvme_to_le16(nvme_le16(cqe.status) | NVME_CQE_STATUS_DNR);
		pdu = decode_one(STOQ_NVME_FROM_CONTROLLER, bytes,
			nvme_tcp_encode_capsule_resp(bytes, &formats[1], &cqe));
		assert_int_equal(pdu.type, STOQ_NVME_CAPSULE_RESP);
		assert_int_equal(pdu.flags, STOQ_NVME_FLAG_HDGST);
		assert_int_equal(pdu.completion.cid, 0x1234);
		assert_int_equal(pdu.completion.sq_head, 17);
		assert_int_equal(pdu.completion.status_code_type, 2);
		assert_int_equal(pdu.completion.status_code, 0x81);
		assert_int_equal(pdu.completion.do_not_retry, dnr);
		assert_int_equal(pdu.completion.result_dwords[0], 0xcafe);
		assert_int_equal(pdu.completion.result_dwords[1], 0xf00d);
	}
}

static void test_transfers(void **state)
{
	static const struct nvme_tcp_data_fields cases[] = {
		{NVME_TCP_H2C_DATA, NVME_TCP_FLAG_LAST, 1, 0x8001, 4096, 100},
		{NVME_TCP_C2H_DATA, 0, 2, 0, 0, 60},
		{NVME_TCP_C2H_DATA, NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS, 3, 0, 60, 1},
	};
	uint8_t bytes[NVME_TCP_FRONT_MAX + 100] = {0};
	struct stoq_nvme_pdu pdu;

	for (int i = 0; i < 3; i++) {
		const struct nvme_tcp_data_fields *fields = &cases[i];
		size_t front = nvme_tcp_encode_data(bytes, &formats[0], fields);

		pdu = decode_one(nvme_tcp_sender(fields->type), bytes, front + fields->length);
		assert_int_equal(pdu.type, fields->type);
		assert_int_equal(pdu.flags, fields->flags);
		assert_int_equal(pdu.data_length, fields->length);
		assert_int_equal(pdu.data_offset, front);
		assert_int_equal(pdu.transfer.cid, fields->cid);
		assert_int_equal(pdu.transfer.tag, fields->ttag);
		assert_int_equal(pdu.transfer.offset, fields->offset);
		assert_int_equal(pdu.transfer.length, fields->length);
		assert_int_equal(pdu.transfer.last, i != 1);
		assert_int_equal(pdu.transfer.success, i == 2);
	}
	pdu = decode_one(STOQ_NVME_FROM_CONTROLLER, bytes,
		nvme_tcp_encode_r2t(bytes, &formats[0], 9, 8, 4096, 131072));
	assert_int_equal(pdu.type, STOQ_NVME_R2T);
	assert_int_equal(pdu.transfer.cid, 9);
	assert_int_equal(pdu.transfer.tag, 8);
	assert_int_equal(pdu.transfer.offset, 4096);
	assert_int_equal(pdu.transfer.length, 131072);
	assert_int_equal(pdu.data_length, 0);
}

/* ---- streams ---- */

static void stream_pdu(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	witness_add(context, &offset, sizeof(offset));
	witness_add(context, hdr, hdr->hlen);
}

static void stream_data(void *context, const struct nvme_tcp_hdr *hdr, uint32_t at,
	const uint8_t *bytes, size_t length)
{
	witness_add(context, bytes, length);
}

static void stream_end(
	void *context, const struct nvme_tcp_hdr *hdr, enum nvme_tcp_data_digest digest)
{
	int told = (int)digest;

	witness_add(context, &told, sizeof(told));
}

/* What nvme_tcp_stream tells of the sample, in one piece. */
static uint32_t reference_sum(int side, bool check_digests, bool from_start, size_t from)
{
	static const struct nvme_tcp_stream_events events = {stream_pdu, stream_data, stream_end};
	struct witness witness = {.sum = NVME_CRC32C_INIT};
	struct nvme_tcp_stream stream;

	nvme_tcp_stream_init(&stream, side, from_start, &events, &witness);
	stream.check_digests = check_digests;
	nvme_tcp_stream_feed(&stream, sample.bytes + from, sample.length - from);
	return witness.sum;
}

static void test_every_segmentation_tells_what_the_stream_decoder_tells(void **state)
{
	for (int i = 0; i < 16; i++) {
		int side = i % 2;
		bool check = i & 8;
		uint32_t sum;

		sample_stream_make(&sample, side, &formats[i / 2 % 4], 20, 400, 77 + i);
		sum = reference_sum(side, check, true, 0);
		for (size_t piece = 1; piece <= sample.length; piece += piece < 150 ? 1 : 197) {
			struct witness witness;
			struct stoq_nvme_decoder *decoder =
				witness_begin(&witness, side, check, false);

			assert_int_equal(
				witness_feed(decoder, sample.bytes, sample.length, piece), 0);
			assert_int_equal(witness.finished, sample.count);
			assert_int_equal(witness.sum, sum);
			assert_true(witness_status(decoder).position == sample.length);
			stoq_nvme_decoder_destroy(decoder);
		}
	}
}

static void test_entered_in_the_middle(void **state)
{
	for (size_t from = 1; from < 2000; from += 37) {
		struct witness witness;
		struct stoq_nvme_decoder *decoder =
			witness_begin(&witness, STOQ_NVME_FROM_CONTROLLER, true, true);
		struct stoq_nvme_decoder_status status = witness_status(decoder);

		assert_false(status.synchronized || status.inside_pdu);
		sample_stream_make(&sample, NVME_TCP_FROM_CONTROLLER, &formats[3], 30, 300, 5);
		assert_int_equal(witness_feed(decoder, sample.bytes + from, sample.length - from,
					 1 + from % 90),
			0);
		status = witness_status(decoder);
		assert_true(status.synchronized && status.pdus > 0);
		assert_int_equal(status.resynchronizations, 1);
		assert_true(status.skipped_bytes > 0);
		assert_int_equal(
			witness.sum, reference_sum(STOQ_NVME_FROM_CONTROLLER, true, false, from));
		stoq_nvme_decoder_destroy(decoder);
	}
}

static void test_a_stream_that_is_cut_off(void **state)
{
	struct witness witness;

	sample_stream_make(&sample, NVME_TCP_FROM_HOST, &formats[3], 10, 100, 3);
	for (size_t length = 0; length <= sample.length; length++) {
		struct stoq_nvme_decoder *decoder =
			witness_begin(&witness, STOQ_NVME_FROM_HOST, true, false);
		bool border = length == sample.length;

		for (unsigned int i = 0; i < sample.count; i++)
			border |= sample.pdus[i].offset == length;
		assert_int_equal(witness_feed(decoder, sample.bytes, length, SAMPLE_BYTES), 0);
		assert_int_equal(witness_status(decoder).inside_pdu, !border);
		stoq_nvme_decoder_destroy(decoder);
	}
}

/* ---- what is refused ---- */

/* The sample must be refused at PDU `victim`, however it is cut, and for good. */
static void assert_refused(int side, int code, unsigned int victim)
{
	static const uint8_t more[300];

	for (size_t piece = 1; piece < 400; piece += 13) {
		struct witness witness;
		struct stoq_nvme_decoder *decoder = witness_begin(&witness, side, true, false);
		struct stoq_nvme_decoder_status status;
		struct stoq_error error;

		assert_int_equal(witness_feed(decoder, sample.bytes, sample.length, piece), code);
		assert_int_equal(stoq_nvme_decoder_feed(decoder, more, 300, &error), code);
		assert_int_equal(stoq_nvme_decoder_feed(decoder, NULL, 0, &error), code);
		assert_int_equal(error.code, code);
		assert_non_null(strstr(error.text, "offset"));
		status = witness_status(decoder);
		assert_int_equal(status.code, code);
		assert_true(status.position == sample.pdus[victim].offset);
		assert_false(status.synchronized || status.inside_pdu);
		assert_int_equal(status.pdus, victim);
		assert_int_equal(status.bad_headers, 1);
		assert_int_equal(status.bad_header_digests, code == -EBADMSG);
		assert_int_equal(witness.finished, victim);
		stoq_nvme_decoder_destroy(decoder);
	}
}

static void test_garbage(void **state)
{
	static const char http[] = "GET / HTTP/1.1\r\nHost: storage.example\r\n\r\n";
	static const char tls[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
	uint32_t random = 99;

	memset(&sample, 0, sizeof(sample));
	sample.length = 1000;
	memcpy(sample.bytes, http, sizeof(http));
	assert_refused(STOQ_NVME_FROM_HOST, -EPROTO, 0);
	memcpy(sample.bytes, tls, sizeof(tls));
	assert_refused(STOQ_NVME_FROM_HOST, -EPROTO, 0);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 1000; i++)
			sample.bytes[i] = (uint8_t)sample_random(&random);
		assert_refused(round % 2, -EPROTO, 0);
	}
	sample_stream_make(&sample, NVME_TCP_FROM_HOST, &formats[0], 10, 100, 3);
	assert_refused(STOQ_NVME_FROM_CONTROLLER, -EPROTO, 0);
}

static unsigned int pdu_with_data(unsigned int from)
{
	while (!sample.pdus[from].data_bytes)
		from++;
	return from;
}

/* PLEN of PDUs with and without data: too short, too long, absurd. */
static void test_lengths_that_lie(void **state)
{
	static const uint32_t lies[] = {0, 7, 23, 73, 1000, NVME_TCP_DATA_MAX + 300, UINT32_MAX};

	for (int side = 0; side < 2; side++) {
		for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
			unsigned int victim = i % 2 ? 4 : 0;

			sample_stream_make(&sample, side, &formats[0], 20, 300, 11);
			victim = victim ? pdu_with_data(victim) : 0;
			assert_true(sample.pdus[victim].data_bytes != 1000);
			for (int byte = 0; byte < 4; byte++)
				sample.bytes[sample.pdus[victim].offset + 4 + byte] =
					(uint8_t)(lies[i] >> (8 * byte));
			assert_refused(side, -EPROTO, victim);
		}
	}
}

static void test_wrong_header_digest(void **state)
{
	struct stoq_nvme_decoder *decoder;
	struct witness witness;

	sample_stream_make(&sample, NVME_TCP_FROM_CONTROLLER, &formats[1], 30, 200, 9);
	sample.bytes[sample.pdus[7].offset + 24] ^= 1;
	assert_refused(STOQ_NVME_FROM_CONTROLLER, -EBADMSG, 7);
	decoder = witness_begin(&witness, STOQ_NVME_FROM_CONTROLLER, false, false);
	assert_int_equal(witness_feed(decoder, sample.bytes, sample.length, 50), 0);
	assert_int_equal(witness.finished, sample.count);
	stoq_nvme_decoder_destroy(decoder);
	decoder = witness_begin(&witness, STOQ_NVME_FROM_CONTROLLER, true, true);
	assert_int_equal(witness_feed(decoder, sample.bytes, sample.length, 50), 0);
	assert_int_equal(witness_status(decoder).bad_header_digests, 1);
	assert_true(witness_status(decoder).synchronized);
	stoq_nvme_decoder_destroy(decoder);
}

static void test_wrong_data_digest(void **state)
{
	for (int check = 0; check < 2; check++) {
		struct stoq_nvme_decoder *decoder;
		struct witness witness;
		unsigned int victim;

		sample_stream_make(&sample, NVME_TCP_FROM_HOST, &formats[2], 30, 200, 9);
		victim = pdu_with_data(1);
		sample.bytes[sample.pdus[victim].data_offset] ^= 1;
		decoder = witness_begin(&witness, STOQ_NVME_FROM_HOST, check, false);
		assert_int_equal(witness_feed(decoder, sample.bytes, sample.length, 33), 0);
		assert_int_equal(witness.finished, sample.count);
		assert_int_equal(witness.bad_digests, check);
		assert_int_equal(witness_status(decoder).bad_data_digests, check);
		stoq_nvme_decoder_destroy(decoder);
	}
}

static void test_settings_that_are_refused(void **state)
{
	struct stoq_nvme_decoder_config config;
	struct stoq_nvme_decoder *decoder = NULL;
	struct stoq_error error;

	stoq_nvme_decoder_config_init(&config);
	config.side = 2;
	assert_int_equal(stoq_nvme_decoder_create(&config, &decoder, &error), -EINVAL);
	assert_null(decoder);
	assert_int_equal(error.code, -EINVAL);
	stoq_nvme_decoder_destroy(NULL);
	/* Without callbacks it counts. */
	stoq_nvme_decoder_config_init(&config);
	assert_int_equal(stoq_nvme_decoder_create(&config, &decoder, &error), 0);
	sample_stream_make(&sample, NVME_TCP_FROM_HOST, &formats[0], 30, 200, 9);
	assert_int_equal(witness_feed(decoder, sample.bytes, sample.length, 100), 0);
	assert_int_equal(witness_status(decoder).pdus, sample.count);
	stoq_nvme_decoder_destroy(decoder);
}

/* ---- names ---- */

static void test_names(void **state)
{
	assert_string_equal(stoq_nvme_pdu_name(STOQ_NVME_R2T), "R2T");
	assert_string_equal(stoq_nvme_pdu_name(STOQ_NVME_ICREQ), "ICReq");
	assert_null(stoq_nvme_pdu_name(8));
	assert_null(stoq_nvme_pdu_name(255));
	assert_string_equal(stoq_nvme_opcode_name(STOQ_NVME_QUEUE_IO, 8, 0), "Write Zeroes");
	assert_string_equal(stoq_nvme_opcode_name(STOQ_NVME_QUEUE_ADMIN, 6, 0), "Identify");
	assert_string_equal(stoq_nvme_opcode_name(STOQ_NVME_QUEUE_IO, 0x7f, 1), "Connect");
	assert_null(stoq_nvme_opcode_name(STOQ_NVME_QUEUE_IO, 0x9f, 0));
	assert_null(stoq_nvme_opcode_name(STOQ_NVME_QUEUE_ADMIN, 0x7f, 0x33));
	assert_string_equal(
		stoq_nvme_status_name(STOQ_NVME_QUEUE_IO, 2, 0, 0x80), "LBA Out of Range");
	assert_string_equal(stoq_nvme_status_name(STOQ_NVME_QUEUE_ADMIN, 0x7f, 1, 0x82),
		"Connect Invalid Parameters");
	assert_null(stoq_nvme_status_name(STOQ_NVME_QUEUE_IO, 2, 7, 0x12));
	assert_null(stoq_nvme_status_name(STOQ_NVME_QUEUE_IO, 2, 255, 255));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_initialization),
		cmocka_unit_test(test_termination),
		cmocka_unit_test(test_command_with_blocks),
		cmocka_unit_test(test_fabrics_commands),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_every_segmentation_tells_what_the_stream_decoder_tells),
		cmocka_unit_test(test_entered_in_the_middle),
		cmocka_unit_test(test_a_stream_that_is_cut_off),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_wrong_header_digest),
		cmocka_unit_test(test_wrong_data_digest),
		cmocka_unit_test(test_settings_that_are_refused),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
