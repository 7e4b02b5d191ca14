/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What QUIC takes for a connection, counted in its account to the byte. */
#include "transport/ngtcp2_compat.h"

struct stoq_budget_account;

/* Lives as long as the ngtcp2_conn that is made with it, and the account longer. */
ngtcp2_mem stoq_quic_memory(struct stoq_budget_account *account);

/*
 * Around a call of a function of ngtcp2 that takes a zeroed block and does not look whether it got
 * one: so many bytes are kept for it. false: no memory, do not call it.
 */
bool stoq_quic_memory_reserve(struct stoq_budget_account *account, size_t bytes);
void stoq_quic_memory_end_reserve(struct stoq_budget_account *account);
