// SPDX-License-Identifier: BSD-2-Clause
#include "transport/budget.h"

#include "transport/counter.h"

#define PLENTY 2 /* half of all */
#define TIGHT  8 /* an eighth */
#define SPARE  16

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t beyond(uint64_t value, uint64_t limit)
{
	return value > limit ? value - limit : 0;
}

void stoq_budget_init(struct stoq_budget *budget, struct stoq_pool *pool)
{
	*budget = (struct stoq_budget){.pool = pool};
	stoq_list_init(&budget->waiting);
}

void stoq_budget_set(struct stoq_budget *budget, uint64_t limit_bytes, uint32_t accounts_max)
{
	stoq_counter_add(&budget->limit_bytes, limit_bytes - budget->limit_bytes);
	budget->accounts_max = accounts_max;
	budget->more = true;
}

/* ---- what is left ---- */

/* Beyond the minimum of those that are here, and of those that may still come. */
static uint64_t available(const struct stoq_budget *budget)
{
	uint64_t kept = beyond(budget->accounts_max, budget->accounts) * (uint64_t)STOQ_BUDGET_MIN;

	return beyond(budget->limit_bytes, budget->used_bytes + kept);
}

static bool tight(const struct stoq_budget *budget)
{
	return available(budget) < budget->limit_bytes / TIGHT;
}

static uint64_t whole_share(const struct stoq_budget *budget)
{
	return budget->limit_bytes / (budget->accounts ? budget->accounts : 1);
}

/* An equal share of one direction. */
static uint64_t share(const struct stoq_budget *budget)
{
	return whole_share(budget) / 2;
}

/*
 * How much may be added to what an account has of one direction, its minimum included. The last
 * part of all is spared for what connections take themselves, which is not asked for: packets under
 * way have to be remembered, for example.
 */
static uint64_t addable(const struct stoq_budget *budget, uint64_t has_bytes)
{
	uint64_t left = beyond(available(budget), budget->limit_bytes / SPARE);

	return tight(budget) ? smaller(left, beyond(share(budget), has_bytes)) : left;
}

static void charge(struct stoq_budget *budget, uint64_t before, uint64_t after)
{
	stoq_counter_add(&budget->used_bytes, after - before);
	budget->more |= after < before;
}

/* ---- accounts ---- */

bool stoq_budget_admits(const struct stoq_budget *budget)
{
	return budget->used_bytes + STOQ_BUDGET_MIN <= budget->limit_bytes;
}

void stoq_budget_open(
	struct stoq_budget *budget, struct stoq_budget_account *account, uint64_t window_bytes)
{
	*account = (struct stoq_budget_account){.budget = budget};
	stoq_list_init(&account->waiting);
	budget->accounts++;
	charge(budget, 0, STOQ_BUDGET_MIN);
	account->window_bytes = smaller(window_bytes, STOQ_BUDGET_WINDOW_MIN);
	window_bytes -= account->window_bytes;
	if (beyond(available(budget), window_bytes) >= budget->limit_bytes / PLENTY)
		stoq_budget_grow(account, window_bytes);
	else if (window_bytes)
		stoq_counter_add(&budget->held_back, 1);
}

void stoq_budget_close(struct stoq_budget_account *account)
{
	struct stoq_budget *budget = account->budget;

	if (!budget)
		return;
	charge(budget,
		larger(account->window_bytes, STOQ_BUDGET_WINDOW_MIN) +
			larger(account->held_bytes, STOQ_BUDGET_HELD_MIN) +
			larger(account->own_bytes, STOQ_BUDGET_OWN_MIN),
		0);
	budget->accounts--;
	stoq_list_remove(&account->waiting);
	account->budget = NULL;
}

/* ---- windows ---- */

static void set_window(struct stoq_budget_account *account, uint64_t window_bytes)
{
	charge(account->budget, larger(account->window_bytes, STOQ_BUDGET_WINDOW_MIN),
		larger(window_bytes, STOQ_BUDGET_WINDOW_MIN));
	account->window_bytes = window_bytes;
}

uint64_t stoq_budget_grow(struct stoq_budget_account *account, uint64_t more_bytes)
{
	struct stoq_budget *budget = account->budget;
	uint64_t has = larger(account->window_bytes, STOQ_BUDGET_WINDOW_MIN);
	uint64_t room = has - account->window_bytes + addable(budget, has);

	if (!more_bytes)
		return 0;
	if (more_bytes > room) {
		stoq_counter_add(&budget->held_back, 1);
		more_bytes = room;
	}
	set_window(account, account->window_bytes + more_bytes);
	return more_bytes;
}

uint64_t stoq_budget_shrink(struct stoq_budget_account *account, uint64_t taken_bytes)
{
	struct stoq_budget *budget = account->budget;
	uint64_t own_bytes = account->window_bytes - account->lent_bytes;
	uint64_t bytes = smaller(
		taken_bytes, beyond(own_bytes, larger(share(budget), STOQ_BUDGET_WINDOW_MIN)));

	if (!bytes || !tight(budget))
		return 0;
	stoq_counter_add(&budget->held_back, 1);
	set_window(account, account->window_bytes - bytes);
	return bytes;
}

uint64_t stoq_budget_lend(
	struct stoq_budget_account *account, uint64_t rest_bytes, uint64_t max_bytes)
{
	uint64_t lent = stoq_budget_grow(
		account, smaller(rest_bytes, beyond(max_bytes, account->window_bytes)));

	account->lent_bytes += lent;
	return lent;
}

void stoq_budget_return(struct stoq_budget_account *account, uint64_t bytes)
{
	account->lent_bytes -= bytes;
	set_window(account, account->window_bytes - bytes);
}

/* ---- what is held ---- */

static void set_held(struct stoq_budget_account *account, uint64_t held_bytes)
{
	charge(account->budget, larger(account->held_bytes, STOQ_BUDGET_HELD_MIN),
		larger(held_bytes, STOQ_BUDGET_HELD_MIN));
	/* Below the minimum nothing is charged, but the account itself has room again. */
	account->budget->more |= held_bytes < account->held_bytes;
	account->held_bytes = held_bytes;
}

uint64_t stoq_budget_room(const struct stoq_budget_account *account)
{
	uint64_t has;

	if (!account->budget)
		return 0;
	has = larger(account->held_bytes, STOQ_BUDGET_HELD_MIN);
	return has - account->held_bytes + addable(account->budget, has);
}

bool stoq_budget_hold(struct stoq_budget_account *account, uint64_t bytes)
{
	if (stoq_budget_room(account) < bytes)
		return false;
	set_held(account, account->held_bytes + bytes);
	return true;
}

void stoq_budget_release(struct stoq_budget_account *account, uint64_t bytes)
{
	set_held(account, account->held_bytes - bytes);
}

void *stoq_budget_get_block(struct stoq_budget_account *account, size_t bytes)
{
	void *block;

	if (!stoq_budget_hold(account, bytes))
		return NULL;
	block = stoq_pool_get(account->budget->pool, bytes);
	if (!block)
		stoq_budget_release(account, bytes);
	return block;
}

void stoq_budget_put_block(struct stoq_budget_account *account, void *block, size_t bytes)
{
	stoq_pool_put(account->budget->pool, block, bytes);
	stoq_budget_release(account, bytes);
}

/* ---- what it takes itself ---- */

static void set_own(struct stoq_budget_account *account, uint64_t own_bytes)
{
	charge(account->budget, larger(account->own_bytes, STOQ_BUDGET_OWN_MIN),
		larger(own_bytes, STOQ_BUDGET_OWN_MIN));
	account->own_bytes = own_bytes;
}

void stoq_budget_add_own(struct stoq_budget_account *account, uint64_t bytes)
{
	set_own(account, account->own_bytes + bytes);
}

void stoq_budget_subtract_own(struct stoq_budget_account *account, uint64_t bytes)
{
	set_own(account, account->own_bytes - bytes);
}

bool stoq_budget_overdrawn(const struct stoq_budget_account *account, uint64_t allowed_bytes)
{
	const struct stoq_budget *budget = account->budget;

	return budget->used_bytes > budget->limit_bytes &&
	       account->own_bytes > whole_share(budget) + allowed_bytes + account->window_bytes +
					    account->held_bytes;
}

/* ---- waiting ---- */

void stoq_budget_wait(struct stoq_budget_account *account)
{
	struct stoq_budget *budget = account->budget;

	if (!budget || !stoq_list_empty(&account->waiting))
		return;
	stoq_counter_add(&budget->held_back, 1);
	/* Who waits alone knows of all that was given back so far. */
	if (stoq_list_empty(&budget->waiting))
		budget->more = false;
	stoq_list_append(&budget->waiting, &account->waiting);
}

void stoq_budget_take_waiting(struct stoq_budget *budget, struct stoq_list *waiting)
{
	stoq_list_init(waiting);
	if (!budget->more || stoq_list_empty(&budget->waiting))
		return;
	budget->more = false;
	stoq_list_take_all(waiting, &budget->waiting);
}
