/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a client keeps in order to resume a connection later, as one string of bytes. */
#include <stddef.h>
#include <stdint.h>

struct stoq_connection;

/* An Initial packet has 1,200 bytes, of which the token takes its part in each. */
#define STOQ_SESSION_TOKEN_MAX 512

struct stoq_session {
	const uint8_t *params, *token, *ticket;
	size_t params_size, token_size, ticket_size;
};

/* Takes apart; -EINVAL: it is invalid. */
int stoq_session_parse(struct stoq_session *session, const uint8_t *data, size_t size);
/* A ticket has come: hands everything to the application. */
void stoq_session_offer(struct stoq_connection *connection);
