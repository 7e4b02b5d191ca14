/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Somebody who takes down what a decoder of <stoq/nvme.h> tells, and checks that it goes together.
 */
#include <stoq/nvme.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a decoder told, and a sum over all of it that pieces of data do not change. */
struct witness {
	unsigned int pdus, finished;
	struct stoq_nvme_pdu last;
	enum stoq_nvme_data_digest digest;
	unsigned int bad_digests;
	uint32_t data_at;
	uint32_t sum;
};

/* Adds to the sum. */
void witness_add(struct witness *witness, const void *bytes, size_t size);

/* A decoder that tells this witness. */
struct stoq_nvme_decoder *witness_begin(
	struct witness *witness, int side, bool check_digests, bool resynchronize);

/* Feeds it in pieces of this size, each a copy, so that a sanitizer sees reads beyond it. */
int witness_feed(
	struct stoq_nvme_decoder *decoder, const uint8_t *bytes, size_t length, size_t piece);

struct stoq_nvme_decoder_status witness_status(const struct stoq_nvme_decoder *decoder);
