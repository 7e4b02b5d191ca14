/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The numbers of connections, by which they are found while they live. */
#include "transport/connection.h"

/* 0 or -ENOMEM. */
int stoq_connection_give_id(struct stoq_connection *connection);
void stoq_connection_take_id(struct stoq_connection *connection);
/* The worker of the connection that has this number, or had it; NULL: no connection can have it. */
struct stoq_worker *stoq_handle_worker(const struct stoq_transport *transport, uint64_t id);
