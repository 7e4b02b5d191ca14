// SPDX-License-Identifier: BSD-2-Clause
/* Which of several paths a connection takes, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tunnel/path_choice.h"

#define MS 1000000ull
#define S  1000000000ull

static struct stoq_path_choice choice;
static uint64_t now_ns;
static unsigned int path;    /* in use */
static unsigned int working; /* a bit for each path */
static unsigned int mute;    /* these answer no challenge */
static unsigned int steps;

static void begin(unsigned int count, unsigned int first)
{
	now_ns = 100 * S;
	path = first;
	working = ~0u;
	mute = 0;
	steps = 0;
	stoq_path_choice_init(&choice, count, first, now_ns);
}

/* Packets go all the time; a path that works and was tried is taken. */
static void look(void)
{
	static uint64_t heard_ns;
	enum stoq_path_step step;
	unsigned int next = path;

	now_ns += STOQ_PATH_LOOK_NS;
	if (working & 1u << path)
		heard_ns = now_ns - 1;
	step = stoq_path_choice_next(&choice,
		&(struct stoq_path_view){.now_ns = now_ns,
			.current = path,
			.answer_due = true,
			.heard_ns = heard_ns,
			.round_trip_ns = MS,
			.proven = working & 1u << path},
		&next);
	steps += step != STOQ_PATH_STAY;
	if (step == STOQ_PATH_LEAVE || (step == STOQ_PATH_TRY && (working & ~mute & 1u << next)))
		path = next;
}

/* Until the connection is there; how long that took. */
static uint64_t until(unsigned int wanted, uint64_t limit_ns)
{
	uint64_t begin_ns = now_ns;

	while (path != wanted && now_ns - begin_ns < limit_ns)
		look();
	assert_int_equal(path, wanted);
	return now_ns - begin_ns;
}

static void stay(uint64_t duration_ns)
{
	uint64_t end_ns = now_ns + duration_ns;
	unsigned int here = path;

	while (now_ns < end_ns) {
		look();
		assert_int_equal(path, here);
	}
}

static void there_and_back(void **state)
{
	begin(2, 0);
	stay(60 * S);
	working = 2;
	assert_in_range(until(1, S), 100 * MS, 200 * MS);
	working = 3;
	/* Not before it has been away for a while. */
	assert_in_range(until(0, 10 * S), 4 * S, 6 * S);
	assert_int_equal(choice.moves, 1);
	look();
	assert_int_equal(choice.moves, 2);
}

static void a_path_that_does_not_work_either_is_passed_over(void **state)
{
	begin(4, 0);
	stay(S);
	working = 8;
	assert_in_range(until(3, 5 * S), 600 * MS, 800 * MS);
	/* The preferred one is tried, in vain, and the connection stays. */
	stay(60 * S);
	assert_int_equal(choice.current, 3);
}

/* As if the target end's congestion window were used up: it answers where it is reached by more than a challenge. */
static void a_path_that_answers_no_challenge_is_taken(void **state)
{
	for (unsigned int count = 2; count <= 4; count++) {
		begin(count, 0);
		stay(S);
		working = ~1u;
		mute = ~0u;
		assert_in_range(until(1, 5 * S), 350 * MS, (100 + 250 * (count - 1) + 100) * MS);
		stay(60 * S);
		assert_int_equal(choice.moves, 1);
	}
}

/* A connection ID for each attempt: they must not be used up when the other path comes back. */
static void attempts_do_for_half_a_minute(void **state)
{
	for (unsigned int count = 2; count <= STOQ_PATHS_MAX; count++) {
		begin(count, 0);
		stay(S);
		working = 0;
		for (uint64_t end_ns = now_ns + 15 * S; now_ns < end_ns;)
			look();
		assert_in_range(steps, 4, 6);
	}
}

/* A challenge that is not answered costs the target end one connection ID after the other. */
static void leaving_does_not_wait_for_a_challenge(void **state)
{
	begin(2, 0);
	stay(S);
	mute = ~0u;
	/* Without a second of calm between. */
	for (unsigned int i = 0; i < 20; i++) {
		stay(2 * STOQ_PATH_LOOK_NS);
		working = ~(1u << path);
		assert_in_range(until(!path, 5 * S), 350 * MS, 700 * MS);
	}
}

/* Only what goes out is lost: the target end repeats what it has sent, and is heard now and then. */
static void what_is_heard_now_and_then_is_no_reason_to_stay(void **state)
{
	enum stoq_path_step step;
	unsigned int next;
	uint64_t heard_ns;

	begin(2, 0);
	stay(S);
	heard_ns = now_ns;
	for (unsigned int i = 0; i < 40; i++) {
		now_ns += STOQ_PATH_LOOK_NS;
		if (i % 6 == 5)
			heard_ns = now_ns - 1;
		step = stoq_path_choice_next(&choice,
			&(struct stoq_path_view){.now_ns = now_ns,
				.answer_due = true,
				.heard_ns = heard_ns,
				.round_trip_ns = MS,
				.proven = true},
			&next);
		if (step == STOQ_PATH_LEAVE)
			return;
	}
	fail();
}

static void a_path_that_fails_again_is_left_alone_for_longer(void **state)
{
	uint64_t last_ns = 0;

	begin(2, 0);
	for (unsigned int i = 0; i < 8; i++) {
		uint64_t pause_ns;

		stay(S);
		working = 2;
		until(1, S);
		working = 3;
		pause_ns = until(0, 100 * S);
		assert_in_range(pause_ns, last_ns, 61 * S);
		last_ns = pause_ns;
	}
	assert_in_range(last_ns, 59 * S, 61 * S);
	/* It has kept its promise. */
	stay(40 * S);
	working = 2;
	until(1, S);
	working = 3;
	assert_in_range(until(0, 100 * S), 4 * S, 6 * S);
}

static void the_preferred_path_is_tried_first(void **state)
{
	begin(2, 1);
	assert_in_range(until(0, S), 0, 100 * MS);
}

static void nothing_is_concluded_from_a_pause_of_the_process(void **state)
{
	begin(2, 0);
	stay(S);
	now_ns += 10 * S;
	stay(S);
	assert_int_equal(choice.moves, 0);
	assert_int_equal(choice.trying, -1);
}

static void silence_without_an_answer_due_means_nothing(void **state)
{
	begin(2, 0);
	for (unsigned int i = 0; i < 1000; i++) {
		unsigned int next;

		now_ns += STOQ_PATH_LOOK_NS;
		assert_int_equal(
			stoq_path_choice_next(&choice,
				&(struct stoq_path_view){.now_ns = now_ns, .heard_ns = 100 * S},
				&next),
			STOQ_PATH_STAY);
	}
}

static void one_path_is_no_choice(void **state)
{
	begin(1, 0);
	working = 0;
	stay(10 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(a_path_that_does_not_work_either_is_passed_over),
		cmocka_unit_test(a_path_that_answers_no_challenge_is_taken),
		cmocka_unit_test(attempts_do_for_half_a_minute),
		cmocka_unit_test(leaving_does_not_wait_for_a_challenge),
		cmocka_unit_test(what_is_heard_now_and_then_is_no_reason_to_stay),
		cmocka_unit_test(a_path_that_fails_again_is_left_alone_for_longer),
		cmocka_unit_test(the_preferred_path_is_tried_first),
		cmocka_unit_test(nothing_is_concluded_from_a_pause_of_the_process),
		cmocka_unit_test(silence_without_an_answer_due_means_nothing),
		cmocka_unit_test(one_path_is_no_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
