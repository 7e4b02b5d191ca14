/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What limits have counted, by limit and host. */
#include "bpf/limit/limit_shared.h"
#include "guard/pins.h"
#include "nvme/nvme.h"

enum stoq_guard_account_kind {
	STOQ_GUARD_ACCOUNT_HOST,
	STOQ_GUARD_ACCOUNT_GROUP,  /* of all hosts for which the limit holds */
	STOQ_GUARD_ACCOUNT_OTHERS, /* hosts without a name, or for which there was no room */
};

struct stoq_guard_account {
	uint64_t limit; /* stoq_guard_limit_id() */
	enum stoq_guard_account_kind kind;
	char host[NVME_NQN_LENGTH]; /* "" unless it is a host's */
	struct stoq_limit_bucket bucket;
};

struct stoq_guard_accounts {
	struct stoq_guard_account *items; /* most commands first */
	size_t count;
	struct stoq_limit_totals totals;
};

/* -ENOENT: no limits are in force. Free it after a 0. */
int stoq_guard_accounts_read(
	struct stoq_guard_accounts *accounts, const struct stoq_guard_pins *pins);
/* Most commands first. */
void stoq_guard_accounts_sort(struct stoq_guard_accounts *accounts);
void stoq_guard_accounts_free(struct stoq_guard_accounts *accounts);
