/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Against the replay of early data: GnuTLS refuses first messages that it has seen, or that are
 * older than it remembers. What was seen is kept here, for all workers, in a ring of fixed size;
 * if it is full of what is still fresh, early data are refused and the handshake goes on without.
 */
#include <stoq/error.h>

struct stoq_transport;

int stoq_early_data_init(struct stoq_transport *transport, struct stoq_error *error);
void stoq_early_data_destroy(struct stoq_transport *transport);
