// SPDX-License-Identifier: BSD-2-Clause
/* Identifiers of commands, and their places in a queue: one that is in use, or beyond the last place, is dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER

static struct guard_link link;

static void test_identifiers(void **state)
{
	static const uint16_t cids[] = {5, 5 + STOQ_OWN_SLOTS, 5 + 2 * STOQ_OWN_SLOTS, 0xffff};

	(void)state;
	link_open(&link, 1);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(cids) / sizeof(cids[0]); i++) {
			size_t at = link_write_io(&link, NVME_NVM_WRITE_UNCORRECTABLE, cids[i]);

			assert_true(link_flush(&link, HOST));
			assert_true(link_send(&link, HOST, at, at + 72)); /* TCP sends it again */
			link_write_io(&link, NVME_NVM_FLUSH, cids[i]);
			link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_CID_IN_USE);
		}
		for (size_t i = 0; i < sizeof(cids) / sizeof(cids[0]); i++) {
			size_t n = round == 1 ? sizeof(cids) / sizeof(cids[0]) - 1 - i : i;

			link_write_io(&link, NVME_NVM_FLUSH, cids[n]);
			link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_CID_IN_USE);
			link_complete(&link, cids[n]);
		}
	}
}

/* Namespaces with large numbers: their commands are kept elsewhere. */
static void test_identifiers_of_far_namespaces(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 5, 70000, 0);

	(void)state;
	link_open(&link, 1);
	for (int round = 0; round < 3; round++) {
		link_write_command(&link, &fields);
		assert_true(link_flush(&link, HOST));
		link_write_command(&link, &fields);
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_CID_IN_USE);
		link_write_io(&link, NVME_NVM_READ, 5);
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_CID_IN_USE);
		link_complete(&link, 5);
	}
}

/* SPDK's host shuts a controller down: it uses the identifiers of its event requests again. */
static void test_identifiers_of_event_requests(void **state)
{
	(void)state;
	link_open(&link, 0);
	link_write_io(&link, NVME_ADMIN_ASYNC_EVENT_REQUEST, 5);
	assert_true(link_flush(&link, HOST));
	for (int i = 0; i < 3; i++) {
		link_write_io(&link, NVME_ADMIN_KEEP_ALIVE, 5);
		assert_true(link_flush(&link, HOST));
		link_write_io(&link, NVME_ADMIN_KEEP_ALIVE, 5);
		link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_CID_IN_USE);
		link_complete(&link, 5);
	}
}

/* SUCCESS with the last data of a read completes it, too. */
static void test_identifiers_and_success(void **state)
{
	struct nvme_tcp_data_fields data = {.type = NVME_TCP_C2H_DATA,
		.flags = NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS,
		.cid = 5,
		.length = 512};

	(void)state;
	link_open(&link, 1);
	for (int round = 0; round < 3; round++) {
		data.cid = round == 2 ? 5 + STOQ_OWN_SLOTS : 5;
		link_write_io(&link, NVME_NVM_READ, data.cid);
		assert_true(link_flush(&link, HOST));
		dialog_data(&link.dialog, &data);
		link_write(&link, CONTROLLER);
		assert_true(link_flush(&link, CONTROLLER));
	}
}

/* Connect said 128 places. */
static void test_places(void **state)
{
	(void)state;
	for (uint16_t stride = 1; stride < 4; stride++) {
		link_open(&link, 1);
		for (uint16_t i = 0; i < 128; i++) {
			link_write_io(&link, NVME_NVM_FLUSH, i * stride);
			assert_true(link_flush(&link, HOST));
		}
		for (int round = 0; round < 3; round++) {
			link_write_io(&link, NVME_NVM_FLUSH, 60000);
			link_expect_dropped(&link, HOST, STOQ_GUARD_DROP_QUEUE_FULL);
			link_complete(&link, 7 * stride);
			link_write_io(&link, NVME_NVM_FLUSH, 7 * stride);
			assert_true(link_flush(&link, HOST));
		}
	}
}

/* Event requests wait for ever, and take no place. */
static void test_places_and_events(void **state)
{
	(void)state;
	link_open(&link, 0);
	for (uint16_t i = 0; i < 16; i++) {
		link_write_io(&link, NVME_ADMIN_ASYNC_EVENT_REQUEST, 1000 + i);
		assert_true(link_flush(&link, HOST));
	}
	for (int i = 0; i < 300; i++) {
		link_write_io(&link, NVME_ADMIN_KEEP_ALIVE, 1);
		assert_true(link_flush(&link, HOST));
		link_complete(&link, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_identifiers, guard_install_allowing),
		cmocka_unit_test_setup(test_identifiers_of_far_namespaces, guard_install_allowing),
		cmocka_unit_test_setup(test_identifiers_of_event_requests, guard_install_allowing),
		cmocka_unit_test_setup(test_identifiers_and_success, guard_install_allowing),
		cmocka_unit_test_setup(test_places, guard_install_allowing),
		cmocka_unit_test_setup(test_places_and_events, guard_install_allowing),
	};

	guard_audited = true;
	return cmocka_run_group_tests(tests, guard_setup, guard_teardown);
}
