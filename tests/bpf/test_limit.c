// SPDX-License-Identifier: BSD-2-Clause
/*
 * The program of limits: which commands it charges, and when the packets that answer them may leave. Times between
 * answers are exact, as a clock that runs ahead does not depend on when a packet passes.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_sched.h>
#include <linux/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/refused_shared.h"
#include "guard/limit.h"
#include "stoq_limit.skel.h"
#include "tests/bpf/dialog.h"

#define HOST	   NVME_TCP_FROM_HOST
#define CONTROLLER NVME_TCP_FROM_CONTROLLER
#define MS	   1000000ull
#define POLICY	   "version: 1\ndefault: allow\nlimits:\n"
#define FLOW_BYTES 65536
#define GUARD_UID  77
#define CUT_HEAD   40
#define ACKING_AT  (bpf_map__value_size(limit->maps.stoq_limit_cpus) - sizeof(uint32_t))
#define OTHER_HOST "nqn.2014-08.org.example:other"

static struct stoq_limit_bpf *limit;
static uint64_t generation;
static bool joins; /* segments have an option of Multipath TCP */

/* ---- the program ---- */

static void load(bool audit)
{
	limit = stoq_limit_bpf__open();
	assert_non_null(limit);
	limit->rodata->stoq_limit_audit = audit;
	if (stoq_limit_bpf__load(limit) && errno == EPERM) {
		printf("SKIP: this process may not load BPF programs\n");
		exit(RIG_SKIP);
	}
	assert_true(bpf_program__fd(limit->progs.stoq_limit_egress) >= 0);
}

static int setup(void **state)
{
	if (geteuid() != 0) {
		printf("SKIP: loading BPF programs needs root\n");
		exit(RIG_SKIP);
	}
	load(false);
	return 0;
}

static int setup_audit(void **state)
{
	load(true);
	return 0;
}

static int teardown(void **state)
{
	stoq_limit_bpf__destroy(limit);
	return 0;
}

static void install(const char *limits)
{
	struct stoq_limit_installed *compiled = NULL;
	struct stoq_guard_policy policy;
	struct stoq_error error;
	char text[1024];
	uint32_t zero = 0;
	int fd;

	snprintf(text, sizeof(text), POLICY "%s", limits);
	if (stoq_guard_policy_parse(&policy, "test", text, strlen(text), &error) ||
		stoq_guard_limits_compile(&policy, &compiled, &error))
		fail_msg("%s", error.text);
	compiled->generation =
		++generation; // NOLINT(clang-analyzer-core.NullDereference): fail_msg() does not return
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "limits", sizeof(zero), sizeof(*compiled), 1, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, compiled, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(
				 bpf_map__fd(limit->maps.stoq_limit_policies), &zero, &fd, BPF_ANY),
		0);
	close(fd);
	free(compiled);
	stoq_guard_policy_free(&policy);
}

static struct stoq_limit_totals totals(void)
{
	struct stoq_limit_totals totals;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(limit->maps.stoq_limit_totals), &zero, &totals), 0);
	return totals;
}

/* ---- a connection ---- */

static uint32_t priority; /* of the packet that was sent last, behind the program */

/* Sends what was written. The departure time that the packet has behind the program; 0: none. */
static uint64_t send_from(
	struct dialog *dialog, enum nvme_tcp_side side, bool egress, uint8_t flags)
{
	struct bpf_program *program =
		egress ? limit->progs.stoq_limit_egress : limit->progs.stoq_limit_ingress;
	struct wire_segment segment = {.from_controller = side == CONTROLLER,
		.sequence = dialog->sequence[side],
		.acknowledged = dialog->sequence[!side],
		.flags = flags,
		.payload = dialog->bytes,
		.payload_bytes = dialog->length};
	static const uint8_t option[] = {30, 4, 0, 0};
	uint8_t frame[WIRE_FRAME_MAX];
	struct __sk_buff context = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .ctx_in = &context,
		.ctx_size_in = sizeof(context), .ctx_out = &context,
		.ctx_size_out = sizeof(context), .repeat = 1);

	run.data_size_in = (uint32_t)wire_make(frame, &dialog->path, &segment);
	if (joins)
		memcpy(frame + wire_tcp_offset(&dialog->path) + sizeof(struct tcphdr), option,
			sizeof(option));
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &run), 0);
	assert_int_equal((int)run.retval, -1); /* TC_ACT_UNSPEC */
	dialog->sequence[side] += (uint32_t)dialog->length;
	dialog->length = 0;
	priority = context.priority;
	return context.tstamp;
}

/* What the guard would have found out about the connection that was seen last. */
static void introduce(const char *host, uint16_t qid)
{
	static uint8_t room[FLOW_BYTES];
	struct stoq_flow *flow = (struct stoq_flow *)(void *)room;
	struct nvme_connect_data connect;
	static const uint8_t hostid[16];
	struct stoq_flow_key key;
	uint32_t uid = GUARD_UID;

	assert_int_equal(bpf_map_get_next_key(bpf_map__fd(limit->maps.stoq_flows), NULL, &key), 0);
	memset(room, 0, sizeof(room));
	flow->uid = uid;
	flow->connected = 1;
	flow->kind = qid ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
	flow->guard.named = host != NULL;
	assert_int_equal(bpf_map_update_elem(
				 bpf_map__fd(limit->maps.stoq_limit_guarded), &key, room, BPF_ANY),
		0);
	nvme_encode_connect_data(
		&connect, hostid, 5, DIALOG_SUBSYSTEM_NQN, host ? host : DIALOG_HOST_NQN);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(limit->maps.stoq_limit_names), &uid,
				 &connect, BPF_ANY),
		0);
}

static void empty(const struct bpf_map *map, void *key)
{
	while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

/* A connection of this host on which Connect is done; all others are forgotten. */
static void open_as(struct dialog *dialog, const char *host, uint16_t qid)
{
	static uint16_t port = 20000;
	struct stoq_flow_key key;

	empty(limit->maps.stoq_flows, &key);
	*dialog = (struct dialog){.path = rig_path()};
	dialog->path.host_port = port++;
	dialog->path.tcp_option_words = joins;
	dialog->sequence[HOST] = 0x10000;
	dialog->sequence[CONTROLLER] = 0x20000;
	dialog_icreq(dialog);
	send_from(dialog, HOST, false, WIRE_ACK);
	dialog_icresp(dialog);
	send_from(dialog, CONTROLLER, true, WIRE_ACK);
	introduce(host, qid);
}

static void command(
	struct dialog *dialog, uint8_t opcode, uint16_t cid, uint32_t nsid, uint32_t bytes)
{
	dialog_command(dialog, &(struct nvme_io_fields){.opcode = opcode,
				       .cid = cid,
				       .nsid = nsid,
				       .blocks = 8,
				       .data_bytes = bytes});
	assert_int_equal(send_from(dialog, HOST, false, WIRE_ACK), 0);
}

static uint64_t answer(struct dialog *dialog, uint16_t cid)
{
	dialog_response(dialog, cid, 0, 0);
	return send_from(dialog, CONTROLLER, true, WIRE_ACK);
}

static void forget_accounts(void)
{
	struct stoq_limit_bucket_key key;

	empty(limit->maps.stoq_limit_buckets, &key);
}

/* ---- times ---- */

#define FIFTY "  - {name: a, iops: 50, burst: 0ms}\n" /* 20 ms each */

static void test_spacing(void **state)
{
	struct dialog dialog;
	uint64_t start, times[4];

	install(FIFTY);
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	start = stoq_clock_now_ns();
	for (uint16_t cid = 0; cid < 4; cid++)
		command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	for (uint16_t cid = 0; cid < 4; cid++)
		times[cid] = answer(&dialog, cid);
	assert_int_equal(times[0], 0);
	/* The first one passes at once and counts from when it came. */
	assert_true(times[1] >= start + 20 * MS && times[1] < start + 10000 * MS);
	assert_int_equal(times[2] - times[1], 20 * MS);
	assert_int_equal(times[3] - times[2], 20 * MS);
}

/* A packet leaves when the last of its PDUs may, and none overtakes it; nor does the connection's end. */
static void test_order(void **state)
{
	struct dialog dialog;
	uint64_t last;

	install("  - {name: a, iops: 50, burst: 0ms, direction: reads}\n");
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 4; cid++)
		command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	command(&dialog, NVME_NVM_WRITE, 9, 1, 4096);
	dialog_response(&dialog, 3, 0, 0);
	dialog_response(&dialog, 1, 0, 0);
	last = send_from(&dialog, CONTROLLER, true, WIRE_ACK);
	assert_true(last > 0);
	assert_int_equal(answer(&dialog, 9), last);
	assert_int_equal(answer(&dialog, 2), last);
	assert_int_equal(send_from(&dialog, CONTROLLER, true, WIRE_ACK | WIRE_FIN), last);
	assert_int_equal(priority, 0);
	/* An acknowledgement waits for nothing, nor behind what waits. */
	assert_int_equal(send_from(&dialog, CONTROLLER, true, WIRE_ACK), 0);
	assert_int_equal(priority, TC_PRIO_CONTROL);
}

/* Where nothing has waited, packets are as they were. */
static void test_no_priority(void **state)
{
	struct dialog dialog;

	install("  - {name: a, iops: 1000000}\n");
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	command(&dialog, NVME_NVM_READ, 1, 1, 4096);
	assert_int_equal(answer(&dialog, 1), 0);
	assert_int_equal(send_from(&dialog, CONTROLLER, true, WIRE_ACK), 0);
	assert_int_equal(priority, 0);
}

/* A header that two packets share belongs to the second one. */
static void test_cut(void **state)
{
	struct dialog dialog;
	uint8_t rest[16];

	install(FIFTY);
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 2; cid++)
		command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	dialog_response(&dialog, 1, 0, 0);
	memcpy(rest, dialog.bytes + dialog.length - sizeof(rest), sizeof(rest));
	dialog.length -= sizeof(rest);
	assert_int_equal(send_from(&dialog, CONTROLLER, true, WIRE_ACK), 0);
	dialog_bytes(&dialog, rest, sizeof(rest));
	assert_true(send_from(&dialog, CONTROLLER, true, WIRE_ACK) > 0);
}

/* R2T and data wait as well; on a host's node the command itself does. */
static void test_both_ends(void **state)
{
	uint8_t front[NVME_TCP_FRONT_MAX];
	struct dialog dialog;

	install(FIFTY);
	for (int kind = 0; kind < 2; kind++) {
		forget_accounts();
		open_as(&dialog, DIALOG_HOST_NQN, 1);
		for (uint16_t cid = 0; cid < 2; cid++)
			command(&dialog, NVME_NVM_WRITE, cid, 1, 8192);
		if (kind)
			dialog_bytes(&dialog, front,
				nvme_tcp_encode_r2t(front, &dialog.format, 1, 7, 0, 8192));
		else
			dialog_data(&dialog,
				&(struct nvme_tcp_data_fields){
					.type = NVME_TCP_C2H_DATA, .cid = 1, .length = 512});
		assert_true(send_from(&dialog, CONTROLLER, true, WIRE_ACK) > 0);
	}
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 2; cid++) {
		dialog_command(&dialog,
			&(struct nvme_io_fields){
				.opcode = NVME_NVM_READ, .cid = cid, .nsid = 1, .blocks = 8});
		assert_int_equal(send_from(&dialog, HOST, true, WIRE_ACK) > 0, cid == 1);
	}
}

/* ---- what counts ---- */

static bool waits(struct dialog *dialog, uint8_t opcode, uint32_t nsid, uint32_t bytes)
{
	static uint16_t cid = 100;
	uint64_t before = totals().delayed;

	command(dialog, opcode, cid++, nsid, bytes);
	return totals().delayed > before;
}

static void test_conditions(void **state)
{
	struct dialog dialog;

	install("  - {name: a, iops: 1, burst: 0ms, direction: writes, namespace: 2}\n");
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	assert_false(waits(&dialog, NVME_NVM_WRITE, 2, 4096));
	assert_true(waits(&dialog, NVME_NVM_WRITE, 2, 4096));
	assert_true(waits(&dialog, NVME_NVM_FLUSH, 2, 0));
	assert_false(waits(&dialog, NVME_NVM_READ, 2, 4096));
	assert_false(waits(&dialog, NVME_NVM_WRITE, 1, 4096));
	assert_false(waits(&dialog, STOQ_REFUSED_OPCODE, 2, 0));
	/* The same on an admin queue. */
	open_as(&dialog, DIALOG_HOST_NQN, 0);
	assert_false(waits(&dialog, NVME_NVM_WRITE, 2, 4096));
	assert_false(waits(&dialog, NVME_NVM_WRITE, 2, 4096));
}

static void test_bytes(void **state)
{
	struct dialog dialog;
	uint64_t first, second;

	install("  - {name: a, bandwidth: 1000kB, burst: 0ms}\n");
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	command(&dialog, NVME_NVM_READ, 0, 1, 1000);
	command(&dialog, NVME_NVM_READ, 1, 1, 10000);
	command(&dialog, NVME_NVM_READ, 2, 1, 20000);
	first = answer(&dialog, 1);
	second = answer(&dialog, 2);
	assert_true(first > 0);
	assert_int_equal(second - first, 20 * MS);
}

/* What was not used can be made up for, so long. */
static void test_burst(void **state)
{
	struct dialog dialog;

	install("  - {name: a, iops: 1, burst: 5s}\n");
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	for (int i = 0; i < 5; i++)
		assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_true(waits(&dialog, NVME_NVM_READ, 1, 4096));
}

static void test_shares(void **state)
{
	struct dialog dialog;

	for (int group = 0; group < 2; group++) {
		install(group ? "  - {name: a, iops: 1, burst: 0ms, share: group}\n"
			      : "  - {name: a, iops: 1, burst: 0ms}\n");
		forget_accounts();
		open_as(&dialog, DIALOG_HOST_NQN, 1);
		assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
		/* Another connection of this host, then another host. */
		open_as(&dialog, DIALOG_HOST_NQN, 2);
		assert_true(waits(&dialog, NVME_NVM_READ, 1, 4096));
		open_as(&dialog, OTHER_HOST, 1);
		assert_int_equal(waits(&dialog, NVME_NVM_READ, 1, 4096), group);
	}
}

/* Limits that name hosts hold for known hosts only; names may come later. */
static void test_names(void **state)
{
	struct dialog dialog;

	install("  - {name: a, iops: 1, burst: 0ms, host: " DIALOG_HOST_NQN "}\n");
	forget_accounts();
	open_as(&dialog, OTHER_HOST, 1);
	assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
	open_as(&dialog, NULL, 1);
	assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
	introduce(DIALOG_HOST_NQN, 1);
	assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_true(waits(&dialog, NVME_NVM_READ, 1, 4096));
}

/* The latest time of all limits that hold. */
static void test_several(void **state)
{
	struct dialog dialog;
	uint64_t first;

	install(FIFTY "  - {name: b, iops: 20, burst: 0ms}\n");
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 3; cid++)
		command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	first = answer(&dialog, 1);
	assert_int_equal(answer(&dialog, 2) - first, 50 * MS);
}

/* ---- bounds ---- */

/* No time is further away than the longest delay, nor further from the packet before than a step. */
static void test_most(void **state)
{
	struct stoq_limit_totals before = totals(), after;
	struct dialog dialog;
	uint64_t time, last = stoq_clock_now_ns() + 10000 * MS;

	install("  - {name: a, iops: 1, burst: 0ms}\n");
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 20; cid++)
		command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	after = totals();
	assert_int_equal(after.delayed - before.delayed, 19);
	assert_true(after.capped - before.capped >= 10 && after.capped - before.capped <= 12);
	time = answer(&dialog, 19);
	assert_true(time <= stoq_clock_now_ns() + STOQ_LIMIT_STEP_NS);
	assert_int_equal(totals().eased - before.eased, 1);
	assert_int_equal(answer(&dialog, 18) - time, STOQ_LIMIT_STEP_NS);
	assert_true(time < last);
}

/* ---- hosts that want more ---- */

/* Reads cost 20 ms each, and a Flush nothing. */
#define READS_ALONE "  - {name: a, iops: 50, burst: 0ms, direction: reads}\n"

/* Puts another connection's command, which waits for a minute, into the place of each that waits. How many. */
static unsigned int take_places(void)
{
	int fd = bpf_map__fd(limit->maps.stoq_limit_due);
	struct stoq_limit_due due;
	unsigned int taken = 0;

	for (uint32_t at = 0; at < STOQ_LIMIT_DUE_ENTRIES; at++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &at, &due), 0);
		if (due.due_ns < stoq_clock_now_ns())
			continue;
		due.owner = UINT64_MAX;
		due.due_ns = stoq_clock_now_ns() + 60000 * MS;
		assert_int_equal(bpf_map_update_elem(fd, &at, &due, BPF_ANY), 0);
		taken++;
	}
	return taken;
}

static void forget_places(void)
{
	int fd = bpf_map__fd(limit->maps.stoq_limit_due);
	struct stoq_limit_due none = {0};

	for (uint32_t at = 0; at < STOQ_LIMIT_DUE_ENTRIES; at++)
		assert_int_equal(bpf_map_update_elem(fd, &at, &none, BPF_ANY), 0);
}

/* A CID that is used again before its answer does not get rid of the first command's time. */
static void test_same_cid(void **state)
{
	struct dialog dialog;

	install(READS_ALONE);
	forget_accounts();
	forget_places();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	command(&dialog, NVME_NVM_READ, 0, 1, 4096);
	command(&dialog, NVME_NVM_READ, 1, 1, 4096);
	command(&dialog, NVME_NVM_FLUSH, 1, 1, 0);
	assert_int_equal(answer(&dialog, 0), 0);
	assert_true(answer(&dialog, 1) > 0);
}

/* A command whose place has another connection's waits for the latest of its own, and no longer. */
static void test_taken_places(void **state)
{
	struct stoq_limit_totals before = totals();
	struct dialog dialog;
	uint64_t time;

	install("  - {name: a, iops: 1, burst: 0ms, direction: reads}\n");
	forget_accounts();
	forget_places();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 3; cid++)
		command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	assert_int_equal(take_places(), 2);
	/* One that waits for nothing leaves the place to one that waits. */
	command(&dialog, NVME_NVM_FLUSH, 2, 1, 0);
	assert_int_equal(totals().due_lost - before.due_lost, 1);
	assert_int_equal(answer(&dialog, 0), 0);
	time = answer(&dialog, 1);
	assert_true(time > 0 && time <= stoq_clock_now_ns() + STOQ_LIMIT_STEP_NS);
	assert_int_equal(answer(&dialog, 2) - time, STOQ_LIMIT_STEP_NS);
	forget_places();
}

/* nvmet takes any type of SGL, and its length. */
static void test_odd_sgl(void **state)
{
	struct dialog dialog;
	uint64_t first;

	install("  - {name: a, bandwidth: 1000kB, burst: 0ms}\n");
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	command(&dialog, NVME_NVM_READ, 0, 1, 1000);
	command(&dialog, NVME_NVM_READ, 1, 1, 1000);
	dialog_command(&dialog, &(struct nvme_io_fields){.opcode = NVME_NVM_READ,
					.cid = 2,
					.nsid = 1,
					.blocks = 8,
					.data_bytes = 20000});
	((struct nvme_tcp_cmd_pdu *)(void *)dialog.bytes)->sqe.sgl1.type = 0;
	send_from(&dialog, HOST, false, WIRE_ACK);
	first = answer(&dialog, 1);
	assert_true(first > 0);
	assert_int_equal(answer(&dialog, 2) - first, 20 * MS);
}

/* No room for one more account: the host shares that of all hosts without one. */
static void test_full(void **state)
{
	struct stoq_limit_bucket_key key = {.limit = 1}, others = {0};
	struct stoq_limit_bucket none = {0};
	struct stoq_guard_limit named = {.name = "a"};
	struct stoq_limit_totals before = totals();
	struct dialog dialog;

	install("  - {name: a, iops: 1, burst: 0ms}\n");
	forget_accounts();
	others.limit = stoq_guard_limit_id(&named);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(limit->maps.stoq_limit_buckets), &others,
				 &none, BPF_ANY),
		0);
	for (key.host = 0; key.host + 1 < STOQ_LIMIT_BUCKETS_MAX; key.host++)
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(limit->maps.stoq_limit_buckets),
					 &key, &none, BPF_ANY),
			0);
	open_as(&dialog, "nqn.2014-08.org.example:late", 1);
	assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_true(waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_int_equal(totals().buckets_full - before.buckets_full, 2);
	forget_accounts();
}

/* The guard has followed the host's stream up to the head of a PDU, `behind` bytes behind what was sent. */
static void show_front(const struct dialog *dialog, uint32_t behind, const uint8_t *head)
{
	const struct bpf_map *map = limit->maps.stoq_limit_guarded;
	static uint8_t room[FLOW_BYTES];
	struct stoq_flow_side *side = &((struct stoq_flow *)(void *)room)->side[HOST];
	struct stoq_flow_key key;

	assert_int_equal(bpf_map_get_next_key(bpf_map__fd(map), NULL, &key), 0);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &key, room), 0);
	side->state = STOQ_FLOW_SYNCED;
	side->next_byte = dialog->sequence[HOST] + behind + CUT_HEAD;
	side->cursor.next_header = dialog->sequence[HOST] + behind;
	side->cursor.carry_bytes = CUT_HEAD;
	memcpy(side->cursor.carry, head, CUT_HEAD);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &key, room, BPF_ANY), 0);
}

/* The program has not seen how the connection began, as on a port that it does not know. */
static void open_unseen(struct dialog *dialog)
{
	struct stoq_flow_key key;

	empty(limit->maps.stoq_limit_guarded, &key);
	open_as(dialog, DIALOG_HOST_NQN, 1);
	empty(limit->maps.stoq_flows, &key);
	empty(limit->maps.stoq_unproven, &key);
}

/* No segment has a whole header, so nothing is learned from them; but the guard has followed the stream. */
static void test_cut_stream(void **state)
{
	uint64_t before = totals().delayed;
	uint8_t rest[512];
	size_t rest_bytes = 0;
	struct dialog dialog;

	install("  - {name: a, iops: 1, burst: 0ms}\n");
	forget_accounts();
	open_unseen(&dialog);
	for (uint16_t cid = 0; cid < 6; cid++) {
		struct nvme_io_fields fields = dialog_read_fields(cid);

		dialog_bytes(&dialog, rest, rest_bytes);
		dialog_command(&dialog, &fields);
		show_front(&dialog, (uint32_t)rest_bytes, dialog.bytes + rest_bytes);
		memcpy(rest, dialog.bytes + rest_bytes + CUT_HEAD,
			dialog.length - rest_bytes - CUT_HEAD);
		dialog.length = rest_bytes + CUT_HEAD;
		rest_bytes = sizeof(struct nvme_tcp_cmd_pdu) - CUT_HEAD;
		send_from(&dialog, HOST, false, WIRE_ACK);
	}
	/* The last one is not whole, and the first that is passes. */
	assert_int_equal(totals().delayed - before, 4);
}

/* The guard takes Multipath TCP out of SYNs: the option in data means nothing. */
static void test_multipath_option(void **state)
{
	struct dialog dialog;

	install("  - {name: a, iops: 1, burst: 0ms}\n");
	forget_accounts();
	joins = true;
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
	assert_true(waits(&dialog, NVME_NVM_READ, 1, 4096));
	joins = false;
}

/* ---- acknowledgements that go ahead ---- */

/* Work space of each CPU: whether the packet at hand is a copy. */
static void set_copy(bool copy)
{
	const struct bpf_map *map = limit->maps.stoq_limit_cpus;
	size_t bytes = (bpf_map__value_size(map) + 7) & ~(size_t)7;
	uint8_t *values = calloc((size_t)libbpf_num_possible_cpus(), bytes);
	uint32_t zero = 0;

	assert_non_null(values);
	/* The last of its fields, behind which there is padding. */
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		*(uint32_t *)(void *)(values + cpu * bytes + ACKING_AT) = copy;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &zero, values, BPF_ANY), 0);
	free(values);
}

/* RFC 1071, of an IPv4 header without options behind Ethernet's; 0: the checksum in it is right. */
static uint16_t header_sum(const uint8_t *frame)
{
	uint32_t sum = 0;

	for (size_t i = 14; i < 34; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static void set_header_sum(uint8_t *frame, const struct wire_path *path)
{
	uint16_t sum = path->ipv6 ? 0 : header_sum(frame);

	if (path->ipv6)
		return;
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
}

/* What the kernel has in the checksum's place while it is to be completed: the pseudo header's sum. */
static void set_pseudo_sum(uint8_t *frame, size_t length, const struct wire_path *path)
{
	size_t tcp = wire_tcp_offset(path), bytes = path->ipv6 ? 32 : 8;
	size_t network = path->ipv6 ? 14 + 4u * path->vlan_tags + 8 : 26;
	uint32_t sum = 6 + (uint32_t)(length - tcp);

	for (size_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)frame[network + i] << 8 | frame[network + i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	frame[tcp + 16] = (uint8_t)(sum >> 8);
	frame[tcp + 17] = (uint8_t)sum;
}

static void set_sums(uint8_t *frame, size_t length, const struct wire_path *path, bool partial)
{
	if (partial)
		set_pseudo_sum(frame, length, path);
	else
		wire_set_checksum(frame, length, path);
	set_header_sum(frame, path);
}

/* The copy loses its data, and is right without, whether its checksum is complete or not. */
static void check_trimmed(struct wire_path path, bool partial)
{
	uint8_t data[512];
	struct wire_segment segment = {.from_controller = true,
		.sequence = 7,
		.acknowledged = 9,
		.flags = WIRE_ACK,
		.payload = data,
		.payload_bytes = sizeof(data)};
	uint8_t frame[WIRE_FRAME_MAX], out[WIRE_FRAME_MAX], plain[WIRE_FRAME_MAX];
	size_t length, wanted;
	/* Of the packet that it is a copy of, which waits. */
	struct __sk_buff context = {.tstamp = UINT64_MAX / 2};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_out = out,
		.data_size_out = sizeof(out), .ctx_in = &context, .ctx_size_in = sizeof(context),
		.ctx_out = &context, .ctx_size_out = sizeof(context), .repeat = 1);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	length = wire_make(frame, &path, &segment);
	set_sums(frame, length, &path, partial);
	set_copy(true);
	run.data_size_in = (uint32_t)length;
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(limit->progs.stoq_limit_egress), &run), 0);
	assert_int_equal((int)run.retval, -1);
	assert_int_equal(context.tstamp, 0);
	assert_int_equal(context.priority, TC_PRIO_CONTROL);
	segment.payload_bytes = 0;
	wanted = wire_make(plain, &path, &segment);
	set_sums(plain, wanted, &path, partial);
	assert_int_equal(run.data_size_out, wanted);
	assert_memory_equal(out, plain, wanted);
}

static void test_ahead(void **state)
{
	for (int partial = 0; partial < 2; partial++) {
		struct wire_path path = rig_path();

		check_trimmed(path, partial);
		path.tcp_option_words = 3;
		check_trimmed(path, partial);
		path.tcp_option_words = 10;
		check_trimmed(path, partial);
		path.ipv6 = true;
		check_trimmed(path, partial);
		path.ipv6_extensions = 1;
		check_trimmed(path, partial);
		path.vlan_tags = 1;
		path.vlan_id = 7;
		check_trimmed(path, partial);
	}
	set_copy(false);
}

/* Interfaces below the one at hand send the copy on, and packets of others that were due, within the same call. */
static void test_one_copy(void **state)
{
	static const uint8_t data[512];
	struct wire_path path = rig_path();
	struct wire_segment segment = {.from_controller = true,
		.sequence = 7,
		.acknowledged = 9,
		.flags = WIRE_ACK,
		.payload = data,
		.payload_bytes = sizeof(data)};
	uint8_t frame[WIRE_FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .repeat = 2);

	run.data_size_in = (uint32_t)wire_make(frame, &path, &segment);
	set_copy(true);
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(limit->progs.stoq_limit_egress), &run), 0);
	assert_int_equal((int)run.retval, -1); /* the second time; not dropped */
	set_copy(false);
}

/* Another rate holds at once: what was owed is not. */
static void test_reload(void **state)
{
	struct dialog dialog;
	uint64_t now;

	install("  - {name: a, iops: 1, burst: 0ms}\n");
	forget_accounts();
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	for (uint16_t cid = 0; cid < 5; cid++)
		command(&dialog, NVME_NVM_READ, cid, 1, 4096);
	install("  - {name: a, iops: 100, burst: 0ms}\n");
	open_as(&dialog, DIALOG_HOST_NQN, 2);
	now = stoq_clock_now_ns();
	command(&dialog, NVME_NVM_READ, 1, 1, 4096);
	assert_true(answer(&dialog, 1) >= now + 10 * MS);
}

static void test_audit(void **state)
{
	struct dialog dialog;

	install("  - {name: a, iops: 1, burst: 0ms}\n");
	open_as(&dialog, DIALOG_HOST_NQN, 1);
	assert_false(waits(&dialog, NVME_NVM_READ, 1, 4096));
	for (uint16_t cid = 0; cid < 3; cid++) {
		assert_true(waits(&dialog, NVME_NVM_READ, 1, 4096));
		command(&dialog, NVME_NVM_READ, cid, 1, 4096);
		assert_int_equal(answer(&dialog, cid), 0);
	}
	assert_int_equal(totals().capped, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spacing),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_no_priority),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_both_ends),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_most),
		cmocka_unit_test(test_same_cid),
		cmocka_unit_test(test_taken_places),
		cmocka_unit_test(test_odd_sgl),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_cut_stream),
		cmocka_unit_test(test_multipath_option),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_one_copy),
		cmocka_unit_test(test_reload),
	};
	const struct CMUnitTest audit[] = {cmocka_unit_test(test_audit)};
	int failed = cmocka_run_group_tests(tests, setup, teardown);

	return cmocka_run_group_tests(audit, setup_audit, teardown) + failed;
}
