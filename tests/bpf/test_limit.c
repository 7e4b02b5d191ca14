// SPDX-License-Identifier: BSD-2-Clause
/*
 * The program of limits: which commands it charges, and when the packets that answer them may leave. Times between
 * answers are exact, as a clock that runs ahead does not depend on when a packet passes.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "bpf/stream/refused_shared.h"
#include "stoq_limit.skel.h"
#include "tests/bpf/limit_rig.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER
#define OTHER_HOST "nqn.2014-08.org.example:other"

/* A round trip time behind which TCP's timer does not matter. */
#define LONG_US 10000000

/* ---- times ---- */

static void test_spacing(void **state)
{
	struct dialog dialog;
	uint64_t start, times[4];

	limit_install(LIMIT_TEN);
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	limit_set_round_trip(LONG_US);
	start = stoq_clock_now_ns();
	for (uint16_t cid = 0; cid < 4; cid++)
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	for (uint16_t cid = 0; cid < 4; cid++)
		times[cid] = limit_answer(&dialog, cid);
	assert_int_equal(times[0], 0);
	/* The first one passes at once and counts from when it came. */
	assert_true(times[1] >= start + 100 * LIMIT_MS && times[1] < start + 10000 * LIMIT_MS);
	assert_int_equal(times[2] - times[1], 100 * LIMIT_MS);
	assert_int_equal(times[3] - times[2], 100 * LIMIT_MS);
}

/* A packet leaves when the last of its PDUs may, and none overtakes it; nor does the connection's end. */
static void test_order(void **state)
{
	struct dialog dialog;
	uint64_t last, acks;

	limit_install("  - {name: a, iops: 30, burst: 0ms, direction: reads}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 4; cid++)
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	limit_command(&dialog, NVME_NVM_WRITE, 9, 1, 4096);
	dialog_response(&dialog, 3, 0, 0);
	dialog_response(&dialog, 1, 0, 0);
	last = limit_send(&dialog, CONTROLLER, true, WIRE_ACK);
	assert_true(last > 0);
	assert_int_equal(limit_answer(&dialog, 9), last);
	assert_int_equal(limit_answer(&dialog, 2), last);
	assert_int_equal(limit_send(&dialog, CONTROLLER, true, WIRE_ACK | WIRE_FIN), last);
	assert_int_equal(limit_verdict, TC_ACT_UNSPEC);
	/* An acknowledgement waits for nothing, nor behind what waits: a copy goes. */
	acks = limit_totals().acks;
	assert_int_equal(limit_send(&dialog, CONTROLLER, true, WIRE_ACK), 0);
	assert_int_equal(limit_verdict, TC_ACT_REDIRECT);
	assert_int_equal(limit_totals().acks, acks + 1);
	assert_int_equal(limit_send(&dialog, CONTROLLER, true, WIRE_ACK | WIRE_RST), 0);
	assert_int_equal(limit_verdict, TC_ACT_UNSPEC);
}

/* Where nothing has waited, packets are as they were. */
static void test_nothing_held(void **state)
{
	struct dialog dialog;

	limit_install("  - {name: a, iops: 1000000}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	limit_command(&dialog, NVME_NVM_READ, 1, 1, 4096);
	assert_int_equal(limit_answer(&dialog, 1), 0);
	assert_int_equal(limit_send(&dialog, CONTROLLER, true, WIRE_ACK), 0);
	assert_int_equal(limit_verdict, TC_ACT_UNSPEC);
}

/* A header that two packets share belongs to the second one. */
static void test_cut(void **state)
{
	struct dialog dialog;
	uint8_t rest[16];

	limit_install(LIMIT_TEN);
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 2; cid++)
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	dialog_response(&dialog, 1, 0, 0);
	memcpy(rest, dialog.bytes + dialog.length - sizeof(rest), sizeof(rest));
	dialog.length -= sizeof(rest);
	assert_int_equal(limit_send(&dialog, CONTROLLER, true, WIRE_ACK), 0);
	dialog_bytes(&dialog, rest, sizeof(rest));
	assert_true(limit_send(&dialog, CONTROLLER, true, WIRE_ACK) > 0);
}

/* R2T and data wait as well; on a host's node the command itself does. */
static void test_both_ends(void **state)
{
	struct dialog dialog;

	limit_install(LIMIT_TEN);
	for (int kind = 0; kind < 2; kind++) {
		limit_forget_accounts();
		limit_open(&dialog, DIALOG_HOST_NQN, 1);
		for (uint16_t cid = 0; cid < 2; cid++)
			limit_command(&dialog, NVME_NVM_WRITE, cid, 1, 8192);
		if (kind)
			dialog_r2t(&dialog, 1, 7, 0, 8192);
		else
			dialog_data(&dialog,
				&(struct nvme_tcp_data_fields){
					.type = NVME_TCP_C2H_DATA, .cid = 1, .length = 512});
		assert_true(limit_send(&dialog, CONTROLLER, true, WIRE_ACK) > 0);
	}
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 2; cid++) {
		dialog_command(&dialog,
			&(struct nvme_io_fields){
				.opcode = NVME_NVM_READ, .cid = cid, .nsid = 1, .blocks = 8});
		assert_int_equal(limit_send(&dialog, HOST, true, WIRE_ACK) > 0, cid == 1);
	}
}

/* ---- what counts ---- */

static void test_conditions(void **state)
{
	struct dialog dialog;

	limit_install("  - {name: a, iops: 1, burst: 0ms, direction: writes, namespace: 2}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	assert_false(limit_waits(&dialog, NVME_NVM_WRITE, 2, 4096));
	assert_true(limit_waits(&dialog, NVME_NVM_WRITE, 2, 4096));
	assert_true(limit_waits(&dialog, NVME_NVM_FLUSH, 2, 0));
	assert_false(limit_waits(&dialog, NVME_NVM_READ, 2, 4096));
	assert_false(limit_waits(&dialog, NVME_NVM_WRITE, 1, 4096));
	assert_false(limit_waits(&dialog, STOQ_REFUSED_OPCODE, 2, 0));
	/* The same on an admin queue. */
	limit_open(&dialog, DIALOG_HOST_NQN, 0);
	assert_false(limit_waits(&dialog, NVME_NVM_WRITE, 2, 4096));
	assert_false(limit_waits(&dialog, NVME_NVM_WRITE, 2, 4096));
}

static void test_bytes(void **state)
{
	struct dialog dialog;
	uint64_t first, second;

	limit_install("  - {name: a, bandwidth: 1000kB, burst: 0ms}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	limit_set_round_trip(LONG_US);
	limit_command(&dialog, NVME_NVM_READ, 0, 1, 1000);
	limit_command(&dialog, NVME_NVM_READ, 1, 1, 100000);
	limit_command(&dialog, NVME_NVM_READ, 2, 1, 20000);
	first = limit_answer(&dialog, 1);
	second = limit_answer(&dialog, 2);
	assert_true(first > 0);
	assert_int_equal(second - first, 20 * LIMIT_MS);
}

/* What was not used can be made up for, so long. */
static void test_burst(void **state)
{
	struct dialog dialog;

	limit_install("  - {name: a, iops: 1, burst: 5s}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	for (int i = 0; i < 5; i++)
		assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_true(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
}

static void test_shares(void **state)
{
	struct dialog dialog;

	for (int group = 0; group < 2; group++) {
		limit_install(group ? "  - {name: a, iops: 1, burst: 0ms, share: group}\n"
				    : "  - {name: a, iops: 1, burst: 0ms}\n");
		limit_forget_accounts();
		limit_open(&dialog, DIALOG_HOST_NQN, 1);
		assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
		/* Another connection of this host, then another host. */
		limit_open(&dialog, DIALOG_HOST_NQN, 2);
		assert_true(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
		limit_open(&dialog, OTHER_HOST, 1);
		assert_int_equal(limit_waits(&dialog, NVME_NVM_READ, 1, 4096), group);
	}
}

/* Limits that name hosts hold for known hosts only; names may come later. */
static void test_names(void **state)
{
	struct dialog dialog;

	limit_install("  - {name: a, iops: 1, burst: 0ms, host: " DIALOG_HOST_NQN "}\n");
	limit_forget_accounts();
	limit_open(&dialog, OTHER_HOST, 1);
	assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	limit_open(&dialog, NULL, 1);
	assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	limit_introduce(DIALOG_HOST_NQN, 1);
	assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_true(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
}

/* A connection that no limit holds for is not followed, until a reload brings one. */
static void test_no_limit(void **state)
{
	struct dialog dialog;
	uint64_t followed;

	limit_install("  - {name: a, iops: 1, burst: 0ms, host: " OTHER_HOST "}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	limit_command(&dialog, NVME_NVM_READ, 1, 1, 4096);
	assert_int_equal(limit_answer(&dialog, 1), 0);
	followed = limit_pdus();
	for (uint16_t cid = 2; cid < 9; cid++) {
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 4096);
		assert_int_equal(limit_answer(&dialog, cid), 0);
	}
	assert_int_equal(limit_pdus(), followed);
	limit_install("  - {name: a, iops: 1, burst: 0ms}\n");
	limit_command(&dialog, NVME_NVM_READ, 1, 1, 4096); /* where PDUs begin is found again */
	limit_waits(&dialog, NVME_NVM_READ, 1, 4096);
	assert_true(limit_pdus() > followed);
	assert_true(limit_waits(&dialog, NVME_NVM_READ, 2, 4096));
	limit_answer(&dialog, 1); /* as above, of the other side */
	assert_true(limit_answer(&dialog, 2) > 0);
}

/* The latest time of all limits that hold. */
static void test_several(void **state)
{
	struct dialog dialog;
	uint64_t first;

	limit_install("  - {name: a, iops: 50, burst: 0ms}\n  - {name: b, iops: 10, burst: 0ms}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	limit_set_round_trip(LONG_US);
	for (uint16_t cid = 0; cid < 3; cid++)
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	first = limit_answer(&dialog, 1);
	assert_int_equal(limit_answer(&dialog, 2) - first, 100 * LIMIT_MS);
}

/* ---- bounds ---- */

/* No time is further away than the longest delay. */
static void test_most(void **state)
{
	struct stoq_limit_totals before = limit_totals(), after;
	struct dialog dialog;
	uint64_t time;

	limit_install("  - {name: a, iops: 1, burst: 0ms}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	limit_set_round_trip(LONG_US);
	for (uint16_t cid = 0; cid < 20; cid++)
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	after = limit_totals();
	assert_int_equal(after.delayed - before.delayed, 19);
	assert_true(after.capped - before.capped >= 10 && after.capped - before.capped <= 12);
	time = limit_answer(&dialog, 19);
	assert_true(time <= stoq_clock_now_ns() + STOQ_LIMIT_DELAY_MAX_NS);
	assert_int_equal(limit_answer(&dialog, 18), time);
	assert_int_equal(limit_totals().eased, before.eased);
}

/* ---- TCP's timer ---- */

/* What TCP would do: tcp_rtt_estimator() in net/ipv4/tcp_input.c; the deviation is four times the mean one, as there. */
struct timer_model {
	uint64_t round_trip_ns;
	uint64_t deviation_ns;
};

static void model_sample(struct timer_model *model, uint64_t sample_ns)
{
	uint64_t quarter_ns = model->deviation_ns / 4, error_ns;

	if (sample_ns >= model->round_trip_ns) {
		error_ns = sample_ns - model->round_trip_ns;
		model->round_trip_ns += error_ns / 8;
		model->deviation_ns += error_ns - quarter_ns;
		return;
	}
	error_ns = model->round_trip_ns - sample_ns;
	model->round_trip_ns -= error_ns / 8;
	if (error_ns > quarter_ns)
		model->deviation_ns += (error_ns - quarter_ns) / 8;
	else
		model->deviation_ns -= quarter_ns - error_ns;
}

/* TCP_RTO_MIN of deviation at least. */
static uint64_t model_timeout_ns(const struct timer_model *model)
{
	uint64_t least_ns = 200 * LIMIT_MS;

	return model->round_trip_ns +
	       (model->deviation_ns > least_ns ? model->deviation_ns : least_ns);
}

/*
 * Answers that TCP has sent at once leave before its timer runs out, which counts from then for each of them, while every packet
 * is acknowledged, or every second one. What TCP measures meanwhile soon has packets wait until they are due.
 */
static void check_timer(const char *limit, int packets_per_ack)
{
	enum { COMMANDS = 40 };
	struct timer_model model = {0};
	uint64_t sent[COMMANDS], held[COMMANDS] = {0}, eased;
	struct dialog dialog;

	limit_install(limit);
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < COMMANDS; cid++)
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	for (uint16_t cid = 0; cid < COMMANDS; cid++) {
		uint64_t leaves;

		eased = limit_totals().eased;
		sent[cid] = stoq_clock_now_ns();
		leaves = limit_answer(&dialog, cid);
		if (leaves > sent[cid])
			held[cid] = leaves - sent[cid];
	}
	assert_int_equal(limit_totals().eased, eased); /* the last one is not */
	for (int i = packets_per_ack - 1; i < COMMANDS; i += packets_per_ack) {
		assert_true(held[i] + 50 * LIMIT_MS < model_timeout_ns(&model));
		model_sample(&model, held[i]);
	}
}

static void test_timer(void **state)
{
	for (int packets = 1; packets <= 2; packets++) {
		check_timer("  - {name: a, iops: 5, burst: 0ms}\n", packets);
		check_timer("  - {name: a, iops: 10, burst: 0ms}\n", packets);
		check_timer("  - {name: a, iops: 25, burst: 0ms}\n", packets);
		check_timer("  - {name: a, iops: 100, burst: 0ms}\n", packets);
	}
}

/* Another rate holds at once: what was owed is not. */
static void test_reload(void **state)
{
	struct dialog dialog;
	uint64_t now;

	limit_install("  - {name: a, iops: 1, burst: 0ms}\n");
	limit_forget_accounts();
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 5; cid++)
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	limit_install("  - {name: a, iops: 100, burst: 0ms}\n");
	limit_open(&dialog, DIALOG_HOST_NQN, 2);
	now = stoq_clock_now_ns();
	limit_command(&dialog, NVME_NVM_READ, 1, 1, 4096);
	assert_true(limit_answer(&dialog, 1) >= now + 10 * LIMIT_MS);
}

static void test_audit(void **state)
{
	struct dialog dialog;

	limit_install("  - {name: a, iops: 1, burst: 0ms}\n");
	limit_open(&dialog, DIALOG_HOST_NQN, 1);
	assert_false(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
	for (uint16_t cid = 0; cid < 3; cid++) {
		assert_true(limit_waits(&dialog, NVME_NVM_READ, 1, 4096));
		limit_command(&dialog, NVME_NVM_READ, cid, 1, 4096);
		assert_int_equal(limit_answer(&dialog, cid), 0);
	}
	assert_int_equal(limit_totals().capped, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spacing),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_nothing_held),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_both_ends),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_most),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_reload),
	};
	const struct CMUnitTest audit[] = {cmocka_unit_test(test_audit)};
	int failed = cmocka_run_group_tests(tests, limit_setup, limit_teardown);

	return cmocka_run_group_tests(audit, limit_setup_audit, limit_teardown) + failed;
}
