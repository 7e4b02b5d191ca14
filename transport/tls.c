// SPDX-License-Identifier: BSD-2-Clause
#include "transport/tls.h"

#include <errno.h>
#include <string.h>

#include "pki/credentials.h"
#include "transport/connection.h"
#include "transport/credentials.h"
#include "transport/endpoint.h"
#include "transport/keylog.h"
#include "transport/quic_memory.h"
#include "transport/resume.h"
#include "transport/tls_quic.h"
#include "transport/tls_verify.h"
#include "transport/worker.h"

/* QUIC forbids the rest; TLS_AES_128_CCM is left out because no one's packet protection is that. */
static const char priorities[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:%DISABLE_TLS13_COMPAT_MODE:-CIPHER-ALL:+AES-128-GCM:"
	"+AES-256-GCM:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"
	"+GROUP-SECP384R1:+GROUP-SECP521R1";

#define TICKET_LIFETIME_S 7200

static ngtcp2_conn *get_quic(ngtcp2_crypto_conn_ref *reference)
{
	struct stoq_connection *connection = reference->user_data;

	return connection->quic;
}

static struct stoq_connection *connection_of(gnutls_session_t session)
{
	ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(session);

	return reference->user_data;
}

/* GnuTLS asks when the peer has shown its certificate. */
static int verify(gnutls_session_t session)
{
	struct stoq_connection *connection = connection_of(session);
	int alert;

	if (!stoq_tls_verify_peer(connection, &alert))
		return 0;
	/* GnuTLS will send, for all reasons, that the certificate is bad. */
	connection->tls_alert = (uint8_t)alert;
	return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

/*
 * Without a function of ours GnuTLS would write to the file that the environment's SSLKEYLOGFILE
 * names, without the application having asked for it.
 */
static int keylog(gnutls_session_t session, const char *label, const gnutls_datum_t *secret)
{
	struct stoq_connection *connection = connection_of(session);
	gnutls_datum_t random, unused;

	gnutls_session_get_random(session, &random, &unused);
	stoq_transport_keylog(connection->worker->transport, label, &random, secret);
	return 0;
}

static int set_alpn(struct stoq_connection *connection)
{
	const struct stoq_transport_config *config = &connection->settings->config;
	gnutls_datum_t names[STOQ_ALPN_MAX];
	unsigned int count = 0;

	while (count < config->alpn_count) {
		names[count] = (gnutls_datum_t){.data = (unsigned char *)config->alpn[count],
			.size = (unsigned int)strlen(config->alpn[count])};
		count++;
	}
	return gnutls_alpn_set_protocols(connection->tls, names, count,
		GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE);
}

static int common(struct stoq_connection *connection)
{
	gnutls_session_t tls = connection->tls;

	if (gnutls_priority_set(tls, connection->worker->transport->priorities) < 0 ||
		gnutls_credentials_set(
			tls, GNUTLS_CRD_CERTIFICATE, connection->credentials->certificates) < 0 ||
		set_alpn(connection) < 0)
		return -ENOMEM;
	connection->reference =
		(ngtcp2_crypto_conn_ref){.get_conn = get_quic, .user_data = connection};
	gnutls_session_set_ptr(tls, &connection->reference);
	gnutls_session_set_keylog_function(tls, keylog);
	if (!connection->settings->config.tls.insecure)
		gnutls_session_set_verify_function(tls, verify);
	ngtcp2_conn_set_tls_native_handle(connection->quic, tls);
	return stoq_tls_quic_setup(tls);
}

/*
 * A client's early data go by the window of the connection before (RFC 9000, 7.4.1): they are
 * refused when there is no memory for one as large.
 */
static bool takes_early_data(const struct stoq_connection *connection)
{
	const struct stoq_transport_config *config = &connection->settings->config;

	return config->early_data && connection->account.window_bytes == config->window_bytes;
}

int stoq_tls_start_server(struct stoq_connection *connection)
{
	const struct stoq_transport_config *config = &connection->settings->config;
	struct stoq_transport *transport = connection->worker->transport;
	unsigned int flags =
		GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_END_OF_EARLY_DATA;

	if (takes_early_data(connection))
		flags |= GNUTLS_ENABLE_EARLY_DATA;
	if (gnutls_init(&connection->tls, flags) < 0) {
		connection->tls = NULL;
		return -ENOMEM;
	}
	if (common(connection))
		return -ENOMEM;
	gnutls_certificate_server_set_request(
		connection->tls, config->tls.insecure ? GNUTLS_CERT_IGNORE : GNUTLS_CERT_REQUIRE);
	/* A client that is not told our authorities shows what it has, and learns what is wrong. */
	gnutls_certificate_send_x509_rdn_sequence(connection->tls, 1);
	if (!config->resumption)
		return 0;
	gnutls_db_set_cache_expiration(connection->tls, TICKET_LIFETIME_S);
	if (gnutls_session_ticket_enable_server(connection->tls, &transport->ticket_key) < 0)
		return -ENOMEM;
	if (config->early_data) {
		gnutls_anti_replay_enable(connection->tls, transport->anti_replay);
		gnutls_record_set_max_early_data_size(connection->tls, UINT32_MAX);
	}
	return 0;
}

static int got_ticket(gnutls_session_t session, unsigned int type, unsigned int when,
	unsigned int incoming, const gnutls_datum_t *message)
{
	if (incoming)
		stoq_session_offer(connection_of(session));
	return 0;
}

/* ngtcp2 0.12's function writes to where it has got no memory. */
static bool use_early_params(struct stoq_connection *connection, const struct stoq_session *session)
{
	struct stoq_budget_account *account = &connection->account;
	bool used = stoq_quic_memory_reserve(account, sizeof(ngtcp2_transport_params)) &&
		    !stoq_ngtcp2_early_params_decode(
			    connection->quic, session->params, session->params_size);

	stoq_quic_memory_end_reserve(account);
	return used;
}

static int resume(struct stoq_connection *connection, const uint8_t *data, size_t size)
{
	struct stoq_session session;
	int status = stoq_session_parse(&session, data, size);

	if (status)
		return status;
	/* A ticket that GnuTLS does not take is one that has expired: a full handshake follows. */
	if (gnutls_session_set_data(connection->tls, session.ticket, session.ticket_size) < 0) {
		connection->early_data = false;
		return 0;
	}
	connection->early_data = connection->early_data && use_early_params(connection, &session);
	return 0;
}

/* Servers with several certificates choose by it. */
static int send_server_name(gnutls_session_t tls, const char *text)
{
	struct stoq_pki_name name;

	if (!text || stoq_pki_name_parse(&name, text, NULL) || !stoq_pki_name_is_server_name(&name))
		return 0;
	return gnutls_server_name_set(tls, GNUTLS_NAME_DNS, name.text, strlen(name.text)) < 0
		       ? -ENOMEM
		       : 0;
}

int stoq_tls_start_client(struct stoq_connection *connection, const char *name,
	const uint8_t *session, size_t session_size)
{
	unsigned int flags = GNUTLS_CLIENT | GNUTLS_NO_END_OF_EARLY_DATA;

	if (connection->early_data)
		flags |= GNUTLS_ENABLE_EARLY_DATA;
	if (gnutls_init(&connection->tls, flags) < 0) {
		connection->tls = NULL;
		return -ENOMEM;
	}
	if (common(connection) || send_server_name(connection->tls, name))
		return -ENOMEM;
	gnutls_handshake_set_hook_function(
		connection->tls, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST, got_ticket);
	return session_size ? resume(connection, session, session_size) : 0;
}

/* GnuTLS keeps them as they came; how many and how large, is the peer's choice. */
static size_t peer_certificate_bytes(gnutls_session_t tls)
{
	unsigned int count = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(tls, &count);
	size_t bytes = 0;

	for (unsigned int i = 0; list && i < count; i++)
		bytes += list[i].size;
	return bytes;
}

int stoq_tls_finish(struct stoq_connection *connection, int *alert)
{
	connection->resumed = gnutls_session_is_resumed(connection->tls);
	stoq_budget_add_own(&connection->account, peer_certificate_bytes(connection->tls));
	/* A resumed handshake shows no certificate; that of the first one may be revoked by now. */
	if (!connection->resumed || connection->settings->config.tls.insecure)
		return 0;
	return stoq_tls_verify_peer(connection, alert);
}

void stoq_tls_send_ticket(struct stoq_connection *connection)
{
	/* Without one the client cannot resume; nothing else depends on it. */
	if (connection->settings->config.resumption)
		(void)gnutls_session_ticket_send(connection->tls, 1, 0);
}

void stoq_tls_end(struct stoq_connection *connection)
{
	if (connection->tls)
		gnutls_deinit(connection->tls);
	connection->tls = NULL;
}

void stoq_tls_alpn(const struct stoq_connection *connection, char text[static 256])
{
	gnutls_datum_t name = {0};

	if (connection->tls)
		(void)gnutls_alpn_get_selected_protocol(connection->tls, &name);
	snprintf(text, 256, "%.*s", (int)name.size, name.data ? (const char *)name.data : "");
}

const char *stoq_tls_cipher_name(const struct stoq_connection *connection)
{
	return connection->tls ? gnutls_cipher_get_name(gnutls_cipher_get(connection->tls)) : "";
}

int stoq_tls_priorities(gnutls_priority_t *result)
{
	return gnutls_priority_init(result, priorities, NULL) < 0 ? -EINVAL : 0;
}
