// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/limit_rig.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/limit.h"
#include "stoq_limit.skel.h"

#define POLICY	   "version: 1\ndefault: allow\nlimits:\n"
#define FLOW_BYTES LIMIT_FLOW_BYTES
#define GUARD_UID  77

struct stoq_limit_bpf *the_limit;
bool limit_joins;
int limit_verdict;
static uint64_t generation;

static void load(bool audit)
{
	the_limit = stoq_limit_bpf__open();
	assert_non_null(the_limit);
	the_limit->rodata->stoq_limit_audit = audit;
	if (stoq_limit_bpf__load(the_limit) && errno == EPERM) {
		printf("SKIP: this process may not load BPF programs\n");
		exit(RIG_SKIP);
	}
	assert_true(bpf_program__fd(the_limit->progs.stoq_limit_egress) >= 0);
}

int limit_setup(void **state)
{
	if (geteuid() != 0) {
		printf("SKIP: loading BPF programs needs root\n");
		exit(RIG_SKIP);
	}
	load(false);
	return 0;
}

int limit_setup_audit(void **state)
{
	load(true);
	return 0;
}

int limit_teardown(void **state)
{
	stoq_limit_bpf__destroy(the_limit);
	return 0;
}

void limit_install(const char *limits)
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
	// NOLINTNEXTLINE(clang-analyzer-core.NullDereference): fail_msg() does not return
	compiled->generation = ++generation;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "limits", sizeof(zero), sizeof(*compiled), 1, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, compiled, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_limit->maps.stoq_limit_policies),
				 &zero, &fd, BPF_ANY),
		0);
	close(fd);
	free(compiled);
	stoq_guard_policy_free(&policy);
}

struct stoq_limit_totals limit_totals(void)
{
	struct stoq_limit_totals totals;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(the_limit->maps.stoq_limit_totals), &zero, &totals),
		0);
	return totals;
}

/* ---- a connection ---- */

/* Sends what was written. The departure time that the packet has behind the program; 0: none. */
uint64_t limit_send(struct dialog *dialog, enum nvme_tcp_side side, bool egress, uint8_t flags)
{
	struct bpf_program *program =
		egress ? the_limit->progs.stoq_limit_egress : the_limit->progs.stoq_limit_ingress;
	struct wire_segment segment = {.from_controller = side == NVME_TCP_FROM_CONTROLLER,
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
	if (limit_joins)
		memcpy(frame + wire_tcp_offset(&dialog->path) + sizeof(struct tcphdr), option,
			sizeof(option));
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &run), 0);
	limit_verdict = (int)run.retval;
	assert_true(limit_verdict == TC_ACT_UNSPEC || limit_verdict == TC_ACT_REDIRECT);
	dialog->sequence[side] += (uint32_t)dialog->length;
	dialog->length = 0;
	return context.tstamp;
}

/* What the guard would have found out about the connection that was seen last. */
void limit_introduce(const char *host, uint16_t qid)
{
	static uint8_t room[FLOW_BYTES];
	struct stoq_flow *flow = (struct stoq_flow *)(void *)room;
	struct nvme_connect_data connect;
	static const uint8_t hostid[16];
	struct stoq_flow_key key;
	uint32_t uid = GUARD_UID;

	assert_int_equal(
		bpf_map_get_next_key(bpf_map__fd(the_limit->maps.stoq_flows), NULL, &key), 0);
	memset(room, 0, sizeof(room));
	flow->uid = uid;
	flow->connected = 1;
	flow->kind = qid ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
	flow->guard.named = host != NULL;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_limit->maps.stoq_limit_guarded), &key,
				 room, BPF_ANY),
		0);
	nvme_encode_connect_data(
		&connect, hostid, 5, DIALOG_SUBSYSTEM_NQN, host ? host : DIALOG_HOST_NQN);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_limit->maps.stoq_limit_names), &uid,
				 &connect, BPF_ANY),
		0);
}

/* The connection that was opened last, as the program has it. */
static struct stoq_flow *the_flow(struct stoq_flow_key *key)
{
	const struct bpf_map *map = the_limit->maps.stoq_flows;
	static uint8_t room[FLOW_BYTES];

	assert_int_equal(bpf_map_get_next_key(bpf_map__fd(map), NULL, key), 0);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), key, room), 0);
	return (struct stoq_flow *)(void *)room;
}

void limit_set_round_trip(uint32_t us)
{
	struct stoq_flow_key key;
	struct stoq_flow *flow = the_flow(&key);

	for (int side = 0; side < NVME_TCP_SIDES; side++)
		flow->limit.round_trip_us[side] = us;
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(the_limit->maps.stoq_flows), &key, flow, BPF_ANY),
		0);
}

uint64_t limit_pdus(void)
{
	struct stoq_flow_key key;
	struct stoq_flow *flow = the_flow(&key);

	return flow->side[NVME_TCP_FROM_HOST].pdus + flow->side[NVME_TCP_FROM_CONTROLLER].pdus;
}

void limit_empty(const struct bpf_map *map, void *key)
{
	while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

/* A connection of this host on which Connect is done; all others are forgotten. */
void limit_open(struct dialog *dialog, const char *host, uint16_t qid)
{
	static uint16_t port = 20000;
	struct stoq_flow_key key;

	limit_empty(the_limit->maps.stoq_flows, &key);
	*dialog = (struct dialog){.path = rig_path()};
	dialog->path.host_port = port++;
	dialog->path.tcp_option_words = limit_joins;
	dialog->sequence[NVME_TCP_FROM_HOST] = 0x10000;
	dialog->sequence[NVME_TCP_FROM_CONTROLLER] = 0x20000;
	dialog_icreq(dialog);
	limit_send(dialog, NVME_TCP_FROM_HOST, false, WIRE_ACK);
	dialog_icresp(dialog);
	limit_send(dialog, NVME_TCP_FROM_CONTROLLER, true, WIRE_ACK);
	limit_introduce(host, qid);
}

void limit_command(
	struct dialog *dialog, uint8_t opcode, uint16_t cid, uint32_t nsid, uint32_t bytes)
{
	dialog_command(dialog, &(struct nvme_io_fields){.opcode = opcode,
				       .cid = cid,
				       .nsid = nsid,
				       .blocks = 8,
				       .data_bytes = bytes});
	assert_int_equal(limit_send(dialog, NVME_TCP_FROM_HOST, false, WIRE_ACK), 0);
}

uint64_t limit_answer(struct dialog *dialog, uint16_t cid)
{
	dialog_response(dialog, cid, 0, 0);
	return limit_send(dialog, NVME_TCP_FROM_CONTROLLER, true, WIRE_ACK);
}

void limit_forget_accounts(void)
{
	struct stoq_limit_bucket_key key;

	limit_empty(the_limit->maps.stoq_limit_buckets, &key);
}

bool limit_waits(struct dialog *dialog, uint8_t opcode, uint32_t nsid, uint32_t bytes)
{
	static uint16_t cid = 100;
	uint64_t before = limit_totals().delayed;

	limit_command(dialog, opcode, cid++, nsid, bytes);
	return limit_totals().delayed > before;
}
