/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whether the peer's certificate is good, and its name one that may talk to us. */
#include "transport/connection.h"

/* 0, or -EACCES with the alert to send; the reason is in tls_reason then. */
int stoq_tls_verify_peer(struct stoq_connection *connection, int *alert);

/* Whether the peer whose session is resumed is welcome still, before anything that it sends early
 * is read; true for what we send. */
bool stoq_tls_hears_early_data(struct stoq_connection *connection);

/* Ends the connection if what we know by now revokes the peer's certificate. Nothing else is judged again: a certificate that has expired
 * since, or an authority that was replaced, was good when the connection was made. */
void stoq_connection_review(struct stoq_connection *connection);
