/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The memory that a worker's connections hold together. What a peer was told it may send counts as
 * soon as it was told, because that cannot be taken back; what is to be sent counts while it is
 * held; what a connection is made of counts while it is there.
 *
 * A minimum is kept for every connection, those still to come included. What is beyond it belongs
 * to who needs it. New connections begin with large windows only while half of all is left. When
 * less than an eighth is left, no connection gets more than an equal share, and windows beyond that shrink
 * while they are used. Nothing is taken from anybody.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "transport/pool.h"

/* What every connection may receive and hold, whatever the others do. */
#define STOQ_BUDGET_WINDOW_MIN 65536
#define STOQ_BUDGET_HELD_MIN   65536
/* What it may need for itself: more than one that has little to do takes. */
#define STOQ_BUDGET_OWN_MIN    131072
#define STOQ_BUDGET_MIN	       (STOQ_BUDGET_WINDOW_MIN + STOQ_BUDGET_HELD_MIN + STOQ_BUDGET_OWN_MIN)

struct stoq_budget {
	struct stoq_pool *pool;
	/* Changed with stoq_counter_add(). */
	uint64_t limit_bytes, used_bytes;
	uint64_t held_back; /* times that somebody got less than it wanted */

	uint32_t accounts, accounts_max;
	struct stoq_list waiting; /* accounts that were refused memory */
	bool more;		  /* since those were last asked there is more */
};

/* A connection's part. */
struct stoq_budget_account {
	struct stoq_budget *budget; /* NULL: not open */
	uint64_t window_bytes;	    /* what the peer may send before something is taken */
	uint64_t lent_bytes;	    /* of that: for as long as other bytes are not taken */
	uint64_t held_bytes;	    /* to be sent, or not acknowledged yet */
	uint64_t own_bytes;	    /* state of QUIC, TLS and streams; lists of what is missing */
	void *reserve;		    /* quic_memory.c: a block for when there is no other */
	size_t reserve_bytes;
	struct stoq_list waiting; /* budget->waiting */
};

void stoq_budget_init(struct stoq_budget *budget, struct stoq_pool *pool);
/* Also while it is used. What is used beyond a lower limit stays until it is given back. */
void stoq_budget_set(struct stoq_budget *budget, uint64_t limit_bytes, uint32_t accounts_max);

/* Whether one more connection finds its minimum; always, unless the limit was lowered. */
bool stoq_budget_admits(const struct stoq_budget *budget);
/* The connection's window, of window_bytes at most, stands in the account. */
void stoq_budget_open(
	struct stoq_budget *budget, struct stoq_budget_account *account, uint64_t window_bytes);
/* Nothing may be held any more. Fine for one that is not open. */
void stoq_budget_close(struct stoq_budget_account *account);

/* The window grows, by more_bytes at most; by how much. */
uint64_t stoq_budget_grow(struct stoq_budget_account *account, uint64_t more_bytes);
/* Of so many bytes that were taken: how many the window gives back instead of the peer. */
uint64_t stoq_budget_shrink(struct stoq_budget_account *account, uint64_t taken_bytes);

/*
 * The window grows by bytes that came and are not taken, so that they hold none of it; max_bytes: most that the window may be. By
 * how much. What was lent is returned when they are taken.
 */
uint64_t stoq_budget_lend(
	struct stoq_budget_account *account, uint64_t rest_bytes, uint64_t max_bytes);
void stoq_budget_return(struct stoq_budget_account *account, uint64_t bytes);

/* How much more the connection may hold. */
uint64_t stoq_budget_room(const struct stoq_budget_account *account);
bool stoq_budget_hold(struct stoq_budget_account *account, uint64_t bytes);
void stoq_budget_release(struct stoq_budget_account *account, uint64_t bytes);

/* What the connection itself takes: never refused, as it is taken already. */
void stoq_budget_add_own(struct stoq_budget_account *account, uint64_t bytes);
void stoq_budget_subtract_own(struct stoq_budget_account *account, uint64_t bytes);
/*
 * Nothing is left, and it takes more for itself than could have an honest reason: an equal share of
 * all, allowed_bytes, and as much as its data.
 */
bool stoq_budget_overdrawn(const struct stoq_budget_account *account, uint64_t allowed_bytes);

/* A block of the pool that is held; NULL: no room, or no memory. */
void *stoq_budget_get_block(struct stoq_budget_account *account, size_t bytes);
void stoq_budget_put_block(struct stoq_budget_account *account, void *block, size_t bytes);

/* It wants to hear when there is more room. */
void stoq_budget_wait(struct stoq_budget_account *account);
/* Moves who waits behind *waiting, an empty list, if there may be room for them. */
void stoq_budget_take_waiting(struct stoq_budget *budget, struct stoq_list *waiting);
