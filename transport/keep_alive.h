/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* When a connection that is quiet pings its peer. */
#include "transport/connection.h"

/* RFC 9000, section 10.1: the shorter of both ends' counts. 0: none. */
uint64_t stoq_connection_idle_timeout(const struct stoq_connection *connection);
/* Sets ngtcp2's timer for it: as the configuration has it, or earlier while something waits for the peer's credit. After sending.
 * false: there is none.
 */
bool stoq_connection_keep_alive(struct stoq_connection *connection);
