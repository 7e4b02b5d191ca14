// SPDX-License-Identifier: BSD-2-Clause
/* What metrics count by labels: bounded, and no counter falls, whoever comes and in whichever order workers answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tunnel/nqn_text.h"
#include "tunnel/rows.h"
#include "tunnel/totals.h"

static struct stoq_row *row_of(struct stoq_rows *rows, const char *host)
{
	const char *const labels[STOQ_ROW_LABELS] = {"peer", host, "subsystem", "1"};

	return stoq_row_of(rows, labels);
}

static void later_rows_are_others(void **state)
{
	struct stoq_rows rows = {.max = 2};
	struct stoq_row *a = row_of(&rows, "a"), *b = row_of(&rows, "b"), *c = row_of(&rows, "c");

	assert_ptr_not_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_string_equal(c->labels[0], "others");
	assert_ptr_equal(row_of(&rows, "d"), c);
	assert_ptr_equal(row_of(&rows, "a"), a);
	assert_ptr_equal(row_of(&rows, "b"), b);
	assert_int_equal(rows.count, 3);
	stoq_rows_free(&rows);
}

/* A label that has to be cut is the same one the next time. */
static void long_labels_are_cut(void **state)
{
	struct stoq_rows rows = {.max = 10};
	char host[STOQ_ROW_LABEL_BYTES + 10];

	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	assert_ptr_equal(row_of(&rows, host), row_of(&rows, host));
	assert_int_equal(strlen(row_of(&rows, host)->labels[1]), STOQ_ROW_LABEL_BYTES - 1);
	stoq_rows_free(&rows);
}

static void sums_do_not_go_by_order(void **state)
{
	const struct stoq_rows none = {.max = 1000};
	struct stoq_rows first = {.max = 2}, second = {.max = 2}, sums[2] = {none, none};

	for (unsigned int i = 0; i < 4; i++) {
		char host[8];

		snprintf(host, sizeof(host), "%u", i);
		row_of(&first, host)->values[0] += 1;
		snprintf(host, sizeof(host), "%u", 3 - i);
		row_of(&second, host)->values[0] += 10;
	}
	assert_true(stoq_rows_add(&sums[0], &first) && stoq_rows_add(&sums[0], &second));
	assert_true(stoq_rows_add(&sums[1], &second) && stoq_rows_add(&sums[1], &first));
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(sums[i].count, 5);
		assert_int_equal(row_of(&sums[i], "0")->values[0], 1);
		assert_int_equal(row_of(&sums[i], "3")->values[0], 10);
		stoq_rows_free(&sums[i]);
	}
	stoq_rows_free(&first);
	stoq_rows_free(&second);
}

/* Peers of several workers, of whom one has all that it may have. */
static void peers_of_all_workers_keep_their_names(void **state)
{
	struct stoq_tunnel_totals *sum = NULL;
	char peer[8];

	for (unsigned int i = 0; i < 2 * STOQ_TUNNEL_PEERS_MAX; i++) {
		snprintf(peer, sizeof(peer), "%u", i);
		assert_non_null(stoq_tunnel_totals_of(&sum, peer, UINT32_MAX));
		assert_string_equal(stoq_tunnel_totals_of(&sum, peer, UINT32_MAX)->peer, peer);
	}
	assert_string_equal(
		stoq_tunnel_totals_of(&sum, "new", STOQ_TUNNEL_PEERS_MAX)->peer, "others");
	stoq_tunnel_totals_free(&sum);
}

static void nqns_are_text(void **state)
{
	char nqn[NVME_NQN_LENGTH], text[NVME_NQN_LENGTH];

	assert_string_equal(stoq_nqn_text(text, "nqn.a:\"\n\\\t\xc3\xa4 \x7f"), "nqn.a:\"?\\?????");
	memset(nqn, 'n', sizeof(nqn));
	assert_int_equal(strlen(stoq_nqn_text(text, nqn)), NVME_NQN_LENGTH - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_rows_are_others),
		cmocka_unit_test(long_labels_are_cut),
		cmocka_unit_test(sums_do_not_go_by_order),
		cmocka_unit_test(peers_of_all_workers_keep_their_names),
		cmocka_unit_test(nqns_are_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
