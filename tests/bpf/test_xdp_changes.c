// SPDX-License-Identifier: BSD-2-Clause

/*
 * Several processes change one filter's prefixes and limits at once, as several `stoq xdp` do: no
 * change is lost, and lists, their numbers and limits always belong together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/bpf/xdp_rig.h"
#include "xdp/prefix.h"

#define WORKERS	     4
#define TURNS	     2000
#define LOCK_WAIT_NS 60000000000ull

/* In a child: cmocka's assertions would end up in the parent's books. */
#define NEED(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "process %u, turn %u: not so: %s\n", worker, turn,         \
				#condition);                                                       \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static bool is_listed(const struct stoq_xdp_prefix_entry *entries, size_t count,
	const struct stoq_xdp_prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(&entries[i].prefix, prefix, sizeof(*prefix)) == 0)
			return true;
	return false;
}

/* What no change of another process may have touched, or left half done. */
static void check(unsigned int worker, unsigned int turn, enum stoq_xdp_list list,
	const struct stoq_xdp_prefix *mine, bool expected)
{
	const struct stoq_xdp_config *config = the_xdp_rig->maps.config;
	const struct stoq_xdp_rate *source = &config->source;
	struct stoq_xdp_prefix_entry entries[2 * WORKERS];
	size_t count = stoq_xdp_list_prefixes(&the_xdp_rig->maps, list, entries, 2 * WORKERS);

	NEED(count <= WORKERS);
	NEED(count == (list == STOQ_XDP_ALLOWED ? config->allow_prefixes : config->deny_prefixes));
	NEED(is_listed(entries, count, mine) == expected);
	NEED(!source->burst || source->interval_ns == 1000000000 / source->per_second);
	NEED(!source->burst || source->per_second == 100 * source->burst);
	NEED(!source->burst || source->tolerance_ns == (source->burst - 1) * source->interval_ns);
}

static void take_turn(unsigned int worker, unsigned int turn, const struct stoq_xdp_prefix *mine)
{
	const struct stoq_xdp_limit limit = {.per_second = 100 * (worker + 1), .burst = worker + 1};
	enum stoq_xdp_list list = turn / 2 % 2 ? STOQ_XDP_DENIED : STOQ_XDP_ALLOWED;
	struct stoq_xdp_maps *maps = &the_xdp_rig->maps;
	bool remove = turn % 2;
	int lock;

	NEED(stoq_xdp_settings_lock(LOCK_WAIT_NS, &lock, NULL) == 0);
	check(worker, turn, list, mine, remove);
	if (remove)
		NEED(stoq_xdp_remove_prefixes(maps, list, mine, 1, NULL) == 0);
	else
		NEED(stoq_xdp_add_prefixes(maps, list, mine, 1, NULL) == 0);
	stoq_xdp_set_limit(maps, STOQ_XDP_LIMIT_SOURCE, &limit);
	check(worker, turn, list, mine, !remove);
	NEED(maps->config->source.burst == worker + 1);
	close(lock);
}

static pid_t start_worker(unsigned int worker)
{
	struct stoq_xdp_prefix mine;
	char text[32];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	snprintf(text, sizeof(text), "10.%u.0.0/16", worker);
	if (stoq_xdp_prefix_parse(&mine, text, NULL))
		_exit(1);
	for (unsigned int turn = 0; turn < TURNS; turn++)
		take_turn(worker, turn, &mine);
	_exit(0);
}

static void test_at_once(void **state)
{
	uint32_t before = the_xdp_rig->maps.config->generation;
	pid_t pids[WORKERS];
	int status, failed = 0;

	(void)state;
	for (unsigned int worker = 0; worker < WORKERS; worker++)
		pids[worker] = start_worker(worker);
	for (int worker = 0; worker < WORKERS; worker++) {
		assert_int_equal(waitpid(pids[worker], &status, 0), pids[worker]);
		failed += status != 0;
	}
	assert_int_equal(failed, 0);
	assert_int_equal(the_xdp_rig->maps.config->allow_prefixes, 0);
	assert_int_equal(the_xdp_rig->maps.config->deny_prefixes, 0);
	assert_true(the_xdp_rig->maps.config->generation - before >= WORKERS * TURNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once),
	};

	return cmocka_run_group_tests(tests, xdp_rig_setup, xdp_rig_teardown);
}
