/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whether the peer's certificate is good, and its name one that may talk to us. */
#include "transport/connection.h"

/* 0, or -EACCES with the alert to send; the reason is in tls_reason then. */
int stoq_tls_verify_peer(struct stoq_connection *connection, int *alert);

/* Whether the peer whose session is resumed is welcome still, before anything that it sends early
 * is read; true for what we send. */
bool stoq_tls_hears_early_data(struct stoq_connection *connection);
