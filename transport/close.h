/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* How connections end. */
#include "transport/connection.h"

/* An error of ngtcp2 ends the connection; decides how. */
void stoq_close_for_error(struct stoq_connection *connection, int failure);
/* Does what was wanted: sends CONNECTION_CLOSE, tells the application. */
void stoq_close_now(struct stoq_connection *connection);
/* Only tells the peer: nothing is called or freed. */
void stoq_close_at_exit(struct stoq_connection *connection);
/* A packet came after our CONNECTION_CLOSE. */
void stoq_close_repeat(struct stoq_connection *connection);
