// SPDX-License-Identifier: BSD-2-Clause
/* Whose name the Connect of an I/O queue may give: that of the host whose admin queue made its controller. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "stoq_guard.skel.h"
#include "tests/bpf/guard_link.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER
#define POLICY	   "version: 1\ndefault: allow\n"
#define OWNER	   "nqn.2026-11.test:owner"
#define OTHER	   "nqn.2026-11.test:other"
#define FIRST	   "nqn.2026-11.test:first"
#define SECOND	   "nqn.2026-11.test:second"
#define INVALID	   NVME_STATUS(1, 0x84) /* Connect Invalid Host */
#define DENIED	   NVME_STATUS(2, 0x86) /* Access Denied */

#define LINKS 8
static struct guard_link links[LINKS];

static int setup(void **state)
{
	guard_audited = true;
	return guard_setup(state);
}

static void begin(void)
{
	for (size_t i = 0; i < LINKS; i++)
		if (links[i].path.host_port)
			link_flags(&links[i], CONTROLLER, WIRE_RST, 0, 0, 0);
	guard_install(POLICY);
}

struct who {
	uint16_t qid;
	uint16_t cntlid;
	const char *subsystem;
	const char *host;
};

/* Link i, up to its Connect, which is written; returns where that begins. */
static size_t come(size_t i, struct who who)
{
	struct nvme_connect_fields fields = {.qid = who.qid, .sqsize_zero_based = 127};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	struct guard_link *link = &links[i];
	static const uint8_t hostid[16] = {1};
	struct nvme_connect_data data;

	link_start(link);
	link_negotiate(link);
	assert_int_equal(nvme_encode_connect_data(&data, hostid, who.qid ? who.cntlid : 0xffff,
				 who.subsystem, who.host),
		0);
	/* What stands behind a name's end is no part of it. */
	memset(data.hostnqn + strlen(who.host) + 1, (int)i + 1, 8);
	memset(data.subnqn + strlen(who.subsystem) + 1, (int)i + 1, 8);
	dialog_bytes(&link->dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &link->dialog.format, &sqe, sizeof(data)));
	dialog_bytes(&link->dialog, &data, sizeof(data));
	return link_write(link, HOST);
}

static void answer(size_t i, uint16_t status, uint16_t cntlid)
{
	dialog_response(&links[i].dialog, 0, (uint16_t)(status << 1), cntlid);
	link_write(&links[i], CONTROLLER);
	assert_true(link_flush(&links[i], CONTROLLER));
}

/* The host makes this controller. */
static void make(size_t i, struct who who)
{
	come(i, who);
	assert_true(link_flush(&links[i], HOST));
	answer(i, 0, who.cntlid);
}

static bool is_refused(size_t i, struct who who)
{
	size_t at = come(i, who);
	struct nvme_sqe sqe;

	assert_true(link_flush(&links[i], HOST));
	sqe = link_command(&links[i], at);
	return link_is_refused(&sqe);
}

static void test_another_host(void **state)
{
	const struct who admin = {.cntlid = 7, .subsystem = FIRST, .host = OWNER};

	(void)state;
	begin();
	make(0, admin);
	assert_false(is_refused(1, (struct who){1, 7, FIRST, OWNER}));
	assert_true(is_refused(2, (struct who){2, 7, FIRST, OTHER}));
	assert_int_equal(guard_last_record().kind, STOQ_GUARD_RECORD_DENIED);
	assert_int_equal(guard_last_record().status, INVALID);
	assert_int_equal(guard_last_record().table, STOQ_GUARD_FABRICS);
	assert_int_equal(guard_last_record().code, NVME_FABRICS_CONNECT);
	assert_int_equal(guard_last_record_of(the_auditor).status, INVALID);
	/* A name that the other one begins with is another name. */
	assert_true(is_refused(3, (struct who){2, 7, FIRST, OWNER "s"}));
	/* Nothing is known of these. */
	assert_false(is_refused(4, (struct who){1, 8, FIRST, OTHER}));
	assert_false(is_refused(5, (struct who){1, 7, SECOND, OTHER}));
}

/* A controller that was never made, or is gone, belongs to nobody. */
static void test_no_controller(void **state)
{
	const struct who admin = {.cntlid = 7, .subsystem = FIRST, .host = OWNER};

	(void)state;
	begin();
	come(0, admin);
	assert_true(link_flush(&links[0], HOST)); /* not answered yet */
	assert_false(is_refused(1, (struct who){1, 7, FIRST, OTHER}));
	answer(0, INVALID, 7);
	assert_false(is_refused(2, (struct who){1, 7, FIRST, OTHER}));
	begin();
	make(0, admin);
	link_flags(&links[0], CONTROLLER, WIRE_RST, 0, 0, 0);
	assert_false(is_refused(1, (struct who){1, 7, FIRST, OTHER}));
	make(2, (struct who){.cntlid = 7, .subsystem = FIRST, .host = OTHER});
	assert_true(is_refused(3, (struct who){1, 7, FIRST, OWNER}));
}

/* Subsystems of one name on several machines, as those that nobody has named: each host has its own. */
static void test_same_names(void **state)
{
	(void)state;
	begin();
	make(0, (struct who){.cntlid = 1, .subsystem = FIRST, .host = OWNER});
	make(1, (struct who){.cntlid = 1, .subsystem = FIRST, .host = OTHER});
	assert_false(is_refused(2, (struct who){1, 1, FIRST, OWNER}));
	assert_false(is_refused(3, (struct who){1, 1, FIRST, OTHER}));
	assert_true(is_refused(4, (struct who){1, 1, FIRST, OTHER "s"}));
}

/* Its names come behind the Connect's header, which has passed then: nothing else passes. */
static void test_late_names(void **state)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_READ, 3, 1, 0);
	struct nvme_sqe sqe;
	size_t at;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin();
		make(0, (struct who){.cntlid = 7, .subsystem = FIRST, .host = OWNER});
		at = come(1, (struct who){1, 7, FIRST, i ? OTHER : OWNER});
		assert_true(link_send(&links[1], HOST, link_arrived(&links[1], HOST), at + 72));
		assert_true(link_flush(&links[1], HOST));
		sqe = link_command(&links[1], at);
		assert_false(link_is_refused(&sqe));
		link_complete(&links[1], 0);
		at = link_write_command(&links[1], &fields);
		assert_true(link_flush(&links[1], HOST));
		sqe = link_command(&links[1], at);
		assert_int_equal(link_is_refused(&sqe), i);
	}
	assert_int_equal(guard_last_record().status, DENIED);
	assert_int_equal(guard_last_record().code, NVME_NVM_READ);
	/* Also behind a reload. */
	guard_install(POLICY);
	fields.cid = 4;
	at = link_write_command(&links[1], &fields);
	assert_true(link_flush(&links[1], HOST));
	sqe = link_command(&links[1], at);
	assert_true(link_is_refused(&sqe));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_host),
		cmocka_unit_test(test_no_controller),
		cmocka_unit_test(test_same_names),
		cmocka_unit_test(test_late_names),
	};

	return cmocka_run_group_tests(tests, setup, guard_teardown);
}
