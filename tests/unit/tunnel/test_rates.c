// SPDX-License-Identifier: BSD-2-Clause
/* The limits of a policy in the tunnel: rates, and whose they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "nvme/nvme_tcp_encode.h"
#include "tunnel/rates.h"

#define MS_NS	  1000000ull
#define SECOND_NS 1000000000ull

static struct stoq_tunnel_policy *policy_of(const char *limits)
{
	char path[] = "/tmp/stoq-rates-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct stoq_tunnel_policy *policy;
	struct stoq_error error;

	fprintf(file, "version: 1\ndefault: allow\n%s", limits);
	fclose(file);
	if (stoq_tunnel_policy_read(path, &policy, &error))
		fail_msg("%s", error.text);
	unlink(path);
	return policy;
}

static struct nvme_sqe command_of(uint8_t opcode, uint32_t bytes)
{
	struct nvme_io_fields fields = {
		.opcode = opcode, .nsid = 1, .blocks = 8, .data_bytes = bytes};

	return nvme_encode_io(&fields);
}

/* One host's queue. */
struct queue {
	struct stoq_rates_queue rates;
	struct stoq_policy_subject subject;
};

static struct queue queue_of(const char *host)
{
	return (struct queue){.subject = {.host_nqn = host,
				      .subsystem_nqn = "nqn.2014-08.org.example:t",
				      .kind = NVME_QUEUE_IO}};
}

static uint64_t charge(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy,
	struct queue *queue, const struct nvme_sqe *sqe, uint64_t now_ns)
{
	return stoq_rates_charge(
		rates, policy, &queue->rates, &queue->subject, sqe, now_ns, now_ns);
}

/* How many of them pass within a second, if each is offered when the one before may go. */
static unsigned int in_a_second(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy,
	struct queue *queues, unsigned int count, const struct nvme_sqe *sqe, uint64_t from_ns)
{
	uint64_t now_ns = from_ns;
	unsigned int passed = 0;

	while (now_ns < from_ns + SECOND_NS && passed < 1000000) {
		uint64_t due = charge(rates, policy, &queues[passed % count], sqe, now_ns);

		now_ns = due > now_ns ? due : now_ns;
		passed++;
	}
	return passed;
}

static void all_queues_of_a_host_have_one_rate(void **state)
{
	struct stoq_tunnel_policy *policy =
		policy_of("limits:\n  - {name: l, iops: 1000, burst: 100ms}\n");
	struct stoq_rates *rates = stoq_rates_new(100);
	struct queue queues[3] = {queue_of("nqn.a"), queue_of("nqn.a"), queue_of("nqn.a")};
	struct queue other = queue_of("nqn.b");
	struct nvme_sqe read = command_of(NVME_NVM_READ, 4096);

	/* What a second has, and the burst before it; the one that goes when the second is over. */
	assert_in_range(in_a_second(rates, policy, queues, 3, &read, 50 * SECOND_NS), 1100, 1101);
	assert_in_range(in_a_second(rates, policy, queues, 3, &read, 51 * SECOND_NS), 1000, 1001);
	assert_int_equal(charge(rates, policy, &other, &read, 51 * SECOND_NS), 0);
	for (int i = 0; i < 3; i++)
		stoq_rates_leave(rates, &queues[i].rates);
	stoq_rates_leave(rates, &other.rates);
	stoq_rates_free(rates);
	stoq_tunnel_policy_release(policy);
}

static void a_group_has_one_rate(void **state)
{
	struct stoq_tunnel_policy *policy =
		policy_of("limits:\n  - {name: l, iops: 100, share: group, burst: 0s}\n");
	struct stoq_rates *rates = stoq_rates_new(100);
	struct queue queues[2] = {queue_of("nqn.a"), queue_of("nqn.b")};
	struct nvme_sqe read = command_of(NVME_NVM_READ, 4096);

	assert_in_range(in_a_second(rates, policy, queues, 2, &read, 50 * SECOND_NS), 100, 102);
	stoq_rates_leave(rates, &queues[0].rates);
	stoq_rates_leave(rates, &queues[1].rates);
	stoq_rates_free(rates);
	stoq_tunnel_policy_release(policy);
}

static void bytes_and_directions_count(void **state)
{
	struct stoq_tunnel_policy *policy =
		policy_of("limits:\n  - {name: w, direction: writes, bandwidth: 1MB, burst: 0s}\n");
	struct stoq_rates *rates = stoq_rates_new(100);
	struct queue queue = queue_of("nqn.a");
	struct nvme_sqe read = command_of(NVME_NVM_READ, 100000);
	struct nvme_sqe write = command_of(NVME_NVM_WRITE, 100000);

	for (int i = 0; i < 100; i++)
		assert_int_equal(charge(rates, policy, &queue, &read, 9 * SECOND_NS), 0);
	assert_in_range(in_a_second(rates, policy, &queue, 1, &write, 9 * SECOND_NS), 10, 12);
	stoq_rates_leave(rates, &queue.rates);
	stoq_rates_free(rates);
	stoq_tunnel_policy_release(policy);
}

/* From when it came, not from when its turn in the lane came. */
static void no_command_waits_longer_than_it_may(void **state)
{
	struct stoq_tunnel_policy *policy =
		policy_of("limits:\n  - {name: l, iops: 1, burst: 0s}\n");
	struct stoq_rates *rates = stoq_rates_new(100);
	struct queue queue = queue_of("nqn.a");
	struct nvme_sqe read = command_of(NVME_NVM_READ, 4096);
	const uint64_t now_ns = 100 * SECOND_NS;
	uint64_t due = 0;

	for (int i = 0; i < 20; i++)
		due = charge(rates, policy, &queue, &read, now_ns);
	assert_int_equal(due, now_ns + STOQ_RATES_WAIT_MAX_NS);
	/* It came a while ago. */
	due = stoq_rates_charge(
		rates, policy, &queue.rates, &queue.subject, &read, now_ns - 5 * SECOND_NS, now_ns);
	assert_int_equal(due, now_ns - 5 * SECOND_NS + STOQ_RATES_WAIT_MAX_NS);
	due = stoq_rates_charge(rates, policy, &queue.rates, &queue.subject, &read,
		now_ns - 50 * SECOND_NS, now_ns);
	assert_true(due < now_ns);
	/* Those that were not charged are not owed: the account is 8 commands ahead. */
	assert_int_equal(charge(rates, policy, &queue, &read, now_ns + 8 * SECOND_NS),
		now_ns + 9 * SECOND_NS);
	stoq_rates_leave(rates, &queue.rates);
	stoq_rates_free(rates);
	stoq_tunnel_policy_release(policy);
}

static struct json_object *account(struct stoq_rates *rates,
	const struct stoq_tunnel_policy *policy, struct json_object **all, unsigned int index)
{
	*all = stoq_rates_json(rates, policy);
	return json_object_array_get_idx(
		json_object_object_get(json_object_array_get_idx(*all, 0), "accounts"), index);
}

static void another_policy_keeps_accounts_of_limits_that_it_has(void **state)
{
	struct stoq_tunnel_policy *first =
		policy_of("limits:\n  - {name: l, iops: 1, burst: 0s}\n");
	struct stoq_tunnel_policy *second =
		policy_of("limits:\n  - {name: l, iops: 1000, burst: 0s}\n");
	struct stoq_tunnel_policy *third =
		policy_of("limits:\n  - {name: m, iops: 1000, burst: 0s}\n");
	struct stoq_rates *rates = stoq_rates_new(100);
	struct queue queue = queue_of("nqn.a");
	struct nvme_sqe read = command_of(NVME_NVM_READ, 4096);
	struct json_object *all;

	for (int i = 0; i < 5; i++)
		charge(rates, first, &queue, &read, 10 * SECOND_NS);
	stoq_rates_forget(rates, second);
	/* What the old rate owed is forgotten, what was counted is not. */
	assert_in_range(
		charge(rates, second, &queue, &read, 10 * SECOND_NS), 0, 10 * SECOND_NS + MS_NS);
	assert_int_equal(json_object_get_uint64(json_object_object_get(
				 account(rates, second, &all, 0), "commands")),
		6);
	json_object_put(all);
	/* A queue still has it. */
	stoq_rates_forget(rates, third);
	assert_non_null(account(rates, second, &all, 0));
	json_object_put(all);
	stoq_rates_leave(rates, &queue.rates);
	stoq_rates_forget(rates, third);
	assert_null(account(rates, second, &all, 0));
	json_object_put(all);
	stoq_rates_free(rates);
	stoq_tunnel_policy_release(first);
	stoq_tunnel_policy_release(second);
	stoq_tunnel_policy_release(third);
}

static void hosts_without_room_share_an_account(void **state)
{
	struct stoq_tunnel_policy *policy =
		policy_of("limits:\n  - {name: l, iops: 10, burst: 0s}\n");
	struct stoq_rates *rates = stoq_rates_new(2);
	struct nvme_sqe read = command_of(NVME_NVM_READ, 4096);
	struct queue queues[4] = {
		queue_of("nqn.a"), queue_of("nqn.b"), queue_of("nqn.c"), queue_of("nqn.d")};

	for (int i = 0; i < 3; i++)
		charge(rates, policy, &queues[i], &read, 10 * SECOND_NS);
	/* The fourth pays for the third. */
	assert_true(charge(rates, policy, &queues[3], &read, 10 * SECOND_NS) > 10 * SECOND_NS);
	for (int i = 0; i < 4; i++)
		stoq_rates_leave(rates, &queues[i].rates);
	stoq_rates_free(rates);
	stoq_tunnel_policy_release(policy);
}

static void audit_counts_and_delays_nothing(void **state)
{
	struct stoq_tunnel_policy *policy =
		policy_of("mode: audit\nlimits:\n  - {name: l, iops: 10, burst: 0s}\n");
	struct stoq_rates *rates = stoq_rates_new(100);
	struct queue queue = queue_of("nqn.a");
	struct nvme_sqe read = command_of(NVME_NVM_READ, 4096);
	struct json_object *all;

	for (int i = 0; i < 10; i++)
		assert_int_equal(charge(rates, policy, &queue, &read, 10 * SECOND_NS), 0);
	assert_in_range(json_object_get_uint64(json_object_object_get(
				account(rates, policy, &all, 0), "delayed_commands")),
		8, 9);
	json_object_put(all);
	stoq_rates_leave(rates, &queue.rates);
	stoq_rates_free(rates);
	stoq_tunnel_policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_queues_of_a_host_have_one_rate),
		cmocka_unit_test(a_group_has_one_rate),
		cmocka_unit_test(bytes_and_directions_count),
		cmocka_unit_test(no_command_waits_longer_than_it_may),
		cmocka_unit_test(another_policy_keeps_accounts_of_limits_that_it_has),
		cmocka_unit_test(hosts_without_room_share_an_account),
		cmocka_unit_test(audit_counts_and_delays_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
