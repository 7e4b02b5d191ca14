// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/path_choice.h"

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

static int try_path(struct stoq_path_choice *choice, unsigned int path, uint64_t now_ns)
{
	choice->trying = (int)path;
	choice->tried_ns = now_ns;
	return choice->trying;
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

static int try_next(struct stoq_path_choice *choice, uint64_t now_ns)
{
	unsigned int next = choice->trying < 0 ? choice->current : (unsigned int)choice->trying;

	if (choice->trying < 0 && !choice->current)
		note_failure(choice, now_ns);
	do
		next = (next + 1) % choice->count;
	while (next == choice->current);
	return try_path(choice, next, now_ns);
}

int stoq_path_choice_next(struct stoq_path_choice *choice, const struct stoq_path_view *view)
{
	bool silent;

	if (view->current != choice->current)
		arrive(choice, view);
	silent = is_silent(choice, view);
	if (choice->count < 2 ||
		(choice->trying >= 0 && view->now_ns - choice->tried_ns < STOQ_PATH_TRY_NS))
		return -1;
	if (silent)
		return try_next(choice, view->now_ns);
	choice->trying = -1;
	if (!choice->current || view->now_ns < choice->back_due_ns)
		return -1;
	choice->back_due_ns = view->now_ns + choice->back_pause_ns;
	return try_path(choice, 0, view->now_ns);
}
