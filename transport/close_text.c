// SPDX-License-Identifier: BSD-2-Clause
#include "transport/close_text.h"

#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <stdio.h>

#include "transport/connection.h"

/* RFC 9000, 20.1. */
static const char *const texts[] = {
	[0x00] = "no error",
	[0x01] = "internal error",
	[0x02] = "connection refused",
	[0x03] = "flow control error",
	[0x04] = "stream limit error",
	[0x05] = "stream state error",
	[0x06] = "final size error",
	[0x07] = "frame encoding error",
	[0x08] = "transport parameter error",
	[0x09] = "connection ID limit error",
	[0x0a] = "protocol violation",
	[0x0b] = "invalid token",
	[0x0c] = "application error",
	[0x0d] = "crypto buffer exceeded",
	[0x0e] = "key update error",
	[0x0f] = "the limit of forged packets for a key",
	[0x10] = "no viable path",
};

#define CRYPTO_ERROR 0x100 /* plus the TLS alert */

void stoq_close_describe(struct stoq_close_info *close, const char *what)
{
	const char *text = NULL;

	if (close->code < sizeof(texts) / sizeof(texts[0]))
		text = texts[close->code];
	else if (close->code >= CRYPTO_ERROR && close->code < 2 * CRYPTO_ERROR)
		text = gnutls_alert_get_name(
			(gnutls_alert_description_t)(close->code - CRYPTO_ERROR));
	snprintf(close->reason, sizeof(close->reason), "%s: %s (0x%" PRIx64 ")", what,
		text ? text : "an unknown error", close->code);
}
