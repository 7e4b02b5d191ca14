/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Opcodes, statuses and PDU types by their names, written as NVM Express Base 2, the NVM
 * and Zoned Namespace Command Sets and the TCP Transport write them. A code without a name
 * is written into the caller's buffer: "opcode 0x9f", "fctype 0x33", "status 0x7/0x12" (status
 * code type and status code). What is returned lives as long as the buffer does, or as the program.
 */
#include "nvme/nvme.h"

#include <stdint.h>

#define NVME_NAME_LENGTH 24 /* room for every code that has no name */

/* fctype counts only where opcode is NVME_OPCODE_FABRICS. */
const char *nvme_opcode_name(enum nvme_queue_kind kind, uint8_t opcode, uint8_t fctype,
	char buffer[static NVME_NAME_LENGTH]);

/* status: NVME_STATUS(). What a command specific code means depends on kind and opcode. */
const char *nvme_status_name(enum nvme_queue_kind kind, uint8_t opcode, uint16_t status,
	char buffer[static NVME_NAME_LENGTH]);

/* "unknown" for a type that there is not. */
const char *nvme_tcp_pdu_name(uint8_t type);

/*
 * The way back. Upper and lower case are the same, and so are ' ', '-' and '_', so that
 * "write-zeroes" is found. Return 0, or -ENOENT and leave the results alone. fctype is 0 for
 * all but Fabrics commands. opcode and fctype are not aliased.
 */
int nvme_opcode_from_name(
	enum nvme_queue_kind kind, const char *name, uint8_t *opcode, uint8_t *fctype);
int nvme_status_from_name(
	enum nvme_queue_kind kind, uint8_t opcode, const char *name, uint16_t *status);
