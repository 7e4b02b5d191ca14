// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/xdp/cid_shared.h"

/* The vector for eight bytes that comes with SipHash: key 00..0f, message 00..07. */
static void test_siphash_vector(void **state)
{
	static const uint8_t expected[] = {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93};
	struct stoq_cid_key key;
	uint64_t message, tag;
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	memcpy(&key, bytes, sizeof(key));
	memcpy(&message, bytes, sizeof(message));
	tag = stoq_cid_tag(&key, message);
	assert_memory_equal(&tag, expected, sizeof(expected));
}

static void test_worker(void **state)
{
	(void)state;
	assert_int_equal(stoq_cid_worker(200, 0), 0);
	assert_int_equal(stoq_cid_worker(200, 1), 0);
	assert_int_equal(stoq_cid_worker(200, 3), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_vector),
		cmocka_unit_test(test_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
