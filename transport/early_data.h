/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Against the replay of early data: GnuTLS refuses a ClientHello that it has seen, or that is older
 * than the window of its record (RFC 8446, 8.2). The record is a hash table of fixed size, 5 MiB of
 * address space for all workers, of which only the pages in use become memory. Only transports that
 * listen with early_data have one. A ClientHello that finds no slot has its early data refused, and
 * the handshake goes on without them.
 */
#include <stoq/error.h>

struct stoq_transport;

int stoq_early_data_init(struct stoq_transport *transport, struct stoq_error *error);
void stoq_early_data_destroy(struct stoq_transport *transport);
