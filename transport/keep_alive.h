/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* When a connection that is quiet pings its peer. */
#include "transport/connection.h"

/* Sets ngtcp2's timer for it: as the configuration has it, or earlier while something waits for the peer's credit. After sending. */
void stoq_connection_keep_alive(struct stoq_connection *connection);
