/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct stoq_connection;

/*
 * Writes packets until there is nothing to send, the congestion window or the pacing says no, or
 * the send quantum is used up. false: call again soon, without waiting for a timer or a packet.
 */
bool stoq_send_packets(struct stoq_connection *connection);
/*
 * ngtcp2 0.12 stops its loss timer when it is asked for a packet and may send nothing until more has come (RFC 9000, 8.1), and does not start
 * it again when more comes: what is in flight would stay there. So it is not asked until then, or until it has to give up the validation of
 * the path: at the time that is returned. 0: it may be asked.
 */
uint64_t stoq_send_waits(const struct stoq_connection *connection);
