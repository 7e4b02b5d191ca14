/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * How far two targets go in their stream with a PDU: a model of SPDK (lib/nvmf/tcp.c, v26.09) and
 * of Linux' nvmet (drivers/nvme/target/tcp.c, 5.15 to 6.12), made from their sources. It is about
 * the bytes that they take, not about what they do with them: doc/design/guard-program.md has the
 * table.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum target_kind {
	TARGET_SPDK,
	TARGET_NVMET,
	TARGET_KINDS,
};

struct target_model {
	enum target_kind kind;
	bool header_digest;
	bool data_digest;
	uint32_t in_capsule_bytes; /* the most data that it takes in a capsule of an I/O queue */
	/* nvmet only: whether it knows this command, and its namespace is there. */
	bool (*knows)(const uint8_t *pdu);
};

/* The header of the longest command, with its digest: what has to be there of a PDU. */
#define TARGET_HEADER_BYTES 76

/*
 * Bytes from the start of this PDU of a host to where the target looks for the next one. 0: it
 * ends the connection, or reads nothing any more.
 */
size_t target_takes(const struct target_model *model, const uint8_t *pdu);
