// SPDX-License-Identifier: BSD-2-Clause
/*
 * The peer's host and target, joined in memory: no sockets, and every message cut up in
 * another way. What the host counts and reads must be right for all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/peer/host.h"
#include "tests/peer/stats.h"
#include "tests/peer/target.h"
#include "tests/peer/workload.h"

#define DEPTH		16
#define NAMESPACE_BYTES (8u << 20)

struct pair {
	struct peer_target target;
	struct peer_connection connection;
	struct peer_host host;
	struct peer_workload workload;
	struct peer_stats stats;
	uint8_t *pattern;
	uint64_t random;
	uint32_t longest_piece; /* bytes delivered at once */
	struct peer_host_completion last;
	uint64_t now_ns, completed;
	uint8_t data[8192];
	uint64_t pdus_to_host[NVME_TCP_PDU_TYPES];
};

static uint32_t below(struct pair *pair, uint32_t limit)
{
	pair->random = pair->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(pair->random >> 33) % limit;
}

/* ---- the host's side ---- */

static int on_data(
	void *context, struct peer_host_command *command, const uint8_t *bytes, uint32_t length)
{
	struct pair *pair = context;

	if (pair->workload.pattern)
		return peer_workload_check(
			&pair->workload, &command->sqe, command->received, bytes, length);
	if (command->received + length <= sizeof(pair->data))
		memcpy(pair->data + command->received, bytes, length);
	return 0;
}

static int on_completed(void *context, struct peer_host_command *command,
	const struct peer_host_completion *completion)
{
	struct pair *pair = context;

	pair->last = *completion;
	pair->completed++;
	if (pair->workload.pattern)
		peer_workload_done(&pair->workload, &command->sqe, !completion->status);
	return peer_stats_record(&pair->stats,
		pair->workload.pattern ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN, command, completion);
}

static const struct peer_host_ops ops = {.data = on_data, .completed = on_completed};

/* ---- the wire ---- */

/* Takes a piece of what is to be sent; its length. */
static uint32_t take(struct pair *pair, struct peer_tx *tx, uint8_t *out)
{
	uint32_t most = 1 + below(pair, pair->longest_piece), got = 0;
	struct iovec iov[8];
	unsigned int n = peer_tx_peek(tx, iov, 8);

	for (unsigned int i = 0; i < n && got < most; i++) {
		uint32_t part = iov[i].iov_len < most - got ? (uint32_t)iov[i].iov_len : most - got;

		memcpy(out + got, iov[i].iov_base, part);
		got += part;
	}
	peer_tx_consume(tx, got);
	return got;
}

/* Delivers until nothing is under way, or one of the two complains. */
static int deliver(struct pair *pair)
{
	uint8_t *piece = malloc(pair->longest_piece);
	uint32_t moved;
	int status = 0;

	assert_non_null(piece);
	do {
		pair->now_ns += 1000;
		peer_host_pump(&pair->host, pair->now_ns);
		moved = take(pair, &pair->host.tx, piece);
		status = peer_connection_receive(&pair->connection, piece, moved, pair->now_ns);
		peer_connection_tick(&pair->connection, pair->now_ns);
		peer_connection_pump(&pair->connection);
		if (!status && pair->connection.has_tx) {
			uint32_t back = take(pair, &pair->connection.tx, piece);

			status = peer_host_receive(&pair->host, piece, back, pair->now_ns);
			moved += back;
		}
	} while (!status && (moved || pair->connection.late_count));
	free(piece);
	return status;
}

static int submit(struct pair *pair, const struct nvme_sqe *sqe, uint32_t length, const void *out,
	bool in_capsule)
{
	peer_host_submit(&pair->host, sqe, length, out, in_capsule);
	return deliver(pair);
}

static int connect_queue(struct pair *pair, uint16_t qid, const char *subsystem, const char *host)
{
	static const uint8_t hostid[16];
	struct nvme_connect_fields fields = {.qid = qid,
		.sqsize_zero_based = DEPTH,
		.cattr = NVME_CONNECT_CATTR_DISABLE_SQ_FLOW};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	struct nvme_connect_data data;

	assert_int_equal(
		nvme_encode_connect_data(&data, hostid, qid ? 1 : 0xffff, subsystem, host), 0);
	return submit(pair, &sqe, sizeof(data), &data, true);
}

static struct pair *open_pair(const struct peer_target_config *config,
	const struct nvme_tcp_format *offer, uint32_t longest_piece)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct peer_host_config host = {.offer = *offer, .depth = DEPTH};

	assert_non_null(pair);
	pair->random = 1;
	pair->longest_piece = longest_piece;
	assert_int_equal(peer_target_init(&pair->target, config), 0);
	assert_int_equal(peer_connection_init(&pair->connection, &pair->target), 0);
	assert_int_equal(peer_host_init(&pair->host, &host, &ops, pair), 0);
	assert_int_equal(deliver(pair), 0);
	assert_true(pair->host.ready);
	return pair;
}

static void close_pair(struct pair *pair)
{
	peer_host_free(&pair->host);
	peer_connection_free(&pair->connection);
	peer_target_free(&pair->target);
	peer_workload_free(&pair->workload);
	peer_pattern_free(pair->pattern);
	peer_stats_free(&pair->stats);
	free(pair);
}

/* An I/O queue of a controller that another queue, which is not here, has made. */
static void join_as_io_queue(struct pair *pair, const char *host_nqn)
{
	struct peer_controller *controller = calloc(1, sizeof(*controller));

	assert_non_null(controller);
	strcpy(controller->host_nqn, host_nqn);
	controller->cntlid = 1;
	controller->connections = 1;
	pair->target.controllers = controller;
	assert_int_equal(connect_queue(pair, 1, PEER_DEFAULT_NQN, host_nqn), 0);
	assert_int_equal(pair->last.status, 0);
	assert_int_equal(pair->connection.qid, 1);
}

static void start_workload(struct pair *pair, const struct peer_target_config *target)
{
	struct peer_workload_config config = {
		.weights = {[PEER_READ] = 5,
			[PEER_WRITE] = 5,
			[PEER_FLUSH] = 1,
			[PEER_COMPARE] = 1,
			[PEER_WRITE_ZEROES] = 1,
			[PEER_DEALLOCATE] = 1},
		.sizes = {{512, 512, 4096}, {4096, 65536, 4096}, {1 << 20, 1 << 20, 4096}},
		.size_count = 3,
		.namespaces = target->namespaces,
		.namespace_bytes = target->namespace_bytes,
		.block_bytes = target->block_bytes,
		.in_capsule_bytes = target->in_capsule_bytes,
		.seed = 7,
		.verify = true,
		.queues = 1,
	};

	pair->pattern = peer_pattern_new();
	assert_non_null(pair->pattern);
	assert_int_equal(peer_workload_init(&pair->workload, &config, pair->pattern, DEPTH), 0);
}

static void run_workload(struct pair *pair, unsigned int rounds)
{
	uint64_t submitted = 0, before = pair->completed;

	for (unsigned int i = 0; i < rounds; i++) {
		int status;

		while (peer_host_can_submit(&pair->host)) {
			struct peer_pick pick;

			peer_workload_next(&pair->workload,
				pair->host.free_commands[pair->host.free_count - 1], &pick);
			peer_host_submit(&pair->host, &pick.sqe, pick.length, pick.data_out,
				pick.in_capsule);
			submitted++;
		}
		status = deliver(pair);
		if (status)
			print_error("%s / %s / %s\n", pair->host.problem, pair->connection.problem,
				pair->workload.problem);
		assert_int_equal(status, 0);
		assert_int_equal(pair->host.free_count, DEPTH);
	}
	assert_int_equal(pair->completed - before, submitted);
}

struct variant {
	struct nvme_tcp_format offer;
	uint8_t cpda;
	uint32_t max_r2t, max_c2h, in_capsule, piece;
	bool no_success;
};

static void traffic_survives_any_segmentation(void **state)
{
	static const struct variant variants[] = {
		{.in_capsule = 8192, .piece = 1 << 20},
		{.in_capsule = 8192, .piece = 70},
		{.in_capsule = 0, .piece = 4000, .max_r2t = 16384, .max_c2h = 8192},
		{.offer = {true, true, 0}, .in_capsule = 4096, .piece = 3000},
		{.offer = {true, false, 31}, .cpda = 17, .in_capsule = 4096, .piece = 300},
		{.offer = {false, true, 3}, .cpda = 31, .piece = 100000, .no_success = true},
	};

	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		const struct variant *variant = &variants[i];
		struct peer_target_config config;
		struct pair *pair;

		peer_target_config_init(&config);
		config.namespaces = 2;
		config.namespace_bytes = NAMESPACE_BYTES;
		config.cpda = variant->cpda;
		config.max_r2t_bytes = variant->max_r2t;
		config.max_c2h_bytes = variant->max_c2h;
		config.in_capsule_bytes = variant->in_capsule;
		config.max_h2c_bytes = 8192;
		config.success = !variant->no_success;
		pair = open_pair(&config, &variant->offer, variant->piece);
		assert_int_equal(pair->host.tx.format.header_digest, variant->offer.header_digest);
		assert_int_equal(pair->host.tx.format.data_digest, variant->offer.data_digest);
		join_as_io_queue(pair, "nqn.2026-01.test:host");
		start_workload(pair, &config);
		run_workload(pair, variant->piece < 100 ? 3 : 20);
		close_pair(pair);
	}
}

static void one_byte_at_a_time(void **state)
{
	struct nvme_tcp_format offer = {.header_digest = true, .data_digest = true};
	struct peer_target_config config;
	struct pair *pair;
	struct nvme_sqe identify = {.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = nvme_to_le32(1)};

	peer_target_config_init(&config);
	pair = open_pair(&config, &offer, 1);
	assert_int_equal(connect_queue(pair, 0, PEER_DEFAULT_NQN, "nqn.2026-01.test:host"), 0);
	assert_int_equal(pair->last.status, 0);
	assert_int_equal(pair->last.dw0, 1);
	assert_int_equal(submit(pair, &identify, 4096, NULL, false), 0);
	assert_int_equal(pair->last.status, 0);
	assert_string_equal(
		((struct nvme_identify_controller *)(void *)pair->data)->subnqn, PEER_DEFAULT_NQN);
	close_pair(pair);
}

static void connect_is_refused_with_a_reason(void **state)
{
	struct nvme_tcp_format none = {0};
	struct peer_target_config config;
	struct nvme_sqe identify = {.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = nvme_to_le32(1)};
	struct pair *pair;

	peer_target_config_init(&config);
	config.host_nqn = "nqn.2026-01.test:this";
	pair = open_pair(&config, &none, 4096);
	assert_int_equal(submit(pair, &identify, 4096, NULL, false), 0);
	assert_int_equal(pair->last.status, NVME_STATUS(0, 0x0c));
	assert_int_equal(connect_queue(pair, 0, "nqn.2026-01.test:other", config.host_nqn), 0);
	assert_int_equal(pair->last.status, NVME_STATUS(1, 0x82));
	assert_int_equal(connect_queue(pair, 0, PEER_DEFAULT_NQN, "nqn.2026-01.test:that"), 0);
	assert_int_equal(pair->last.status, NVME_STATUS(1, 0x84));
	assert_int_equal(connect_queue(pair, 5, PEER_DEFAULT_NQN, config.host_nqn), 0);
	assert_int_equal(pair->last.status, NVME_STATUS(1, 0x82)); /* no such controller */
	assert_int_equal(connect_queue(pair, 0, PEER_DEFAULT_NQN, config.host_nqn), 0);
	assert_int_equal(pair->last.status, 0);
	close_pair(pair);
}

static void faults_and_delays(void **state)
{
	struct nvme_tcp_format none = {0};
	struct peer_target_config config;
	struct nvme_io_fields read = {.opcode = NVME_NVM_READ, .nsid = 1, .slba = 96, .blocks = 8};
	struct nvme_io_fields write = read;
	static const uint8_t data[4096];
	struct nvme_sqe sqe;
	struct pair *pair;

	peer_target_config_init(&config);
	config.faults[0] = (struct peer_fault){.lba = 100, .status = NVME_STATUS(2, 0x81)};
	config.fault_count = 1;
	config.slow_lba = 200;
	config.slow_blocks = 1;
	config.slow_ns = 1000000;
	pair = open_pair(&config, &none, 4096);
	join_as_io_queue(pair, "nqn.2026-01.test:host");

	sqe = nvme_encode_io(&read);
	assert_int_equal(submit(pair, &sqe, 4096, NULL, false), 0);
	assert_int_equal(pair->last.status, NVME_STATUS(2, 0x81));
	write.opcode = NVME_NVM_WRITE;
	sqe = nvme_encode_io(&write);
	for (int in_capsule = 0; in_capsule < 2; in_capsule++) {
		assert_int_equal(submit(pair, &sqe, 4096, data, in_capsule), 0);
		assert_int_equal(pair->last.status, NVME_STATUS(2, 0x81));
	}
	read.slba = 104;
	sqe = nvme_encode_io(&read);
	assert_int_equal(submit(pair, &sqe, 4096, NULL, false), 0);
	assert_int_equal(pair->last.status, 0);
	assert_true(pair->last.latency_ns < config.slow_ns);
	read.slba = 196;
	sqe = nvme_encode_io(&read);
	assert_int_equal(submit(pair, &sqe, 4096, NULL, false), 0);
	assert_int_equal(pair->last.status, 0);
	assert_true(pair->last.latency_ns >= config.slow_ns);
	read.slba = config.namespace_bytes / 512 - 1;
	sqe = nvme_encode_io(&read);
	assert_int_equal(submit(pair, &sqe, 4096, NULL, false), 0);
	assert_int_equal(pair->last.status, NVME_STATUS(0, 0x80));
	close_pair(pair);
}

/* Sends a PDU of its own making to the target: what it says. */
static int inject(struct pair *pair, size_t front, uint8_t *pdu, uint32_t data)
{
	memset(pdu + front, 0, data);
	return peer_connection_receive(&pair->connection, pdu, front + data, pair->now_ns);
}

static void target_refuses_data_that_it_did_not_ask_for(void **state)
{
	struct nvme_tcp_format none = {0};
	struct peer_target_config config;
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_H2C_DATA, .length = 512};
	uint8_t pdu[1024];
	struct pair *pair;

	peer_target_config_init(&config);
	for (fields.ttag = 0; fields.ttag < 100; fields.ttag += 99) {
		pair = open_pair(&config, &none, 4096);
		join_as_io_queue(pair, "nqn.2026-01.test:host");
		assert_int_equal(
			inject(pair, nvme_tcp_encode_data(pdu, &none, &fields), pdu, 512), -EPROTO);
		assert_non_null(pair->connection.problem);
		close_pair(pair);
	}
}

static void target_refuses_what_breaks_the_stream(void **state)
{
	struct nvme_tcp_format none = {0}, digests = {.header_digest = true};
	struct nvme_sqe sqe = {.opcode = NVME_NVM_FLUSH};
	struct peer_target_config config;
	uint8_t pdu[256];
	size_t length;
	struct pair *pair;

	peer_target_config_init(&config);
	for (int what = 0; what < 4; what++) {
		pair = open_pair(&config, what == 1 ? &digests : &none, 4096);
		length = nvme_tcp_encode_capsule_cmd(pdu, what < 2 ? &digests : &none, &sqe, 0);
		if (what == 1)
			pdu[20] ^= 1; /* digest wrong; what 0: not negotiated */
		if (what == 2)
			pdu[0] = NVME_TCP_CAPSULE_RESP;
		if (what == 3)
			length = nvme_tcp_encode_icreq(pdu, &none, 0);
		assert_int_equal(inject(pair, length, pdu, 0), -EPROTO);
		close_pair(pair);
	}
}

static void host_refuses_what_breaks_the_rules(void **state)
{
	struct nvme_tcp_format none = {0};
	struct peer_target_config config;
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_C2H_DATA, .length = 512};
	struct nvme_cqe cqe = nvme_encode_cqe(3, 0, 0);
	uint8_t pdu[1024];
	struct pair *pair;

	peer_target_config_init(&config);
	pair = open_pair(&config, &none, 4096);
	nvme_tcp_encode_capsule_resp(pdu, &none, &cqe);
	assert_int_equal(peer_host_receive(&pair->host, pdu, 24, 1), -EPROTO);
	close_pair(pair);

	pair = open_pair(&config, &none, 4096);
	nvme_tcp_encode_data(pdu, &none, &fields);
	assert_int_equal(peer_host_receive(&pair->host, pdu, 24, 1), -EPROTO);
	close_pair(pair);

	pair = open_pair(&config, &none, 4096);
	nvme_tcp_encode_r2t(pdu, &none, 0, 0, 0, 512);
	assert_int_equal(peer_host_receive(&pair->host, pdu, 24, 1), -EPROTO);
	close_pair(pair);
}

static void event_requests_are_held(void **state)
{
	struct nvme_tcp_format none = {0};
	struct nvme_sqe sqe = {.opcode = NVME_ADMIN_ASYNC_EVENT_REQUEST};
	struct peer_target_config config;
	struct pair *pair;
	uint64_t before;

	peer_target_config_init(&config);
	pair = open_pair(&config, &none, 4096);
	assert_int_equal(connect_queue(pair, 0, PEER_DEFAULT_NQN, "nqn.2026-01.test:host"), 0);
	before = pair->completed;
	peer_host_submit(&pair->host, &sqe, 0, NULL, false)->held = true;
	assert_int_equal(deliver(pair), 0);
	assert_int_equal(pair->completed, before);
	assert_int_equal(peer_host_outstanding(&pair->host), 0);
	close_pair(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_survives_any_segmentation),
		cmocka_unit_test(one_byte_at_a_time),
		cmocka_unit_test(connect_is_refused_with_a_reason),
		cmocka_unit_test(faults_and_delays),
		cmocka_unit_test(target_refuses_data_that_it_did_not_ask_for),
		cmocka_unit_test(target_refuses_what_breaks_the_stream),
		cmocka_unit_test(host_refuses_what_breaks_the_rules),
		cmocka_unit_test(event_requests_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
