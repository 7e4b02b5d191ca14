/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A peer's transport parameters (RFC 9000, 18) before ngtcp2 reads them: none comes twice. And what
 * ngtcp2 is told instead of max_datagram_frame_size: it sends our probes of a path's packet size as
 * DATAGRAM frames, which become PING and PADDING before they are encrypted, so that it has to
 * believe that every peer takes them. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most that a DATAGRAM frame can be. */
#define STOQ_DATAGRAM_FRAME_MAX 65535
/* What the result may be longer than what came. */
#define STOQ_PARAMETERS_GROWTH	16

struct stoq_parameters {
	uint64_t max_datagram_frame_bytes; /* as the peer has it; 0: it takes none */
	const char *fault;		   /* a constant */
};

/*
 * Copies them to out, which has size + STOQ_PARAMETERS_GROWTH bytes. Returns how many those are;
 * -EPROTO: fault says why.
 */
ptrdiff_t stoq_parameters_take(
	struct stoq_parameters *parameters, const uint8_t *data, size_t size, uint8_t *out);
