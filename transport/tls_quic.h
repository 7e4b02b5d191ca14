/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a session of GnuTLS does for QUIC instead of writing records: its messages become CRYPTO
 * frames, its alerts a close code, and it carries the transport parameters (RFC 9001, 4 and 8.2).
 */
struct gnutls_session_int;

/* gnutls_session_get_ptr() is a ngtcp2_crypto_conn_ref whose user_data is the connection. 0,
 * -ENOMEM. */
int stoq_tls_quic_setup(struct gnutls_session_int *tls);
