// SPDX-License-Identifier: BSD-2-Clause
#include "transport/protection/cipher.h"

size_t stoq_cipher_key_bytes(enum stoq_cipher cipher)
{
	return cipher == STOQ_AES_128_GCM ? 16 : 32;
}
