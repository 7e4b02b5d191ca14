/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Names for what the model holds: axes, flow states, groups. Pure. */
#include "flow/model.h"

/*
 * "host", "subsystem", "namespace", "queue", "connection", "path", "opcode", "size", or two of them:
 * "host,opcode". As the user writes them. Returns text.
 */
#define STOQ_AXIS_NAME 32
const char *stoq_axis_name(enum stoq_axis axis, char text[static STOQ_AXIS_NAME]);

/* 0, or -ENOENT if there is no such axis. */
int stoq_axis_from_name(const char *name, enum stoq_axis *axis);

/* "connect", "disconnect", "reset", "termination", "negotiation_failed", "tls_handshake_failed", "keep_alive_missing",
 * "host_nqn_shared", "protocol_violation", "overlapping_writes" */
const char *stoq_happening_name(enum stoq_happening what);

/* "iops", "bytes", "p99", "errors", "retransmissions"; 0 or -ENOENT. */
const char *stoq_order_name(enum stoq_order order);
int stoq_order_from_name(const char *name, enum stoq_order *order);

/* "learning", "synced", "encrypted", "lost", "closed" */
const char *stoq_flow_state_name(enum stoq_flow_state state);

#define STOQ_LABEL_SIZE 2560 /* room for every label, nothing cut */

/*
 * A group's name in at most width characters of printable ASCII, cut in the middle where it
 * must be: NQNs lose what stands before their ':' first. A width of 0 means no limit. Who is
 * not known by an NQN is named by address.
 */
void stoq_group_label(char label[static STOQ_LABEL_SIZE], const struct stoq_identity *identity,
	enum stoq_axis axis, size_t width);
