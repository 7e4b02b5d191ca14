/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>

struct stoq_connection;

/*
 * Writes packets until there is nothing to send, the congestion window or the pacing says no, or
 * the send quantum is used up. false: call again soon, without waiting for a timer or a packet.
 */
bool stoq_send_packets(struct stoq_connection *connection);
