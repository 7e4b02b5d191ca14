// SPDX-License-Identifier: BSD-2-Clause
#include "transport/keys.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/close_want.h"
#include "transport/connection.h"
#include "transport/counter.h"
#include "transport/frames.h"
#include "transport/protection/derive.h"
#include "transport/tls.h"
#include "transport/tls_verify.h"
#include "transport/worker.h"

/* RFC 9001, 6.6: how many packets a key may protect, and how many forged ones it survives. */
#define MAX_PACKETS	     (1ull << 23)
#define MAX_FORGERIES_GCM    (1ull << 52)
#define MAX_FORGERIES_CHACHA (1ull << 36)

/* RFC 9001, 5.8: the key that Retry packets of version 1 are authenticated with. */
static const uint8_t retry_key[16] = {0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76,
	0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e};

/* What ngtcp2 knows a packet key by: whose it is, and which packets it is for. */
struct level_key {
	struct stoq_packet_key *key;
	struct stoq_connection *connection; /* NULL: of Retry packets, which have no frames */
	enum stoq_packet_kind kind;
};

static void free_level_key(struct level_key *key)
{
	if (key)
		stoq_packet_key_free(key->key);
	free(key);
}

static int new_level_key(struct level_key **result, struct stoq_connection *connection,
	enum stoq_packet_kind kind, enum stoq_cipher cipher, const uint8_t *bytes)
{
	struct level_key *key = malloc(sizeof(*key));
	int status;

	if (!key)
		return -ENOMEM;
	*key = (struct level_key){.connection = connection, .kind = kind};
	status = stoq_packet_key_new(&key->key, cipher, bytes);
	if (status) {
		free(key);
		return status;
	}
	*result = key;
	return 0;
}

/* The keys of one direction as ngtcp2 takes them. */
struct installable {
	ngtcp2_crypto_aead_ctx aead;
	ngtcp2_crypto_cipher_ctx header;
	uint8_t iv[STOQ_PROTECTION_NONCE_BYTES];
};

static void discard(struct installable *keys)
{
	free_level_key(keys->aead.native_handle);
	stoq_header_key_free(keys->header.native_handle);
	explicit_bzero(keys, sizeof(*keys));
}

static int make(struct installable *keys, struct stoq_connection *connection,
	enum stoq_packet_kind kind, enum stoq_cipher cipher, const uint8_t *secret)
{
	struct stoq_traffic_keys derived;
	struct level_key *packet = NULL;
	struct stoq_header_key *header = NULL;
	int status = stoq_traffic_keys_derive(&derived, cipher, secret);

	if (!status)
		status = new_level_key(&packet, connection, kind, cipher, derived.key);
	if (!status)
		status = stoq_header_key_new(&header, cipher, derived.header_key);
	keys->aead.native_handle = packet;
	keys->header.native_handle = header;
	memcpy(keys->iv, derived.iv, sizeof(keys->iv));
	explicit_bzero(&derived, sizeof(derived));
	if (status)
		discard(keys);
	return status;
}

static ngtcp2_crypto_ctx limits_of(enum stoq_cipher cipher)
{
	return (ngtcp2_crypto_ctx){
		.aead.max_overhead = STOQ_PROTECTION_TAG_BYTES,
		.max_encryption = MAX_PACKETS,
		.max_decryption_failure =
			cipher == STOQ_CHACHA20_POLY1305 ? MAX_FORGERIES_CHACHA : MAX_FORGERIES_GCM,
	};
}

/* ---- Initial packets, by the client's first connection ID ---- */

static int install_initial(
	ngtcp2_conn *quic, struct stoq_connection *connection, const ngtcp2_cid *cid)
{
	uint8_t client[32], server[32];
	struct installable receive = {0}, send = {0};
	ngtcp2_crypto_ctx context = limits_of(STOQ_AES_128_GCM);
	int status = stoq_initial_secrets(client, server, cid->data, cid->datalen);

	if (!status)
		status = make(&receive, connection, STOQ_INITIAL, STOQ_AES_128_GCM,
			connection->server ? client : server);
	if (!status)
		status = make(&send, connection, STOQ_INITIAL, STOQ_AES_128_GCM,
			connection->server ? server : client);
	explicit_bzero(client, sizeof(client));
	explicit_bzero(server, sizeof(server));
	if (!status) {
		ngtcp2_conn_set_initial_crypto_ctx(quic, &context);
		status = ngtcp2_conn_install_initial_key(quic, &receive.aead, receive.iv,
			&receive.header, &send.aead, send.iv, &send.header, sizeof(send.iv));
	}
	if (status) {
		discard(&receive);
		discard(&send);
		return NGTCP2_ERR_CALLBACK_FAILURE;
	}
	return 0;
}

static int install_retry_key(ngtcp2_conn *quic)
{
	ngtcp2_crypto_aead aead = {.max_overhead = STOQ_PROTECTION_TAG_BYTES};
	ngtcp2_crypto_aead_ctx context;
	struct level_key *key;

	if (new_level_key(&key, NULL, STOQ_INITIAL, STOQ_AES_128_GCM, retry_key))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	context.native_handle = key;
	ngtcp2_conn_set_retry_aead(quic, &aead, &context);
	return 0;
}

static int client_initial(ngtcp2_conn *quic, void *user)
{
	if (install_initial(quic, user, ngtcp2_conn_get_dcid(quic)) || install_retry_key(quic))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	if (ngtcp2_crypto_read_write_crypto_data(quic, NGTCP2_ENCRYPTION_LEVEL_INITIAL, NULL, 0))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int receive_client_initial(ngtcp2_conn *quic, const ngtcp2_cid *dcid, void *user)
{
	return install_initial(quic, user, dcid);
}

static int receive_retry(ngtcp2_conn *quic, const ngtcp2_pkt_hd *header, void *user)
{
	return install_initial(quic, user, &header->scid);
}

/* ---- the rest, by TLS's secrets ---- */

static int cipher_of(gnutls_cipher_algorithm_t algorithm, enum stoq_cipher *cipher)
{
	switch (algorithm) {
	case GNUTLS_CIPHER_AES_128_GCM:
		*cipher = STOQ_AES_128_GCM;
		return 0;
	case GNUTLS_CIPHER_AES_256_GCM:
		*cipher = STOQ_AES_256_GCM;
		return 0;
	case GNUTLS_CIPHER_CHACHA20_POLY1305:
		*cipher = STOQ_CHACHA20_POLY1305;
		return 0;
	default:
		return -1;
	}
}

static int install_receive(struct stoq_connection *connection, ngtcp2_encryption_level level,
	const struct installable *keys, const uint8_t *secret, size_t size)
{
	if (level == NGTCP2_ENCRYPTION_LEVEL_0RTT)
		return ngtcp2_conn_install_0rtt_key(
			connection->quic, &keys->aead, keys->iv, sizeof(keys->iv), &keys->header);
	if (level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE)
		return ngtcp2_conn_install_rx_handshake_key(
			connection->quic, &keys->aead, keys->iv, sizeof(keys->iv), &keys->header);
	return ngtcp2_conn_install_rx_key(connection->quic, secret, size, &keys->aead, keys->iv,
		sizeof(keys->iv), &keys->header);
}

static int install_send(struct stoq_connection *connection, ngtcp2_encryption_level level,
	const struct installable *keys, const uint8_t *secret, size_t size)
{
	if (level == NGTCP2_ENCRYPTION_LEVEL_0RTT)
		return ngtcp2_conn_install_0rtt_key(
			connection->quic, &keys->aead, keys->iv, sizeof(keys->iv), &keys->header);
	if (level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE)
		return ngtcp2_conn_install_tx_handshake_key(
			connection->quic, &keys->aead, keys->iv, sizeof(keys->iv), &keys->header);
	return ngtcp2_conn_install_tx_key(connection->quic, secret, size, &keys->aead, keys->iv,
		sizeof(keys->iv), &keys->header);
}

typedef int install_function(struct stoq_connection *connection, ngtcp2_encryption_level level,
	const struct installable *keys, const uint8_t *secret, size_t size);

static enum stoq_packet_kind kind_of(ngtcp2_encryption_level level)
{
	switch (level) {
	case NGTCP2_ENCRYPTION_LEVEL_0RTT:
		return STOQ_EARLY;
	case NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE:
		return STOQ_HANDSHAKE;
	default:
		return STOQ_ONE_RTT;
	}
}

static int install(struct stoq_connection *connection, ngtcp2_encryption_level level,
	const uint8_t *secret, size_t size, install_function *function)
{
	enum stoq_cipher cipher = level == NGTCP2_ENCRYPTION_LEVEL_0RTT ? connection->early_cipher
									: connection->cipher;
	struct installable keys = {0};

	if (!secret)
		return 0;
	if (size != stoq_cipher_secret_bytes(cipher) ||
		make(&keys, connection, kind_of(level), cipher, secret))
		return -1;
	if (function(connection, level, &keys, secret, size)) {
		discard(&keys);
		return -1;
	}
	explicit_bzero(&keys, sizeof(keys));
	return 0;
}

static int prepare_level(
	struct stoq_connection *connection, gnutls_session_t tls, ngtcp2_encryption_level level)
{
	ngtcp2_crypto_ctx context;

	if (level == NGTCP2_ENCRYPTION_LEVEL_0RTT) {
		if (cipher_of(gnutls_early_cipher_get(tls), &connection->early_cipher))
			return -1;
		context = limits_of(connection->early_cipher);
		ngtcp2_conn_set_0rtt_crypto_ctx(connection->quic, &context);
		connection->early_keys = true;
		return 0;
	}
	if (cipher_of(gnutls_cipher_get(tls), &connection->cipher))
		return -1;
	context = limits_of(connection->cipher);
	ngtcp2_conn_set_crypto_ctx(connection->quic, &context);
	return 0;
}

static int refuse_hello(
	struct stoq_connection *connection, gnutls_alert_description_t alert, const char *reason)
{
	connection->tls_alert = (uint8_t)alert;
	snprintf(connection->tls_reason, sizeof(connection->tls_reason), "%s", reason);
	return -1;
}

/*
 * RFC 9001, 8.1 and 8.2: without an application protocol and transport parameters it is not QUIC's
 * TLS. ngtcp2 0.12 does not look before it writes the next packet, and then asserts that there are
 * parameters; so anybody could end us. GnuTLS takes a peer that offers no protocol for one that
 * agrees to ours.
 */
static int check_hello(
	struct stoq_connection *connection, gnutls_session_t tls, ngtcp2_encryption_level level)
{
	const bool due = level == NGTCP2_ENCRYPTION_LEVEL_1RTT ||
			 (connection->server && level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE);
	gnutls_datum_t protocol;

	if (!due)
		return 0;
	if (!ngtcp2_conn_get_remote_transport_params(connection->quic))
		return refuse_hello(connection, GNUTLS_A_MISSING_EXTENSION,
			"the peer sent no QUIC transport parameters");
	if (gnutls_alpn_get_selected_protocol(tls, &protocol) < 0)
		return refuse_hello(connection, GNUTLS_A_NO_APPLICATION_PROTOCOL,
			"the peer names no application protocol");
	return 0;
}

static int receive_secret(gnutls_session_t tls, gnutls_record_encryption_level_t record_level,
	const void *receive, const void *send, size_t size)
{
	ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(tls);
	struct stoq_connection *connection = reference->user_data;
	ngtcp2_encryption_level level =
		ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(record_level);

	/* Without the key they are not read; when the handshake is over the peer learns why. */
	if (level == NGTCP2_ENCRYPTION_LEVEL_0RTT && !stoq_tls_hears_early_data(connection))
		return 0;
	if (level != NGTCP2_ENCRYPTION_LEVEL_0RTT &&
		!stoq_handshake_raise(connection, level, receive != NULL, send != NULL))
		return GNUTLS_E_INTERNAL_ERROR;
	if (check_hello(connection, tls, level) || prepare_level(connection, tls, level) ||
		install(connection, level, receive, size, install_receive) ||
		install(connection, level, send, size, install_send))
		return GNUTLS_E_INTERNAL_ERROR;
	return 0;
}

void stoq_keys_hook(struct gnutls_session_int *tls)
{
	gnutls_handshake_set_secret_function(tls, receive_secret);
}

/* A key update changes the packet keys; those of the header protection stay. */
static int next_keys(struct stoq_connection *connection, uint8_t *next_secret,
	const uint8_t *secret, ngtcp2_crypto_aead_ctx *aead, uint8_t *iv)
{
	enum stoq_cipher cipher = connection->cipher;
	struct stoq_traffic_keys derived;
	struct level_key *key = NULL;
	int status = stoq_traffic_secret_next(next_secret, cipher, secret);

	if (!status)
		status = stoq_traffic_keys_derive(&derived, cipher, next_secret);
	if (status)
		return status;
	status = new_level_key(&key, connection, STOQ_ONE_RTT, cipher, derived.key);
	aead->native_handle = key;
	memcpy(iv, derived.iv, sizeof(derived.iv));
	explicit_bzero(&derived, sizeof(derived));
	return status;
}

static int update_key(ngtcp2_conn *quic, uint8_t *next_receive_secret, uint8_t *next_send_secret,
	ngtcp2_crypto_aead_ctx *receive, uint8_t *receive_iv, ngtcp2_crypto_aead_ctx *send,
	uint8_t *send_iv, const uint8_t *receive_secret_now, const uint8_t *send_secret_now,
	size_t size, void *user)
{
	struct stoq_connection *connection = user;

	if (size != stoq_cipher_secret_bytes(connection->cipher))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	if (next_keys(connection, next_receive_secret, receive_secret_now, receive, receive_iv))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	if (next_keys(connection, next_send_secret, send_secret_now, send, send_iv)) {
		free_level_key(receive->native_handle);
		receive->native_handle = NULL;
		return NGTCP2_ERR_CALLBACK_FAILURE;
	}
	/* The first time, it prepares the first update. Each one that takes place prepares the
	 * next. */
	if (connection->next_keys_ready) {
		connection->key_updates++;
		stoq_counter_add(&connection->worker->metrics.key_updates, 1);
	}
	connection->next_keys_ready = true;
	return 0;
}

/* ---- every packet ---- */

/*
 * A probe of the path's packet size: what ngtcp2 wrote as a DATAGRAM of zeros, and waits for as
 * such, goes out as PING and PADDING. So it needs no peer that takes DATAGRAM frames.
 */
static void make_probe(uint8_t *payload, size_t size)
{
	size_t header_size;
	uint8_t *datagram = stoq_frames_find_datagram(payload, size, &header_size);

	if (!datagram)
		return;
	memset(datagram, 0, header_size);
	datagram[0] = 1;
}

static int encrypt(uint8_t *out, const ngtcp2_crypto_aead *aead,
	const ngtcp2_crypto_aead_ctx *context, const uint8_t *plain, size_t size,
	const uint8_t *nonce, size_t nonce_size, const uint8_t *associated, size_t associated_size)
{
	const struct level_key *key = context->native_handle;

	if (key->connection && key->connection->probing) {
		memmove(out, plain, size);
		make_probe(out, size);
		plain = out;
	}
	if (stoq_packet_seal(key->key, out, plain, size, nonce, associated, associated_size))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int refuse(struct stoq_connection *connection, const struct stoq_frame_fault *fault)
{
	ngtcp2_ccerr error;

	ngtcp2_ccerr_default(&error);
	ngtcp2_ccerr_set_transport_error(&error, fault->code, NULL, 0);
	error.frame_type = fault->type;
	stoq_close_want(connection, STOQ_CLOSE_TRANSPORT, &error, fault->reason);
	return NGTCP2_ERR_CALLBACK_FAILURE;
}

/*
 * A client's handshake is over for ngtcp2 when it has written its end. It has to find the server's
 * first connection ID and its own keys then, so what would take them away waits until it is
 * repeated.
 */
static bool is_too_early(const struct stoq_connection *connection, unsigned int seen)
{
	return seen & (STOQ_SEEN_HANDSHAKE_DONE | STOQ_SEEN_NEW_CONNECTION_ID) &&
	       !connection->server && !connection->finish_written;
}

static bool take_id(void *context, uint64_t number, uint64_t retire_prior_to)
{
	return stoq_given_ids_take(context, number, retire_prior_to);
}

/* What the peer has sealed is its own: now it can be blamed for it. */
static int look_at_frames(const struct level_key *key, uint8_t *payload, size_t size)
{
	struct stoq_connection *connection = key->connection;
	const struct stoq_frame_rules rules = {
		.kind = key->kind,
		.server = connection->server,
		.datagram_frame_max = connection->datagram_frame_max,
		.next_bidirectional = connection->next_bidirectional,
		.next_unidirectional = connection->next_unidirectional,
	};
	struct stoq_frame_fault fault;
	unsigned int seen;

	if (!stoq_frames_check(payload, size, &rules, &fault, &seen))
		return refuse(connection, &fault);
	if (is_too_early(connection, seen))
		return NGTCP2_ERR_DECRYPT;
	if (seen & STOQ_SEEN_NEW_CONNECTION_ID)
		stoq_frames_filter_ids(payload, size, key->kind, take_id, &connection->given_ids);
	connection->opened = true;
	connection->crypto_seen = seen & STOQ_SEEN_CRYPTO;
	return 0;
}

static int decrypt(uint8_t *out, const ngtcp2_crypto_aead *aead,
	const ngtcp2_crypto_aead_ctx *context, const uint8_t *sealed, size_t size,
	const uint8_t *nonce, size_t nonce_size, const uint8_t *associated, size_t associated_size)
{
	const struct level_key *key = context->native_handle;

	if (stoq_packet_open(key->key, out, sealed, size, nonce, associated, associated_size))
		return NGTCP2_ERR_DECRYPT;
	return look_at_frames(key, out, size - STOQ_PROTECTION_TAG_BYTES);
}

static int header_mask(uint8_t *mask, const ngtcp2_crypto_cipher *cipher,
	const ngtcp2_crypto_cipher_ctx *context, const uint8_t *sample)
{
	return stoq_header_mask(context->native_handle, mask, sample) ? NGTCP2_ERR_CALLBACK_FAILURE
								      : 0;
}

static void delete_packet_key(ngtcp2_conn *quic, ngtcp2_crypto_aead_ctx *context, void *user)
{
	free_level_key(context->native_handle);
}

static void delete_header_key(ngtcp2_conn *quic, ngtcp2_crypto_cipher_ctx *context, void *user)
{
	stoq_header_key_free(context->native_handle);
}

void stoq_keys_fill_callbacks(ngtcp2_callbacks *callbacks)
{
	callbacks->client_initial = client_initial;
	callbacks->recv_client_initial = receive_client_initial;
	callbacks->recv_retry = receive_retry;
	callbacks->encrypt = encrypt;
	callbacks->decrypt = decrypt;
	callbacks->hp_mask = header_mask;
	callbacks->update_key = update_key;
	callbacks->delete_crypto_aead_ctx = delete_packet_key;
	callbacks->delete_crypto_cipher_ctx = delete_header_key;
}
