// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tunnel/discovery.h"

#define ENTRIES 5

static uint8_t log_page[1024 + ENTRIES * 1024];

static bool to_loopback(void *context, const char *traddr, const char *trsvcid,
	struct stoq_discovery_address *address)
{
	if (strcmp(traddr, "192.0.2.1") != 0 || strcmp(trsvcid, "4420") != 0)
		return false;
	*address =
		(struct stoq_discovery_address){.traddr = "::1", .trsvcid = "24420", .ipv6 = true};
	return true;
}

static struct nvme_discovery_entry *entry_at(unsigned int i)
{
	return (void *)(log_page + 1024 + i * 1024);
}

/* Entries as nvmet writes them (padded with NUL), and as SPDK does (with spaces). */
static void make_log(void)
{
	memset(log_page, 0x55, sizeof(log_page));
	for (unsigned int i = 0; i < ENTRIES; i++) {
		struct nvme_discovery_entry *entry = entry_at(i);
		char pad = i % 2 ? ' ' : '\0';

		entry->trtype = NVME_DISCOVERY_TRTYPE_TCP;
		entry->adrfam = NVME_DISCOVERY_ADRFAM_IPV4;
		entry->treq = 0x05;
		memset(entry->trsvcid, pad, sizeof(entry->trsvcid));
		memcpy(entry->trsvcid, "4420", 4);
		memset(entry->traddr, pad, sizeof(entry->traddr));
		memcpy(entry->traddr, "192.0.2.1", 9);
		entry->tsas[0] = 1;
	}
	entry_at(2)->trtype = 1; /* RDMA */
	entry_at(3)->traddr[8] = '7';
}

static void entries_of_tcp_get_the_hosts_address(void **state)
{
	static const char expected[NVME_DISCOVERY_TRADDR] = "::1";

	make_log();
	assert_int_equal(
		stoq_discovery_rewrite(0, log_page, sizeof(log_page), to_loopback, NULL), 3);
	for (unsigned int i = 0; i < ENTRIES; i++) {
		bool changed = i != 2 && i != 3;

		assert_int_equal(entry_at(i)->adrfam, changed ? 2 : 1);
		assert_int_equal(entry_at(i)->treq, changed ? 0x04 : 0x05);
		assert_int_equal(entry_at(i)->tsas[0], changed ? 0 : 1);
		if (changed) {
			assert_memory_equal(entry_at(i)->traddr, expected, sizeof(expected));
			assert_string_equal(entry_at(i)->trsvcid, "24420");
		}
		assert_int_equal(entry_at(i)->subnqn[0], 0x55);
	}
	for (unsigned int i = 0; i < 1024; i++)
		assert_int_equal(log_page[i], 0x55);
}

static void an_entry_that_is_cut_stays_as_it_is(void **state)
{
	make_log();
	/* The second half of entry 0, entry 1, and half of entry 2. */
	assert_int_equal(
		stoq_discovery_rewrite(1024 + 512, log_page + 1024 + 512, 2048, to_loopback, NULL),
		1);
	assert_int_equal(entry_at(0)->adrfam, 1);
	assert_int_equal(entry_at(1)->adrfam, 2);
	/* Nothing of an entry at all. */
	make_log();
	for (size_t size = 0; size < 1024; size++)
		assert_int_equal(
			stoq_discovery_rewrite(1024, log_page + 1024, size, to_loopback, NULL), 0);
	assert_int_equal(stoq_discovery_rewrite(UINT64_MAX, log_page, 1024, to_loopback, NULL), 0);
}

static void what_asks_for_the_log(void **state)
{
	struct nvme_sqe sqe = {.opcode = NVME_ADMIN_GET_LOG_PAGE,
		.cdw10 = nvme_to_le32(0x03ff0070),
		.cdw12 = nvme_to_le32(0x1000),
		.cdw13 = nvme_to_le32(2)};
	uint64_t at = 0;

	assert_true(stoq_discovery_asked(&sqe, &at));
	assert_true(at == 0x200001000);
	sqe.cdw10 = nvme_to_le32(0x03ff0002);
	assert_false(stoq_discovery_asked(&sqe, &at));
	sqe.opcode = NVME_ADMIN_IDENTIFY;
	sqe.cdw10 = nvme_to_le32(0x70);
	assert_false(stoq_discovery_asked(&sqe, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_tcp_get_the_hosts_address),
		cmocka_unit_test(an_entry_that_is_cut_stays_as_it_is),
		cmocka_unit_test(what_asks_for_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
