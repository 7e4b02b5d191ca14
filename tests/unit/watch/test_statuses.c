// SPDX-License-Identifier: BSD-2-Clause
/* Statuses of a target that sends all there are: a bounded number is told apart, the rest is counted, and nothing falls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch/statuses.h"
#include "watch/watch_private.h"

enum { TOO_MANY = 2 * STOQ_MODEL_STATUSES_MAX };

static void test_bound(void **state)
{
	struct stoq_watch *watch = calloc(1, sizeof(*watch));
	static const struct stoq_filter everything;
	uint64_t sum;

	(void)state;
	assert_non_null(watch);
	watch->filter = &everything;
	watch->shared = true;
	assert_int_equal(stoq_map_dump_init(&watch->statuses, sizeof(struct stoq_status_key),
				 sizeof(uint64_t), TOO_MANY),
		0);
	for (uint64_t round = 1; round <= 3; round++) {
		watch->statuses.count = 0;
		for (uint32_t i = 0; i < TOO_MANY; i++) {
			const struct stoq_status_key key = {.uid = 1,
				.status = (uint16_t)(i % 0x7ff + 1),
				.opcode = (uint8_t)(i / 0x7ff),
				.kind = NVME_QUEUE_IO};

			assert_int_equal(stoq_map_dump_put(&watch->statuses, &key, &round), 0);
		}
		assert_int_equal(stoq_statuses_take(watch), 0);
		/* And some for which the kernel's table had no room. */
		watch->model.overall.total.errors = (TOO_MANY + 5) * round;
		stoq_statuses_count_others(watch);
		assert_int_equal(watch->model.status_count, STOQ_MODEL_STATUSES_MAX);
		sum = watch->model.other_statuses;
		for (size_t i = 0; i < watch->model.status_count; i++)
			sum += watch->model.statuses[i].total;
		assert_int_equal(sum, (TOO_MANY + 5) * round);
		/* Read a moment apart. */
		watch->model.overall.total.errors -= 3;
		stoq_statuses_count_others(watch);
		assert_int_equal(watch->model.other_statuses,
			(TOO_MANY + 5 - STOQ_MODEL_STATUSES_MAX) * round);
	}
	stoq_map_dump_free(&watch->statuses);
	stoq_ledger_free(&watch->ledger);
	free(watch->model.statuses);
	free(watch);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_bound)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
