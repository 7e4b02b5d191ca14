// SPDX-License-Identifier: BSD-2-Clause
#include "witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "nvme/nvme_digest.h"

void witness_add(struct witness *witness, const void *bytes, size_t size)
{
	witness->sum = nvme_crc32c_update(witness->sum, bytes, size);
}

static void on_pdu(const struct stoq_nvme_pdu *pdu, void *user)
{
	struct witness *witness = user;

	witness->pdus++;
	witness->last = *pdu;
	witness->data_at = 0;
	witness_add(witness, &pdu->offset, sizeof(pdu->offset));
	witness_add(witness, pdu->header, pdu->header_length);
}

static void on_data(
	const struct stoq_nvme_pdu *pdu, uint32_t at, const uint8_t *data, size_t size, void *user)
{
	struct witness *witness = user;

	assert_int_equal(at, witness->data_at);
	assert_true(size > 0 && at + size <= pdu->data_length);
	witness->data_at += (uint32_t)size;
	witness_add(witness, data, size);
}

static void on_finished(
	const struct stoq_nvme_pdu *pdu, enum stoq_nvme_data_digest digest, void *user)
{
	struct witness *witness = user;
	int told = (int)digest;

	assert_int_equal(++witness->finished, witness->pdus);
	assert_true(pdu->offset == witness->last.offset && pdu->type == witness->last.type);
	assert_int_equal(witness->data_at, pdu->data_length);
	witness->digest = digest;
	witness->bad_digests += digest == STOQ_NVME_DIGEST_BAD;
	witness_add(witness, &told, sizeof(told));
}

struct stoq_nvme_decoder *witness_begin(
	struct witness *witness, int side, bool check_digests, bool resynchronize)
{
	struct stoq_nvme_decoder_config config;
	struct stoq_nvme_decoder *decoder;

	*witness = (struct witness){.sum = NVME_CRC32C_INIT};
	stoq_nvme_decoder_config_init(&config);
	assert_int_equal(config.side, STOQ_NVME_FROM_HOST);
	assert_false(config.check_digests || config.resynchronize);
	config.side = side;
	config.check_digests = check_digests;
	config.resynchronize = resynchronize;
	config.callbacks.pdu = on_pdu;
	config.callbacks.data = on_data;
	config.callbacks.finished = on_finished;
	config.user = witness;
	assert_int_equal(stoq_nvme_decoder_create(&config, &decoder, NULL), 0);
	return decoder;
}

/* Copies of exactly the pieces' size, so that a sanitizer sees reads beyond them. */
int witness_feed(
	struct stoq_nvme_decoder *decoder, const uint8_t *bytes, size_t length, size_t piece)
{
	int ret = 0;

	for (size_t at = 0; at < length; at += piece) {
		size_t size = length - at < piece ? length - at : piece;
		uint8_t *copy = test_malloc(size);

		memcpy(copy, bytes + at, size);
		ret = stoq_nvme_decoder_feed(decoder, copy, size, NULL);
		test_free(copy);
	}
	return ret;
}

struct stoq_nvme_decoder_status witness_status(const struct stoq_nvme_decoder *decoder)
{
	struct stoq_nvme_decoder_status status;

	stoq_nvme_decoder_status(decoder, &status);
	return status;
}
