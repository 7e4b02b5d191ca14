// SPDX-License-Identifier: BSD-2-Clause
#include "transport/endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "datapath/address.h"
#include "transport/connection.h"
#include "transport/credentials.h"
#include "transport/early_data.h"
#include "transport/farewell.h"
#include "transport/secrets.h"
#include "transport/tls.h"
#include "transport/worker.h"

#define LOG_BYTES 1024

void stoq_transport_log(
	struct stoq_transport *transport, enum stoq_log_level level, const char *format, ...)
{
	char text[LOG_BYTES];
	va_list arguments;

	if (!transport->log)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* What a peer called itself must not write lines of its own. */
	for (char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	transport->log(level, text, transport->log_user);
}

/* ---- tokens of stateless resets ---- */

struct stoq_connection *stoq_transport_find_token(struct stoq_transport *transport,
	const uint8_t token[static NGTCP2_STATELESS_RESET_TOKENLEN], unsigned int *worker)
{
	struct stoq_connection *owner;

	pthread_mutex_lock(&transport->lock);
	owner = stoq_cid_find(&transport->reset_tokens, token, NGTCP2_STATELESS_RESET_TOKENLEN);
	/* It takes its tokens out before it goes. */
	if (owner)
		*worker = owner->worker->index;
	pthread_mutex_unlock(&transport->lock);
	return owner;
}

int stoq_transport_add_token(
	struct stoq_transport *transport, const ngtcp2_cid *token, struct stoq_connection *owner)
{
	int status;

	pthread_mutex_lock(&transport->lock);
	status = stoq_cid_insert(&transport->reset_tokens, token, owner);
	pthread_mutex_unlock(&transport->lock);
	return status;
}

void stoq_transport_remove_token(struct stoq_transport *transport, const ngtcp2_cid *token)
{
	pthread_mutex_lock(&transport->lock);
	stoq_cid_remove(&transport->reset_tokens, token);
	pthread_mutex_unlock(&transport->lock);
}

struct stoq_credentials *stoq_transport_credentials(struct stoq_transport *transport)
{
	struct stoq_credentials *credentials;

	pthread_mutex_lock(&transport->lock);
	credentials = stoq_credentials_hold(transport->credentials);
	pthread_mutex_unlock(&transport->lock);
	return credentials;
}

struct stoq_settings *stoq_transport_settings(struct stoq_transport *transport)
{
	struct stoq_settings *settings;

	pthread_mutex_lock(&transport->lock);
	settings = stoq_settings_hold(transport->settings);
	pthread_mutex_unlock(&transport->lock);
	return settings;
}

uint32_t stoq_transport_share(const struct stoq_transport *transport, uint32_t limit)
{
	return (limit + transport->worker_count - 1) / transport->worker_count;
}
