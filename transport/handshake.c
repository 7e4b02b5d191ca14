// SPDX-License-Identifier: BSD-2-Clause
#include "transport/handshake.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "transport/close_want.h"
#include "transport/connection.h"
#include "transport/frames.h"

#define HEADER_BYTES 4

/*
 * A ClientHello with the keys of several groups and a ticket that holds a certificate is a few
 * thousand bytes. Chains of certificates are longer, and so may tickets be; GnuTLS itself takes
 * 128 KiB in one message.
 */
#define INITIAL_BYTES_MAX   16384
#define HANDSHAKE_BYTES_MAX 131072
#define MESSAGE_BYTES_MAX   65536

/* RFC 8446, 4 and B.3. */
enum message_type {
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	NEW_SESSION_TICKET = 4,
	ENCRYPTED_EXTENSIONS = 8,
	CERTIFICATE = 11,
	CERTIFICATE_REQUEST = 13,
	CERTIFICATE_VERIFY = 15,
	FINISHED = 20,
	KEY_UPDATE = 24,
};

static int refuse(struct stoq_connection *connection, uint64_t code, const char *reason)
{
	ngtcp2_ccerr error;

	ngtcp2_ccerr_default(&error);
	if (code > STOQ_CRYPTO_ERROR)
		ngtcp2_ccerr_set_tls_alert(&error, (uint8_t)(code - STOQ_CRYPTO_ERROR), NULL, 0);
	else
		ngtcp2_ccerr_set_transport_error(&error, code, NULL, 0);
	stoq_close_want(connection, STOQ_CLOSE_TRANSPORT, &error, reason);
	return NGTCP2_ERR_CALLBACK_FAILURE;
}

static int unexpected(struct stoq_connection *connection, const char *reason)
{
	return refuse(connection, STOQ_CRYPTO_ERROR + GNUTLS_A_UNEXPECTED_MESSAGE, reason);
}

/* ---- what may come ---- */

static bool from_client(uint8_t type, ngtcp2_encryption_level level)
{
	if (level == NGTCP2_ENCRYPTION_LEVEL_INITIAL)
		return type == CLIENT_HELLO;
	return level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE &&
	       (type == CERTIFICATE || type == CERTIFICATE_VERIFY || type == FINISHED);
}

static bool from_server(uint8_t type, ngtcp2_encryption_level level)
{
	switch (level) {
	case NGTCP2_ENCRYPTION_LEVEL_INITIAL:
		return type == SERVER_HELLO;
	case NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE:
		return type == ENCRYPTED_EXTENSIONS || type == CERTIFICATE_REQUEST ||
		       type == CERTIFICATE || type == CERTIFICATE_VERIFY || type == FINISHED;
	default:
		return type == NEW_SESSION_TICKET;
	}
}

static int check_type(struct stoq_connection *connection, uint8_t type)
{
	const ngtcp2_encryption_level level = connection->handshake.level;

	if (connection->server ? from_client(type, level) : from_server(type, level))
		return 0;
	/* RFC 9001, 6. */
	if (type == KEY_UPDATE)
		return unexpected(connection, "TLS: a KeyUpdate, which QUIC forbids");
	/* RFC 9001, 4.4. */
	if (type == CERTIFICATE_REQUEST && !connection->server &&
		level == NGTCP2_ENCRYPTION_LEVEL_1RTT)
		return refuse(connection, STOQ_PROTOCOL_VIOLATION,
			"TLS: the server asks for a certificate after the handshake");
	return unexpected(connection, "TLS: a message that may not come here");
}

/* RFC 9001, 8.4: TLS's compatibility with what came before it has no place in QUIC. */
static int check_hello(struct stoq_connection *connection, const uint8_t *message, size_t size)
{
	const size_t session_id = HEADER_BYTES + 2 + 32;

	if (size > session_id && message[session_id])
		return refuse(connection, STOQ_PROTOCOL_VIOLATION,
			"TLS: the ClientHello has a legacy session ID, which QUIC forbids");
	return 0;
}

/* ---- tickets ---- */

static bool skip_vector(const uint8_t **at, const uint8_t *end, unsigned int length_bytes)
{
	size_t size = 0;

	if ((size_t)(end - *at) < length_bytes)
		return false;
	while (length_bytes--)
		size = size << 8 | *(*at)++;
	if ((size_t)(end - *at) < size)
		return false;
	*at += size;
	return true;
}

/* RFC 8446, 4.6.1: lifetime, age, nonce, ticket, extensions. false: it is not made like that. */
static bool find_extensions(const uint8_t **at, const uint8_t **end)
{
	size_t size;

	if (*end - *at < 8)
		return false;
	*at += 8;
	if (!skip_vector(at, *end, 1) || !skip_vector(at, *end, 2) || *end - *at < 2)
		return false;
	size = (size_t)(*at)[0] << 8 | (*at)[1];
	*at += 2;
	return (size_t)(*end - *at) == size;
}

/* RFC 9001, 4.6.1: early data are all or nothing in QUIC. */
static int check_ticket(struct stoq_connection *connection, const uint8_t *message, size_t size)
{
	const uint8_t *at = message + HEADER_BYTES, *end = message + size, *extension;
	bool whole = find_extensions(&at, &end);

	while (whole && at < end) {
		extension = at;
		at += end - at < 2 ? 0 : 2;
		whole = skip_vector(&at, end, 2);
		/* early_data is 42, and has four bytes: RFC 8446, 4.2.10. */
		if (whole && at - extension == 8 && memcmp(extension, "\0\52", 2) == 0 &&
			memcmp(extension + 4, "\xff\xff\xff\xff", 4) != 0)
			return refuse(connection, STOQ_PROTOCOL_VIOLATION,
				"TLS: a ticket limits early data, which QUIC forbids");
	}
	return whole ? 0
		     : refuse(connection, STOQ_CRYPTO_ERROR + GNUTLS_A_DECODE_ERROR,
			       "TLS: a ticket is damaged");
}

/* ---- messages ---- */

static void count_ticket(struct stoq_connection *connection, size_t size)
{
	stoq_budget_add_own(&connection->account, size);
	stoq_budget_subtract_own(&connection->account, connection->ticket_size);
	connection->ticket_size = size;
}

/* All of it. */
static int process(struct stoq_connection *connection, const uint8_t *message, size_t size)
{
	ngtcp2_conn *quic = connection->quic;
	int failure = 0;

	if (message[0] == CLIENT_HELLO)
		failure = check_hello(connection, message, size);
	else if (message[0] == NEW_SESSION_TICKET)
		failure = check_ticket(connection, message, size);
	if (failure)
		return failure;
	if (message[0] == NEW_SESSION_TICKET)
		count_ticket(connection, size);
	if (!ngtcp2_crypto_read_write_crypto_data(quic, connection->handshake.level, message, size))
		return 0;
	if (connection->close_wanted)
		return NGTCP2_ERR_CALLBACK_FAILURE;
	failure = ngtcp2_conn_get_tls_error(quic);
	return failure ? failure : NGTCP2_ERR_CRYPTO;
}

static size_t message_bytes(const uint8_t *header)
{
	return HEADER_BYTES + ((size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3]);
}

static int check_header(struct stoq_connection *connection, const uint8_t *header)
{
	int failure = check_type(connection, header[0]);
	size_t max = connection->handshake.level == NGTCP2_ENCRYPTION_LEVEL_INITIAL
			     ? INITIAL_BYTES_MAX
			     : MESSAGE_BYTES_MAX;

	if (failure || message_bytes(header) <= max)
		return failure;
	return refuse(connection, STOQ_CRYPTO_BUFFER_EXCEEDED, "TLS: a message is too long");
}

static int reserve(struct stoq_connection *connection, size_t size)
{
	struct stoq_handshake *handshake = &connection->handshake;
	size_t capacity = handshake->capacity ? handshake->capacity : 512;
	uint8_t *message;

	while (capacity < size)
		capacity *= 2;
	if (capacity == handshake->capacity)
		return 0;
	message = realloc(handshake->message, capacity);
	if (!message)
		return NGTCP2_ERR_NOMEM;
	stoq_budget_add_own(&connection->account, capacity - handshake->capacity);
	handshake->message = message;
	handshake->capacity = capacity;
	return 0;
}

static void forget_message(struct stoq_connection *connection)
{
	struct stoq_handshake *handshake = &connection->handshake;

	stoq_budget_subtract_own(&connection->account, handshake->capacity);
	free(handshake->message);
	handshake->message = NULL;
	handshake->size = handshake->capacity = 0;
}

/* Adds to the incomplete message up to so many bytes of it; how many were taken, or an error. */
static ngtcp2_ssize add(
	struct stoq_connection *connection, const uint8_t *data, size_t size, size_t whole)
{
	struct stoq_handshake *handshake = &connection->handshake;
	size_t part = whole - handshake->size < size ? whole - handshake->size : size;
	int failure = reserve(connection, handshake->size + part);

	if (failure)
		return failure;
	memcpy(handshake->message + handshake->size, data, part);
	handshake->size += part;
	return (ngtcp2_ssize)part;
}

/* Goes on with the incomplete message; how many bytes it took, or an error. */
static ngtcp2_ssize go_on(struct stoq_connection *connection, const uint8_t *data, size_t size)
{
	struct stoq_handshake *handshake = &connection->handshake;
	bool begins = handshake->size < HEADER_BYTES;
	ngtcp2_ssize taken = add(
		connection, data, size, begins ? HEADER_BYTES : message_bytes(handshake->message));
	int failure = 0;

	if (taken < 0 || handshake->size < HEADER_BYTES)
		return taken;
	if (begins)
		failure = check_header(connection, handshake->message);
	if (!failure && handshake->size == message_bytes(handshake->message)) {
		failure = process(connection, handshake->message, handshake->size);
		forget_message(connection);
	}
	return failure ? failure : taken;
}

/* A message at the beginning of the data that is whole is not copied. The same results. */
static ngtcp2_ssize take(struct stoq_connection *connection, const uint8_t *data, size_t size)
{
	int failure;

	if (connection->handshake.size || size < HEADER_BYTES || size < message_bytes(data))
		return go_on(connection, data, size);
	failure = check_header(connection, data);
	if (!failure)
		failure = process(connection, data, message_bytes(data));
	return failure ? failure : (ngtcp2_ssize)message_bytes(data);
}

static int check_level(
	struct stoq_connection *connection, ngtcp2_encryption_level level, size_t size)
{
	struct stoq_handshake *handshake = &connection->handshake;

	/* RFC 9001, 4.1.3. */
	if (level != handshake->level)
		return refuse(connection, STOQ_PROTOCOL_VIOLATION,
			"TLS: data of an encryption level that is over");
	handshake->received += size;
	if ((level == NGTCP2_ENCRYPTION_LEVEL_INITIAL && handshake->received > INITIAL_BYTES_MAX) ||
		(level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE &&
			handshake->received > HANDSHAKE_BYTES_MAX))
		return refuse(connection, STOQ_CRYPTO_BUFFER_EXCEEDED,
			"TLS: the handshake takes more data than it can need");
	return 0;
}

int stoq_handshake_receive(ngtcp2_conn *quic, ngtcp2_encryption_level level, uint64_t offset,
	const uint8_t *data, size_t size, void *user)
{
	struct stoq_connection *connection = user;
	int failure = check_level(connection, level, size);

	while (!failure && size) {
		ngtcp2_ssize taken;

		/* A message may have been the last of its level: nothing may follow it there. */
		if (level != connection->handshake.level)
			return check_level(connection, level, 0);
		taken = take(connection, data, size);
		if (taken < 0)
			return (int)taken;
		data += taken;
		size -= (size_t)taken;
	}
	return failure;
}

bool stoq_handshake_raise(struct stoq_connection *connection, ngtcp2_encryption_level level,
	bool receives, bool sends)
{
	struct stoq_handshake *handshake = &connection->handshake;

	if (ngtcp2_conn_get_handshake_completed(connection->quic) ||
		(receives && level <= handshake->level) || (sends && level <= handshake->sending))
		return false;
	if (receives) {
		handshake->level = level;
		handshake->received = 0;
	}
	if (sends)
		handshake->sending = level;
	return true;
}

void stoq_handshake_end(struct stoq_connection *connection)
{
	if (connection->handshake.message)
		forget_message(connection);
}
