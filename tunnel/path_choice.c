// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/path_choice.h"

#define SECOND_NS    1000000000ull
#define AT_FIRST_MAX 3 /* attempts that follow each other soon */
#define IDS	     6 /* that the target end gives us to go elsewhere with, one for each attempt */

void stoq_path_choice_init(
	struct stoq_path_choice *choice, unsigned int count, unsigned int current, uint64_t now_ns)
{
	*choice = (struct stoq_path_choice){.count = count,
		.current = current,
		.trying = -1,
		.arrived_ns = now_ns,
		.looked_ns = now_ns,
		.back_pause_ns = STOQ_PATH_BACK_NS};
}

/* The connection is elsewhere than at the last look. */
static void arrive(struct stoq_path_choice *choice, const struct stoq_path_view *view)
{
	choice->current = view->current;
	choice->trying = -1;
	choice->arrived_ns = view->now_ns;
	choice->arrived = true;
	choice->waiting_since_ns = 0;
	choice->back_due_ns = view->now_ns + choice->back_pause_ns;
	choice->moves++;
}

static bool is_silent(struct stoq_path_choice *choice, const struct stoq_path_view *view)
{
	bool late = view->now_ns - choice->looked_ns > 4 * STOQ_PATH_LOOK_NS;
	uint64_t since_ns;

	choice->looked_ns = view->now_ns;
	if (!view->answer_due)
		choice->waiting_since_ns = 0;
	else if (!choice->waiting_since_ns || late)
		choice->waiting_since_ns = view->now_ns;
	since_ns = view->heard_ns > choice->waiting_since_ns ? view->heard_ns
							     : choice->waiting_since_ns;
	return choice->waiting_since_ns && view->now_ns > since_ns &&
	       view->now_ns - since_ns >=
		       STOQ_PATH_SILENCE_NS + STOQ_PATH_SILENCE_RTTS * view->round_trip_ns;
}

/* From the last attempt to the next. */
static uint64_t wait_ns(const struct stoq_path_choice *choice)
{
	static const uint64_t seconds[] = {2, 8, 16};
	const unsigned int last = sizeof(seconds) / sizeof(seconds[0]) - 1;
	const unsigned int at_first = choice->count < AT_FIRST_MAX ? choice->count : AT_FIRST_MAX;
	unsigned int more;

	/* A challenge that a full congestion window keeps from being answered costs the target end a connection ID with each packet that it
	 * can send (conn_write_path_response() in ngtcp2): leaving does not wait. */
	if (choice->attempts <= at_first ||
		(choice->in_vain == choice->count - 1 && choice->attempts < IDS))
		return STOQ_PATH_TRY_NS;
	more = choice->attempts - at_first - 1;
	return seconds[more < last ? more : last] * SECOND_NS;
}

/* The preferred path has failed: one that fails again soon is left alone for longer. */
static void note_failure(struct stoq_path_choice *choice, uint64_t now_ns)
{
	if (now_ns - choice->arrived_ns >= STOQ_PATH_SOON_NS || !choice->moves)
		choice->back_pause_ns = STOQ_PATH_BACK_NS;
	else if (choice->back_pause_ns < STOQ_PATH_BACK_MAX_NS / 2)
		choice->back_pause_ns *= 2;
	else
		choice->back_pause_ns = STOQ_PATH_BACK_MAX_NS;
}

static void note_calm(
	struct stoq_path_choice *choice, bool silent, const struct stoq_path_view *view)
{
	if (silent)
		choice->calm_since_ns = 0;
	else if (!choice->calm_since_ns)
		choice->calm_since_ns = view->now_ns;
	if (silent)
		return;
	/* Once for each path that is taken: what was proven before it failed is no proof. */
	if (!(choice->arrived && view->proven) &&
		view->now_ns - choice->calm_since_ns < STOQ_PATH_CALM_NS)
		return;
	choice->arrived = false;
	choice->attempts = choice->in_vain = 0;
}

static enum stoq_path_step attempt_next(
	struct stoq_path_choice *choice, uint64_t now_ns, unsigned int *path)
{
	unsigned int next = choice->trying < 0 ? choice->current : (unsigned int)choice->trying;

	if (choice->trying < 0 && !choice->current)
		note_failure(choice, now_ns);
	do
		next = (next + 1) % choice->count;
	while (next == choice->current);
	*path = next;
	choice->trying = (int)next;
	choice->tried_ns = now_ns;
	choice->attempts++;
	if (++choice->in_vain < choice->count)
		return STOQ_PATH_TRY;
	choice->in_vain = 0;
	return STOQ_PATH_LEAVE;
}

static enum stoq_path_step look_back(
	struct stoq_path_choice *choice, uint64_t now_ns, unsigned int *path)
{
	choice->trying = -1;
	if (!choice->current || now_ns < choice->back_due_ns)
		return STOQ_PATH_STAY;
	choice->back_due_ns = now_ns + choice->back_pause_ns;
	choice->trying = 0;
	choice->tried_ns = now_ns;
	*path = 0;
	return STOQ_PATH_TRY;
}

enum stoq_path_step stoq_path_choice_next(
	struct stoq_path_choice *choice, const struct stoq_path_view *view, unsigned int *path)
{
	bool silent;

	if (view->current != choice->current)
		arrive(choice, view);
	silent = is_silent(choice, view);
	note_calm(choice, silent, view);
	if (choice->count < 2 || ((choice->trying >= 0 || choice->attempts) &&
					 view->now_ns - choice->tried_ns < wait_ns(choice)))
		return STOQ_PATH_STAY;
	return silent ? attempt_next(choice, view->now_ns, path)
		      : look_back(choice, view->now_ns, path);
}
