/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What QUIC takes for a connection, counted in its account to the byte. */
#include "transport/ngtcp2_compat.h"

struct stoq_budget_account;

/* Lives as long as the ngtcp2_conn that is made with it, and the account longer. */
ngtcp2_mem stoq_quic_memory(struct stoq_budget_account *account);
