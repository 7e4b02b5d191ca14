/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Packet protection as ngtcp2 wants it: callbacks that use transport/protection/ for every packet,
 * and keys made from the secrets that TLS gives.
 */
#include "transport/ngtcp2_compat.h"

/* Sets client_initial, recv_client_initial, recv_retry, encrypt, decrypt, ... */
void stoq_keys_fill_callbacks(ngtcp2_callbacks *callbacks);

/* TLS's secrets come to us. */
struct gnutls_session_int;
void stoq_keys_hook(struct gnutls_session_int *tls);
