// SPDX-License-Identifier: BSD-2-Clause
#include "transport/keys.h"

#include <gnutls/gnutls.h>
#include <string.h>

#include "transport/connection.h"
#include "transport/counter.h"
#include "transport/protection/derive.h"
#include "transport/tls.h"
#include "transport/worker.h"

/* RFC 9001, 6.6: how many packets a key may protect, and how many forged ones it survives. */
#define MAX_PACKETS	     (1ull << 23)
#define MAX_FORGERIES_GCM    (1ull << 52)
#define MAX_FORGERIES_CHACHA (1ull << 36)

/* RFC 9001, 5.8: the key that Retry packets of version 1 are authenticated with. */
static const uint8_t retry_key[16] = {0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76,
	0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e};

/* The keys of one direction as ngtcp2 takes them. */
struct installable {
	ngtcp2_crypto_aead_ctx aead;
	ngtcp2_crypto_cipher_ctx header;
	uint8_t iv[STOQ_PROTECTION_NONCE_BYTES];
};

static void discard(struct installable *keys)
{
	stoq_packet_key_free(keys->aead.native_handle);
	stoq_header_key_free(keys->header.native_handle);
	explicit_bzero(keys, sizeof(*keys));
}

static int make(struct installable *keys, enum stoq_cipher cipher, const uint8_t *secret)
{
	struct stoq_traffic_keys derived;
	struct stoq_packet_key *packet = NULL;
	struct stoq_header_key *header = NULL;
	int status = stoq_traffic_keys_derive(&derived, cipher, secret);

	if (!status)
		status = stoq_packet_key_new(&packet, cipher, derived.key);
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
		status = make(&receive, STOQ_AES_128_GCM, connection->server ? client : server);
	if (!status)
		status = make(&send, STOQ_AES_128_GCM, connection->server ? server : client);
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
	struct stoq_packet_key *key;

	if (stoq_packet_key_new(&key, STOQ_AES_128_GCM, retry_key))
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

static int install(struct stoq_connection *connection, ngtcp2_encryption_level level,
	const uint8_t *secret, size_t size, install_function *function)
{
	enum stoq_cipher cipher = level == NGTCP2_ENCRYPTION_LEVEL_0RTT ? connection->early_cipher
									: connection->cipher;
	struct installable keys = {0};

	if (!secret)
		return 0;
	if (size != stoq_cipher_secret_bytes(cipher) || make(&keys, cipher, secret))
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
		return 0;
	}
	if (cipher_of(gnutls_cipher_get(tls), &connection->cipher))
		return -1;
	context = limits_of(connection->cipher);
	ngtcp2_conn_set_crypto_ctx(connection->quic, &context);
	return 0;
}

/*
 * RFC 9001, 8.2: without transport parameters it is not QUIC's TLS. ngtcp2 0.12 does not look
 * before it writes the next packet, and then asserts that there are some; so anybody could end us.
 */
static int check_parameters(struct stoq_connection *connection, ngtcp2_encryption_level level)
{
	static const char reason[] = "the peer sent no QUIC transport parameters";
	const bool due = level == NGTCP2_ENCRYPTION_LEVEL_1RTT ||
			 (connection->server && level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE);

	if (!due || ngtcp2_conn_get_remote_transport_params(connection->quic))
		return 0;
	connection->tls_alert = GNUTLS_A_MISSING_EXTENSION;
	memcpy(connection->tls_reason, reason, sizeof(reason));
	return -1;
}

static int receive_secret(gnutls_session_t tls, gnutls_record_encryption_level_t record_level,
	const void *receive, const void *send, size_t size)
{
	ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(tls);
	struct stoq_connection *connection = reference->user_data;
	ngtcp2_encryption_level level =
		ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(record_level);

	/* Without the key nobody reads them; when the handshake is over the peer learns why. */
	if (level == NGTCP2_ENCRYPTION_LEVEL_0RTT && !stoq_tls_hears_early_data(connection))
		return 0;
	if (check_parameters(connection, level) || prepare_level(connection, tls, level) ||
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
static int next_keys(enum stoq_cipher cipher, uint8_t *next_secret, const uint8_t *secret,
	ngtcp2_crypto_aead_ctx *aead, uint8_t *iv)
{
	struct stoq_traffic_keys derived;
	struct stoq_packet_key *key = NULL;
	int status = stoq_traffic_secret_next(next_secret, cipher, secret);

	if (!status)
		status = stoq_traffic_keys_derive(&derived, cipher, next_secret);
	if (status)
		return status;
	status = stoq_packet_key_new(&key, cipher, derived.key);
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
	enum stoq_cipher cipher = connection->cipher;

	if (size != stoq_cipher_secret_bytes(cipher))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	if (next_keys(cipher, next_receive_secret, receive_secret_now, receive, receive_iv))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	if (next_keys(cipher, next_send_secret, send_secret_now, send, send_iv)) {
		stoq_packet_key_free(receive->native_handle);
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

static int encrypt(uint8_t *out, const ngtcp2_crypto_aead *aead,
	const ngtcp2_crypto_aead_ctx *context, const uint8_t *plain, size_t size,
	const uint8_t *nonce, size_t nonce_size, const uint8_t *associated, size_t associated_size)
{
	if (stoq_packet_seal(
		    context->native_handle, out, plain, size, nonce, associated, associated_size))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int decrypt(uint8_t *out, const ngtcp2_crypto_aead *aead,
	const ngtcp2_crypto_aead_ctx *context, const uint8_t *sealed, size_t size,
	const uint8_t *nonce, size_t nonce_size, const uint8_t *associated, size_t associated_size)
{
	if (stoq_packet_open(
		    context->native_handle, out, sealed, size, nonce, associated, associated_size))
		return NGTCP2_ERR_DECRYPT;
	return 0;
}

static int header_mask(uint8_t *mask, const ngtcp2_crypto_cipher *cipher,
	const ngtcp2_crypto_cipher_ctx *context, const uint8_t *sample)
{
	return stoq_header_mask(context->native_handle, mask, sample) ? NGTCP2_ERR_CALLBACK_FAILURE
								      : 0;
}

static void delete_packet_key(ngtcp2_conn *quic, ngtcp2_crypto_aead_ctx *context, void *user)
{
	stoq_packet_key_free(context->native_handle);
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
