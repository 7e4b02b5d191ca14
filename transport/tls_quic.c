// SPDX-License-Identifier: BSD-2-Clause
#include "transport/tls_quic.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>

#include "transport/close_want.h"
#include "transport/connection.h"
#include "transport/frames.h"
#include "transport/keys.h"
#include "transport/ngtcp2_compat.h"
#include "transport/parameters.h"

#define TRANSPORT_PARAMETERS 0x39 /* RFC 9001, 8.2 */
#define OUR_PARAMETERS_MAX   512

static struct stoq_connection *connection_of(gnutls_session_t tls)
{
	ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(tls);

	return reference->user_data;
}

static int message_written(gnutls_session_t tls, gnutls_record_encryption_level_t level,
	gnutls_handshake_description_t type, const void *data, size_t size)
{
	ngtcp2_conn *quic = connection_of(tls)->quic;
	int failure;

	if (type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC)
		return 0;
	failure = ngtcp2_conn_submit_crypto_data(
		quic, ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(level), data, size);
	if (failure)
		ngtcp2_conn_set_tls_error(quic, failure);
	return failure ? -1 : 0;
}

static int alert_written(gnutls_session_t tls, gnutls_record_encryption_level_t level,
	gnutls_alert_level_t alert_level, gnutls_alert_description_t alert)
{
	ngtcp2_conn_set_tls_alert(connection_of(tls)->quic, (uint8_t)alert);
	return 0;
}

/* ---- transport parameters ---- */

static void refuse(struct stoq_connection *connection, const char *fault)
{
	ngtcp2_ccerr error;

	ngtcp2_ccerr_default(&error);
	ngtcp2_ccerr_set_transport_error(&error, STOQ_TRANSPORT_PARAMETER_ERROR, NULL, 0);
	stoq_close_want(connection, STOQ_CLOSE_TRANSPORT, &error, fault);
}

static int pass_on(struct stoq_connection *connection, const uint8_t *data, size_t size)
{
	int failure = stoq_ngtcp2_remote_params(connection->quic, data, size);

	if (failure)
		ngtcp2_conn_set_tls_error(connection->quic, failure);
	return failure ? -1 : 0;
}

static int parameters_came(gnutls_session_t tls, const uint8_t *data, size_t size)
{
	struct stoq_connection *connection = connection_of(tls);
	uint8_t *changed = malloc(size + STOQ_PARAMETERS_GROWTH);
	struct stoq_parameters parameters;
	ptrdiff_t changed_size;
	int status;

	if (!changed) {
		ngtcp2_conn_set_tls_error(connection->quic, NGTCP2_ERR_NOMEM);
		return -1;
	}
	changed_size = stoq_parameters_take(&parameters, data, size, changed);
	if (changed_size < 0) {
		refuse(connection, parameters.fault);
		status = -1;
	} else {
		connection->peer_datagram_frame_max = parameters.max_datagram_frame_bytes;
		status = pass_on(connection, changed, (size_t)changed_size);
	}
	free(changed);
	return status;
}

static int write_parameters(gnutls_session_t tls, gnutls_buffer_t out)
{
	uint8_t bytes[OUR_PARAMETERS_MAX];
	ngtcp2_ssize size = ngtcp2_conn_encode_local_transport_params(
		connection_of(tls)->quic, bytes, sizeof(bytes));

	return size < 0 || gnutls_buffer_append_data(out, bytes, (size_t)size) < 0 ? -1 : 0;
}

int stoq_tls_quic_setup(struct gnutls_session_int *tls)
{
	gnutls_handshake_set_read_function(tls, message_written);
	gnutls_alert_set_read_function(tls, alert_written);
	stoq_keys_hook(tls);
	if (gnutls_session_ext_register(tls, "QUIC Transport Parameters", TRANSPORT_PARAMETERS,
		    GNUTLS_EXT_TLS, parameters_came, write_parameters, NULL, NULL, NULL,
		    GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO | GNUTLS_EXT_FLAG_EE) < 0)
		return -ENOMEM;
	return 0;
}
