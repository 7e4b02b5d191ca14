// SPDX-License-Identifier: BSD-2-Clause
/* Which backend is used: the environment may ask for GnuTLS; the choice is made once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/protection/backend_private.h"

static void test_environment_chooses_gnutls(void **state)
{
	static const uint8_t key_bytes[32];
	struct stoq_packet_key *key;

	assert_int_equal(setenv("STOQ_PACKET_PROTECTION", "gnutls", 1), 0);
	assert_non_null(strstr(stoq_protection_backend(STOQ_AES_128_GCM), "GnuTLS 3."));
	assert_non_null(
		strstr(stoq_protection_backend(STOQ_AES_128_GCM), "STOQ_PACKET_PROTECTION"));
	assert_int_equal(stoq_packet_key_new(&key, STOQ_AES_128_GCM, key_bytes), 0);
	assert_ptr_equal(key->backend, stoq_protection_gnutls());
	stoq_packet_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment_chooses_gnutls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
