// SPDX-License-Identifier: BSD-2-Clause
#include "transport/close_want.h"

#include <string.h>

/* A peer's words may come to a terminal, a log or JSON: printable ASCII only. */
static char printable(char byte)
{
	return byte >= ' ' && byte <= '~' ? byte : '?';
}

void stoq_close_note(struct stoq_connection *connection, enum stoq_close_origin origin,
	uint64_t code, const char *reason, size_t size)
{
	struct stoq_close_info *close = &connection->close;

	close->origin = origin;
	close->code = code;
	if (size >= sizeof(close->reason))
		size = sizeof(close->reason) - 1;
	for (size_t i = 0; i < size; i++)
		close->reason[i] = printable(reason[i]);
	close->reason[size] = '\0';
}

void stoq_close_want(struct stoq_connection *connection, enum stoq_close_origin origin,
	const ngtcp2_ccerr *error, const char *reason)
{
	if (connection->close_wanted || !connection->quic)
		return;
	connection->close_wanted = true;
	stoq_close_note(connection, origin, error->error_code, reason, strlen(reason));
	connection->close_error = *error;
	/* The reason that goes out is our copy. */
	connection->close_error.reason = (uint8_t *)connection->close.reason;
	connection->close_error.reasonlen = strlen(connection->close.reason);
	stoq_connection_touch(connection);
}

void stoq_connection_close(struct stoq_connection *connection, uint64_t code, const char *reason)
{
	ngtcp2_ccerr error;

	ngtcp2_ccerr_default(&error);
	ngtcp2_ccerr_set_application_error(&error, code, NULL, 0);
	stoq_close_want(connection, STOQ_CLOSE_APPLICATION, &error, reason ? reason : "");
}

void stoq_connection_shutdown(struct stoq_connection *connection)
{
	connection->shutting_down = true;
	stoq_connection_touch(connection);
}
