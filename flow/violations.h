/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Violations of the protocol, in words. */
#include <stdint.h>

#include "bpf/stream/check_shared.h"

#define STOQ_VIOLATION_TEXT 200

/* As JSON and metrics have it: "data_unasked". "unknown": there is no such kind. */
const char *stoq_violation_name(uint32_t kind);

/* The command that the PDU is about. -1: none, or its header is not all there. */
int stoq_violation_cid(const struct stoq_event_violation *event);

/* "H2CData of CID 0x0001: offset 8192, expected 4096". Returns text. */
const char *stoq_violation_text(
	char text[static STOQ_VIOLATION_TEXT], const struct stoq_event_violation *event);
