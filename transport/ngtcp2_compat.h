/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * ngtcp2 0.12 (Debian 12) and 1.x (Debian 13): the names of 1.x, as far as transport/ uses them.
 * Everything that differs between the two is here. Error numbers differ too, so nothing stores
 * or prints them.
 */
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdbool.h>

#if NGTCP2_VERSION_NUM >= 0x010000

typedef ngtcp2_connection_id_status_type stoq_ngtcp2_id_status; /* what dcid_status gets */

#define STOQ_NGTCP2_QLOG(settings, odcid, callback) ((settings)->qlog_write = (callback))
#define STOQ_NGTCP2_SET_TOKEN(settings, bytes, size)                                               \
	((settings)->token = (bytes), (settings)->tokenlen = (size))
#define STOQ_NGTCP2_TOKEN(header)	((header)->token)
#define STOQ_NGTCP2_TOKEN_BYTES(header) ((header)->tokenlen)
#define STOQ_NGTCP2_NO_TOKEN(header)	((header)->tokenlen = 0)
#define STOQ_NGTCP2_BBR			NGTCP2_CC_ALGO_BBR
#define STOQ_NGTCP2_EARLY_REJECTED	tls_early_data_rejected /* the callback's name */
/* A parameter of the callback path_validation that 0.12 does not have. */
#define STOQ_NGTCP2_OLD_PATH		const ngtcp2_path *old_path,
#define STOQ_NGTCP2_UNI_MAX		(1ull << 60) /* all there are */
#define STOQ_NGTCP2_KEEPS_UNI		0

/* Defines the callback recv_new_token, which calls store(user, bytes, size). */
#define STOQ_NGTCP2_NEW_TOKEN(name, store)                                                         \
	static int name(ngtcp2_conn *conn, const uint8_t *bytes, size_t size, void *user)          \
	{                                                                                          \
		return store(user, bytes, size);                                                   \
	}

static inline void stoq_ngtcp2_original_dcid(ngtcp2_transport_params *params, const ngtcp2_cid *cid)
{
	params->original_dcid = *cid;
	params->original_dcid_present = 1;
}

static inline bool stoq_ngtcp2_has_preferred_address(const ngtcp2_transport_params *params)
{
	return params->preferred_addr_present;
}

/* It asserts that no time is before the last one, so pacing starts from the end of what was sent. */
static inline void stoq_ngtcp2_sent_at(ngtcp2_conn *conn, uint64_t sent_ns, uint64_t now_ns)
{
	ngtcp2_conn_update_pkt_tx_time(conn, now_ns);
}

static inline int stoq_ngtcp2_shutdown_stream(ngtcp2_conn *conn, int64_t id, uint64_t code)
{
	return ngtcp2_conn_shutdown_stream(conn, 0, id, code);
}

static inline int stoq_ngtcp2_shutdown_stream_write(ngtcp2_conn *conn, int64_t id, uint64_t code)
{
	return ngtcp2_conn_shutdown_stream_write(conn, 0, id, code);
}

static inline int stoq_ngtcp2_shutdown_stream_read(ngtcp2_conn *conn, int64_t id, uint64_t code)
{
	return ngtcp2_conn_shutdown_stream_read(conn, 0, id, code);
}

static inline ngtcp2_ccerr stoq_ngtcp2_received_close(ngtcp2_conn *conn)
{
	return *ngtcp2_conn_get_ccerr(conn);
}

static inline int stoq_ngtcp2_remote_params(ngtcp2_conn *conn, const uint8_t *data, size_t size)
{
	return ngtcp2_conn_decode_and_set_remote_transport_params(conn, data, size);
}

/* The server's parameters that early data of a later connection go by; bytes written or < 0. */
static inline ngtcp2_ssize stoq_ngtcp2_early_params_encode(
	ngtcp2_conn *conn, uint8_t *out, size_t size)
{
	return ngtcp2_conn_encode_0rtt_transport_params(conn, out, size);
}

static inline int stoq_ngtcp2_early_params_decode(
	ngtcp2_conn *conn, const uint8_t *data, size_t size)
{
	return ngtcp2_conn_decode_and_set_0rtt_transport_params(conn, data, size);
}

#else /* 0.12 */

typedef int stoq_ngtcp2_id_status; /* what the callback dcid_status gets */
typedef ngtcp2_crypto_level ngtcp2_encryption_level;
typedef ngtcp2_connection_close_error ngtcp2_ccerr;
typedef ngtcp2_conn_stat ngtcp2_conn_info;

#define NGTCP2_ENCRYPTION_LEVEL_INITIAL	  NGTCP2_CRYPTO_LEVEL_INITIAL
#define NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE NGTCP2_CRYPTO_LEVEL_HANDSHAKE
#define NGTCP2_ENCRYPTION_LEVEL_1RTT	  NGTCP2_CRYPTO_LEVEL_APPLICATION
#define NGTCP2_ENCRYPTION_LEVEL_0RTT	  NGTCP2_CRYPTO_LEVEL_EARLY

#define NGTCP2_CCERR_TYPE_TRANSPORT   NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_TRANSPORT
#define NGTCP2_CCERR_TYPE_APPLICATION NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION

#define ngtcp2_ccerr_default		   ngtcp2_connection_close_error_default
#define ngtcp2_ccerr_set_application_error ngtcp2_connection_close_error_set_application_error
#define ngtcp2_ccerr_set_transport_error   ngtcp2_connection_close_error_set_transport_error
#define ngtcp2_ccerr_set_liberr		   ngtcp2_connection_close_error_set_transport_error_liberr
#define ngtcp2_ccerr_set_tls_alert	   ngtcp2_connection_close_error_set_transport_error_tls_alert

#define ngtcp2_conn_get_conn_info	    ngtcp2_conn_get_conn_stat
#define ngtcp2_conn_install_0rtt_key	    ngtcp2_conn_install_early_key
#define ngtcp2_conn_set_0rtt_crypto_ctx	    ngtcp2_conn_set_early_crypto_ctx
#define ngtcp2_conn_tls_early_data_rejected ngtcp2_conn_early_data_rejected

#define STOQ_NGTCP2_QLOG(settings, connection_id, callback)                                        \
	((settings)->qlog = (ngtcp2_qlog_settings){.odcid = *(connection_id), .write = (callback)})
#define STOQ_NGTCP2_SET_TOKEN(settings, bytes, size)                                               \
	((settings)->token = (ngtcp2_vec){.base = (bytes), .len = (size)})
#define STOQ_NGTCP2_TOKEN(header)	((header)->token.base)
#define STOQ_NGTCP2_TOKEN_BYTES(header) ((header)->token.len)
#define STOQ_NGTCP2_NO_TOKEN(header)	((header)->token.len = 0)
#define STOQ_NGTCP2_BBR			NGTCP2_CC_ALGO_BBR2
#define STOQ_NGTCP2_EARLY_REJECTED	early_data_rejected
/*
 * A peer's unidirectional streams stay in ngtcp2's memory until the connection ends: so a peer may
 * open that many in a connection.
 */
#define STOQ_NGTCP2_OLD_PATH
#define STOQ_NGTCP2_UNI_MAX   65536
#define STOQ_NGTCP2_KEEPS_UNI 1

#define STOQ_NGTCP2_NEW_TOKEN(name, store)                                                         \
	static int name(ngtcp2_conn *conn, const ngtcp2_vec *token, void *user)                    \
	{                                                                                          \
		return store(user, token->base, token->len);                                       \
	}

static inline void stoq_ngtcp2_original_dcid(ngtcp2_transport_params *params, const ngtcp2_cid *cid)
{
	params->original_dcid = *cid;
}

static inline bool stoq_ngtcp2_has_preferred_address(const ngtcp2_transport_params *params)
{
	return params->preferred_address_present;
}

static inline void stoq_ngtcp2_sent_at(ngtcp2_conn *conn, uint64_t sent_ns, uint64_t now_ns)
{
	ngtcp2_conn_update_pkt_tx_time(conn, sent_ns);
}

static inline int stoq_ngtcp2_shutdown_stream(ngtcp2_conn *conn, int64_t id, uint64_t code)
{
	return ngtcp2_conn_shutdown_stream(conn, id, code);
}

static inline int stoq_ngtcp2_shutdown_stream_write(ngtcp2_conn *conn, int64_t id, uint64_t code)
{
	return ngtcp2_conn_shutdown_stream_write(conn, id, code);
}

static inline int stoq_ngtcp2_shutdown_stream_read(ngtcp2_conn *conn, int64_t id, uint64_t code)
{
	return ngtcp2_conn_shutdown_stream_read(conn, id, code);
}

static inline ngtcp2_ccerr stoq_ngtcp2_received_close(ngtcp2_conn *conn)
{
	ngtcp2_ccerr error;

	ngtcp2_conn_get_connection_close_error(conn, &error);
	return error;
}

static inline int stoq_ngtcp2_remote_params(ngtcp2_conn *conn, const uint8_t *data, size_t size)
{
	return ngtcp2_conn_decode_remote_transport_params(conn, data, size);
}

static inline ngtcp2_ssize stoq_ngtcp2_early_params_encode(
	ngtcp2_conn *conn, uint8_t *out, size_t size)
{
	/* Only what RFC 9000, 7.4.1, lets a client remember. */
	const ngtcp2_transport_params *all = ngtcp2_conn_get_remote_transport_params(conn);
	ngtcp2_transport_params params;

	if (!all)
		return NGTCP2_ERR_INVALID_STATE;
	ngtcp2_transport_params_default(&params);
	params.initial_max_data = all->initial_max_data;
	params.initial_max_stream_data_bidi_local = all->initial_max_stream_data_bidi_local;
	params.initial_max_stream_data_bidi_remote = all->initial_max_stream_data_bidi_remote;
	params.initial_max_stream_data_uni = all->initial_max_stream_data_uni;
	params.initial_max_streams_bidi = all->initial_max_streams_bidi;
	params.initial_max_streams_uni = all->initial_max_streams_uni;
	params.max_udp_payload_size = all->max_udp_payload_size;
	params.active_connection_id_limit = all->active_connection_id_limit;
	params.max_datagram_frame_size = all->max_datagram_frame_size;
	params.disable_active_migration = all->disable_active_migration;
	return ngtcp2_encode_transport_params(
		out, size, NGTCP2_TRANSPORT_PARAMS_TYPE_CLIENT_HELLO, &params);
}

static inline int stoq_ngtcp2_early_params_decode(
	ngtcp2_conn *conn, const uint8_t *data, size_t size)
{
	ngtcp2_transport_params params;
	int failure = ngtcp2_decode_transport_params(
		&params, NGTCP2_TRANSPORT_PARAMS_TYPE_CLIENT_HELLO, data, size);

	if (failure)
		return failure;
	ngtcp2_conn_set_early_remote_transport_params(conn, &params);
	return 0;
}

#endif
