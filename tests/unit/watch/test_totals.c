// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a scraper is shown of commands: counters that never fall, whichever hosts come, go, come back and get names; the sum of
 * all is exact; no two label sets are the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/stream/series_shared.h"
#include "flow/identity.h"
#include "watch/totals.h"

enum { HOSTS = 12000, ROOM = 5000 };

static struct stoq_identity identity_of(const char *host, const char *address)
{
	struct stoq_identity identity;

	stoq_identity_clear(&identity);
	strcpy(identity.host_nqn, host);
	strcpy(identity.subsystem_nqn, "nqn.2014-08.org.example:s");
	strcpy(identity.host_address, address);
	strcpy(identity.controller_address, "192.0.2.9:4420");
	identity.kind = NVME_QUEUE_IO;
	identity.opcode = NVME_NVM_READ;
	identity.nsid = 1;
	return identity;
}

/* A connection's series, and what the totals have of it. */
struct connection {
	struct stoq_series series;
	struct stoq_total counted;
};

static void read_one(struct stoq_totals *totals, const struct stoq_identity *identity,
	struct connection *connection)
{
	struct stoq_total now;

	connection->series.commands++;
	connection->series.bytes += 4096;
	connection->series.latency_sum_ns += 20000;
	connection->series.buckets[stoq_latency_bucket(20000)]++;
	stoq_total_of(&now, &connection->series, NULL);
	assert_int_equal(stoq_totals_add(totals, identity, &now, &connection->counted), 0);
}

static uint64_t sum(const struct stoq_totals *totals)
{
	uint64_t commands = 0;

	for (size_t i = 0; i < stoq_totals_count(totals); i++)
		commands += stoq_totals_get(totals, i)->total.commands;
	return commands;
}

/* The one whose labels contain the text; NULL: none. */
static const struct stoq_total_set *find(const struct stoq_totals *totals, const char *text)
{
	for (size_t i = 0; i < stoq_totals_count(totals); i++)
		if (strstr(stoq_totals_get(totals, i)->labels, text))
			return stoq_totals_get(totals, i);
	return NULL;
}

/* Each host connects three times, and is gone in between; each time with series that begin at 0. */
static void test_churn(void **state)
{
	struct stoq_totals *totals = stoq_totals_new(ROOM);

	(void)state;
	for (unsigned int round = 1; round <= 3; round++) {
		for (unsigned int i = 0; i < HOSTS; i++) {
			struct stoq_identity identity;
			struct connection connection = {0};
			char nqn[64];

			snprintf(nqn, sizeof(nqn), "nqn.2014-08.org.example:h%u", i);
			identity = identity_of(nqn, "192.0.2.1:40000");
			read_one(totals, &identity, &connection);
			read_one(totals, &identity, &connection);
		}
		assert_int_equal(sum(totals), 2 * HOSTS * round);
		assert_int_equal(stoq_totals_count(totals), ROOM + 1);
		for (size_t i = 0; i < ROOM; i++)
			assert_int_equal(stoq_totals_get(totals, i)->total.commands, 2 * round);
		assert_int_equal(
			stoq_totals_get(totals, ROOM)->total.commands, 2 * (HOSTS - ROOM) * round);
		assert_int_equal(stoq_totals_folded(totals), (HOSTS - ROOM) * round);
	}
	stoq_totals_free(totals);
}

/* Two connections of an address, one of which turns out to be a host's: neither counter falls. */
static void test_named_late(void **state)
{
	struct stoq_totals *totals = stoq_totals_new(0);
	struct stoq_identity unnamed = identity_of("", "192.0.2.1:40000");
	struct stoq_identity named = identity_of("nqn.2014-08.org.example:a", "192.0.2.1:40000");
	struct connection one = {0}, other = {0};

	(void)state;
	for (int i = 0; i < 10; i++) {
		read_one(totals, &unnamed, &one);
		read_one(totals, &unnamed, &other);
	}
	assert_int_equal(find(totals, "host=\"192.0.2.1\"")->total.commands, 20);
	read_one(totals, &named, &one);
	read_one(totals, &unnamed, &other);
	assert_int_equal(find(totals, "host=\"192.0.2.1\"")->total.commands, 21);
	assert_int_equal(find(totals, "host=\"nqn.2014-08.org.example:a\"")->total.commands, 1);
	assert_int_equal(
		find(totals, "host=\"nqn.2014-08.org.example:a\"")->total.latency.of[1], 1);
	assert_int_equal(sum(totals), 22);
	stoq_totals_free(totals);
}

static void test_outstanding(void **state)
{
	struct stoq_totals *totals = stoq_totals_new(1);
	struct stoq_identity a = identity_of("nqn.2014-08.org.example:a", "192.0.2.1:1");
	struct stoq_identity b = identity_of("nqn.2014-08.org.example:b", "192.0.2.2:1");

	(void)state;
	stoq_totals_begin(totals);
	assert_int_equal(stoq_totals_begun(totals, &a), 0);
	assert_int_equal(stoq_totals_begun(totals, &a), 0);
	assert_int_equal(stoq_totals_begun(totals, &b), 0);
	assert_int_equal(stoq_totals_count(totals), 2);
	assert_int_equal(stoq_totals_get(totals, 0)->outstanding, 2);
	assert_int_equal(stoq_totals_get(totals, 1)->outstanding, 1);
	stoq_totals_begin(totals);
	assert_int_equal(stoq_totals_get(totals, 0)->outstanding, 0);
	assert_int_equal(stoq_totals_count(totals), 1);
	stoq_totals_free(totals);
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static void expect_unique(const struct stoq_totals *totals)
{
	size_t count = stoq_totals_count(totals);
	const char **labels = calloc(count, sizeof(*labels));

	assert_non_null(labels);
	for (size_t i = 0; i < count; i++)
		labels[i] = stoq_totals_get(totals, i)->labels;
	qsort(labels, count, sizeof(*labels), compare);
	for (size_t i = 1; i < count; i++)
		if (strcmp(labels[i - 1], labels[i]) == 0)
			fail_msg("twice: %s", labels[i]);
	free(labels);
}

/* A sample that is there twice is refused by Prometheus, or hides another one. */
static void test_unique(void **state)
{
	static const char *const hosts[] = {"", "192.0.2.1", "[2001:db8::1]", "\\x31",
		"nqn.2014-08.org.example:A", "nqn.2014-08.org.example:a", "\xff", "\\xff", "\"",
		"\n", "\\n", "\xc2\x85", "others", " ", "{}", "1"};
	static const char *const addresses[] = {"192.0.2.1:1", "[2001:db8::1]:1"};
	struct stoq_totals *totals = stoq_totals_new(0);
	size_t made = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		for (size_t j = 0; j < sizeof(addresses) / sizeof(addresses[0]); j++) {
			struct stoq_identity identity = identity_of(hosts[i], addresses[j]);
			struct connection connection = {0};

			read_one(totals, &identity, &connection);
			made += !hosts[i][0] || j == 0;
		}
	assert_int_equal(stoq_totals_count(totals), made);
	expect_unique(totals);
	assert_non_null(find(totals, "host=\"\\\\x3192.0.2.1\""));
	stoq_totals_free(totals);
}

/* Each opcode has a name of its own, whatever a host sends. */
static void test_opcodes(void **state)
{
	static const enum nvme_queue_kind kinds[] = {NVME_QUEUE_ADMIN, NVME_QUEUE_IO};
	struct stoq_totals *totals = stoq_totals_new(0);
	size_t made = 0;

	(void)state;
	for (size_t kind = 0; kind < 2; kind++)
		for (int opcode = 0; opcode < 256; opcode++)
			for (int fctype = 0; fctype < 256; fctype++) {
				struct stoq_identity identity = identity_of("nqn.a", "192.0.2.1:1");
				struct connection connection = {0};

				if (opcode != NVME_OPCODE_FABRICS && fctype)
					break;
				identity.kind = kinds[kind];
				identity.opcode = opcode;
				identity.fctype = opcode == NVME_OPCODE_FABRICS ? fctype : -1;
				read_one(totals, &identity, &connection);
				made += opcode != NVME_OPCODE_FABRICS || kind == 0;
			}
	assert_int_equal(stoq_totals_count(totals), made);
	expect_unique(totals);
	stoq_totals_free(totals);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_named_late),
		cmocka_unit_test(test_outstanding),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_opcodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
