// SPDX-License-Identifier: BSD-2-Clause
/* How long two paths of a server's connection may share an ID of the peer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "transport/shared_id.h"

#define MS 1000000ull
#define S  1000000000ull

static struct stoq_shared_id id;

static void write_packets(unsigned int count, uint64_t now_ns)
{
	while (count--)
		stoq_shared_id_written(&id, now_ns);
}

static void nothing_is_shared_unless_it_began(void **state)
{
	id = (struct stoq_shared_id){0};
	stoq_shared_id_validated(&id);
	stoq_shared_id_challenge(&id, S, MS);
	write_packets(10, 2 * S);
	assert_false(id.shared);
}

static void it_lasts_for_twice_the_last_challenge(void **state)
{
	stoq_shared_id_begin(&id);
	/* Without a challenge, a validation may still begin. */
	write_packets(10, 1000 * S);
	assert_true(id.shared);
	stoq_shared_id_challenge(&id, 1000 * S, MS);
	stoq_shared_id_challenge(&id, 1000 * S, MS);
	write_packets(10, 1001 * S);
	assert_true(id.shared);
	/* The second round's time is twice the first one's. */
	stoq_shared_id_challenge(&id, 1001 * S, MS);
	write_packets(10, 1005 * S - 1);
	assert_true(id.shared);
	/* Four path responses, and one packet behind them. */
	write_packets(4, 1005 * S);
	assert_true(id.shared);
	write_packets(1, 1005 * S);
	assert_false(id.shared);
}

static void the_old_path_is_validated_after_the_new_one(void **state)
{
	stoq_shared_id_begin(&id);
	stoq_shared_id_challenge(&id, S, 2 * S);
	stoq_shared_id_validated(&id);
	write_packets(10, 100 * S);
	assert_true(id.shared);
	stoq_shared_id_challenge(&id, 100 * S, 2 * S);
	write_packets(10, 104 * S);
	assert_false(id.shared);
}

static void a_validation_that_fails_ends_it(void **state)
{
	stoq_shared_id_begin(&id);
	stoq_shared_id_failed(&id);
	assert_false(id.shared);
}

/* What fails then is a challenge of full size: ngtcp2 keeps both paths. */
static void a_second_validation_that_fails_does_not(void **state)
{
	stoq_shared_id_begin(&id);
	stoq_shared_id_challenge(&id, S, MS);
	stoq_shared_id_validated(&id);
	stoq_shared_id_challenge(&id, S, MS);
	stoq_shared_id_failed(&id);
	assert_true(id.shared);
	/* Until the next one. */
	stoq_shared_id_begin(&id);
	stoq_shared_id_failed(&id);
	assert_false(id.shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_shared_unless_it_began),
		cmocka_unit_test(it_lasts_for_twice_the_last_challenge),
		cmocka_unit_test(the_old_path_is_validated_after_the_new_one),
		cmocka_unit_test(a_validation_that_fails_ends_it),
		cmocka_unit_test(a_second_validation_that_fails_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
