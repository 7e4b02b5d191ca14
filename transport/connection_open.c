// SPDX-License-Identifier: BSD-2-Clause
#include "transport/connection_open.h"

/* How connections begin: settings and transport parameters for ngtcp2, TLS, and the handshake's
 * end. */
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "transport/callbacks.h"
#include "transport/connection.h"
#include "transport/connection_path.h"
#include "transport/counter.h"
#include "transport/endpoint.h"
#include "transport/qlog.h"
#include "transport/resume.h"
#include "transport/tls.h"
#include "transport/worker.h"

/*
 * A receiver acknowledges at the latest after so many packets or that time. With the default, two
 * packets, acknowledgements take half of the processor time of a fast transfer, unless packets come
 * by the dozen: then one acknowledgement is written for all of them anyway, and with a threshold of
 * one it goes with the answer, if there is one, instead of in a packet of its own a moment later.
 */
#define ACK_THRESHOLD	     10
#define ACK_THRESHOLD_JOINED 1
#define MAX_ACK_DELAY_NS     1000000ull

#define ACTIVE_CIDS 7

static ngtcp2_cc_algo congestion_control(enum stoq_congestion_control which)
{
	switch (which) {
	case STOQ_BBR:
		return STOQ_NGTCP2_BBR;
	case STOQ_RENO:
		return NGTCP2_CC_ALGO_RENO;
	default:
		return NGTCP2_CC_ALGO_CUBIC;
	}
}

static void fill_settings(struct stoq_connection *connection, ngtcp2_settings *settings)
{
	const struct stoq_transport_config *config = &connection->settings->config;

	ngtcp2_settings_default(settings);
	settings->initial_ts = connection->worker->now_ns;
	settings->initial_rtt = config->initial_rtt_ns;
	settings->cc_algo = congestion_control(config->congestion_control);
	settings->handshake_timeout = config->handshake_timeout_ns;
	/* Windows grow as credit.c says. */
	settings->max_window = 0;
	settings->max_stream_window = 0;
	settings->ack_thresh = connection->worker->joins ? ACK_THRESHOLD_JOINED : ACK_THRESHOLD;
	/* path_size.c decides how large packets are. */
	settings->max_tx_udp_payload_size = connection->path_size.limit;
	settings->no_tx_udp_payload_size_shaping = 1;
	settings->no_pmtud = 1;
}

/* RFC 9221, 3: the limit is for a frame, with its type and length. 0: the application takes none.
 */
static uint64_t datagram_frame_max(const struct stoq_transport_config *config)
{
	if (!config->callbacks.datagram || !config->max_datagram_bytes)
		return 0;
	return config->max_datagram_bytes + stoq_datagram_frame_header(config->max_datagram_bytes);
}

static void fill_params(struct stoq_connection *connection, ngtcp2_transport_params *params)
{
	const struct stoq_transport_config *config = &connection->settings->config;

	connection->datagram_frame_max = datagram_frame_max(config);
	ngtcp2_transport_params_default(params);
	params->initial_max_stream_data_bidi_local = config->stream_window_bytes;
	params->initial_max_stream_data_bidi_remote = config->stream_window_bytes;
	params->initial_max_stream_data_uni = config->stream_window_bytes;
	params->initial_max_data = stoq_connection_credit_at_first(connection);
	params->initial_max_streams_bidi = config->max_bidirectional_streams;
	params->initial_max_streams_uni = config->max_unidirectional_streams;
	params->max_idle_timeout = config->idle_timeout_ns;
	params->active_connection_id_limit = ACTIVE_CIDS;
	params->max_ack_delay = MAX_ACK_DELAY_NS;
	params->max_datagram_frame_size = connection->datagram_frame_max;
	params->disable_active_migration = !config->migration;
}

static int make_cid(struct stoq_connection *connection, ngtcp2_cid *cid)
{
	struct stoq_worker *worker = connection->worker;
	int status = stoq_cid_make(
		cid, &worker->transport->cid_key, worker->index, worker->transport->worker_count);

	return status ? status : stoq_connection_add_cid(connection, cid);
}

/*
 * Peers keep the bit by which filters know QUIC, which RFC 9287 would let them clear. ngtcp2 always
 * offers it, with no setting; the parameters are the connection's own and not constant.
 */
static void insist_on_quic_bit(struct stoq_connection *connection)
{
	ngtcp2_transport_params *params =
		(ngtcp2_transport_params *)ngtcp2_conn_get_local_transport_params(connection->quic);

	params->grease_quic_bit = 0;
}

int stoq_connection_start_server(
	struct stoq_connection *connection, const struct stoq_server_start *start)
{
	struct stoq_transport *transport = connection->worker->transport;
	const ngtcp2_pkt_hd *header = start->header;
	struct stoq_address local, remote;
	ngtcp2_path path;
	ngtcp2_transport_params params;
	ngtcp2_callbacks callbacks;
	ngtcp2_settings settings;
	ngtcp2_conn *quic;
	ngtcp2_cid scid;

	stoq_paths_init(&connection->paths, start->local, start->remote);
	stoq_connection_name_path(connection, start->local, start->remote, 0, &local, &remote);
	path = stoq_connection_path_of(&local, &remote);
	stoq_connection_begin_path_size(connection, start->remote);
	stoq_connection_fill_callbacks(&callbacks, true);
	fill_settings(connection, &settings);
	fill_params(connection, &params);
	if (make_cid(connection, &scid) || stoq_connection_add_cid(connection, &header->dcid))
		return -ENOMEM;
	stoq_ngtcp2_original_dcid(&params, start->original_dcid);
	if (start->retry_scid) {
		params.retry_scid = *start->retry_scid;
		params.retry_scid_present = 1;
	}
	/* A token proves the address: no limit of three times what has come. */
	connection->address_proven = STOQ_NGTCP2_TOKEN_BYTES(header) > 0;
	if (connection->address_proven)
		STOQ_NGTCP2_SET_TOKEN(
			&settings, STOQ_NGTCP2_TOKEN(header), STOQ_NGTCP2_TOKEN_BYTES(header));
	params.stateless_reset_token_present = 1;
	if (ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token,
		    transport->reset_secret, sizeof(transport->reset_secret), &scid))
		return -EIO;
	stoq_qlog_open(connection, &settings, start->original_dcid);
	if (ngtcp2_conn_server_new(&quic, &header->scid, &scid, &path, header->version, &callbacks,
		    &settings, &params, &connection->quic_memory, connection))
		return -ENOMEM;
	/* Not before: after a failure it points to what has been freed. */
	connection->quic = quic;
	insist_on_quic_bit(connection);
	return stoq_tls_start_server(connection);
}

static int random_dcid(ngtcp2_cid *cid)
{
	uint8_t bytes[STOQ_CID_BYTES];

	if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof(bytes)) < 0)
		return -EIO;
	ngtcp2_cid_init(cid, bytes, sizeof(bytes));
	return 0;
}

/* A token from an earlier connection saves the server from asking for one. */
static void use_token(ngtcp2_settings *settings, const struct stoq_connect_config *config)
{
	struct stoq_session session;

	if (config->session &&
		!stoq_session_parse(&session, config->session, config->session_bytes) &&
		session.token_size)
		STOQ_NGTCP2_SET_TOKEN(settings, (uint8_t *)session.token, session.token_size);
}

int stoq_connection_start_client(struct stoq_connection *connection,
	const struct stoq_connect_config *config, const struct stoq_address *local,
	const struct stoq_address *remote)
{
	ngtcp2_path path = stoq_connection_path_of(local, remote);
	ngtcp2_transport_params params;
	ngtcp2_callbacks callbacks;
	ngtcp2_settings settings;
	ngtcp2_conn *quic;
	ngtcp2_cid scid, dcid;

	stoq_connection_begin_path_size(connection, remote);
	stoq_connection_fill_callbacks(&callbacks, false);
	fill_settings(connection, &settings);
	fill_params(connection, &params);
	use_token(&settings, config);
	if (random_dcid(&dcid) || make_cid(connection, &scid))
		return -ENOMEM;
	stoq_qlog_open(connection, &settings, &dcid);
	if (ngtcp2_conn_client_new(&quic, &dcid, &scid, &path, NGTCP2_PROTO_VER_V1, &callbacks,
		    &settings, &params, &connection->quic_memory, connection))
		return -ENOMEM;
	connection->quic = quic;
	insist_on_quic_bit(connection);
	connection->early_data =
		config->early_data && config->session && connection->settings->config.early_data;
	return stoq_tls_start_client(
		connection, config->name, config->session, config->session_bytes);
}
