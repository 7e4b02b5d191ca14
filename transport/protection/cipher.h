/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The AEADs that QUIC uses with TLS 1.3 (RFC 9001, 5.3). */
#include <stddef.h>

enum stoq_cipher {
	STOQ_AES_128_GCM,
	STOQ_AES_256_GCM,
	STOQ_CHACHA20_POLY1305,
};

/* 16 or 32. */
size_t stoq_cipher_key_bytes(enum stoq_cipher cipher);
