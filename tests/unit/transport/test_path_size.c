// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transport/path_size.h"

#define SECOND_NS 1000000000ull

/* Searches on a path that takes `passes`; how many probes that took. */
static unsigned int search(struct stoq_path_size *path, uint32_t passes, uint64_t *now_ns)
{
	unsigned int probes = 0;
	uint32_t size;

	while ((size = stoq_path_size_probe(path, *now_ns)) != 0) {
		probes++;
		*now_ns += SECOND_NS / 1000;
		stoq_path_size_sent(path, size, *now_ns);
		if (size <= passes)
			stoq_path_size_acknowledged(path, size);
		else
			stoq_path_size_lost(path, size);
		assert_in_range(path->current, STOQ_PATH_SIZE_BASE, passes);
	}
	return probes;
}

static void test_the_limit_is_tried_first(void **state)
{
	struct stoq_path_size path;
	uint64_t now_ns = SECOND_NS;

	stoq_path_size_init(&path, 8952, true);
	assert_int_equal(path.current, STOQ_PATH_SIZE_BASE);
	assert_int_equal(search(&path, 8952, &now_ns), 1);
	assert_int_equal(path.current, 8952);
}

static void test_every_size_is_found(void **state)
{
	for (uint32_t passes = STOQ_PATH_SIZE_BASE; passes < 65000; passes += 97) {
		struct stoq_path_size path;
		uint64_t now_ns = SECOND_NS;

		stoq_path_size_init(&path, 65000, true);
		assert_in_range(search(&path, passes, &now_ns), 1, 70);
		assert_in_range(
			path.current, passes > 1216 ? passes - 16 : STOQ_PATH_SIZE_BASE, passes);
	}
}

static void test_common_sizes_are_exact(void **state)
{
	struct stoq_path_size path;
	uint64_t now_ns = SECOND_NS;

	stoq_path_size_init(&path, 65000, true);
	search(&path, 1452, &now_ns);
	assert_int_equal(path.current, 1452);
	stoq_path_size_init(&path, 65000, true);
	search(&path, 8952, &now_ns);
	assert_int_equal(path.current, 8952);
}

static void test_a_larger_path_is_found_later(void **state)
{
	struct stoq_path_size path;
	uint64_t now_ns = SECOND_NS;

	stoq_path_size_init(&path, 8952, true);
	search(&path, 1452, &now_ns);
	assert_int_equal(stoq_path_size_probe(&path, now_ns + 500 * SECOND_NS), 0);
	now_ns += 700 * SECOND_NS;
	search(&path, 8952, &now_ns);
	assert_int_equal(path.current, 8952);
}

static void test_a_black_hole_is_left_and_searched_anew(void **state)
{
	struct stoq_path_size path;
	uint64_t now_ns = SECOND_NS;

	stoq_path_size_init(&path, 8952, true);
	search(&path, 8952, &now_ns);
	stoq_path_size_black_hole(&path);
	assert_int_equal(path.current, STOQ_PATH_SIZE_BASE);
	search(&path, 1300, &now_ns);
	assert_in_range(path.current, 1284, 1300);
	/* It was the peer that was silent. */
	stoq_path_size_black_hole(&path);
	search(&path, 8952, &now_ns);
	assert_int_equal(path.current, 8952);
}

static void test_a_probe_without_news_is_lost(void **state)
{
	struct stoq_path_size path;

	stoq_path_size_init(&path, 1452, true);
	stoq_path_size_sent(&path, 1452, SECOND_NS);
	assert_int_equal(stoq_path_size_probe(&path, SECOND_NS + SECOND_NS / 2), 0);
	assert_int_equal(stoq_path_size_probe(&path, 2 * SECOND_NS), 1452);
	/* News of one that is not under way means nothing. */
	stoq_path_size_acknowledged(&path, 1400);
	assert_int_equal(path.current, STOQ_PATH_SIZE_BASE);
}

static void test_without_probing(void **state)
{
	struct stoq_path_size path;

	stoq_path_size_init(&path, 9000, false);
	assert_int_equal(path.current, 9000);
	assert_int_equal(stoq_path_size_probe(&path, SECOND_NS), 0);
	stoq_path_size_black_hole(&path);
	assert_int_equal(path.current, 9000);
	stoq_path_size_init(&path, 500, true);
	assert_int_equal(path.limit, STOQ_PATH_SIZE_BASE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_limit_is_tried_first),
		cmocka_unit_test(test_every_size_is_found),
		cmocka_unit_test(test_common_sizes_are_exact),
		cmocka_unit_test(test_a_larger_path_is_found_later),
		cmocka_unit_test(test_a_black_hole_is_left_and_searched_anew),
		cmocka_unit_test(test_a_probe_without_news_is_lost),
		cmocka_unit_test(test_without_probing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
