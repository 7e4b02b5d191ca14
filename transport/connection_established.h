/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The end of the handshake. */
#include "transport/connection.h"

/* The handshake is over: checks the peer once more if it was resumed, tells the application. */
int stoq_connection_established(struct stoq_connection *connection);
/* It is confirmed: tells the application. */
void stoq_connection_confirmed(struct stoq_connection *connection);
