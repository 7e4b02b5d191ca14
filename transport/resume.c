// SPDX-License-Identifier: BSD-2-Clause
#include "transport/resume.h"

/*
 * What a client keeps in order to resume: the server's transport parameters (early data go by
 * them), the token that proves our address, and GnuTLS's ticket. Three lengths, then the three,
 * then a hash of all that: GnuTLS does not survive every ticket that a disk has damaged.
 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "transport/connection.h"
#include "transport/tls.h"

#define PARAMS_MAX  256
#define SESSION_MAX 65536
#define HASH	    GNUTLS_DIG_SHA256
#define HASH_BYTES  32

struct lengths {
	uint32_t version;
	uint32_t params, token, ticket;
};

/* Of a machine: the bytes stay where they were made. */
#define VERSION 0x53513102u

/* Whether the last bytes are the hash of the others. */
static bool is_whole(const uint8_t *data, size_t size)
{
	uint8_t hash[HASH_BYTES];

	return gnutls_hash_fast(HASH, data, size - HASH_BYTES, hash) >= 0 &&
	       memcmp(hash, data + size - HASH_BYTES, HASH_BYTES) == 0;
}

int stoq_session_parse(struct stoq_session *session, const uint8_t *data, size_t size)
{
	struct lengths lengths;

	if (size < sizeof(lengths) + HASH_BYTES || size > SESSION_MAX || !is_whole(data, size))
		return -EINVAL;
	size -= HASH_BYTES;
	memcpy(&lengths, data, sizeof(lengths));
	data += sizeof(lengths);
	size -= sizeof(lengths);
	if (lengths.version != VERSION || lengths.params > size || lengths.token > size ||
		(uint64_t)lengths.params + lengths.token + lengths.ticket != size)
		return -EINVAL;
	session->params = data;
	session->params_size = lengths.params;
	session->token = data + lengths.params;
	session->token_size = lengths.token;
	session->ticket = session->token + lengths.token;
	session->ticket_size = lengths.ticket;
	return 0;
}

static void append(uint8_t **end, const void *data, size_t size)
{
	if (size)
		memcpy(*end, data, size);
	*end += size;
}

void stoq_session_offer(struct stoq_connection *connection)
{
	const struct stoq_transport_callbacks *callbacks = stoq_connection_callbacks(connection);
	uint8_t params[PARAMS_MAX], *all, *end;
	struct lengths lengths = {.version = VERSION, .token = connection->session_token_size};
	gnutls_datum_t ticket = {0};
	ngtcp2_ssize params_size =
		stoq_ngtcp2_early_params_encode(connection->quic, params, sizeof(params));
	size_t size;

	if (!callbacks->session || params_size < 0 ||
		gnutls_session_get_data2(connection->tls, &ticket) < 0)
		return;
	lengths.params = params_size;
	lengths.ticket = ticket.size;
	size = sizeof(lengths) + lengths.params + lengths.token + lengths.ticket + HASH_BYTES;
	/* What stoq_session_parse() would refuse is of no use. */
	all = size <= SESSION_MAX ? malloc(size) : NULL;
	if (all) {
		end = all;
		append(&end, &lengths, sizeof(lengths));
		append(&end, params, lengths.params);
		append(&end, connection->session_token, lengths.token);
		append(&end, ticket.data, lengths.ticket);
		if (gnutls_hash_fast(HASH, all, (size_t)(end - all), end) >= 0)
			callbacks->session(
				connection, all, size, stoq_connection_callback_user(connection));
		explicit_bzero(all, size);
		free(all);
	}
	gnutls_memset(ticket.data, 0, ticket.size);
	gnutls_free(ticket.data);
}
